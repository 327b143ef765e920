/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Snapshots of random memory, by both implementations.
 */
#ifndef _DIFF_SNAPSHOT_H
#define _DIFF_SNAPSHOT_H

/* Run one case, and report differences. Returns 0 or -errno. */
int diff_snapshot_case(void);
/*
 * Compare snapshots of all mappings of this process and of the pages next to
 * them. Only the first pages of a long mapping are compared.
 */
void diff_snapshot_own_mappings(void);

#endif /* _DIFF_SNAPSHOT_H */
