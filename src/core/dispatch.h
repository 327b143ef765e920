/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A dispatch: the callbacks that one invalidation has to run.
 *
 * Which intervals it has to call is fixed when it begins: those that overlap
 * its range and are in the tree. An interval that is inserted later holds
 * nothing that was read before, and its readers wait for the end of the
 * invalidation. The same holds for an interval that an update moves into the
 * range: the device maps nothing of the range through it. One that leaves the
 * range owes nothing either, because the driver removes what lies outside of
 * the new bounds.
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
 * Therefore an update under a dispatch puts its interval on a list, and each
 * dispatch calls what is left on that list after its walk:
 *
 * - The walk calls the intervals that entered the tree before the dispatch
 *   began and were not updated since: their key in the tree has not changed,
 *   so the walk reaches them.
 * - The list has those that were updated since. An interval that is on the
 *   list keeps its place there, however often it is updated again, and a
 *   dispatch goes through the list once. When it has passed an interval, it
 *   has called it, or the interval did not overlap and maps nothing of the
 *   range any more.
 *
 * So a dispatch is one walk and one pass over the list, whatever other tasks
 * update meanwhile. An interval is called once; if two dispatches call it at
 * the same time and it is updated in between, each may call it twice.
 */
#ifndef _HMM_CORE_DISPATCH_H
#define _HMM_CORE_DISPATCH_H

#include "context.h"

/**
 * struct hmm_dispatch - the callbacks of one invalidation, if it may be several
 * @node: in context->dispatches
 * @context: the context
 * @range: the invalidation
 * @inv: its entry, which says whose callback runs
 * @no_slot: serves as @inv if the invalidation has no slot
 * @caller: the task that runs the callbacks
 * @id: stamp of the intervals that have been called
 * @newest: stamp of the interval that entered the tree last before it began
 * @started: array of those between invalidate_start and invalidate_finish;
 *           each is pinned, or NULL once a callback removed it
 * @nr_called: how many callbacks were run
 * @nr_started: how many are in @started
 * @max_started: room
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
 * An interval was updated under a dispatch. It keeps its place if it is
 * listed already.
 *
 * Context: context->lock held.
 */
static inline void
hmm_interval_list_moved(struct hmm_context *context,
			struct hmm_interval_notifier *interval)
{
	if (interval->moved)
		return;
	interval->moved = true;
	list_add_tail(&interval->moved_node, &context->moved);
}

/* Context: context->lock held. */
static inline void
hmm_interval_unlist_moved(struct hmm_interval_notifier *interval)
{
	interval->moved = false;
	list_del(&interval->moved_node);
}

#endif /* _HMM_CORE_DISPATCH_H */
