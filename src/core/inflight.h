/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The invalidations in progress: those between their start and their end.
 *
 * Each of them has a slot, and a bit in context->inflight. If all slots are in
 * use, further invalidations share one bit, HMM_OVERFLOW. The kernel passes the
 * same mmu_notifier_range to the start and to the end, so the end finds its
 * slot by the address of the range. The range is on the stack of the
 * invalidating task from before the start until after the end. The ranges of
 * two invalidations in progress therefore have different addresses.
 *
 * The start runs under the lock. The end acquires it only if a reader waits, or
 * if the invalidation has no slot:
 *
 *	end                               reader that must wait
 *	---                               ---------------------
 *	                                  lock
 *	inflight &= ~bit                  waited |= bit
 *	(full barrier)                    (full barrier)
 *	waited & bit?                     inflight & bit?
 *	  lock, waited &= ~bit, wake        no: waited &= ~bit, proceed
 *	                                  unlock, sleep
 *
 * At least one side sees the other side's write. The bit that the end sees in
 * waited may have been set for the next invalidation in that slot. The end
 * therefore wakes all readers, and readers that still have to wait set the bit
 * again.
 *
 * A start uses the lowest free slot, and an end searches from the lowest slot
 * upwards. The end may read a slot below its own while another task writes to
 * that slot. Such a slot belongs to other invalidations, whose ranges have
 * other addresses, so neither the old nor the new value matches.
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
 * Record an invalidation as in progress. Returns its bit in context->inflight.
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
	/* Atomic, because an end may clear another bit without the lock. */
	set_bit(slot, &context->inflight);
	return BIT(slot);
}

static __always_inline void
hmm_invalidation_end_slot(struct hmm_context *context, unsigned int slot)
{
	/*
	 * Pairs with the acquire of inflight in hmm_interval_is_idle(): a
	 * reader that no longer sees the bit sees the changed page tables.
	 */
	smp_mb__before_atomic();
	clear_bit(slot, &context->inflight);
	/* Pairs with smp_mb() in hmm_interval_read_begin_slow(). */
	smp_mb__after_atomic();
	if (unlikely(READ_ONCE(context->waited) & BIT(slot)))
		hmm_invalidation_wake(context, slot);
}

/*
 * Remove an invalidation from those in progress. The fast path is for the
 * lowest slot, because there is seldom more than one invalidation in progress.
 *
 * Context: called from a notifier, whose SRCU keeps the context alive.
 */
static __always_inline void
hmm_invalidation_end(struct hmm_context *context,
		     const struct mmu_notifier_range *range)
{
	unsigned long first = __ffs(READ_ONCE(context->inflight) |
				    HMM_OVERFLOW);
	const struct mmu_notifier_range *of_first = NULL;

	if (likely(first < HMM_SLOTS)) {
		/* Races with a start in this slot; see the top of this file. */
		of_first = data_race(context->invalidations[first].range);
	}
	if (likely(of_first == range))
		hmm_invalidation_end_slot(context, first);
	else
		hmm_invalidation_end_slow(context, range);
}

#endif /* _HMM_CORE_INFLIGHT_H */
