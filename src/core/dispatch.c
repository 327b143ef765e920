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
 * @inv: its entry, which says whose callback runs
 * @no_slot: serves as @inv where it found no slot
 * @id: stamp of the intervals that have been called
 * @started: array of those between invalidate_start and invalidate_finish;
 *           each is pinned, or NULL once a callback removed it
 * @nr_called: how many callbacks were run
 * @nr_started: how many are in @started
 * @max_started: room
 *
 * Changed with the context's lock held, for a callback may remove intervals.
 */
struct hmm_dispatch {
	struct hmm_context *context;
	const struct mmu_notifier_range *range;
	struct hmm_invalidation *inv;
	struct hmm_invalidation no_slot;
	u64 id;
	struct hmm_interval_notifier **started;
	unsigned int nr_called;
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

/* As hmm_interval_dropped(), quick where there are references left. */
static __always_inline bool
hmm_interval_unpin(struct hmm_context *context,
		   struct hmm_interval_notifier *interval)
{
	interval->pins--;
	if (likely(refcount_read(&interval->users)))
		return false;
	return hmm_interval_dropped(context, interval);
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
	interval->called = dispatch->id;
	dispatch->inv->calling = interval;
	spin_unlock(&context->lock);

	if (ops->invalidate_start) {
		agreed = ops->invalidate_start(interval, range);
		later = later && agreed;
		if (agreed && !later)
			ops->invalidate_finish(interval, range);
	} else {
		agreed = ops->invalidate(interval, range);
	}
	if (!(++dispatch->nr_called % HMM_BATCH) &&
	    mmu_notifier_range_blockable(range))
		cond_resched();

	spin_lock(&context->lock);
	*gone = !dispatch->inv->calling;
	dispatch->inv->calling = NULL;
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

/* Did a callback agree? To refuse is right only if it must not block. */
static bool hmm_dispatch_agreed(const struct mmu_notifier_range *range,
				bool agreed)
{
	return likely(agreed) ||
	       WARN_ONCE(mmu_notifier_range_blockable(range),
			 "an interval refused an invalidation that may block\n");
}

/*
 * Run the callbacks of the intervals that overlap and entered the tree at
 * @oldest or later. Says whether all agreed.
 *
 * An interval that is updated meanwhile may be moved to where the walk has
 * been already, before its turn came. So the walk is repeated for those that
 * entered the tree after it began, until nothing was moved. One that has been
 * called is not called again, wherever it was moved to: what is read under it
 * since has collided with this invalidation. So callbacks that update each
 * other's intervals come to an end; only while another invalidation calls the
 * same ones, and puts its own stamp on them, are they called once more.
 */
static bool hmm_dispatch_intervals(struct hmm_dispatch *dispatch, u64 oldest)
	__must_hold(&dispatch->context->lock)
{
	const struct mmu_notifier_range *range = dispatch->range;
	struct hmm_context *context = dispatch->context;
	u64 newest, moves;

	lockdep_assert_held(&context->lock);
	do {
		struct hmm_interval_notifier *interval;
		struct hmm_interval_iter iter;

		newest = context->order;
		moves = context->moves;
		interval = hmm_interval_iter_first(&iter, context,
						   range->start,
						   range->end - 1);
		while (interval) {
			bool gone = false, agreed = true;

			if (interval->order >= oldest &&
			    interval->order <= newest &&
			    interval->called != dispatch->id &&
			    hmm_interval_has_callback(interval))
				agreed = hmm_dispatch_one(dispatch, interval,
							  &gone);
			if (!hmm_dispatch_agreed(range, agreed))
				return false;
			interval = hmm_interval_iter_next(&iter, gone ? NULL :
							  interval);
		}
		oldest = newest + 1;
	} while (context->moves != moves);
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
		dispatch->inv->calling = interval;
		spin_unlock(&context->lock);

		interval->ops->invalidate_finish(interval, dispatch->range);

		spin_lock(&context->lock);
		if (!dispatch->inv->calling)
			continue;
		dispatch->inv->calling = NULL;
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
 * Run the callbacks of the intervals that an invalidation overlaps, that
 * entered the tree at @oldest or later, and that have not been called under
 * @id, 0 for a new one; @bit is the invalidation's. Returns false if one
 * would have to block and must not.
 *
 * Context: context->lock held, and let go meanwhile.
 */
bool hmm_dispatch(struct hmm_context *context,
		  const struct mmu_notifier_range *range, unsigned long bit,
		  u64 id, u64 oldest)
	__must_hold(&context->lock)
{
	struct hmm_dispatch dispatch = {
		.context = context,
		.range = range,
		.inv = &dispatch.no_slot,
		.id = id ?: ++context->dispatches,
	};
	bool agreed;

	if (likely(bit != HMM_OVERFLOW))
		dispatch.inv = &context->invalidations[__ffs(bit)];
	dispatch.inv->caller = current;
	dispatch.inv->dispatch = &dispatch;

	agreed = hmm_dispatch_intervals(&dispatch, oldest);
	hmm_dispatch_finish(&dispatch);

	dispatch.inv->dispatch = NULL;
	kfree(dispatch.started);
	return agreed;
}

/*
 * Most often one interval overlaps, and its callback is a plain one: then the
 * same without the walk.
 *
 * Context: context->lock held, and let go meanwhile.
 */
bool hmm_dispatch_only(struct hmm_context *context,
		       const struct mmu_notifier_range *range,
		       unsigned long bit,
		       struct hmm_interval_notifier *interval)
	__must_hold(&context->lock)
{
	struct hmm_invalidation *inv = &context->invalidations[__ffs(bit)];
	u64 newest = context->order, moves = context->moves;
	u64 id = ++context->dispatches;
	bool agreed;

	interval->pins++;
	interval->called = id;
	inv->calling = interval;
	inv->caller = current;
	spin_unlock(&context->lock);

	agreed = interval->ops->invalidate(interval, range);

	spin_lock(&context->lock);
	if (likely(inv->calling)) {
		inv->calling = NULL;
		if (unlikely(hmm_interval_unpin(context, interval))) {
			spin_unlock(&context->lock);
			hmm_interval_released(interval);
			spin_lock(&context->lock);
		}
	}
	if (!hmm_dispatch_agreed(range, agreed))
		return false;
	if (unlikely(context->moves != moves))
		return hmm_dispatch(context, range, bit, id, newest + 1);
	return true;
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
		struct hmm_invalidation *inv = &context->invalidations[slot];
		struct hmm_dispatch *dispatch = inv->dispatch;

		if (!(inv->calling || dispatch) || inv->caller != current)
			continue;
		found = true;
		if (inv->calling == interval) {
			inv->calling = NULL;
			interval->pins--;
		}
		for (i = 0; dispatch && i < dispatch->nr_started; i++) {
			if (dispatch->started[i] != interval)
				continue;
			dispatch->started[i] = NULL;
			interval->pins--;
		}
	}
	return found;
}
