/* SPDX-License-Identifier: GPL-2.0 */
/*
 * References and pins: how long the memory of an interval stays in use.
 *
 *   users  References: the owner's, which an insert acquires, and one for each
 *          find until its put. When the last one is dropped, the interval
 *          leaves the tree. hmm_interval_notifier_remove() removes the interval
 *          from the tree at once, even if other references are left.
 *   pins   Callbacks of the interval that are running, and two-pass callbacks
 *          that have not finished. A pin keeps the memory of the interval in
 *          use, but does not keep the interval in the tree.
 *
 * When no reference and no pin is left, either hmm_interval_notifier_remove()
 * returns or ops->release is called, never both.
 */
#ifndef _HMM_CORE_INTERVAL_REF_H
#define _HMM_CORE_INTERVAL_REF_H

#include "context.h"

/* Context: context->lock held. */
static inline bool
__hmm_interval_is_unused(const struct hmm_interval_notifier *interval)
{
	return !interval->pins && !refcount_read(&interval->users);
}

bool hmm_interval_is_unused(struct hmm_context *context,
			    struct hmm_interval_notifier *interval);
bool hmm_interval_put_last(struct hmm_context *context,
			   struct hmm_interval_notifier *interval);
void hmm_interval_release(struct hmm_interval_notifier *interval);
bool hmm_interval_unpin_last(struct hmm_context *context,
			     struct hmm_interval_notifier *interval);

/*
 * Drop a pin. Returns false if the interval was released. In this case it must
 * not be accessed any more. Otherwise it may be accessed until the lock is
 * dropped.
 *
 * Context: context->lock held; it is dropped to release the interval.
 */
static __always_inline bool
hmm_interval_unpin(struct hmm_context *context,
		   struct hmm_interval_notifier *interval)
	__must_hold(&context->lock)
{
	interval->pins--;
	if (likely(refcount_read(&interval->users)))
		return true;
	return hmm_interval_unpin_last(context, interval);
}

#endif /* _HMM_CORE_INTERVAL_REF_H */
