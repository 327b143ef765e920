// SPDX-License-Identifier: GPL-2.0
/*
 * Intervals: insert, remove, put, update and find.
 *
 * Every operation takes effect on the tree before it returns, even during an
 * invalidation. Only the memory of an interval may stay in use afterwards; see
 * interval_ref.h.
 */
#include <linux/export.h>
#include <linux/sched.h>

#include "context.h"
#include "dispatch.h"
#include "inflight.h"
#include "interval.h"
#include "interval_ref.h"
#include "iter.h"
#include "lockdep.h"
#include "trace.h"

/*
 * An interval may end past the task size, so that one interval can cover the
 * whole address space. It must start below the task size. The kernel does not
 * invalidate higher addresses, but a read of these addresses would return the
 * pages of other addresses, because page table indices wrap.
 */
static int hmm_interval_check_bounds(const struct hmm_context *context,
				     unsigned long start, unsigned long length,
				     unsigned long *last)
{
	if (!length)
		return -EINVAL;
	*last = start + length - 1;
	if (*last < start)
		return -EOVERFLOW;
	return start < context->mm->task_size ? 0 : -EINVAL;
}

static __always_inline void
hmm_interval_link(struct hmm_context *context,
		  struct hmm_interval_notifier *interval,
		  unsigned long start, unsigned long last)
{
	unsigned long busy;

	/* Read without the lock by hmm_range_is_covered(). */
	WRITE_ONCE(interval->start, start);
	WRITE_ONCE(interval->last, last);
	interval->order = ++context->order;
	busy = unlikely(READ_ONCE(context->inflight)) ?
	       hmm_invalidations_overlapping(context, start, last) : 0;
	WRITE_ONCE(interval->busy, busy);
	hmm_tree_insert(interval, &context->intervals);
	trace_hmm_interval_insert(interval);
}

static __always_inline void
hmm_interval_unlink(struct hmm_context *context,
		    struct hmm_interval_notifier *interval)
{
	hmm_tree_remove(interval, &context->intervals);
	RB_CLEAR_NODE(&interval->rb);
	trace_hmm_interval_remove(interval);
}

/*
 * Remove an interval from the tree permanently. An update calls only
 * hmm_interval_unlink(), because the interval stays on the list of updated
 * intervals.
 *
 * The interval no longer detects invalidations. Therefore its readers in flight
 * collide, and functions that begin or read a range that is bound to it fail.
 * The bounds do not change, because a running callback may read them.
 */
static __always_inline void
hmm_interval_delete(struct hmm_context *context,
		    struct hmm_interval_notifier *interval)
{
	hmm_interval_unlink(context, interval);
	if (unlikely(interval->updated))
		hmm_interval_unlist_updated(interval);
	/* Read without the lock by hmm_range_is_covered(). */
	WRITE_ONCE(interval->inserted, 0);
	/* Pairs with the acquire of the sequence in hmm_interval_is_idle(). */
	smp_store_release(&interval->seq, interval->seq + 1);
}

/*
 * Returns the first sequence of an interval. It is never 0, so that a range is
 * not valid before its first read begins. The same memory may have been removed
 * from this mm and inserted again. The order makes the new sequence differ from
 * the earlier ones, so that a reader of the removed interval collides. Only
 * after 2^20 collisions can an earlier sequence have the same value.
 */
static unsigned long
hmm_interval_first_seq(const struct hmm_interval_notifier *interval)
{
	return interval->order << 20 | 1;
}

/**
 * hmm_interval_notifier_insert() - start watching a range of addresses
 * @interval: the interval; this function initializes every member
 * @mirror: a registered mirror, which must outlive the interval
 * @start: first address, in bytes, without a tag; below the task size of the mm
 * @length: in bytes; the interval may end past the task size
 * @ops: the callbacks, or NULL to detect only collisions
 *
 * After the insertion, readers of the interval collide with every invalidation
 * that overlaps it. They wait for overlapping invalidations that are in
 * progress.
 *
 * Context: any context in which a spinlock may be acquired, including
 * callbacks, but not interrupts.
 * Return: 0; -EINVAL if @length is 0, @start is not below the task size of
 * the mm, @mirror is not registered, or only one of the two-pass callbacks is
 * set; -EOVERFLOW if the range wraps; -ESRCH if the mm has exited.
 *
 * Since: 0.1
 */
