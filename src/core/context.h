/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The context: one object per mm, which all mirrors of the mm share.
 *
 * What protects what:
 *
 *   context->lock     The interval tree, all members of an interval, the
 *                     invalidations in progress, and the list of mirrors
 *                     against other writers. It is the innermost lock, and is
 *                     never held across a callback or anything else that may
 *                     sleep.
 *   the SRCU of mm/mmu_notifier.c
 *                     Every callback runs in one of its read-side critical
 *                     sections, so mmu_notifier_synchronize() waits for
 *                     callbacks. The list of mirrors is walked under it.
 *   hmm_contexts_lock The hash table that maps an mm to its context.
 *   mmap lock, held for writing
 *                     The creation of a context. Only one context is created
 *                     for an mm at a time.
 *
 * The fast path of readers reads interval->seq, interval->busy and
 * context->inflight without the lock; see read_begin.c.
 */
#ifndef _HMM_CORE_CONTEXT_H
#define _HMM_CORE_CONTEXT_H

#include <linux/bitops.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mmu_notifier.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <hmm/interval.h>
#include <hmm/mirror.h>

/*
 * The maximum number of invalidations of an mm that have a slot of their own.
 * No more than 5 have been seen in flight.
 */
#define HMM_SLOTS	32
/*
 * Set in context->inflight while an invalidation without a slot is in progress.
 */
#define HMM_OVERFLOW	BIT(HMM_SLOTS)

/* How many intervals a walk visits before it drops the lock briefly. */
#define HMM_BATCH	64

/**
 * struct hmm_invalidation - an invalidation between its start and its end
 * @range: identifies this invalidation among those in progress
 * @start: first address
 * @last: last address, inclusive
 * @calling: the interval whose callback is running; it is pinned. NULL if
 *           there is none, or if the callback has removed its interval
 * @caller: the task that runs the callback; valid while @calling is set
 */
struct hmm_invalidation {
	const struct mmu_notifier_range *range;
	unsigned long start;
	unsigned long last;
	struct hmm_interval_notifier *calling;
	struct task_struct *caller;
};

/**
 * struct hmm_context - all mirrors and intervals of one mm
 * @inflight: a bit for each slot of @invalidations that is in use, and
 *            HMM_OVERFLOW; bits are set under @lock and cleared without it
 * @mm: the mm; the two notifiers pin it, but it may have exited
 * @dead: the mm has exited, or @start_notifier is being unregistered
 * @lock: see the top of this file
 * @waited: slots whose end a reader waits for
 * @overflowed: number of invalidations in progress that have no slot
 * @nr_mirrors: number of mirrors in @mirrors
 * @nr_sync_mirrors: number of mirrors with a sync callback
 * @intervals: tree of the inserted intervals
 * @order: the last stamp that was given to an interval entering the tree
 * @dispatches: dispatches in progress, oldest first; see dispatch.h
 * @last_dispatch_id: number of the latest dispatch
 * @updated: intervals that were updated during a dispatch; see dispatch.h
 * @mirrors: list of the mirrors, walked under SRCU
 * @wq: where readers and removers wait; woken with @lock held or in an SRCU
 *      read-side critical section
 * @invalidations: the invalidations in progress, by slot
 * @end_notifier: receives the end of every invalidation
 * @start_notifier: receives the start of every invalidation, which it may
 *                  refuse, and the exit of the mm
 * @users: number of mirrors that use the context
 * @hash: node in the hash table of context.c
 * @unwind: unregisters @end_notifier if @start_notifier cannot be registered
 * @id: index in hmm_contexts
 * @nr_updates: number of updates of intervals that an invalidation overlapped
 * @nr_invalidations: number of invalidations that have started
 * @nr_hits: number of invalidations that overlapped an interval
 * @nr_refused: number of invalidations that a callback refused
 * @nr_waits: number of times that a reader acquired the lock to check for
 *            overlaps, whether or not it had to wait
 * @rcu: for freeing; debugfs walks contexts under RCU
 */
struct hmm_context {
	unsigned long inflight;
	struct mm_struct *mm;
	bool dead;

	spinlock_t lock ____cacheline_aligned_in_smp;
	unsigned int overflowed;
	unsigned long waited;
	unsigned long nr_mirrors;
	unsigned long nr_sync_mirrors;
	struct rb_root_cached intervals;
	u64 order;
	u64 last_dispatch_id;
	struct list_head dispatches;
	struct list_head updated;
	u64 nr_updates;
	u64 nr_invalidations;
	u64 nr_hits;
	u64 nr_refused;
	u64 nr_waits;
	struct hlist_head mirrors;
	wait_queue_head_t wq;
	struct hmm_invalidation invalidations[HMM_SLOTS];

	struct mmu_notifier end_notifier;
	struct mmu_notifier start_notifier;
	refcount_t users;
	struct hlist_node hash;
	struct work_struct unwind;
	u32 id;
	struct rcu_head rcu;
};

struct hmm_context *hmm_context_get(struct mm_struct *mm, bool locked);
void hmm_context_put(struct hmm_context *context);
int hmm_contexts_init(void);
void hmm_contexts_exit(void);
extern struct xarray hmm_contexts;

/*
 * For long walks: drop the lock briefly, and reschedule if @may_sleep.
 */
static inline void hmm_context_relax(struct hmm_context *context,
				     bool may_sleep)
	__must_hold(&context->lock)
{
	spin_unlock(&context->lock);
	if (may_sleep)
		cond_resched();
	spin_lock(&context->lock);
}

#endif /* _HMM_CORE_CONTEXT_H */
