// SPDX-License-Identifier: GPL-2.0
/*
 * The two MMU notifiers of a context, which the kernel calls when the mm
 * changes.
 *
 * The start notifier receives the start of every invalidation. It records the
 * invalidation as in progress, increments the sequence of every overlapping
 * interval, and runs the drivers' callbacks. If a driver would have to block in
 * a non-blockable invalidation, it refuses the invalidation.
 *
 * The end notifier receives the end of every invalidation and removes it from
 * those in progress. There are two notifiers because the kernel does not allow
 * one notifier to have both an end and a start that may fail. If a start fails,
 * in this or in another notifier, the kernel calls the end of every notifier
 * that has one. So the end notifier receives an end for every start.
 *
 * The only lock that both sides share is the driver's update lock:
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
 * removes what the reader has programmed. If it acquires the lock after the
 * callback, it sees the incremented sequence, because the callback dropped the
 * lock after the increment. It then retries, and its next read_begin()
 * sleeps until the end. So it never uses page tables that are half changed.
 *
 * If many intervals overlap, their sequences are incremented one after the
 * other. A reader of an interval whose turn has not come may proceed as if the
 * invalidation had not started: the callback of that interval only runs after
 * its sequence has been incremented.
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
 * Mark @interval as collided: readers that have begun will retry, and later
 * ones wait for the end.
 */
static __always_inline void
hmm_interval_collide(struct hmm_interval_notifier *interval, unsigned long bit)
{
	WRITE_ONCE(interval->busy, interval->busy | bit);
	/*
	 * Pairs with the acquire of the sequence in hmm_interval_is_idle(): a
	 * reader that sees the new sequence sees the invalidation in progress.
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
	bool accepted;

	if (!context->nr_sync_mirrors)
		return true;
	spin_unlock(&context->lock);
	accepted = hmm_mirrors_sync(context, range);
	spin_lock(&context->lock);
	return accepted;
}

/*
 * The general case: several intervals overlap, or one without an invalidate
 * callback or with two-pass callbacks, or a mirror has a sync callback, or the
 * invalidation has no slot. Every overlapping interval is marked as collided
 * before the first callback runs.
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
 * callback.
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
 * The kernel has already emptied its list of notifiers, so no end is delivered
 * any more, and readers do not wait from now on. Functions that read pages
 * check whether the mm is dead.
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
	/* mmu_notifier_unregister() calls this function as well. */
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