int hmm_interval_notifier_insert(struct hmm_interval_notifier *interval,
				 struct hmm_mirror *mirror,
				 unsigned long start, unsigned long length,
				 const struct hmm_interval_notifier_ops *ops)
{
	struct hmm_context *context = mirror->context;
	unsigned long last;
	int ret;

	if (WARN_ONCE(!context, "interval for a mirror that is not registered\n"))
		return -EINVAL;
	if (unlikely(ops && !ops->invalidate_start != !ops->invalidate_finish))
		return -EINVAL;
	ret = hmm_interval_check_bounds(context, start, length, &last);
	if (ret)
		return ret;

	interval->context = context;
	interval->ops = ops;
	interval->mirror = mirror;
	interval->pins = 0;
	interval->called = 0;
	interval->removing = false;
	interval->updated = false;
	refcount_set(&interval->users, 1);

	spin_lock(&context->lock);
	if (unlikely(context->dead)) {
		spin_unlock(&context->lock);
		RB_CLEAR_NODE(&interval->rb);
		interval->inserted = 0;
		return -ESRCH;
	}
	hmm_interval_link(context, interval, start, last);
	interval->inserted = interval->order;
	interval->seq = hmm_interval_first_seq(interval);
	mirror->nr_intervals++;
	spin_unlock(&context->lock);
	return 0;
}
EXPORT_SYMBOL_GPL(hmm_interval_notifier_insert);

/*
 * Slow path: another reference or a pin is left, or the calling task may be
 * running a callback.
 */
static noinline void
hmm_interval_remove_slow(struct hmm_context *context,
			 struct hmm_interval_notifier *interval)
	__releases(&context->lock)
{
	bool in_callback, unused;

	interval->removing = true;
	in_callback = hmm_dispatch_drop_own_pins(context, interval);
	if (refcount_dec_and_test(&interval->users))
		hmm_interval_put_last(context, interval);
	unused = __hmm_interval_is_unused(interval);
	spin_unlock(&context->lock);

	if (!WARN_ONCE(in_callback,
		       "interval removed in a callback, use hmm_interval_notifier_put()\n"))
		hmm_might_wait_for_callbacks();
	if (!unused)
		wait_event(context->wq,
			   hmm_interval_is_unused(context, interval));
}

/**
 * hmm_interval_notifier_remove() - remove an interval and wait for callbacks
 * @interval: an inserted interval; the owner's reference is dropped
 *
 * The interval leaves the tree at once, and its readers in flight collide. If
 * another task has a reference from hmm_interval_notifier_find(), it can no
 * longer bind a range to the interval, and functions that begin or read a bound
 * range return -ENOENT.
 *
 * This function waits until no callback of the interval is running and all
 * references from hmm_interval_notifier_find() have been dropped. On return
 * the caller owns the memory again; ops->release is not called.
 *
 * A callback must use hmm_interval_notifier_put() instead. If the callback of
 * an interval calls this function, the function prints a warning once and does
 * not wait for callbacks that the calling task itself is running.
 *
 * Context: may sleep. It must not be called from a callback, or with a lock
 * held that a callback acquires.
 *
 * Since: 0.1
 */
void hmm_interval_notifier_remove(struct hmm_interval_notifier *interval)
{
	struct hmm_context *context = interval->context;

	hmm_might_sleep();
	if (WARN_ONCE(!context, "interval outlived its mirror\n"))
		return;

	spin_lock(&context->lock);
	if (WARN_ONCE(!hmm_interval_in_tree(interval),
		      "interval removed, but not inserted\n")) {
		spin_unlock(&context->lock);
		return;
	}
	hmm_interval_delete(context, interval);
	if (unlikely(interval->pins || refcount_read(&interval->users) > 1 ||
		     READ_ONCE(context->inflight))) {
		hmm_interval_remove_slow(context, interval);
		return;
	}
	refcount_set(&interval->users, 0);
	interval->mirror->nr_intervals--;
	spin_unlock(&context->lock);
	hmm_might_wait_for_callbacks();
}
EXPORT_SYMBOL_GPL(hmm_interval_notifier_remove);

