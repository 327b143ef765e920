/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The context: one object per mm, which all mirrors of the mm share.
 *
 * Which lock protects what:
 *
 *   context->lock     The interval tree, all members of an interval, the
 *                     invalidations in progress, and the list of mirrors
 *                     against other writers. It is the innermost lock, and is
 *                     never held across a callback or anything else that may
 *                     sleep.
 *   the SRCU of mm/mmu_notifier.c
 *                     The list of mirrors against its walkers. Every callback
 *                     of an invalidation or an exit runs in a read-side
 *                     critical section of this SRCU, so
 *                     mmu_notifier_synchronize() waits for these callbacks.
 *   hmm_contexts_lock The hash table that maps an mm to its context.
 *   mmap lock, held for writing
 *                     The creation of a context. Only one context is created
 *                     for an mm at a time.
 *
 * Some members are also read without context->lock. The fast path of readers
 * reads interval->seq, interval->busy and context->inflight; see read_begin.c.
 * The end of an invalidation reads context->inflight, context->waited and the
 * ranges in context->invalidations; see inflight.h. range.c reads
 * context->dead, interval->inserted and the bounds of an interval.
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

#include "process.h"
#include "stats.h"

/*
 * Maximum number of invalidations of an mm that have their own slots. Under
 * load, at most 5 invalidations of an mm were in flight.
 */
#define HMM_SLOTS	32
/*
 * Set in context->inflight while an invalidation without a slot is in progress.
 */
#define HMM_OVERFLOW	BIT(HMM_SLOTS)

/* Number of intervals that a walk visits before it briefly drops the lock. */
#define HMM_BATCH	64

/**
 * struct hmm_invalidation - an invalidation between its start and its end
 * @range: identifies this invalidation among those in progress
 * @start: first address
 * @last: last address, inclusive
 * @calling: the interval whose callback is running; it is pinned. NULL if
 *           no callback is running, or if the callback has removed its interval
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
 *            HMM_OVERFLOW; bits are set under @lock, and the bits of slots are
 *            cleared without it
 * @mm: the mm; the two notifiers pin it, but it may have exited
 * @dead: the mm has exited, or @start_notifier is being unregistered
 * @lock: see the top of this file
 * @waited: the bits of @inflight that readers wait for
 * @overflowed: number of invalidations in progress that have no slot
 * @nr_mirrors: number of mirrors in @mirrors
 * @nr_sync_mirrors: number of mirrors with a sync callback
 * @intervals: tree of the inserted intervals
 * @order: number of the latest insertion into the tree; an update inserts the
 *         interval again
 * @dispatches: dispatches in progress, oldest first; see dispatch.h
 * @last_dispatch_id: number of the latest dispatch
 * @updated: intervals that were updated during a dispatch; see dispatch.h
 * @mirrors: list of the mirrors, walked under SRCU
 * @wq: waitqueue of readers and of hmm_interval_notifier_remove(); woken with
 *      @lock held or in an SRCU read-side critical section
 * @invalidations: the invalidations in progress, by slot
 * @end_notifier: receives the end of every invalidation
 * @start_notifier: receives the start of every invalidation, which it may
 *                  refuse, and the exit of the mm
 * @users: number of mirrors that use the context
 * @hash: node in the hash table of context.c
 * @unwind: unregisters @end_notifier if @start_notifier cannot be registered
 * @id: index in hmm_contexts
 * @nr_updates: number of interval updates to bounds that an invalidation in
 *              progress overlapped
 * @nr_invalidations: number of invalidations that have started
 * @nr_hits: number of invalidations that overlapped an interval
 * @nr_callbacks: number of callbacks that have run for invalidations; two-pass
 *                callbacks count once
 * @nr_refused: number of invalidations that a callback refused
 * @nr_waits: number of times that a reader acquired the lock to check for
 *            overlaps, whether or not it had to wait
 * @process: the process that used the mm when the context was created
 * @since_ns: when the context was created, CLOCK_MONOTONIC
 * @rcu: used to free the context; debugfs walks contexts under RCU
 * @stats: counters of readers, in a cache line that invalidations do not use
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
	u64 nr_callbacks;
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
	struct hmm_process process;
	u64 since_ns;
	struct rcu_head rcu;

	struct hmm_stats stats ____cacheline_aligned_in_smp;
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
