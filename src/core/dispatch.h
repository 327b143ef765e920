/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A dispatch: running the callbacks of one invalidation.
 *
 * The set of intervals that a dispatch calls is fixed when it begins: those in
 * the tree that overlap its range. Other intervals need no call:
 *
 * - An interval that is inserted later maps nothing that was read before, and
 *   its readers wait for the end of the invalidation.
 * - An interval that an update moves into the range maps nothing in the range.
 * - If an update moves an interval out of the range, the driver removes the
 *   mappings outside of the new bounds.
 *
 * The difficult case is an interval that overlaps before and after an update:
 *
 *	dispatch                          update
 *	--------                          ------
 *	calls the intervals up to
 *	address A
 *	                                  moves an interval from above A to
 *	                                  below A; what lies within the old
 *	                                  and the new bounds stays mapped
 *	reaches the end
 *
 * Therefore an update during a dispatch adds the interval to a list, and every
 * dispatch walks that list after it has walked the tree:
 *
 * - The walk of the tree calls the intervals that were inserted before the
 *   dispatch began and have not been updated since. Their keys have not
 *   changed, so the walk reaches them.
 * - The list contains the intervals that have been updated since. An interval
 *   on the list keeps its position if it is updated again, and a dispatch
 *   walks the list once. When the dispatch reaches an interval, it calls it,
 *   unless the interval no longer overlaps and so maps nothing in the range.
 *
 * So a dispatch is one walk of the tree and one walk of the list, however many
 * updates run at the same time. It calls each interval once, with one
 * exception: if two dispatches call the same interval and it is updated in
 * between, either may call it twice.
 */
#ifndef _HMM_CORE_DISPATCH_H
#define _HMM_CORE_DISPATCH_H

#include "context.h"

/**
 * struct hmm_dispatch - the state of running the callbacks of one invalidation
 * @node: node in context->dispatches
 * @context: the context
 * @range: the invalidation
 * @inv: its slot, which records the interval whose callback is running
 * @no_slot: used as @inv if the invalidation has no slot
 * @caller: the task that runs the callbacks
 * @id: stored in &hmm_interval_notifier.called of each interval that is called
 * @newest: context->order when the dispatch began
 * @started: array of the intervals between invalidate_start and
 *           invalidate_finish; each is pinned, or NULL if a callback has
 *           removed it
 * @nr_called: number of callbacks that were run
 * @nr_started: number of entries in @started
 * @max_started: number of entries that @started has room for
 *
 * Protected by context->lock, because a callback may remove intervals.
 */
struct hmm_dispatch {
	struct list_head node;
	struct hmm_context *context;
	const struct mmu_notifier_range *range;
	struct hmm_invalidation *inv;
	struct hmm_invalidation no_slot;
	struct task_struct *caller;
	u64 id;
	u64 newest;
	struct hmm_interval_notifier **started;
	unsigned int nr_called;
	unsigned int nr_started;
	unsigned int max_started;
};

void hmm_dispatch_begin(struct hmm_dispatch *dispatch,
			struct hmm_context *context,
			const struct mmu_notifier_range *range,
			unsigned long bit);
bool hmm_dispatch_run(struct hmm_dispatch *dispatch);
void hmm_dispatch_end(struct hmm_dispatch *dispatch);

bool hmm_dispatch_single(struct hmm_context *context,
			 const struct mmu_notifier_range *range,
			 unsigned long bit,
			 struct hmm_interval_notifier *interval);
bool hmm_dispatch_drop_own_pins(struct hmm_context *context,
				struct hmm_interval_notifier *interval);

/*
 * Record that an interval was updated during a dispatch. An interval that is
 * already on the list keeps its position.
 *
 * Context: context->lock held.
 */
static inline void
hmm_interval_list_updated(struct hmm_context *context,
			  struct hmm_interval_notifier *interval)
{
	if (interval->updated)
		return;
	interval->updated = true;
	list_add_tail(&interval->updated_node, &context->updated);
}

/* Context: context->lock held. */
static inline void
hmm_interval_unlist_updated(struct hmm_interval_notifier *interval)
{
	interval->updated = false;
	list_del(&interval->updated_node);
}

#endif /* _HMM_CORE_DISPATCH_H */
