/* SPDX-License-Identifier: GPL-2.0 */
/*
 * EXCLUSIVE: exclusive access of the device to a page.
 */
#ifndef _TEST_HMM_EXCLUSIVE_H
#define _TEST_HMM_EXCLUSIVE_H

struct dmirror;
struct hmm_dmirror_cmd;

int dmirror_exclusive(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);
int dmirror_check_exclusive(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);

#endif /* _TEST_HMM_EXCLUSIVE_H */
