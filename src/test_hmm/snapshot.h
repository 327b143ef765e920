/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SNAPSHOT and CHECK.
 */
#ifndef _TEST_HMM_SNAPSHOT_H
#define _TEST_HMM_SNAPSHOT_H

struct dmirror;
struct hmm_dmirror_cmd;
struct hmm_mirror_range;

int dmirror_snapshot_and_lock(struct dmirror *dm,
			      struct hmm_mirror_range *range);
int dmirror_snapshot(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);
int dmirror_check(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);

#endif /* _TEST_HMM_SNAPSHOT_H */
