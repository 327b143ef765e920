// SPDX-License-Identifier: GPL-2.0
/*
 * Running the callbacks of the intervals that an invalidation overlaps: see
 * dispatch.h.
 */
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "dispatch.h"
#include "interval_ref.h"
#include "iter.h"
#include "trace.h"

/*
 * Reserve room for one more entry in @dispatch->started, without sleeping.
 * invalidate_start runs for all intervals before invalidate_finish runs for the
 * first one, so that the TLB shootdowns of several devices overlap. If this
 * function returns false, the caller runs both callbacks in succession.
 */
static bool hmm_dispatch_reserve(struct hmm_dispatch *dispatch)
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
 * Prepare to run a callback of @interval, which is pinned: record the interval
 * in @inv and drop the lock.
 */
static __always_inline void
hmm_callback_enter(struct hmm_context *context, struct hmm_invalidation *inv,
		   struct hmm_interval_notifier *interval)
	__releases(&context->lock)
{
	inv->calling = interval;
	spin_unlock(&context->lock);
}

/*
 * Acquire the lock again after a callback. Returns false if the callback
 * removed the interval. In this case the pin has already been dropped, and the
 * interval must not be accessed.
 */
static __always_inline bool
hmm_callback_leave(struct hmm_context *context, struct hmm_invalidation *inv)
	__acquires(&context->lock)
{
	spin_lock(&context->lock);
	if (unlikely(!inv->calling))
		return false;
	inv->calling = NULL;
	return true;
}

/* Run one callback. @pass is one of HMM_PASS_*, a constant. */
static __always_inline bool
__hmm_callback_run(struct hmm_interval_notifier *interval,
		   const struct mmu_notifier_range *range, unsigned int pass)
{
	const struct hmm_interval_notifier_ops *ops = interval->ops;

	if (pass == HMM_PASS_ONLY)
		return ops->invalidate(interval, range);
	if (pass == HMM_PASS_START)
		return ops->invalidate_start(interval, range);
	ops->invalidate_finish(interval, range);
	return true;
}

static noinline bool
hmm_callback_run_traced(struct hmm_interval_notifier *interval,
			const struct mmu_notifier_range *range,
			unsigned int pass)
{
	u64 ns = ktime_get_ns();
	bool accepted = __hmm_callback_run(interval, range, pass);

	ns = ktime_get_ns() - ns;
	/* The callback may have removed and freed the interval. */
	trace_hmm_callback(interval, range, pass, accepted, ns);
	return accepted;
}

static __always_inline bool
hmm_callback_run(struct hmm_interval_notifier *interval,
		 const struct mmu_notifier_range *range, unsigned int pass)
{
	if (trace_hmm_callback_enabled())
		return hmm_callback_run_traced(interval, range, pass);
	return __hmm_callback_run(interval, range, pass);
}

/*
 * Run the invalidate callback of @interval, or its two-pass callbacks. With
 * @room, only invalidate_start runs here. If it returns true, *@later is set,
 * and hmm_dispatch_finish() runs invalidate_finish. Without @room, both run
 * here. Returns false if the callback refused the invalidation.
 *
 * Context: called without context->lock.
 */
static bool hmm_dispatch_invoke(struct hmm_dispatch *dispatch,
				struct hmm_interval_notifier *interval,
				bool room, bool *later)
{
	const struct mmu_notifier_range *range = dispatch->range;

	*later = false;
	if (!interval->ops->invalidate_start)
		return hmm_callback_run(interval, range, HMM_PASS_ONLY);
	if (!hmm_callback_run(interval, range, HMM_PASS_START))
		return false;
	if (room)
		*later = true;
	else
		hmm_callback_run(interval, range, HMM_PASS_FINISH);
	return true;
}

/*
 * Run the callback of one interval. The lock is dropped around the callback. A
 * pin keeps the memory of the interval in use, but does not keep the interval
 * in the tree. Returns false if the callback refused the invalidation. If
 * *@gone is set on return, the interval must not be accessed.
 */
static bool hmm_dispatch_call(struct hmm_dispatch *dispatch,
			      struct hmm_interval_notifier *interval,
			      bool *gone)
	__must_hold(&dispatch->context->lock)
{
	bool room = interval->ops->invalidate_start &&
		    hmm_dispatch_reserve(dispatch);
	struct hmm_context *context = dispatch->context;
	bool accepted, later;

	interval->pins++;
	interval->called = dispatch->id;
	context->nr_callbacks++;
	hmm_callback_enter(context, dispatch->inv, interval);
	accepted = hmm_dispatch_invoke(dispatch, interval, room, &later);
	if (!(++dispatch->nr_called % HMM_BATCH) &&
	    mmu_notifier_range_blockable(dispatch->range))
		cond_resched();
	*gone = !hmm_callback_leave(context, dispatch->inv);
	if (*gone)
		return accepted;
	if (later)
		dispatch->started[dispatch->nr_started++] = interval;
	else
		*gone = !hmm_interval_unpin(context, interval);
	return accepted;
}

