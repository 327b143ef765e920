/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walking the intervals that overlap [start, last], in the order of the tree,
 * while the lock is dropped now and then and the tree changes meanwhile.
 *
 * The tree sorts by first address; intervals with the same one stand in the
 * order in which they entered. So (first address, order) is a key that grows
 * along the walk, no two intervals share it, and a walk that knows the key
 * it has come to can go on from there whatever became of the interval that
 * had it. Nothing is marked, deferred or kept in the tree for a walker.
 *
 * A walk meets every interval that stays where it is. One that is inserted
 * or updated behind the walk is not met.
 */
#ifndef _HMM_CORE_ITER_H
#define _HMM_CORE_ITER_H

#include "context.h"
#include "tree.h"

/**
 * struct hmm_interval_iter - a place in such a walk
 * @context: whose intervals
 * @start: first address
 * @last: last address, inclusive
 * @key_start: key of the interval that the walk has come to
 * @key_order: likewise
 * @budget: intervals to go before the lock is dropped
 * @may_sleep: give others the CPU then; hmm_interval_iter_begin() clears it
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

/* The walk has come to @interval. */
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

/* Begin a walk at @interval, which is the first. */
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
