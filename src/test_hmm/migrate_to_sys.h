/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Migration from device memory to system memory.
 */
#ifndef _TEST_HMM_MIGRATE_TO_SYS_H
#define _TEST_HMM_MIGRATE_TO_SYS_H

#include <linux/errno.h>

#include "../compat/test_hmm/devmem.h"

struct dev_pagemap_ops;
struct dmirror;
struct dmirror_chunk;
struct hmm_dmirror_cmd;

extern const struct dev_pagemap_ops dmirror_pagemap_ops;

#if HMM_HAS_DEVICE_MEMORY
int dmirror_migrate_to_sys(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);
int dmirror_evict_chunk(struct dmirror_chunk *chunk, struct dmirror *dm);
#else
static inline int dmirror_migrate_to_sys(struct dmirror *dm,
					 struct hmm_dmirror_cmd *cmd)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* _TEST_HMM_MIGRATE_TO_SYS_H */
