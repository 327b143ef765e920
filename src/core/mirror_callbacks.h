/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Running the callbacks of all mirrors of a context.
 */
#ifndef _HMM_CORE_MIRROR_CALLBACKS_H
#define _HMM_CORE_MIRROR_CALLBACKS_H

#include <hmm/mirror.h>

struct hmm_context;

static inline bool hmm_mirror_has_sync(const struct hmm_mirror *mirror)
{
	return mirror->ops && mirror->ops->sync_cpu_device_pagetables;
}

bool hmm_mirrors_sync(struct hmm_context *context,
		      const struct mmu_notifier_range *range,
		      unsigned int *called);
void hmm_mirrors_release(struct hmm_context *context);

#endif /* _HMM_CORE_MIRROR_CALLBACKS_H */
