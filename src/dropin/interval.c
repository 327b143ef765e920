// SPDX-License-Identifier: GPL-2.0
/*
 * Intervals: insertion, removal, callbacks, and the sequence that the driver
 * sees.
 *
 * A driver may ignore an invalidation, by not calling mmu_interval_set_seq().
 * Its readers must not retry then, although the interval of the core has
 * collided. So each interval has a second sequence, which only the driver
 * changes:
 *
 * reader                                invalidation
 *
 * seq = invalidate_seq
 * wait until no invalidation of the
 * interval is in progress
 *                                       start: cur_seq is unique
 *                                       lock; invalidate_seq = cur_seq; unlock
 *                                       the page tables change
 *                                       end
 * read the page tables
 * lock; invalidate_seq == seq?; unlock
 *
 * The sequence is read before the wait. If the reader sees the sequence of an
 * invalidation, that invalidation has therefore ended when the reader reads the
 * page tables.
 */
#include <linux/export.h>
#include <linux/mm.h>

#include <hmm/dropin/types.h>

#include "mirror.h"

static struct hmm_dropin_interval *
hmm_dropin_interval_of(struct hmm_interval_notifier *own)
{
	return container_of(own, struct hmm_dropin_interval, own);
}

static bool hmm_dropin_invalidate(struct hmm_interval_notifier *own,
				  const struct mmu_notifier_range *range)
{
	struct hmm_dropin_interval *interval = hmm_dropin_interval_of(own);

	return interval->ops->invalidate(interval, range,
			hmm_dropin_mirror_next_seq(interval->mirror));
}

static const struct hmm_interval_notifier_ops hmm_dropin_one_pass_ops = {
	.invalidate = hmm_dropin_invalidate,
};

static bool hmm_dropin_invalidate_start(struct hmm_interval_notifier *own,
					const struct mmu_notifier_range *range)
{
	struct hmm_dropin_interval *interval = hmm_dropin_interval_of(own);
	struct hmm_dropin_finish *finish = NULL;
	unsigned long seq;

	seq = hmm_dropin_mirror_next_seq(interval->mirror);
	if (!interval->ops->invalidate_start(interval, range, seq, &finish))
		return false;
	if (finish) {
		finish->notifier = interval;
		finish->range = range;
		spin_lock(&interval->lock);
		hlist_add_head(&finish->node, &interval->finishes);
		spin_unlock(&interval->lock);
	}
	return true;
}

/* Both passes of an invalidation receive the same range. */
static void hmm_dropin_invalidate_finish(struct hmm_interval_notifier *own,
					 const struct mmu_notifier_range *range)
{
	struct hmm_dropin_interval *interval = hmm_dropin_interval_of(own);
	struct hmm_dropin_finish *finish;

	spin_lock(&interval->lock);
	hlist_for_each_entry(finish, &interval->finishes, node)
		if (finish->range == range)
			break;
	if (finish)
		hlist_del(&finish->node);
	spin_unlock(&interval->lock);
	if (finish)
		interval->ops->invalidate_finish(finish);
}

static const struct hmm_interval_notifier_ops hmm_dropin_two_pass_ops = {
	.invalidate_start = hmm_dropin_invalidate_start,
	.invalidate_finish = hmm_dropin_invalidate_finish,
};

/*
 * Mark the interval as not inserted. Drivers look at @mm or at the bounds to decide
 * whether to remove an interval.
 */
static void hmm_dropin_interval_clear(struct hmm_dropin_interval *interval)
{
	interval->interval_tree.start = 0;
	interval->interval_tree.last = 0;
	interval->mirror = NULL;
	interval->mm = NULL;
}

static int hmm_dropin_insert(struct hmm_dropin_interval *interval,
			     struct mm_struct *mm, unsigned long start,
			     unsigned long length,
			     const struct hmm_dropin_interval_ops *ops,
			     bool locked)
{
	struct hmm_dropin_mirror *mirror;
	int ret;

	hmm_dropin_interval_clear(interval);
	/* The kernel returns -EOVERFLOW, but the core would return -EINVAL. */
	if (!length)
		return -EOVERFLOW;
	mirror = hmm_dropin_mirror_get(mm, locked);
	if (IS_ERR(mirror))
		return PTR_ERR(mirror);

	interval->interval_tree.start = start;
	interval->interval_tree.last = start + length - 1;
	interval->ops = ops;
	interval->mm = mm;
	interval->invalidate_seq = hmm_dropin_mirror_next_seq(mirror);
	interval->mirror = mirror;
	spin_lock_init(&interval->lock);
	INIT_HLIST_HEAD(&interval->finishes);

	ret = hmm_interval_notifier_insert(&interval->own, &mirror->own, start,
					   length, ops->invalidate_start ?
					   &hmm_dropin_two_pass_ops :
					   &hmm_dropin_one_pass_ops);
	if (ret) {
		hmm_dropin_interval_clear(interval);
		hmm_dropin_mirror_put(mirror);
	}
	return ret;
}