/**
 * hmm_interval_notifier_put() - drop a reference without waiting
 * @interval: an interval; the caller holds a reference to it, from
 *            hmm_interval_notifier_insert() or hmm_interval_notifier_find()
 *
 * When the last reference is dropped, the interval leaves the tree at once, and
 * hmm_interval_notifier_find() no longer returns it. This function then calls
 * ops->release. If callbacks of the interval are running, ops->release is
 * instead called after the last of them. ops->release is not called if
 * hmm_interval_notifier_remove() has removed the interval.
 *
 * Context: any context in which a spinlock may be acquired, including
 * callbacks, but not interrupts.
 *
 * Since: 0.1
 */
void hmm_interval_notifier_put(struct hmm_interval_notifier *interval)
{
	struct hmm_context *context = interval->context;
	bool released = false;

	if (WARN_ONCE(!context, "interval outlived its mirror\n"))
		return;

	spin_lock(&context->lock);
	if (refcount_dec_and_test(&interval->users)) {
		if (hmm_interval_in_tree(interval))
			hmm_interval_delete(context, interval);
		released = hmm_interval_put_last(context, interval);
	}
	spin_unlock(&context->lock);
	if (released)
		hmm_interval_release(interval);
}
EXPORT_SYMBOL_GPL(hmm_interval_notifier_put);

/**
 * hmm_interval_notifier_update() - move or resize an interval in place
 * @interval: an inserted interval; the caller holds a reference to it
 * @start: first address, in bytes, without a tag; below the task size of the mm
 * @length: in bytes
 *
 * The new bounds take effect at once for invalidations, readers and
 * hmm_interval_notifier_find(). Every reader in flight collides. Addresses
 * outside the new bounds are no longer watched, so the driver must first remove
 * device mappings there. While the interval does not cover a range that is
 * bound to it, functions that begin or read this range return -ENOENT.
 *
 * The caller should hold the update lock from the removal of these mappings
 * until this function returns. Otherwise a reader may program an address
 * outside the new bounds in between.
 *
 * A device mapping belongs to the interval under which it was read. If an
 * interval is updated to overlap another one, it does not acquire the mappings
 * of the other interval.
 *
 * Context: any context in which a spinlock may be acquired, including callbacks
 * of this interval, but not interrupts.
 * Return: 0; -EINVAL if @length is 0 or @start is not below the task size of
 * the mm; -EOVERFLOW if the range wraps; -ENOENT if the interval is no longer
 * inserted.
 *
 * Since: 0.1
 */
int hmm_interval_notifier_update(struct hmm_interval_notifier *interval,
				 unsigned long start, unsigned long length)
{
	struct hmm_context *context = interval->context;
	unsigned long last;
	int ret;

	if (!context)
		return -ENOENT;
	ret = hmm_interval_check_bounds(context, start, length, &last);
	if (ret)
		return ret;

	spin_lock(&context->lock);
	if (hmm_interval_in_tree(interval)) {
		hmm_interval_unlink(context, interval);
		hmm_interval_link(context, interval, start, last);
		if (interval->busy)
			context->nr_updates++;
		/* The walk of a dispatch may miss the interval. */
		if (unlikely(!list_empty(&context->dispatches)))
			hmm_interval_list_updated(context, interval);
		/* Must follow the store to busy: see hmm_interval_collide(). */
		smp_store_release(&interval->seq, interval->seq + 1);
	} else {
		ret = -ENOENT;
	}
	spin_unlock(&context->lock);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_interval_notifier_update);

/**
 * hmm_interval_notifier_find() - find the lowest interval that overlaps
 * @mirror: a registered mirror; only its intervals are considered
 * @ops: only intervals with these callbacks are considered
 * @start: first address, in bytes
 * @last: last address, in bytes, inclusive
 *
 * The result reflects every insert, update, remove and put that returned before
 * this call. If another task inserts or updates an interval during this call,
 * the result may miss that interval.
 *
 * Context: any context in which a spinlock may be acquired, including
 * callbacks, but not interrupts.
 * Return: the matching interval with the lowest first address, with a reference
 * that the caller drops with hmm_interval_notifier_put(); NULL if no interval
 * matches or @mirror is not registered.
 *
 * Since: 0.1
 */
