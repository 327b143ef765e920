/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in what an invalidation tells.
 */
#ifndef _HMM_COMPAT_NOTIFIER_H
#define _HMM_COMPAT_NOTIFIER_H

#include <linux/mmu_notifier.h>
#include <linux/version.h>

/*
 * Exclusive access came with 5.14, and with it the owner of any invalidation
 * in place of that of a migration.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
static inline bool
hmm_range_caused_by(const struct mmu_notifier_range *range, const void *owner)
{
	return (range->event == MMU_NOTIFY_MIGRATE ||
		range->event == MMU_NOTIFY_EXCLUSIVE) && range->owner == owner;
}
#else
static inline bool
hmm_range_caused_by(const struct mmu_notifier_range *range, const void *owner)
{
	return range->event == MMU_NOTIFY_MIGRATE &&
	       range->migrate_pgmap_owner == owner;
}
#endif

#endif /* _HMM_COMPAT_NOTIFIER_H */
