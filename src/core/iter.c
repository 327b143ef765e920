// SPDX-License-Identifier: GPL-2.0
/*
 * Walking intervals while the tree changes: see iter.h.
 */
#include "iter.h"

/*
 * The first interval behind the walk's key that overlaps, found from the
 * root.
 *
 * Context: context->lock held.
 */
struct hmm_interval_notifier *
hmm_interval_iter_resume(struct hmm_interval_iter *iter)
{
	struct rb_node *rb = iter->context->intervals.rb_root.rb_node;
	struct hmm_interval_notifier *interval, *behind = NULL;

	while (rb) {
		interval = rb_entry(rb, struct hmm_interval_notifier, rb);
		if (interval->start > iter->key_start ||
		    (interval->start == iter->key_start &&
		     interval->order > iter->key_order)) {
			behind = interval;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}

	if (!behind || behind->start > iter->last)
		return NULL;
	if (behind->last >= iter->start)
		return hmm_interval_iter_set(iter, behind);
	return hmm_interval_iter_set(iter,
		hmm_tree_iter_next(behind, iter->start, iter->last));
}

/*
 * The next interval. Drops the lock for a moment after each HMM_BATCH of
 * them, so that a walk over a million does not keep preemption off.
 *
 * @interval is where the walk stands, if that interval is still known to
 * exist; it may have been moved or taken out of the tree.
 *
 * Context: context->lock held.
 */
struct hmm_interval_notifier *
hmm_interval_iter_next(struct hmm_interval_iter *iter,
		       struct hmm_interval_notifier *interval)
	__must_hold(&iter->context->lock)
{
	if (!--iter->budget) {
		iter->budget = HMM_BATCH;
		hmm_context_relax(iter->context, iter->may_sleep);
		return hmm_interval_iter_resume(iter);
	}
	if (!interval || !hmm_interval_in_tree(interval) ||
	    interval->order != iter->key_order)
		return hmm_interval_iter_resume(iter);
	return hmm_interval_iter_set(iter,
		hmm_tree_iter_next(interval, iter->start, iter->last));
}