struct hmm_interval_notifier *
hmm_interval_notifier_find(struct hmm_mirror *mirror,
			   const struct hmm_interval_notifier_ops *ops,
			   unsigned long start, unsigned long last)
{
	struct hmm_context *context = mirror->context;
	struct hmm_interval_notifier *interval;
	struct hmm_interval_iter iter;

	if (WARN_ONCE(!context, "find for a mirror that is not registered\n"))
		return NULL;

	spin_lock(&context->lock);
	interval = hmm_interval_iter_first(&iter, context, start, last);
	while (interval &&
	       (interval->mirror != mirror || interval->ops != ops))
		interval = hmm_interval_iter_next(&iter, interval);
	if (interval)
		refcount_inc(&interval->users);
	spin_unlock(&context->lock);
	return interval;
}
EXPORT_SYMBOL_GPL(hmm_interval_notifier_find);

/**
 * hmm_interval_notifier_find_next() - iterate over the intervals that overlap
 * @mirror: a registered mirror; only its intervals are considered
 * @ops: only intervals with these callbacks are considered
 * @start: first address, in bytes
 * @last: last address, in bytes, inclusive
 * @cursor: zeroed before the first call; a driver makes all calls with the same
 *          arguments
 *
 * Returns each interval once, in the order of their first addresses::
 *
 *	struct hmm_interval_cursor cursor = {};
 *
 *	while ((interval = hmm_interval_notifier_find_next(mirror, ops, start,
 *							   last, &cursor))) {
 *		my_stop(interval);
 *		hmm_interval_notifier_put(interval);
 *	}
 *
 * Between the calls, the driver and other tasks may insert, update, remove and
 * put any interval. hmm_interval_notifier_remove() waits until all references
 * from this function have been dropped, so drop the reference before you remove
 * the interval in the loop.
 *
 * The iteration returns every interval that was inserted before the first call,
 * unless it is removed or updated before its turn. It does not return intervals
 * that are inserted or updated after the first call, so it ends even if the
 * driver resizes or splits the intervals. If other tasks update intervals that
 * must not be missed, serialize against these updates during the whole
 * iteration.
 *
 * Context: any context in which a spinlock may be acquired, including
 * callbacks, but not interrupts.
 * Return: the next interval, with a reference that the caller drops with
 * hmm_interval_notifier_put(); NULL if there is none, or @mirror is not
 * registered.
 *
 * Since: 0.3
 */
struct hmm_interval_notifier *
hmm_interval_notifier_find_next(struct hmm_mirror *mirror,
				const struct hmm_interval_notifier_ops *ops,
				unsigned long start, unsigned long last,
				struct hmm_interval_cursor *cursor)
{
	struct hmm_context *context = mirror->context;
	struct hmm_interval_notifier *interval;
	struct hmm_interval_iter iter = {
		.context = context,
		.start = start,
		.last = last,
		.key_start = cursor->start,
		.key_order = cursor->order,
		.budget = HMM_BATCH,
	};

	if (WARN_ONCE(!context, "find for a mirror that is not registered\n"))
		return NULL;

	spin_lock(&context->lock);
	if (!cursor->newest)
		cursor->newest = context->order;
	interval = hmm_interval_iter_resume(&iter);
	while (interval &&
	       (interval->mirror != mirror || interval->ops != ops ||
		interval->order > cursor->newest))
		interval = hmm_interval_iter_next(&iter, interval);
	if (interval) {
		refcount_inc(&interval->users);
		/* The key stays valid when the interval moves or is freed. */
		cursor->start = interval->start;
		cursor->order = interval->order;
	}
	spin_unlock(&context->lock);
	return interval;
}
EXPORT_SYMBOL_GPL(hmm_interval_notifier_find_next);

/*
 * Remove the intervals that a driver has left in a mirror that it unregisters.
 * Otherwise the intervals would point to a context that has been freed. The
 * caller has printed a warning.
 */
void hmm_mirror_detach_intervals(struct hmm_mirror *mirror)
{
	struct hmm_context *context = mirror->context;
	struct hmm_interval_notifier *interval;
	struct hmm_interval_iter iter;

	spin_lock(&context->lock);
	interval = hmm_interval_iter_first(&iter, context, 0, ULONG_MAX);
	while (interval) {
		if (interval->mirror == mirror) {
			hmm_interval_delete(context, interval);
			interval->context = NULL;
			interval = NULL;
		}
		interval = hmm_interval_iter_next(&iter, interval);
	}
	spin_unlock(&context->lock);
}
