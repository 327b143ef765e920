// SPDX-License-Identifier: GPL-2.0
/*
 * The two MMU notifiers of a context, which the kernel calls when the mm
 * changes.
 *
 * The start notifier receives the start of every invalidation. It records the
 * invalidation as in progress, increments the sequence of every overlapping
 * interval, and runs the drivers' callbacks. If a callback would have to block
 * in a non-blockable invalidation, it refuses, and the start fails.
 *
 * The end notifier receives the end of every invalidation, which is then no
 * longer in progress. There are two notifiers because the kernel does not allow
 * one notifier to have both an end and a start that may fail. If a start fails,
 * in this notifier or in another one, the kernel calls the end of every
 * notifier that has one. The end notifier therefore receives an end for every
 * start; Documentation/protocol.rst lists the exceptions.
 *
 * The driver's update lock orders a reader against the callback:
 *
 *	invalidation                      reader
 *	------------                      ------
 *	                                  seq = read_begin()
 *	                                  reads the CPU page tables
 *	start: interval->seq++
 *	start: callback:
 *	  lock(update)
 *	  remove device mappings
 *	  unlock(update)
 *	page tables change                lock(update)
 *	                                  read_retry(seq)?
 *	                                  program the device
 *	                                  unlock(update)
 *	end
 *
 * If the reader acquires the update lock before the callback does, the callback
 * removes the mappings that the reader has programmed. If the reader acquires
 * the lock after the callback, it sees the incremented sequence, because the
 * callback dropped the lock after the increment. The reader then retries, and
 * its next read_begin() sleeps until the end of the invalidation. A reader
 * therefore never uses page tables that are only partly changed.
 *
 * If many intervals overlap, their sequences are incremented one after the
 * other. Until the sequence of an interval is incremented, its readers may
 * proceed as if the invalidation had not started, because the callback of the
 * interval runs only after the increment.
 */
#include <linux/mmu_notifier.h>
#include <linux/sched.h>

#include "context.h"
#include "dispatch.h"
#include "inflight.h"
#include "iter.h"
#include "lockdep.h"
#include "mirror_callbacks.h"
#include "notifier.h"
#include "trace.h"

/*
 * Mark @interval as collided: readers in flight retry, and later readers wait
 * for the end of the invalidation.
 */
static __always_inline void
hmm_interval_collide(struct hmm_interval_notifier *interval, unsigned long bit)
{
	WRITE_ONCE(interval->busy, interval->busy | bit);
	/*
	 * Pairs with the acquire of the sequence in hmm_interval_is_idle(): a
	 * reader that sees the new sequence also sees the bit in busy and in
	 * inflight, unless the invalidation has ended.
	 */
	smp_store_release(&interval->seq, interval->seq + 1);
}

/* Mark @interval, and all overlapping intervals after it, as collided. */
static void hmm_intervals_collide(struct hmm_context *context,
				  struct hmm_interval_notifier *interval,
				  const struct mmu_notifier_range *range,
				  unsigned long bit)
	__must_hold(&context->lock)
{
	struct hmm_interval_iter iter;

	lockdep_assert_held(&context->lock);
	hmm_interval_iter_begin(&iter, context, interval, range->start,
				range->end - 1);
	iter.may_sleep = mmu_notifier_range_blockable(range);
	do {
		hmm_interval_collide(interval, bit);
		interval = hmm_interval_iter_next(&iter, interval);
	} while (interval);
}

/* Run the sync callbacks of the mirrors, if any, without the lock. */
static bool hmm_invalidate_mirrors(struct hmm_context *context,
				   const struct mmu_notifier_range *range)
	__must_hold(&context->lock)
{
	unsigned int called;
	bool accepted;

	if (!context->nr_sync_mirrors)
		return true;
	spin_unlock(&context->lock);
	accepted = hmm_mirrors_sync(context, range, &called);
	spin_lock(&context->lock);
	context->nr_callbacks += called;
	return accepted;
}

/*
 * The general case: several intervals overlap, the only one has two-pass
 * callbacks or no callback, a mirror has a sync callback, or the invalidation
 * has no slot. Every overlapping interval is marked as collided before the
 * first callback runs.
 */
static noinline bool hmm_invalidate_many(struct hmm_context *context,
					 const struct mmu_notifier_range *range,
					 unsigned long bit,
					 struct hmm_interval_notifier *first)
	__must_hold(&context->lock)
{
	struct hmm_dispatch dispatch;
	bool accepted;

	if (!first)
		return hmm_invalidate_mirrors(context, range);
	hmm_dispatch_begin(&dispatch, context, range, bit);
	hmm_intervals_collide(context, first, range, bit);
	accepted = hmm_invalidate_mirrors(context, range) &&
		 hmm_dispatch_run(&dispatch);
	hmm_dispatch_end(&dispatch);
	return accepted;
}

