// SPDX-License-Identifier: GPL-2.0
/*
 * Running the callbacks of the intervals that an invalidation overlaps.
 */
#include <linux/sched.h>
#include <linux/slab.h>

#include "context.h"
#include "iter.h"

/**
 * struct hmm_dispatch - the callbacks being run for one invalidation
 * @context: whose
 * @range: the invalidation
 * @task: runs them
 * @calling: pinned, its callback runs; NULL once the callback removed it
 * @started: array of those between invalidate_start and invalidate_finish;
 *           each is pinned, or NULL once a callback removed it
 * @nr_started: how many
 * @max_started: room
 *
 * Changed with the context's lock held, for a callback may remove intervals.
 */
struct hmm_dispatch {
	struct hmm_context *context;
	const struct mmu_notifier_range *range;
	struct task_struct *task;
	struct hmm_interval_notifier *calling;
	struct hmm_interval_notifier **started;
	unsigned int nr_started;
	unsigned int max_started;
};

/*
 * Room for one more started interval; nothing is waited for to get it. All
 * starts come before any finish, so that the shootdowns of many devices
 * overlap; one for which there is no room is awaited at once instead.
 */
static bool hmm_dispatch_room(struct hmm_dispatch *dispatch)
{
	unsigned int n = dispatch->max_started ? dispatch->max_started * 2 : 16;
	struct hmm_interval_notifier **started;

	if (dispatch->nr_started < dispatch->max_started)
		return true;
	started = krealloc(dispatch->started, n * sizeof(*started),
			   GFP_NOWAIT | __GFP_NOWARN);
	if (!started)
		return false;
	dispatch->started = started;
	dispatch->max_started = n;
	return true;
}

/*
 * Run the callback of one interval. The lock is let go around it; the pin
 * keeps the interval's memory meanwhile, but not its place in the tree.
 * *@gone: it is no longer to be touched.
 */
static bool hmm_dispatch_one(struct hmm_dispatch *dispatch,
			     struct hmm_interval_notifier *interval,
			     bool *gone)
	__must_hold(&dispatch->context->lock)
{
	const struct hmm_interval_notifier_ops *ops = interval->ops;
	const struct mmu_notifier_range *range = dispatch->range;
	struct hmm_context *context = dispatch->context;
	bool agreed, later = false;

	if (ops->invalidate_start)
		later = hmm_dispatch_room(dispatch);
	interval->pins++;
	dispatch->calling = interval;
	spin_unlock(&context->lock);

	if (ops->invalidate_start) {
		agreed = ops->invalidate_start(interval, range);
		later = later && agreed;
		if (agreed && !later)
			ops->invalidate_finish(interval, range);
	} else {
		agreed = ops->invalidate(interval, range);
	}
	if (mmu_notifier_range_blockable(range))
		cond_resched();

	spin_lock(&context->lock);
	*gone = !dispatch->calling;
	dispatch->calling = NULL;
	if (*gone)
		return agreed;
	if (later) {
		dispatch->started[dispatch->nr_started++] = interval;
	} else if (hmm_interval_unpin(context, interval)) {
		*gone = true;
		spin_unlock(&context->lock);
		hmm_interval_released(interval);
		spin_lock(&context->lock);
	}
	return agreed;
}

static bool hmm_interval_has_callback(const struct hmm_interval_notifier *i)
{
	return i->ops && (i->ops->invalidate || i->ops->invalidate_start);
}

/*
 * Run the callbacks of the intervals that overlap. Says whether all agreed.
 * @only, unless NULL, is the only one.
 *
 * An interval that is updated meanwhile may be moved to where the walk has
 * been already, before its turn came. So the walk is repeated for those that
 * entered the tree after it began, until nothing was moved. An update by the
 * interval's own callback does not count: it has just been called, and what
 * it read since then has collided with this invalidation.
 */
