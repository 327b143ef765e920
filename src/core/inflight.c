// SPDX-License-Identifier: GPL-2.0
/*
 * The invalidations in progress, where they are many: see inflight.h.
 */
#include <linux/sched.h>

#include "inflight.h"

/*
 * All slots are taken: it counts as covering the whole mm, as all its like do
 * together.
 */
unsigned long hmm_invalidation_begin_overflow(struct hmm_context *context)
{
	lockdep_assert_held(&context->lock);
	context->overflowed++;
	set_bit(HMM_SLOTS, &context->inflight);
	return HMM_OVERFLOW;
}

/* The slots of the invalidations in progress that overlap [start, last]. */
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

/* The end of one for which a reader waits. */
void hmm_invalidation_wake(struct hmm_context *context, unsigned int slot)
{
	spin_lock(&context->lock);
	context->waited &= ~BIT(slot);
	spin_unlock(&context->lock);
	wake_up_all(&context->wq);
}

/* The end of an invalidation that found no slot. */
static void hmm_invalidation_end_overflow(struct hmm_context *context)
{
	spin_lock(&context->lock);
	/*
	 * The count is 0 if the end notifier was registered already, but the
	 * start_notifier not yet; there are no intervals then.
	 *
	 * The release pairs with the acquire of inflight by readers, which do
	 * not take the lock: a reader that no longer sees the bit sees the page
	 * tables as they are now. Taking the lock does not order what was
	 * stored before it. The page tables that other invalidations without a
	 * slot changed are ordered by the lock, which their ends dropped.
	 */
	if (context->overflowed && !--context->overflowed)
		clear_bit_unlock(HMM_SLOTS, &context->inflight);
	spin_unlock(&context->lock);
	wake_up_all(&context->wq);
}

/* The end of one that is not the first. */
void hmm_invalidation_end_slow(struct hmm_context *context,
			       const struct mmu_notifier_range *range)
{
	unsigned long inflight = READ_ONCE(context->inflight);
	unsigned int slot;

	for_each_set_bit(slot, &inflight, HMM_SLOTS) {
		/* Another's may be changing, but never into ours. */
		if (data_race(context->invalidations[slot].range) == range) {
			hmm_invalidation_end_slot(context, slot);
			return;
		}
	}
	hmm_invalidation_end_overflow(context);
}
