/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mirror: one device's view of one mm.
 */
#ifndef _HMM_MIRROR_H
#define _HMM_MIRROR_H

#include <linux/mmu_notifier.h>
#include <linux/types.h>

struct hmm_context;
struct hmm_mirror;

/**
 * struct hmm_mirror_ops - what a mirror is told about its mm
 *
 * Both callbacks are optional. They may run at the same time on several CPUs
 * for one mirror, and they run under reclaim: what they lock must never be
 * held over an allocation that may sleep, nor over the mmap lock. They must
 * not register or unregister a mirror nor remove an interval.
 *
 * Since: 0.1
 */
struct hmm_mirror_ops {
	/**
	 * @sync_cpu_device_pagetables: some part of the mm is about to
	 * change. Take the update lock, remove what the device maps of
	 * [range->start, range->end), return true. Every interval that
	 * overlaps the range has collided by then.
	 *
	 * Context: may sleep if mmu_notifier_range_blockable(range). If not,
	 * and it would have to, it returns false and changes nothing; that
	 * is the only reason to return false.
	 */
	bool (*sync_cpu_device_pagetables)(struct hmm_mirror *mirror,
					   const struct mmu_notifier_range *range);

	/**
	 * @release: the mm is exiting, with the mirror still registered. On
	 * return the device no longer touches the mm's memory. Called at
	 * most once; hmm_mirror_unregister() waits for it.
	 *
	 * Context: may sleep.
	 */
	void (*release)(struct hmm_mirror *mirror);
};

/**
 * struct hmm_mirror - one device's view of one mm
 * @ops: set by the driver before it registers the mirror; NULL: no callbacks
 *
 * Embed it, zeroed, in the driver's own structure. From a register that
 * succeeded until unregister returns, the driver only passes it around.
 *
 * Since: 0.1
 */
struct hmm_mirror {
	const struct hmm_mirror_ops *ops;
	/* private: */
	struct hmm_context *context;
	struct hlist_node node;
	unsigned long nr_intervals;
};

int hmm_mirror_register(struct hmm_mirror *mirror, struct mm_struct *mm);
int hmm_mirror_register_locked(struct hmm_mirror *mirror,
			       struct mm_struct *mm);
void hmm_mirror_unregister(struct hmm_mirror *mirror);
void hmm_mirror_synchronize(void);
bool hmm_mirror_caused_by(const struct mmu_notifier_range *range,
			  const void *owner);

#endif /* _HMM_MIRROR_H */
