/* SPDX-License-Identifier: GPL-2.0 */
/*
 * READ and WRITE, and faults of the device.
 */
#ifndef _TEST_HMM_ACCESS_H
#define _TEST_HMM_ACCESS_H

#include <linux/types.h>

struct dmirror;
struct hmm_dmirror_cmd;

int dmirror_fault(struct dmirror *dm, unsigned long *start, unsigned long end,
		  bool write);
int dmirror_read(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);
int dmirror_write(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);
int dmirror_read_mapped(struct dmirror *dm, struct hmm_dmirror_cmd *cmd,
			u64 end);

#endif /* _TEST_HMM_ACCESS_H */
