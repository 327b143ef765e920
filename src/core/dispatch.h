/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A dispatch runs the callbacks of the intervals that an invalidation overlaps.
 *
 * The callback of an interval must run if the interval is in the tree when the
 * dispatch begins, and overlaps the range of the invalidation then and
 * afterwards. The callback need not run in these cases:
 *
 * - An interval that is inserted later has no device mappings yet, and its
 *   readers wait for the end of the invalidation.
 * - An interval that an update moves into the range has no device mappings in
 *   the range, and its readers wait as well.
 * - If an update moves an interval out of the range, the driver removes the
 *   mappings outside the new bounds.
 *
 * The difficult case is an interval that overlaps the range both before and
 * after an update:
 *
 *	dispatch                          update
 *	--------                          ------
 *	runs the callbacks of the
 *	intervals up to address A
 *	                                  moves an interval from above A to
 *	                                  below A; addresses within both the
 *	                                  old and the new bounds stay mapped
 *	reaches the end of the tree
 *
 * The walk of the tree misses this interval. Therefore an update during a
 * dispatch adds the interval to a list, and every dispatch walks this list
 * after it has walked the tree:
 *
 * - The walk of the tree runs the callbacks of the intervals that were inserted
 *   before the dispatch began and have not been updated since. Their keys have
 *   not changed, so the walk reaches them.
 * - The walk of the list runs the callbacks of the intervals that have been
 *   updated since the dispatch began and still overlap the range. An interval
 *   that no longer overlaps has no device mappings in the range. An interval
 *   that is updated again keeps its position on the list, and a dispatch walks
 *   the list once.
 *
 * A dispatch therefore needs one walk of the tree and one walk of the list,
 * however many updates run at the same time. It runs the callback of each
 * interval once, with one exception: if two dispatches run the callback of the
 * same interval, and the interval is updated in between, either dispatch may
 * run the callback twice.
 */
#ifndef _HMM_CORE_DISPATCH_H
#define _HMM_CORE_DISPATCH_H

#include "context.h"

/**
 * struct hmm_dispatch - the state of running the callbacks of one invalidation
 * @node: node in context->dispatches
 * @context: the context
 * @range: the invalidation
 * @inv: the slot of the invalidation, which records the interval whose callback
 *       is running
 * @no_slot: used as @inv if the invalidation has no slot
 * @caller: the task that runs the callbacks
 * @id: stored in &hmm_interval_notifier.called of each interval whose callback
 *      this dispatch runs
 * @newest: context->order when the dispatch began
 * @started: array of the intervals between invalidate_start and
 *           invalidate_finish. Each entry is a pinned interval, or NULL after
 *           invalidate_finish has begun or a callback has removed the interval
 * @nr_called: number of callbacks that were run
 * @nr_started: number of entries in @started
 * @max_started: number of entries that @started has room for
 *
 * The structure is protected by context->lock, because a callback may remove
 * intervals.
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