static bool hmm_interval_has_callback(const struct hmm_interval_notifier *i)
{
	return i->ops && (i->ops->invalidate || i->ops->invalidate_start);
}

/*
 * Check the result of a callback. Only a non-blockable invalidation may be
 * refused; any other refusal is ignored with a warning.
 */
static bool hmm_dispatch_accepted(const struct mmu_notifier_range *range,
				  bool accepted)
{
	return likely(accepted) ||
	       WARN_ONCE(mmu_notifier_range_blockable(range),
			 "an interval refused an invalidation that may block\n");
}

/*
 * Run the callbacks of the intervals that were inserted before the dispatch
 * began and have not been updated since.
 */
static bool hmm_dispatch_walk(struct hmm_dispatch *dispatch)
	__must_hold(&dispatch->context->lock)
{
	const struct mmu_notifier_range *range = dispatch->range;
	struct hmm_interval_notifier *interval;
	struct hmm_interval_iter iter;

	interval = hmm_interval_iter_first(&iter, dispatch->context,
					   range->start, range->end - 1);
	iter.may_sleep = mmu_notifier_range_blockable(range);
	while (interval) {
		bool gone = false, accepted = true;

		if (interval->order <= dispatch->newest &&
		    hmm_interval_has_callback(interval))
			accepted = hmm_dispatch_call(dispatch, interval, &gone);
		if (!hmm_dispatch_accepted(range, accepted))
			return false;
		interval = hmm_interval_iter_next(&iter, gone ? NULL :
						  interval);
	}
	return true;
}

/*
 * Check whether the dispatch must still run the callback of @interval, which is
 * on the list of updated intervals. The result is false for the markers of
 * other dispatches on this list, because they have no callback.
 */
static bool hmm_dispatch_must_call(const struct hmm_dispatch *dispatch,
				   const struct hmm_interval_notifier *interval)
{
	const struct mmu_notifier_range *range = dispatch->range;

	return hmm_interval_has_callback(interval) &&
	       interval->inserted <= dispatch->newest &&
	       interval->order > dispatch->newest &&
	       interval->called != dispatch->id &&
	       interval->start < range->end && range->start <= interval->last;
}

/*
 * Run the callbacks of the intervals that were updated since the dispatch
 * began, in one walk of the list. A marker keeps the position of the walk while
 * the lock is dropped. The walk does not return to intervals before the marker.
 */
static bool hmm_dispatch_updated(struct hmm_dispatch *dispatch)
	__must_hold(&dispatch->context->lock)
{
	const struct mmu_notifier_range *range = dispatch->range;
	struct hmm_context *context = dispatch->context;
	struct hmm_interval_notifier *interval, marker;
	unsigned int budget = HMM_BATCH;
	bool accepted = true, gone;

	marker.ops = NULL;
	list_add(&marker.updated_node, &context->updated);
	while (accepted && !list_is_last(&marker.updated_node, &context->updated)) {
		interval = list_next_entry(&marker, updated_node);
		list_move(&marker.updated_node, &interval->updated_node);
		if (hmm_dispatch_must_call(dispatch, interval)) {
			accepted = hmm_dispatch_call(dispatch, interval, &gone);
			accepted = hmm_dispatch_accepted(range, accepted);
		} else if (!--budget) {
			budget = HMM_BATCH;
			hmm_context_relax(context,
					  mmu_notifier_range_blockable(range));
		}
	}
	list_del(&marker.updated_node);
	return accepted;
}

/*
 * Run invalidate_finish for each interval in @dispatch->started and unpin the
 * interval, even if the callback of another interval refused the invalidation.
 */
static void hmm_dispatch_finish(struct hmm_dispatch *dispatch)
	__must_hold(&dispatch->context->lock)
{
	struct hmm_context *context = dispatch->context;
	unsigned int i;

	for (i = 0; i < dispatch->nr_started; i++) {
		struct hmm_interval_notifier *interval = dispatch->started[i];

		if (!interval)
			continue;
		dispatch->started[i] = NULL;
		hmm_callback_enter(context, dispatch->inv, interval);
		hmm_callback_run(interval, dispatch->range, HMM_PASS_FINISH);
		if (hmm_callback_leave(context, dispatch->inv))
			hmm_interval_unpin(context, interval);
	}
	dispatch->nr_started = 0;
}

/**
 * hmm_dispatch_begin() - initialize a dispatch
 * @dispatch: uninitialized, on the caller's stack
 * @context: the context
 * @range: the invalidation
 * @bit: the bit of the invalidation in context->inflight
 *
 * The dispatch ignores intervals that are inserted later. This function must be
 * called before the first interval is marked as collided. The lock must not
 * have been dropped since hmm_invalidation_begin().
 *
 * Context: context->lock held.
 */
