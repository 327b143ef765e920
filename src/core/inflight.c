// SPDX-License-Identifier: GPL-2.0
/*
 * Slow paths for the invalidations in progress: see inflight.h.
 */
#include <linux/sched.h>

#include "inflight.h"

/*
 * All slots are in use. The invalidations without a slot share one bit, and
 * count as covering the whole address space.
 */
unsigned long hmm_invalidation_begin_overflow(struct hmm_context *context)
{
	lockdep_assert_held(&context->lock);
	context->overflowed++;
	set_bit(HMM_SLOTS, &context->inflight);
	return HMM_OVERFLOW;
}

/*
 * Returns the bits of the invalidations in progress that overlap
 * [@start, @last].
 */
unsigned long hmm_invalidations_overlapping(struct hmm_context *context,
					    unsigned long start,
					    unsigned long last)
{
	unsigned long inflight = READ_ONCE(context->inflight);
	unsigned long found = inflight & HMM_OVERFLOW;
	unsigned int slot;

	lockdep_assert_held(&context->lock);
	for_each_set_bit(slot, &inflight, HMM_SLOTS) {
		const struct hmm_invalidation *inv;

		inv = &context->invalidations[slot];
		if (inv->start <= last && start <= inv->last)
			found |= BIT(slot);
	}
	return found;
}

/* A reader may wait for the invalidation that had @slot: wake all readers. */
void hmm_invalidation_wake(struct hmm_context *context, unsigned int slot)
{
	spin_lock(&context->lock);
	context->waited &= ~BIT(slot);
	spin_unlock(&context->lock);
	wake_up_all(&context->wq);
}

/* End an invalidation that has no slot. */
static void hmm_invalidation_end_overflow(struct hmm_context *context)
{
	spin_lock(&context->lock);
	/*
	 * The count is 0 if the invalidation started when only the end notifier
	 * was registered. At that time the context has no intervals.
	 *
	 * The release pairs with the acquire of inflight in
	 * hmm_interval_is_idle(): a reader that no longer sees the bit sees the
	 * changed page tables. The release is needed because the acquisition of
	 * the lock does not order earlier stores. The changes of other
	 * invalidations without a slot are ordered by the lock, which their
	 * ends have dropped.
	 */
	if (context->overflowed && !--context->overflowed)
		clear_bit_unlock(HMM_SLOTS, &context->inflight);
	spin_unlock(&context->lock);
	wake_up_all(&context->wq);
}

/* Slow path: the invalidation is not in the lowest slot in use. */
void hmm_invalidation_end_slow(struct hmm_context *context,
			       const struct mmu_notifier_range *range)
{
	unsigned long inflight = READ_ONCE(context->inflight);
	unsigned int slot;

	for_each_set_bit(slot, &inflight, HMM_SLOTS) {
		/* Races with a start in this slot: see inflight.h. */
		if (data_race(context->invalidations[slot].range) == range) {
			hmm_invalidation_end_slot(context, slot);
			return;
		}
	}
	hmm_invalidation_end_overflow(context);
}