static bool hmm_dispatch_intervals(struct hmm_dispatch *dispatch,
				   struct hmm_interval_notifier *only)
	__must_hold(&dispatch->context->lock)
{
	const struct mmu_notifier_range *range = dispatch->range;
	unsigned long start = range->start, last = range->end - 1;
	struct hmm_context *context = dispatch->context;
	u64 oldest = 0, newest, moves;
	bool agreed = true;

	lockdep_assert_held(&context->lock);
	do {
		struct hmm_interval_notifier *interval = only;
		struct hmm_interval_iter iter;

		newest = context->order;
		moves = context->moves;
		if (!interval)
			interval = hmm_interval_iter_first(&iter, context,
							   start, last);
		while (interval) {
			unsigned int moved = interval->moves;
			bool gone = false;

			if (interval->order >= oldest &&
			    interval->order <= newest &&
			    hmm_interval_has_callback(interval)) {
				agreed = hmm_dispatch_one(dispatch, interval,
							  &gone);
				if (!gone)
					moves += interval->moves - moved;
			}
			if (unlikely(!agreed) &&
			    !WARN_ONCE(mmu_notifier_range_blockable(range),
				       "an interval refused an invalidation that may block\n"))
				return false;
			agreed = true;
			if (only)
				break;
			interval = hmm_interval_iter_next(&iter, gone ? NULL :
							  interval);
		}
		only = NULL;
		oldest = newest + 1;
	} while (unlikely(context->moves != moves));
	return true;
}

/*
 * Await what was started, also when a later one refused, and let go of it.
 */
static void hmm_dispatch_finish(struct hmm_dispatch *dispatch)
	__must_hold(&dispatch->context->lock)
{
	struct hmm_context *context = dispatch->context;
	unsigned int i;

	for (i = 0; i < dispatch->nr_started; i++) {
		struct hmm_interval_notifier *interval = dispatch->started[i];
		bool released;

		if (!interval)
			continue;
		dispatch->started[i] = NULL;
		dispatch->calling = interval;
		spin_unlock(&context->lock);

		interval->ops->invalidate_finish(interval, dispatch->range);

		spin_lock(&context->lock);
		if (!dispatch->calling)
			continue;
		dispatch->calling = NULL;
		released = hmm_interval_unpin(context, interval);
		if (!released)
			continue;
		spin_unlock(&context->lock);
		hmm_interval_released(interval);
		spin_lock(&context->lock);
	}
	dispatch->nr_started = 0;
}

/*
 * Run the callbacks of the intervals that an invalidation overlaps; @bit is
 * its bit, and @only the only such interval, or NULL if there may be more.
 * Returns false if one would have to block and must not.
 *
 * Context: context->lock held, and let go meanwhile.
 */
bool hmm_dispatch(struct hmm_context *context,
		  const struct mmu_notifier_range *range, unsigned long bit,
		  struct hmm_interval_notifier *only)
	__must_hold(&context->lock)
{
	struct hmm_invalidation *inv = NULL;
	struct hmm_dispatch dispatch = {
		.context = context,
		.range = range,
		.task = current,
	};
	bool agreed;

	if (likely(bit != HMM_OVERFLOW)) {
		inv = &context->invalidations[__ffs(bit)];
		inv->dispatch = &dispatch;
	}
	hmm_callbacks_begin();
	agreed = hmm_dispatch_intervals(&dispatch, only);
	if (unlikely(dispatch.started))
		hmm_dispatch_finish(&dispatch);
	hmm_callbacks_end();
	if (likely(inv))
		inv->dispatch = NULL;
	if (unlikely(dispatch.started))
		kfree(dispatch.started);
	return agreed;
}

/*
 * The calling task is about to remove @interval, and wait until nobody has
 * it pinned. If it does so in a callback, it would wait for itself: let its
 * own pins go. Says whether it is in a callback at all.
 */
bool hmm_dispatch_forget(struct hmm_context *context,
			 struct hmm_interval_notifier *interval)
{
	unsigned long inflight = READ_ONCE(context->inflight);
	bool found = false;
	unsigned int slot, i;

	lockdep_assert_held(&context->lock);
	for_each_set_bit(slot, &inflight, HMM_SLOTS) {
		struct hmm_dispatch *dispatch;

		dispatch = context->invalidations[slot].dispatch;
		if (!dispatch || dispatch->task != current)
			continue;
		found = true;
		if (dispatch->calling == interval) {
			dispatch->calling = NULL;
			interval->pins--;
		}
		for (i = 0; i < dispatch->nr_started; i++) {
			if (dispatch->started[i] != interval)
				continue;
			dispatch->started[i] = NULL;
			interval->pins--;
		}
	}
	return found;
}