void hmm_dispatch_begin(struct hmm_dispatch *dispatch,
			struct hmm_context *context,
			const struct mmu_notifier_range *range,
			unsigned long bit)
{
	lockdep_assert_held(&context->lock);
	*dispatch = (struct hmm_dispatch){
		.context = context,
		.range = range,
		.caller = current,
		.id = ++context->last_dispatch_id,
		.newest = context->order,
	};
	dispatch->inv = likely(bit != HMM_OVERFLOW) ?
			&context->invalidations[__ffs(bit)] :
			&dispatch->no_slot;
	dispatch->inv->caller = current;
	list_add_tail(&dispatch->node, &context->dispatches);
}

/**
 * hmm_dispatch_run() - run the callbacks
 * @dispatch: initialized by hmm_dispatch_begin(); every overlapping interval
 *            has been marked as collided
 *
 * Context: context->lock held; it is dropped around each callback, and briefly
 * during long walks. May sleep if the invalidation is blockable.
 * Return: true; false if a callback refused a non-blockable invalidation.
 */
bool hmm_dispatch_run(struct hmm_dispatch *dispatch)
	__must_hold(&dispatch->context->lock)
{
	lockdep_assert_held(&dispatch->context->lock);
	return hmm_dispatch_walk(dispatch) && hmm_dispatch_updated(dispatch);
}

/**
 * hmm_dispatch_end() - run invalidate_finish and end the dispatch
 * @dispatch: initialized by hmm_dispatch_begin()
 *
 * Context: context->lock held; it is dropped around each callback, and briefly
 * during long walks. May sleep if the invalidation is blockable.
 */
void hmm_dispatch_end(struct hmm_dispatch *dispatch)
	__must_hold(&dispatch->context->lock)
{
	bool may_sleep = mmu_notifier_range_blockable(dispatch->range);
	struct hmm_context *context = dispatch->context;
	struct hmm_interval_notifier *interval;
	unsigned int budget = HMM_BATCH;

	hmm_dispatch_finish(dispatch);
	list_del(&dispatch->node);
	kfree(dispatch->started);
	/* The list of updated intervals is only needed during a dispatch. */
	while (list_empty(&context->dispatches) &&
	       !list_empty(&context->updated)) {
		interval = list_first_entry(&context->updated,
					    typeof(*interval), updated_node);
		hmm_interval_unlist_updated(interval);
		if (!--budget) {
			budget = HMM_BATCH;
			hmm_context_relax(context, may_sleep);
		}
	}
}

/*
 * Fast path without a dispatch: a single interval overlaps, and it has an
 * invalidate callback. No other callback has to run, even if other intervals
 * are updated at the same time; see dispatch.h. Returns false if the callback
 * refused a non-blockable invalidation.
 *
 * Context: context->lock held; it is dropped around the callback.
 */
bool hmm_dispatch_single(struct hmm_context *context,
			 const struct mmu_notifier_range *range,
			 unsigned long bit,
			 struct hmm_interval_notifier *interval)
	__must_hold(&context->lock)
{
	struct hmm_invalidation *inv = &context->invalidations[__ffs(bit)];
	bool accepted;

	interval->pins++;
	context->nr_callbacks++;
	inv->caller = current;
	hmm_callback_enter(context, inv, interval);
	accepted = hmm_callback_run(interval, range, HMM_PASS_ONLY);
	if (likely(hmm_callback_leave(context, inv)))
		hmm_interval_unpin(context, interval);
	return hmm_dispatch_accepted(range, accepted);
}

/*
 * If the calling task is running the callback of @interval for @inv, drop the
 * pin of this callback. Returns true if the calling task is running the
 * callback of any interval for @inv.
 */
static bool
hmm_invalidation_drop_own_pin(struct hmm_invalidation *inv,
			      struct hmm_interval_notifier *interval)
{
	if (!inv->calling || inv->caller != current)
		return false;
	if (inv->calling == interval) {
		inv->calling = NULL;
		interval->pins--;
	}
	return true;
}

/*
 * The calling task is removing @interval, and will wait until no callback pins
 * the interval. If the task is itself running such a callback, it would wait
 * forever. Therefore drop the pins that belong to this task. Returns true if
 * the task is running the callback of an interval, or a dispatch.
 *
 * A dispatch may have no slot, so search the list of dispatches as well as the
 * slots.
 */
bool hmm_dispatch_drop_own_pins(struct hmm_context *context,
				struct hmm_interval_notifier *interval)
{
	unsigned long inflight = READ_ONCE(context->inflight);
	struct hmm_invalidation *inv = context->invalidations;
	struct hmm_dispatch *dispatch;
	unsigned int slot, i;
	bool found = false;

	lockdep_assert_held(&context->lock);
	for_each_set_bit(slot, &inflight, HMM_SLOTS)
		found |= hmm_invalidation_drop_own_pin(&inv[slot], interval);
	list_for_each_entry(dispatch, &context->dispatches, node) {
		if (dispatch->caller != current)
			continue;
		found = true;
		hmm_invalidation_drop_own_pin(dispatch->inv, interval);
		for (i = 0; i < dispatch->nr_started; i++) {
			if (dispatch->started[i] != interval)
				continue;
			dispatch->started[i] = NULL;
			interval->pins--;
		}
	}
	return found;
}
