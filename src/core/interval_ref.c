// SPDX-License-Identifier: GPL-2.0
/*
 * References and pins of intervals: see interval_ref.h.
 */
#include "interval_ref.h"
#include "trace.h"

/* The same as __hmm_interval_is_unused(), but acquires the lock itself. */
bool hmm_interval_is_unused(struct hmm_context *context,
			    struct hmm_interval_notifier *interval)
{
	bool unused;

	spin_lock(&context->lock);
	unused = __hmm_interval_is_unused(interval);
	spin_unlock(&context->lock);
	return unused;
}

/*
 * Check whether the reference or pin that was just dropped was the last one.
 * Returns true if the caller must call hmm_interval_release() after it has
 * dropped the lock.
 *
 * A task that waits in hmm_interval_notifier_remove() is woken with the lock
 * held, and checks its condition under the lock. It therefore cannot return
 * before the caller of this function drops the lock. Until then, the driver
 * cannot unregister the mirror, so the context is not freed.
 *
 * Context: context->lock held.
 */
bool hmm_interval_put_last(struct hmm_context *context,
			   struct hmm_interval_notifier *interval)
{
	lockdep_assert_held(&context->lock);
	if (!__hmm_interval_is_unused(interval))
		return false;
	interval->mirror->nr_intervals--;
	if (!interval->removing)
		return true;
	/*
	 * Waiters queue before checking under the lock, so waitqueue_active()
	 * is safe here.
	 */
	if (waitqueue_active(&context->wq))
		wake_up_all(&context->wq);
	return false;
}

/* Return the memory of an unused interval to the driver. */
void hmm_interval_release(struct hmm_interval_notifier *interval)
{
	trace_hmm_interval_release(interval);
	if (interval->ops && interval->ops->release)
		interval->ops->release(interval);
}

/* Slow path of hmm_interval_unpin(): no reference is left. */
bool hmm_interval_unpin_last(struct hmm_context *context,
			     struct hmm_interval_notifier *interval)
	__must_hold(&context->lock)
{
	if (!hmm_interval_put_last(context, interval))
		return true;
	spin_unlock(&context->lock);
	hmm_interval_release(interval);
	spin_lock(&context->lock);
	return false;
}
