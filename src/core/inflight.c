// SPDX-License-Identifier: GPL-2.0
/*
 * The invalidations in progress: what lies between a start and its end.
 *
 * Each has a slot, and a bit in context->inflight. Between the two calls the
 * kernel keeps nothing for us, so the end finds its slot by the range: that
 * lives in a frame of the invalidating task from before the start until after
 * the end, so no two in progress have it at one address.
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
 * At least one of them sees the other. A slot whose bit is set in waited is
 * not given out again, so that bit is never another invalidation's.
 */
#include <linux/sched.h>

#include "context.h"
#include "iter.h"
#include "trace.h"

/*
 * Enter an invalidation among those in progress; returns its bit. When all
 * slots are taken it counts as covering the whole mm, as all its like do
 * together.
 */
unsigned long hmm_invalidation_enter(struct hmm_context *context,
				     const struct mmu_notifier_range *range)
{
	struct hmm_invalidation *inv;
	unsigned int slot;

	lockdep_assert_held(&context->lock);
	context->nr_invalidations++;
	slot = ffz(READ_ONCE(context->inflight) | context->waited);
	if (unlikely(slot >= HMM_SLOTS)) {
		context->overflowed++;
		set_bit(HMM_SLOTS, &context->inflight);
		return HMM_OVERFLOW;
	}

	inv = &context->invalidations[slot];
	inv->range = range;
	inv->start = range->start;
	inv->last = range->end - 1;
	/* The end of another may clear its bit at the same time. */
	set_bit(slot, &context->inflight);
	return BIT(slot);
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

/*
 * Raise the sequence of @interval and of every one behind it that overlaps,
 * and have their readers wait for the invalidation behind @bit. Returns
 * @interval if it was the only one, NULL if there were more.
 */
struct hmm_interval_notifier *
hmm_intervals_collide(struct hmm_context *context,
		      struct hmm_interval_notifier *interval,
		      const struct mmu_notifier_range *range,
		      unsigned long bit)
{
	struct hmm_interval_notifier *first = interval;
	struct hmm_interval_iter iter;

	lockdep_assert_held(&context->lock);
	hmm_interval_iter_begin(&iter, context, interval, range->start,
				range->end - 1);
	do {
		WRITE_ONCE(interval->busy, interval->busy | bit);
		/*
		 * Pairs with the acquire in hmm_interval_read_begin(): who
		 * sees the new sequence sees the invalidation in progress.
		 */
		smp_store_release(&interval->seq, interval->seq + 1);
		interval = hmm_interval_iter_next(&iter, interval);
		if (interval)
			first = NULL;
	} while (interval);
	return first;
}

/* The end of one without a slot, or of one for which a reader waits. */
static noinline void hmm_invalidation_end_slow(struct hmm_context *context,
					       unsigned long bit)
{
	spin_lock(&context->lock);
	context->waited &= ~bit;
	/*
	 * Neither holds when the notifier for ends was there already, but not
	 * yet the one for starts; there are no intervals then.
	 */
	if (bit == HMM_OVERFLOW && context->overflowed &&
	    !--context->overflowed)
		clear_bit(HMM_SLOTS, &context->inflight);
	spin_unlock(&context->lock);
	/* The context cannot go: we are inside of the notifiers' SRCU. */
	wake_up_all(&context->wq);
}

/* Take an invalidation out of those in progress. */
void hmm_invalidation_leave(struct hmm_context *context,
			    const struct mmu_notifier_range *range)
{
	unsigned long inflight = READ_ONCE(context->inflight);
	unsigned int slot;

	trace_hmm_invalidate_end(range);
	for_each_set_bit(slot, &inflight, HMM_SLOTS) {
		/* Another's may be changing, but never into ours. */
		if (data_race(context->invalidations[slot].range) != range)
			continue;
		/*
		 * Pairs with the acquire in hmm_interval_read_begin(): who no
		 * longer sees the bit sees the page tables as they are now.
		 */
		smp_mb__before_atomic();
		clear_bit(slot, &context->inflight);
		/* See the top of this file. */
		smp_mb__after_atomic();
		if (unlikely(READ_ONCE(context->waited) & BIT(slot)))
			hmm_invalidation_end_slow(context, BIT(slot));
		return;
	}
	hmm_invalidation_end_slow(context, HMM_OVERFLOW);
}
