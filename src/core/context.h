/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The context: the one object per mm that all mirrors of it share.
 *
 * What protects what:
 *
 *   context->lock     the interval tree, every member of an interval but its
 *                     callbacks' doings, the invalidations in progress, the
 *                     list of mirrors (writers). Innermost; never held over
 *                     a callback, an allocation or anything that sleeps.
 *   the SRCU of mm/mmu_notifier.c
 *                     every callback runs inside of a read section of it, so
 *                     mmu_notifier_synchronize() fences callbacks, and the
 *                     list of mirrors is walked under it without a lock.
 *   hmm_contexts_lock the hash from mm to context.
 *   mmap lock, for writing
 *                     creation of a context: at most one is created for an
 *                     mm at a time.
 *
 * Read without the lock, on the readers' fast path: interval->seq,
 * interval->busy and context->inflight; see read_begin.c.
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

/* How many invalidations of one mm are told apart; at most 5 were seen. */
#define HMM_SLOTS	32
/* Set in context->inflight while one that found no slot is in progress. */
#define HMM_OVERFLOW	BIT(HMM_SLOTS)

/* How many intervals are worked on before the lock is dropped for a moment. */
#define HMM_BATCH	64

/**
 * struct hmm_invalidation - what lies between a start and its end
 * @range: tells this invalidation from every other in progress
 * @start: first address
 * @last: last address, inclusive
 * @calling: pinned, its callback is being run; NULL once that removed it
 * @caller: the task that runs the callback, while @calling is set
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
 * @inflight: a bit for each slot of @invalidations in use, and HMM_OVERFLOW;
 *            set under @lock, cleared without
 * @mm: the mm; stays pinned by the two notifiers, but may have exited
 * @dead: the mm has exited
 * @lock: see the top of this file
 * @waited: slots on whose end a reader waits
 * @overflowed: invalidations in progress that found no slot
 * @nr_mirrors: mirrors in @mirrors
 * @nr_sync_mirrors: those of them that have a sync callback
 * @intervals: tree of the inserted ones
 * @order: stamp given to an interval when it enters the tree
 * @dispatches: dispatches in progress, oldest first; see dispatch.h
 * @dispatch_ids: number of the latest of them
 * @moved: intervals that were updated while there was one
 * @mirrors: RCU list
 * @wq: readers, removers; woken with @lock held or inside of the SRCU
 * @invalidations: those in progress, by slot
 * @end_notifier: hears of the ends
 * @start_notifier: hears of the starts, and may refuse; and of the exit
 * @users: mirrors
 * @hash: by @mm, in context.c
 * @unwind: unregisters @end_notifier when @start_notifier could not be registered
 * @id: index in hmm_contexts
 * @nr_updates: how many updates there were under an invalidation in progress
 * @nr_invalidations: how many have started
 * @nr_hits: how many of them overlapped an interval
 * @nr_refused: how many of them a callback refused
 * @nr_waits: how often a reader had to look under the lock
 * @rcu: debugfs looks at contexts under RCU
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
	u64 dispatch_ids;
	struct list_head dispatches;
	struct list_head moved;
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
 * In a long walk: drop the lock for a moment, and give others the CPU if
 * @may_sleep.
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
