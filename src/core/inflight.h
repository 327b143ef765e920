/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The invalidations in progress: what lies between a start and its end.
 *
 * Each has a slot, and a bit in context->inflight. The kernel passes nothing
 * from the start to the end but the range, so the end finds its slot by the
 * address of the range. That lies in a stack frame of the invalidating task
 * from before the start until after the end, so no two invalidations in
 * progress have the same.
 *
 * The start runs under the lock. The end does not take it unless a reader
 * waits:
 *
 *	end                               reader that must wait
 *	---                               ---------------------
 *	                                  lock
 *	inflight &= ~bit                  waited |= bit
 *	(full barrier)                    (full barrier)
 *	waited & bit?                     inflight & bit?
 *	  lock, waited &= ~bit, wake        no: waited &= ~bit, go on
 *	                                  unlock, sleep
 *
 * At least one of them sees the other. The bit in waited may by then be set
 * for the next invalidation in that slot. All readers are woken, and those that
 * still have to wait set it again.
 *
 * A start takes the lowest free slot, and an end searches from the lowest slot
 * on. So the slots below that of the ending task were in use when it started,
 * by others with other ranges: what is written there meanwhile never equals the
 * address of its range.
 */
#ifndef _HMM_CORE_INFLIGHT_H
#define _HMM_CORE_INFLIGHT_H

#include "context.h"

unsigned long hmm_invalidation_begin_overflow(struct hmm_context *context);
void hmm_invalidation_end_slow(struct hmm_context *context,
			       const struct mmu_notifier_range *range);
void hmm_invalidation_wake(struct hmm_context *context, unsigned int slot);
unsigned long hmm_invalidations_overlapping(struct hmm_context *context,
					    unsigned long start,
					    unsigned long last);

/*
 * Enter an invalidation among those in progress; returns its bit.
 *
 * Context: context->lock held.
 */
static __always_inline unsigned long
hmm_invalidation_begin(struct hmm_context *context,
		       const struct mmu_notifier_range *range)
{
	struct hmm_invalidation *inv;
	unsigned long slot;

	context->nr_invalidations++;
	slot = ffz(READ_ONCE(context->inflight));
	if (unlikely(slot >= HMM_SLOTS))
		return hmm_invalidation_begin_overflow(context);

	inv = &context->invalidations[slot];
	inv->range = range;
	inv->start = range->start;
	inv->last = range->end - 1;
	/* The end of another may clear its bit at the same time. */
	set_bit(slot, &context->inflight);
	return BIT(slot);
}

static __always_inline void
hmm_invalidation_end_slot(struct hmm_context *context, unsigned int slot)
{
	/*
	 * Pairs with the acquire in hmm_interval_read_begin(): a reader that
	 * no longer sees the bit sees the page tables as they are now.
	 */
	smp_mb__before_atomic();
	clear_bit(slot, &context->inflight);
	/* See the top of this file. */
	smp_mb__after_atomic();
	if (unlikely(READ_ONCE(context->waited) & BIT(slot)))
		hmm_invalidation_wake(context, slot);
}

/*
 * Take an invalidation out of those in progress. Most often it is the only
 * one.
 *
 * Context: in a callback of a notifier, which keeps the context.
 */
static __always_inline void
hmm_invalidation_end(struct hmm_context *context,
		     const struct mmu_notifier_range *range)
{
	unsigned long first = __ffs(READ_ONCE(context->inflight) |
				    HMM_OVERFLOW);
	const struct mmu_notifier_range *of_first = NULL;

	if (likely(first < HMM_SLOTS)) {
		/* Another's may be changing, but never into ours. */
		of_first = data_race(context->invalidations[first].range);
	}
	if (likely(of_first == range))
		hmm_invalidation_end_slot(context, first);
	else
		hmm_invalidation_end_slow(context, range);
}

#endif /* _HMM_CORE_INFLIGHT_H */
