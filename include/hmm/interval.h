/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An interval: a range of addresses of a mirrored mm, with callbacks for its
 * invalidations, and a sequence number to detect them.
 */
#ifndef _HMM_INTERVAL_H
#define _HMM_INTERVAL_H

#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>

#include <hmm/mirror.h>

struct hmm_interval_notifier;

/**
 * struct hmm_interval_notifier_ops - callbacks of an interval
 *
 * All callbacks are optional. An interval without callbacks still detects
 * collisions. The rules of &struct hmm_mirror_ops apply. A callback may insert,
 * update, find and put intervals.
 *
 * Since: 0.1
 */
struct hmm_interval_notifier_ops {
	/**
	 * @invalidate: a part of the interval is about to change. The callback
	 * acquires the update lock, removes the device mappings of
	 * [range->start, range->end), and returns true. The range may begin
	 * below the interval and end past it; see hmm_interval_clip(). When
	 * the mm exits, the range is [0, ULONG_MAX).
	 *
	 * Context: may sleep if mmu_notifier_range_blockable(range) is true.
	 * Otherwise, if it would have to sleep, it must return false without
	 * any change. It must not return false for any other reason.
	 */
	bool (*invalidate)(struct hmm_interval_notifier *interval,
			   const struct mmu_notifier_range *range);

	/**
	 * @invalidate_start: used instead of @invalidate, together with
	 * @invalidate_finish. The callback starts to remove the mappings and
	 * does not wait for the device. The context and the return value are
	 * the same as for @invalidate.
	 */
	bool (*invalidate_start)(struct hmm_interval_notifier *interval,
				 const struct mmu_notifier_range *range);

	/**
	 * @invalidate_finish: waits until the device has removed the mappings.
	 * Called once for each @invalidate_start that returned true, in the
	 * same task, even if another interval refused the invalidation.
	 *
	 * Context: may sleep if mmu_notifier_range_blockable(range) is true.
	 * Otherwise it must not sleep.
	 */
	void (*invalidate_finish)(struct hmm_interval_notifier *interval,
				  const struct mmu_notifier_range *range);

	/**
	 * @release: hmm_interval_notifier_put() has dropped the last
	 * reference, and no callback is running. The driver owns the memory
	 * again and may free it. Never called after
	 * hmm_interval_notifier_remove().
	 *
	 * Context: the context of the put or of the last callback. Must not
	 * sleep.
	 */
	void (*release)(struct hmm_interval_notifier *interval);
};

/**
 * struct hmm_interval_notifier - a range of addresses with a sequence number
 *
 * A driver embeds it in a structure of its own. It needs no initialization,
 * because hmm_interval_notifier_insert() sets every member.
 *
 * Since: 0.1
 */
struct hmm_interval_notifier {
	/* private: src/core/context.h documents the locking */
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
	unsigned int updated : 1;
	u64 called;
	u64 inserted;
	struct list_head updated_node;
};

/**
 * struct hmm_interval_cursor - the position of hmm_interval_notifier_find_next()
 *
 * The driver zeroes it before the first call. It holds no reference.
 *
 * Since: 0.3
 */
struct hmm_interval_cursor {
	/* private: */
	unsigned long start;
	u64 order;
	u64 newest;
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
struct hmm_interval_notifier *
hmm_interval_notifier_find_next(struct hmm_mirror *mirror,
				const struct hmm_interval_notifier_ops *ops,
				unsigned long start, unsigned long last,
				struct hmm_interval_cursor *cursor);

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
 * hmm_interval_read_retry() - check whether a reader has collided
 * @interval: the interval
 * @seq: the sequence from hmm_interval_read_begin() or one of its variants
 *
 * A driver calls this function before it programs the device page table from
 * data that it has read since hmm_interval_read_begin().
 *
 * Context: any; the caller holds its update lock.
 * Return: true if an invalidation of the interval has started since
 * hmm_interval_read_begin(), or if the interval has been updated or removed. In
 * this case the driver must not use the data, and starts again with
 * hmm_interval_read_begin(). Otherwise false.
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
 * hmm_interval_check_retry() - check for a collision without the update lock
 * @interval: the interval
 * @seq: the sequence from hmm_interval_read_begin() or one of its variants
 *
 * Use this function to stop early if the data cannot be used any more. It does
 * not replace hmm_interval_read_retry() under the update lock.
 *
 * Context: any.
 * Return: true if the interval has collided; otherwise false. The interval may
 * collide immediately afterwards.
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
 * hmm_interval_start() - get the first address of an interval
 * @interval: an inserted interval; the caller serializes against updates of it,
 *            usually by the update lock
 *
 * Context: any.
 * Return: the address, in bytes.
 *
 * Since: 0.1
 */
static inline unsigned long
hmm_interval_start(const struct hmm_interval_notifier *interval)
{
	return interval->start;
}

/**
 * hmm_interval_last() - get the last address of an interval, inclusive
 * @interval: an inserted interval; the caller serializes against updates of it,
 *            usually by the update lock
 *
 * Context: any.
 * Return: the address, in bytes.
 *
 * Since: 0.1
 */
static inline unsigned long
hmm_interval_last(const struct hmm_interval_notifier *interval)
{
	return interval->last;
}

/**
 * hmm_interval_clip() - get the part of an invalidation in an interval
 * @interval: the interval that the callback received
 * @range: the invalidation that the callback received
 * @start: set to the first address of that part, in bytes
 * @last: set to the last address of that part, in bytes, inclusive
 *
 * The caller serializes against updates of the interval, usually by the update
 * lock. An interval that was updated since the invalidation began may no longer
 * overlap it.
 *
 * The result is inclusive, because an interval may end at ULONG_MAX. It is not
 * page aligned if the bounds of the interval are not, or if the mm exits. The
 * pages are those from ``start >> PAGE_SHIFT`` to ``last >> PAGE_SHIFT``.
 *
 * Context: any; called from a callback.
 * Return: true; false, with @start and @last unchanged, if the interval and the
 * invalidation do not overlap.
 *
 * Since: 0.3
 */
static inline bool
hmm_interval_clip(const struct hmm_interval_notifier *interval,
		  const struct mmu_notifier_range *range,
		  unsigned long *start, unsigned long *last)
{
	if (range->start > interval->last || range->end - 1 < interval->start)
		return false;
	*start = max(range->start, interval->start);
	*last = min(range->end - 1, interval->last);
	return true;
}

#endif /* _HMM_INTERVAL_H */
