// SPDX-License-Identifier: GPL-2.0
/*
 * Walking intervals while the tree may change: see iter.h.
 */
#include "iter.h"

/*
 * Find the first overlapping interval after the key of the walk, starting at
 * the root of the tree.
 *
 * Context: context->lock held.
 */
struct hmm_interval_notifier *
hmm_interval_iter_resume(struct hmm_interval_iter *iter)
{
	struct rb_node *rb = iter->context->intervals.rb_root.rb_node;
	struct hmm_interval_notifier *interval, *next = NULL;

	while (rb) {
		interval = rb_entry(rb, struct hmm_interval_notifier, rb);
		if (interval->start > iter->key_start ||
		    (interval->start == iter->key_start &&
		     interval->order > iter->key_order)) {
			next = interval;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}

	if (!next || next->start > iter->last)
		return NULL;
	if (next->last >= iter->start)
		return hmm_interval_iter_set(iter, next);
	return hmm_interval_iter_set(iter,
		hmm_tree_iter_next(next, iter->start, iter->last));
}

/*
 * Advance to the next interval. The lock is dropped briefly every HMM_BATCH
 * intervals, so that a walk over a million of them does not keep preemption
 * disabled.
 *
 * @interval is the current interval, or NULL if its memory may have been freed.
 * An update may have moved it, or it may have been removed from the tree.
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
