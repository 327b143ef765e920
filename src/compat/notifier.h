/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels: MMU notifiers and their ranges.
 */
#ifndef _HMM_COMPAT_NOTIFIER_H
#define _HMM_COMPAT_NOTIFIER_H

#include <linux/mmu_notifier.h>
#include <linux/version.h>

/*
 * If a notifier refuses a start, the kernel calls the ends of all notifiers.
 * Commit c2655835fd8c ("mm/mmu_notifiers: ensure range_end() is paired with
 * range_start()") added this in 5.12, 5.11.11 and 5.10.27. Without the commit,
 * an invalidation that another notifier refuses remains in progress, and
 * readers wait until the process exits. A notifier cannot detect that another
 * notifier, which is called later, refuses the start. There is therefore no
 * workaround. Define HMM_RANGE_END_IS_PAIRED to build for an older kernel to
 * which the commit was backported.
 */
#define HMM_KERNEL_IN(first, fixed) \
	(LINUX_VERSION_CODE >= (first) && LINUX_VERSION_CODE < (fixed))
#if !defined(HMM_RANGE_END_IS_PAIRED) && \
	(HMM_KERNEL_IN(KERNEL_VERSION(5, 10, 0), KERNEL_VERSION(5, 10, 27)) || \
	 HMM_KERNEL_IN(KERNEL_VERSION(5, 11, 0), KERNEL_VERSION(5, 11, 11)))
#error "ends of invalidations get lost: use 5.10.27, 5.11.11 or later (Documentation/protocol.rst)"
#endif

/*
 * 5.14 introduced exclusive access, and replaced migrate_pgmap_owner by owner,
 * which is valid for both kinds of invalidations.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
static inline bool
hmm_range_caused_by(const struct mmu_notifier_range *range, const void *owner)
{
	return (range->event == MMU_NOTIFY_MIGRATE ||
		range->event == MMU_NOTIFY_EXCLUSIVE) && range->owner == owner;
}

/* For tests: the event of exclusive access, and the owner of a range. */
#define HMM_NOTIFY_EXCLUSIVE	MMU_NOTIFY_EXCLUSIVE

static inline void hmm_range_set_owner(struct mmu_notifier_range *range,
				       void *owner)
{
	range->owner = owner;
}
#else
static inline bool
hmm_range_caused_by(const struct mmu_notifier_range *range, const void *owner)
{
	return range->event == MMU_NOTIFY_MIGRATE &&
	       range->migrate_pgmap_owner == owner;
}

/* No other event has an owner. */
#define HMM_NOTIFY_EXCLUSIVE	MMU_NOTIFY_MIGRATE

static inline void hmm_range_set_owner(struct mmu_notifier_range *range,
				       void *owner)
{
	range->migrate_pgmap_owner = owner;
}
#endif

#endif /* _HMM_COMPAT_NOTIFIER_H */