/**
 * hmm_dropin_interval_insert() - mmu_interval_notifier_insert()
 * @interval: the interval; this function initializes every member
 * @mm: the mm; the caller holds a reference to mm_users, or runs in a task that
 *      uses the mm
 * @start: first address, in bytes
 * @length: in bytes
 * @ops: the callbacks, at least @invalidate or both of the two passes
 *
 * Context: may sleep. The caller must not hold the mmap lock.
 * Return: 0; -EOVERFLOW if @length is 0 or the range wraps; -EINVAL if @start is
 * not below the task size of the mm; -ESRCH if the mm has exited; -ENOMEM if out
 * of memory; -EINTR if the calling task was killed.
 *
 * Since: 0.3
 */
int hmm_dropin_interval_insert(struct hmm_dropin_interval *interval,
			       struct mm_struct *mm, unsigned long start,
			       unsigned long length,
			       const struct hmm_dropin_interval_ops *ops)
{
	return hmm_dropin_insert(interval, mm, start, length, ops, false);
}
EXPORT_SYMBOL_GPL(hmm_dropin_interval_insert);

/**
 * hmm_dropin_interval_insert_locked() - mmu_interval_notifier_insert_locked()
 * @interval: the interval; this function initializes every member
 * @mm: the mm; the caller holds a reference to mm_users, or runs in a task that
 *      uses the mm
 * @start: first address, in bytes
 * @length: in bytes
 * @ops: the callbacks, at least @invalidate or both of the two passes
 *
 * Context: may sleep. The caller holds the mmap lock for writing. It may hold
 * the lock for reading after an interval of the mm was inserted, or after
 * hmm_dropin_notifier_register() was called with a NULL notifier.
 * Return: the same as hmm_dropin_interval_insert().
 *
 * Since: 0.3
 */
int hmm_dropin_interval_insert_locked(struct hmm_dropin_interval *interval,
				      struct mm_struct *mm,
				      unsigned long start, unsigned long length,
				      const struct hmm_dropin_interval_ops *ops)
{
	mmap_assert_locked(mm);
	return hmm_dropin_insert(interval, mm, start, length, ops, true);
}
EXPORT_SYMBOL_GPL(hmm_dropin_interval_insert_locked);

/**
 * hmm_dropin_interval_remove() - mmu_interval_notifier_remove()
 * @interval: an inserted interval
 *
 * On return no callback of the interval is running, and none will run.
 * &hmm_dropin_interval.mm is unchanged, but no longer referenced.
 *
 * Context: may sleep. It must not be called from a callback, or with a lock held
 * that a callback acquires.
 *
 * Since: 0.3
 */
void hmm_dropin_interval_remove(struct hmm_dropin_interval *interval)
{
	struct hmm_dropin_mirror *mirror = interval->mirror;

	if (WARN_ONCE(!mirror, "interval removed, but not inserted\n"))
		return;
	hmm_interval_notifier_remove(&interval->own);
	interval->mirror = NULL;
	hmm_dropin_mirror_put(mirror);
}
EXPORT_SYMBOL_GPL(hmm_dropin_interval_remove);

/**
 * hmm_dropin_interval_read_begin() - mmu_interval_read_begin()
 * @interval: an inserted interval
 *
 * Waits until no invalidation of the interval is in progress, even if the
 * driver ignores it. Invalidations of other addresses do not count.
 *
 * Context: may sleep. The caller must not hold its update lock.
 * Return: a sequence for mmu_interval_read_retry().
 *
 * Since: 0.3
 */
unsigned long
hmm_dropin_interval_read_begin(struct hmm_dropin_interval *interval)
{
	/*
	 * The acquire orders this load before the check for invalidations in
	 * hmm_interval_read_begin().
	 */
	unsigned long seq = smp_load_acquire(&interval->invalidate_seq);

	hmm_interval_read_begin(&interval->own);
	return seq;
}
EXPORT_SYMBOL_GPL(hmm_dropin_interval_read_begin);
