/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mirror: the connection of a device to an mm.
 */
#ifndef _HMM_MIRROR_H
#define _HMM_MIRROR_H

#include <linux/mmu_notifier.h>
#include <linux/types.h>

struct hmm_context;
struct hmm_mirror;

/**
 * struct hmm_mirror_ops - callbacks of a mirror
 *
 * Both callbacks are optional. They may run at the same time on several CPUs
 * for one mirror. They may run in reclaim: a lock that they acquire must never
 * be held during an allocation that may sleep, nor while the mmap lock is
 * acquired. They must not register or unregister a mirror, or remove an
 * interval.
 *
 * Since: 0.1
 */
struct hmm_mirror_ops {
	/**
	 * @sync_cpu_device_pagetables: a part of the mm is about to change.
	 * The callback acquires the update lock, removes the device mappings
	 * of [range->start, range->end), and returns true. All intervals that
	 * overlap the range have already collided. Not called when the mm
	 * exits; see @release.
	 *
	 * Context: may sleep if mmu_notifier_range_blockable(range) is true.
	 * Otherwise, if it would have to sleep, it must return false without
	 * any change. It must not return false for any other reason.
	 */
	bool (*sync_cpu_device_pagetables)(struct hmm_mirror *mirror,
					   const struct mmu_notifier_range *range);

	/**
	 * @release: the mm exits while the mirror is registered. The device
	 * must not access the memory of the mm after the callback has
	 * returned. Called at most once; hmm_mirror_unregister() waits for it.
	 *
	 * Context: may sleep.
	 */
	void (*release)(struct hmm_mirror *mirror);
};

/**
 * struct hmm_mirror - the connection of a device to an mm
 * @ops: set by the driver before registration; NULL if there are no callbacks
 *
 * A driver embeds it, zeroed, in a structure of its own. The driver must not
 * access the members while the mirror is registered.
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
struct mm_struct *hmm_mirror_mm(const struct hmm_mirror *mirror);
bool hmm_mirror_mm_is_alive(const struct hmm_mirror *mirror);
bool hmm_mirror_caused_by(const struct mmu_notifier_range *range,
			  const void *owner);

#endif /* _HMM_MIRROR_H */
