/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walking the intervals that overlap [start, last], in the order of the tree.
 * The walk drops the lock from time to time, and the tree may change meanwhile.
 *
 * The tree is sorted by first address. Intervals with the same first address
 * are sorted by the order in which they entered the tree; an update counts as
 * an entry. Therefore (first address, order) is a unique key that increases
 * during the walk. A walk stores only the key of its current interval, and can
 * continue after this key even if the interval has left the tree. The tree
 * needs no markers, and no operation is deferred because of a walk.
 *
 * A walk visits every overlapping interval that stays in the tree and is not
 * updated. It does not visit an interval that an insert or an update places at
 * a key that the walk has passed.
 */
#ifndef _HMM_CORE_ITER_H
#define _HMM_CORE_ITER_H

#include "context.h"
#include "tree.h"

/**
 * struct hmm_interval_iter - the state of a walk
 * @context: the context
 * @start: first address
 * @last: last address, inclusive
 * @key_start: key of the current interval: its first address
 * @key_order: key of the current interval: its order
 * @budget: number of intervals to visit before the lock is dropped
 * @may_sleep: whether to reschedule when the lock is dropped;
 *             hmm_interval_iter_begin() clears it
 */
struct hmm_interval_iter {
	struct hmm_context *context;
	unsigned long start;
	unsigned long last;
	unsigned long key_start;
	u64 key_order;
	unsigned int budget;
	bool may_sleep;
};

/* Make @interval, which may be NULL, the current interval. */
static inline struct hmm_interval_notifier *
hmm_interval_iter_set(struct hmm_interval_iter *iter,
		      struct hmm_interval_notifier *interval)
{
	if (interval) {
		iter->key_start = interval->start;
		iter->key_order = interval->order;
	}
	return interval;
}

/* Begin a walk at @interval, the first interval that overlaps. */
static inline void hmm_interval_iter_begin(struct hmm_interval_iter *iter,
					   struct hmm_context *context,
					   struct hmm_interval_notifier *interval,
					   unsigned long start,
					   unsigned long last)
{
	iter->context = context;
	iter->start = start;
	iter->last = last;
	iter->budget = HMM_BATCH;
	iter->may_sleep = false;
	iter->key_start = interval->start;
	iter->key_order = interval->order;
}

/* Context: context->lock held. */
static inline struct hmm_interval_notifier *
hmm_interval_iter_first(struct hmm_interval_iter *iter,
			struct hmm_context *context,
			unsigned long start, unsigned long last)
{
	struct hmm_interval_notifier *interval;

	interval = hmm_tree_iter_first(&context->intervals, start, last);
	if (interval)
		hmm_interval_iter_begin(iter, context, interval, start, last);
	return interval;
}

struct hmm_interval_notifier *
hmm_interval_iter_resume(struct hmm_interval_iter *iter);
struct hmm_interval_notifier *
hmm_interval_iter_next(struct hmm_interval_iter *iter,
		       struct hmm_interval_notifier *interval);

#endif /* _HMM_CORE_ITER_H */
