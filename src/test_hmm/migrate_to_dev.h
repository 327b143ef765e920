/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Migration from system memory to device memory.
 */
#ifndef _TEST_HMM_MIGRATE_TO_DEV_H
#define _TEST_HMM_MIGRATE_TO_DEV_H

#include <linux/errno.h>

#include "../compat/test_hmm/devmem.h"

struct dmirror;
struct hmm_dmirror_cmd;

#if HMM_HAS_DEVICE_MEMORY
int dmirror_migrate_to_dev(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);
#else
static inline int dmirror_migrate_to_dev(struct dmirror *dm,
					 struct hmm_dmirror_cmd *cmd)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* _TEST_HMM_MIGRATE_TO_DEV_H */
