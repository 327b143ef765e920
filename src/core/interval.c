// SPDX-License-Identifier: GPL-2.0
/*
 * Intervals: what is in the tree, and who keeps it alive.
 *
 * Every operation takes effect on the tree before it returns, also in the
 * middle of an invalidation. What lives on is memory only, and two counts
 * say for how long:
 *
 *   users  the owner's reference, from insert, and one for each find that
 *          was not yet put. With the last of them the interval leaves the
 *          tree (remove takes it out at once, whoever else holds one).
 *   pins   callbacks that run on it. A pin keeps the memory, not the place
 *          in the tree.
 *
 * When both are gone, either hmm_interval_notifier_remove() returns or
 * ops->release is called, never both.
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
 * An interval may reach past the end of the address space, so that one can
 * cover all of it. One that starts there would never be notified, while page
 * table indices wrap: a read at its addresses finds the pages of others.
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

/* Out of the tree for good, while hmm_interval_unlink() alone is for a move. */
static __always_inline void
hmm_interval_delete(struct hmm_context *context,
		    struct hmm_interval_notifier *interval)
{
	hmm_interval_unlink(context, interval);
	if (unlikely(interval->moved))
		hmm_interval_unlist_moved(interval);
}

/**
 * hmm_interval_notifier_insert() - begin to hear of invalidations of a range
 * @interval: memory for it; every member is set
 * @mirror: a registered mirror, which must outlive the interval
 * @start: first address, below the task size of the mm; without a tag
 * @length: in bytes; may reach past the task size
 * @ops: callbacks, or NULL if only collisions matter
 *
 * Its readers collide with every invalidation that overlaps it from now on,
 * and wait for those that are in progress already.
 *
 * Context: any in which a spinlock may be taken, but not an interrupt; also
 * a callback.
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

	/* 0 is no sequence, so a range never begun is never valid. */
	interval->seq = 1;
	interval->context = context;
	interval->ops = ops;
	interval->mirror = mirror;
	interval->pins = 0;
	interval->called = 0;
	interval->removing = false;
	interval->moved = false;
	refcount_set(&interval->users, 1);

	spin_lock(&context->lock);
	if (unlikely(context->dead)) {
		spin_unlock(&context->lock);
		RB_CLEAR_NODE(&interval->rb);
		return -ESRCH;
	}
	hmm_interval_link(context, interval, start, last);
	interval->inserted = interval->order;
	mirror->nr_intervals++;
	spin_unlock(&context->lock);
	return 0;
}
EXPORT_SYMBOL_GPL(hmm_interval_notifier_insert);

/*
 * The interval has left the tree, but a reference from find keeps it. Whoever
 * reads under it would never be notified: let those in flight collide, and
 * give it bounds that cover nothing, so that ranges bound to it fail.
 */
static void hmm_interval_retire(struct hmm_interval_notifier *interval)
{
	WRITE_ONCE(interval->start, ULONG_MAX);
	WRITE_ONCE(interval->last, 0);
	/* Pairs with the acquire in hmm_interval_read_begin(). */
	smp_store_release(&interval->seq, interval->seq + 1);
}

/* Another reference or a pin is left, or this is a callback. */
static noinline void
hmm_interval_remove_slow(struct hmm_context *context,
			 struct hmm_interval_notifier *interval)
	__releases(&context->lock)
{
	bool in_callback, unused;

	interval->removing = true;
	hmm_interval_retire(interval);
	in_callback = hmm_dispatch_drop_own_pins(context, interval);
	if (refcount_dec_and_test(&interval->users))
		hmm_interval_check_last(context, interval);
	unused = __hmm_interval_is_unused(interval);
	spin_unlock(&context->lock);

	if (!WARN_ONCE(in_callback,
		       "interval removed in a callback, where only put is right\n"))
		hmm_might_wait_for_callbacks();
	if (!unused)
		wait_event(context->wq,
			   hmm_interval_is_unused(context, interval));
}

