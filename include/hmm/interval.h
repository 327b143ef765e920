/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An interval: addresses of a mirrored mm whose invalidations a driver wants
 * to hear of, and the sequence that tells whether one came.
 */
#ifndef _HMM_INTERVAL_H
#define _HMM_INTERVAL_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>

#include <hmm/mirror.h>

struct hmm_interval_notifier;

/**
 * struct hmm_interval_notifier_ops - what an interval is told
 *
 * All callbacks are optional; an interval without any still counts
 * collisions. The rules of &struct hmm_mirror_ops hold here too, but a
 * callback may insert, update, find and put intervals.
 *
 * Since: 0.1
 */
struct hmm_interval_notifier_ops {
	/**
	 * @invalidate: part of the interval is about to change. Take the
	 * update lock, remove the device's mappings of
	 * [range->start, range->end), return true.
	 *
	 * Context: may sleep if mmu_notifier_range_blockable(range). If not,
	 * and it would have to, it returns false and changes nothing.
	 */
	bool (*invalidate)(struct hmm_interval_notifier *interval,
			   const struct mmu_notifier_range *range);

	/**
	 * @invalidate_start: the first half of @invalidate, instead of it:
	 * begin to remove the mappings, do not wait for the device. Returns
	 * like @invalidate. Goes with @invalidate_finish.
	 */
	bool (*invalidate_start)(struct hmm_interval_notifier *interval,
				 const struct mmu_notifier_range *range);

	/**
	 * @invalidate_finish: wait for what @invalidate_start began. Called
	 * once for each @invalidate_start that returned true, in the same
	 * task, also when another interval refused afterwards.
	 */
	void (*invalidate_finish)(struct hmm_interval_notifier *interval,
				  const struct mmu_notifier_range *range);

	/**
	 * @release: the last reference went with
	 * hmm_interval_notifier_put(); the memory is the driver's again.
	 * Never called after hmm_interval_notifier_remove().
	 *
	 * Context: that of whoever dropped the last reference. Must not
	 * sleep.
	 */
	void (*release)(struct hmm_interval_notifier *interval);
};

/**
 * struct hmm_interval_notifier - a range of addresses and its sequence
 *
 * Embed it in the driver's own structure. It needs no initialization;
 * hmm_interval_notifier_insert() sets every member.
 *
 * Since: 0.1
 */
struct hmm_interval_notifier {
	/* private: see src/core/context.h for what protects what */
	unsigned long seq;
	struct hmm_context *context;
	unsigned long busy;
	struct rb_node rb;
	unsigned long start;
	unsigned long last;
	unsigned long subtree_last;
	u64 order;
	const struct hmm_interval_notifier_ops *ops;
	struct hmm_mirror *mirror;
	refcount_t users;
	unsigned int pins : 30;
	unsigned int removing : 1;
	unsigned int moved : 1;
	u64 called;
	u64 inserted;
	struct list_head moved_node;
};

int hmm_interval_notifier_insert(struct hmm_interval_notifier *interval,
				 struct hmm_mirror *mirror,
				 unsigned long start, unsigned long length,
				 const struct hmm_interval_notifier_ops *ops);
void hmm_interval_notifier_remove(struct hmm_interval_notifier *interval);
void hmm_interval_notifier_put(struct hmm_interval_notifier *interval);
int hmm_interval_notifier_update(struct hmm_interval_notifier *interval,
				 unsigned long start, unsigned long length);
struct hmm_interval_notifier *
hmm_interval_notifier_find(struct hmm_mirror *mirror,
			   const struct hmm_interval_notifier_ops *ops,
			   unsigned long start, unsigned long last);

unsigned long
hmm_interval_read_begin(struct hmm_interval_notifier *interval);
bool hmm_interval_read_try_begin(struct hmm_interval_notifier *interval,
				 unsigned long *seq);
int hmm_interval_read_begin_timeout(struct hmm_interval_notifier *interval,
				    unsigned int timeout_ms,
				    unsigned long *seq);

void hmm_interval_trace_retry(const struct hmm_interval_notifier *interval,
			      unsigned long seq);

/**
 * hmm_interval_read_retry() - has the interval collided since read_begin?
 * @interval: the interval
 * @seq: what hmm_interval_read_begin() returned
 *
 * Called under the update lock, before the device's page table is
 * programmed from what was read since hmm_interval_read_begin().
 *
 * Context: any; the caller holds the lock that the callback takes.
 * Return: true if an invalidation of the interval began since; what was read
 * is worthless then, start again with hmm_interval_read_begin().
 *
 * Since: 0.1
 */
static inline bool
hmm_interval_read_retry(const struct hmm_interval_notifier *interval,
			unsigned long seq)
{
	if (likely(READ_ONCE(interval->seq) == seq))
		return false;
	hmm_interval_trace_retry(interval, seq);
	return true;
}

/**
 * hmm_interval_check_retry() - a look at the sequence without the update lock
 * @interval: the interval
 * @seq: what hmm_interval_read_begin() returned
 *
 * Saves work that is lost already. Only hmm_interval_read_retry() under the
 * update lock can say that nothing was lost.
 *
 * Context: any.
 * Return: true if the interval has collided.
 *
 * Since: 0.1
 */
static inline bool
hmm_interval_check_retry(const struct hmm_interval_notifier *interval,
			 unsigned long seq)
{
	return READ_ONCE(interval->seq) != seq;
}

/**
 * hmm_interval_start() - first address of an interval
 * @interval: an inserted interval that nobody updates at the same time, as
 *            the caller holds the update lock or is the only one who would
 *
 * Since: 0.1
 */
static inline unsigned long
hmm_interval_start(const struct hmm_interval_notifier *interval)
{
	return interval->start;
}

/**
 * hmm_interval_last() - last address of an interval, inclusive
 * @interval: an inserted interval that nobody updates at the same time, as
 *            for hmm_interval_start()
 *
 * Since: 0.1
 */
static inline unsigned long
hmm_interval_last(const struct hmm_interval_notifier *interval)
{
	return interval->last;
}

#endif /* _HMM_INTERVAL_H */