/*
 * Check whether @interval is the only one that overlaps, and has an invalidate
 * callback instead of two-pass callbacks.
 */
static __always_inline bool
hmm_interval_is_single(struct hmm_interval_notifier *interval,
		       const struct mmu_notifier_range *range)
{
	const struct hmm_interval_notifier_ops *ops = interval->ops;

	return ops && ops->invalidate && !ops->invalidate_start &&
	       !hmm_tree_iter_next(interval, range->start, range->end - 1);
}

/* Slow path: an interval overlaps, or a mirror has a sync callback. */
static noinline int hmm_invalidate_slow(struct hmm_context *context,
					const struct mmu_notifier_range *range,
					unsigned long bit,
					struct hmm_interval_notifier *first)
	__releases(&context->lock)
{
	bool accepted;

	trace_hmm_invalidate_start(range, first);
	if (likely(first))
		context->nr_hits++;
	if (likely(first && !context->nr_sync_mirrors && bit != HMM_OVERFLOW &&
		   hmm_interval_is_single(first, range))) {
		hmm_interval_collide(first, bit);
		accepted = hmm_dispatch_single(context, range, bit, first);
	} else {
		accepted = hmm_invalidate_many(context, range, bit, first);
	}
	if (unlikely(!accepted))
		context->nr_refused++;
	spin_unlock(&context->lock);
	hmm_callbacks_end();
	return accepted ? 0 : -EAGAIN;
}

static int hmm_notifier_range_start(struct mmu_notifier *notifier,
				    const struct mmu_notifier_range *range)
{
	struct hmm_context *context =
		container_of(notifier, struct hmm_context, start_notifier);
	struct hmm_interval_notifier *first;
	unsigned long bit;

	hmm_callbacks_begin();
	spin_lock(&context->lock);
	bit = hmm_invalidation_begin(context, range);
	first = hmm_tree_iter_first(&context->intervals, range->start,
				    range->end - 1);
	if (unlikely(first || context->nr_sync_mirrors))
		return hmm_invalidate_slow(context, range, bit, first);
	spin_unlock(&context->lock);
	hmm_callbacks_end();
	trace_hmm_invalidate_start(range, false);
	return 0;
}

static void hmm_notifier_range_end(struct mmu_notifier *notifier,
				   const struct mmu_notifier_range *range)
{
	trace_hmm_invalidate_end(range);
	hmm_invalidation_end(container_of(notifier, struct hmm_context,
					  end_notifier), range);
}

/*
 * The mm exits. This invalidates the whole address space.
 *
 * The kernel first runs the release function of every notifier of the mm, and
 * then empties its list of notifiers. The end of an invalidation that is in
 * progress meanwhile may never be delivered, so readers do not wait once
 * context->dead is set. Functions that read pages check context->dead.
 */
static void hmm_notifier_release(struct mmu_notifier *notifier,
				 struct mm_struct *mm)
{
	struct hmm_context *context =
		container_of(notifier, struct hmm_context, start_notifier);
	const struct mmu_notifier_range range = {
		.mm = mm,
		.start = 0,
		.end = ULONG_MAX,
		.flags = MMU_NOTIFIER_RANGE_BLOCKABLE,
		.event = MMU_NOTIFY_RELEASE,
	};
	struct hmm_interval_notifier *first;
	struct hmm_dispatch dispatch;
	unsigned long bit;

	hmm_callbacks_begin();
	spin_lock(&context->lock);
	/* mmu_notifier_unregister() also calls this function. */
	if (context->dead) {
		spin_unlock(&context->lock);
		hmm_callbacks_end();
		return;
	}
	WRITE_ONCE(context->dead, true);
	bit = hmm_invalidation_begin(context, &range);
	first = hmm_tree_iter_first(&context->intervals, range.start,
				    range.end - 1);
	if (first) {
		hmm_dispatch_begin(&dispatch, context, &range, bit);
		hmm_intervals_collide(context, first, &range, bit);
		hmm_dispatch_run(&dispatch);
		hmm_dispatch_end(&dispatch);
	}
	spin_unlock(&context->lock);

	wake_up_all(&context->wq);
	hmm_mirrors_release(context);
	hmm_callbacks_end();
	hmm_invalidation_end(context, &range);
}

const struct mmu_notifier_ops hmm_end_notifier_ops = {
	.invalidate_range_end = hmm_notifier_range_end,
};

const struct mmu_notifier_ops hmm_start_notifier_ops = {
	.invalidate_range_start = hmm_notifier_range_start,
	.release = hmm_notifier_release,
};