/**
 * hmm_interval_notifier_remove() - stop hearing of invalidations, and wait
 * @interval: an inserted interval; the caller gives up the owner's reference
 *
 * The interval is out of the tree at once, and readers in flight collide. A
 * range that another task binds to it, or has bound, by a reference from
 * hmm_interval_notifier_find() fails. On return no callback runs on it,
 * every reference from hmm_interval_notifier_find() has been put, and the
 * memory is the caller's; ops->release is not called.
 *
 * In a callback it would wait for itself: there it warns, and only
 * hmm_interval_notifier_put() is right.
 *
 * Context: may sleep; not from a callback, and not with a lock held that a
 * callback takes.
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
 * @interval: an interval of which the caller holds a reference: the owner's,
 *            from insert, or one from hmm_interval_notifier_find()
 *
 * With the last reference the interval leaves the tree at once; no find
 * returns it afterwards. ops->release is called when the callbacks that may
 * still run on it are done, at the latest.
 *
 * Context: any in which a spinlock may be taken, but not an interrupt; also
 * a callback.
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
		released = hmm_interval_check_last(context, interval);
	}
	spin_unlock(&context->lock);
	if (released)
		hmm_interval_release(interval);
}
EXPORT_SYMBOL_GPL(hmm_interval_notifier_put);

/**
 * hmm_interval_notifier_update() - move or resize an interval in place
 * @interval: an inserted interval of which the caller holds a reference
 * @start: first address
 * @length: how many bytes
 *
 * At once: find, invalidations and readers know only the new bounds from
 * here on. Every reader in flight collides. What the device maps outside of
 * the new bounds is no longer watched: remove it before. A range that is bound
 * to the interval and no longer covered by it fails with -ENOENT from now on.
 *
 * Call it with the update lock held, and remove what is to go under the same
 * hold of it, so that no reader programs anything for the old bounds, or for
 * the new ones too early.
 *
 * What the device maps belongs to the interval under which it was read: one
 * that grows over another does not take over what that one mapped.
 *
 * Context: any in which a spinlock may be taken, but not an interrupt; also
 * a callback, of this interval too.
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
		/* The walk of a dispatch may have missed it. */
		if (unlikely(!list_empty(&context->dispatches)))
			hmm_interval_list_moved(context, interval);
		/* After busy, as in hmm_interval_collide(). */
		smp_store_release(&interval->seq, interval->seq + 1);
	} else {
		ret = -ENOENT;
	}
	spin_unlock(&context->lock);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_interval_notifier_update);

/**
 * hmm_interval_notifier_find() - the lowest interval that overlaps
 * @mirror: a registered mirror; only its intervals are looked at
 * @ops: only intervals with these callbacks are looked at
 * @start: first address
 * @last: last address, inclusive
 *
 * Sees every insert, update, remove and put that returned before, and none
 * in halves.
 *
 * Context: any in which a spinlock may be taken, but not an interrupt; also
 * a callback.
 * Return: the interval, with a reference to be dropped with
 * hmm_interval_notifier_put(), or NULL.
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

/*
 * A driver unregistered a mirror and left intervals behind; it has been told
 * so. Take them out before the context, to which they point, is freed.
 */
void hmm_mirror_detach_intervals(struct hmm_mirror *mirror)
{
	struct hmm_context *context = mirror->context;
	struct hmm_interval_notifier *interval;
	struct hmm_interval_iter iter;

	spin_lock(&context->lock);
	interval = hmm_interval_iter_first(&iter, context, 0, ULONG_MAX);
	while (interval) {
		struct hmm_interval_notifier *left = interval;

		interval = hmm_interval_iter_next(&iter, interval);
		if (left->mirror != mirror)
			continue;
		hmm_interval_delete(context, left);
		left->context = NULL;
	}
	spin_unlock(&context->lock);
}
