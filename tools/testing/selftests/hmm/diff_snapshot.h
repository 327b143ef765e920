/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Snapshots of random memory, by both implementations.
 */
#ifndef _DIFF_SNAPSHOT_H
#define _DIFF_SNAPSHOT_H

/* One case; returns 0 or -errno. Differences are reported. */
int diff_snapshot_case(void);
/* Snapshots of mappings that the program did not make, and of their borders. */
void diff_snapshot_own_mappings(void);

#endif /* _DIFF_SNAPSHOT_H */
