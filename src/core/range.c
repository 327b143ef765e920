// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges: a request, the interval that guards it, and the loop around both.
 */
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include <hmm/range.h>

#include "context.h"
#include "read_range.h"

/*
 * Page table indices wrap, so an address past the end of the address space
 * would read the pages of another one, whose invalidations do not overlap the
 * range.
 */
static int hmm_range_check(const struct mm_struct *mm, unsigned long start,
			   unsigned long end)
{
	if (!PAGE_ALIGNED(start) || !PAGE_ALIGNED(end) || start >= end ||
	    end > mm->task_size)
		return -EINVAL;
	return 0;
}

/*
 * Does the interval cover the range? An update writes the bounds before it
 * raises the sequence: a caller that has read a sequence and then finds the
 * range covered by bounds that are changing collides with that update.
 */
static bool hmm_range_is_covered(const struct hmm_mirror_range *range)
{
	const struct hmm_interval_notifier *interval = range->interval;

	return range->start >= READ_ONCE(interval->start) &&
	       range->end - 1 <= READ_ONCE(interval->last);
}

/* The driver may change the addresses of a range that it has bound. */
static int hmm_range_recheck(const struct hmm_mirror_range *range)
{
	int ret;

	ret = hmm_range_check(range->interval->context->mm, range->start,
			      range->end);
	if (ret)
		return ret;
	return hmm_range_is_covered(range) ? 0 : -ENOENT;
}

/* Also false once its mirror was unregistered and left the interval behind. */
static bool hmm_range_is_bound(const struct hmm_mirror_range *range)
{
	return !WARN_ONCE(!range->interval || !range->interval->context,
			  "hmm_mirror range used, but neither registered nor bound\n");
}

/**
 * hmm_mirror_range_register() - prepare a request, with its own interval
 * @range: zeroed, or with its array and flags set
 * @mirror: a registered mirror, which must outlive the range
 * @start: first address, page aligned; without a tag
 * @end: first address past the end, page aligned
 *
 * Context: any in which a spinlock may be taken, but not an interrupt.
 * Return: 0; -EINVAL if the addresses are not aligned, @start is not below
 * @end, @end is past the task size of the mm, or @mirror is not registered;
 * -ESRCH if the mm has exited.
 *
 * Since: 0.1
 */
int hmm_mirror_range_register(struct hmm_mirror_range *range,
			      struct hmm_mirror *mirror,
			      unsigned long start, unsigned long end)
{
	struct hmm_context *context = mirror->context;
	int ret;

	if (WARN_ONCE(!context, "range for a mirror that is not registered\n"))
		return -EINVAL;
	ret = hmm_range_check(context->mm, start, end);
	if (ret)
		return ret;
	ret = hmm_interval_notifier_insert(&range->own, mirror, start,
					   end - start, NULL);
	if (ret)
		return ret;
	range->start = start;
	range->end = end;
	range->interval = &range->own;
	range->seq = 0;
	range->mapped = 0;
	return 0;
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_register);

/**
 * hmm_mirror_range_bind() - prepare a request, guarded by a borrowed interval
 * @range: zeroed, but for its addresses, array and flags
 * @interval: an inserted interval that covers the range and outlives it
 *
 * For many requests under one wide interval: nothing is inserted. The range
 * needs no hmm_mirror_range_unregister().
 *
 * The range follows no update of the interval: as long as the interval does
 * not cover it, it can be neither begun nor read.
 *
 * Context: any.
 * Return: 0; -EINVAL if the addresses are not aligned, not within the interval
 * or past the task size of the mm, or @interval is not inserted.
 *
 * Since: 0.1
 */
int hmm_mirror_range_bind(struct hmm_mirror_range *range,
			  struct hmm_interval_notifier *interval)
{
	int ret;

	range->interval = interval;
	range->seq = 0;
	range->mapped = 0;
	ret = hmm_range_is_bound(range) ? hmm_range_recheck(range) : -EINVAL;
	if (ret)
		range->interval = NULL;
	/* Nothing has moved yet: the range is bound to the wrong interval. */
	return ret == -ENOENT ? -EINVAL : ret;
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_bind);

/**
 * hmm_mirror_range_unregister() - done with a request
 * @range: a range that was registered or bound; nothing of it is mapped for
 *         DMA
 *
 * Context: may sleep; not from a callback.
 *
 * Since: 0.1
 */
void hmm_mirror_range_unregister(struct hmm_mirror_range *range)
{
	WARN_ONCE(range->mapped, "hmm_mirror range given up with %lu DMA mappings\n",
		  range->mapped);
	if (range->interval == &range->own)
		hmm_interval_notifier_remove(&range->own);
	range->interval = NULL;
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_unregister);

static bool hmm_range_mm_is_dead(const struct hmm_mirror_range *range)
{
	return READ_ONCE(range->interval->context->dead);
}

/**
 * hmm_mirror_range_wait_until_valid() - begin: wait out what is in progress
 * @range: a range
 * @timeout_ms: how long to wait at most, in milliseconds; 0: for ever
 *
 * What is read afterwards may be used if hmm_mirror_range_valid() is true under
 * the update lock. What was read before is not valid any more. Call it again,
 * in the loop, when hmm_mirror_range_valid() is false or a read has collided.
 *
 * Context: may sleep; not from a callback, not with the update lock held.
 * Return: 0; -ETIME; -EINTR if the task was killed; -ESRCH if the mm has
 * exited; -ENOENT if the interval that the range is bound to no longer covers
 * it; -EINVAL if the range is neither registered nor bound.
 *
 * Since: 0.1
 */
int hmm_mirror_range_wait_until_valid(struct hmm_mirror_range *range,
				      unsigned int timeout_ms)
{
	unsigned long seq;
	int ret;

	if (!hmm_range_is_bound(range))
		return -EINVAL;
	/* What was read before is not valid, also if this fails. */
	range->seq = 0;
	ret = hmm_interval_read_begin_timeout(range->interval, timeout_ms,
					      &seq);
	if (ret)
		return ret;
	if (hmm_range_mm_is_dead(range))
		return -ESRCH;
	/* After the sequence was read: see hmm_range_is_covered(). */
	ret = hmm_range_recheck(range);
	if (!ret)
		range->seq = seq;
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_wait_until_valid);

/* An early look without the update lock. */
static bool hmm_range_has_collided(const struct hmm_mirror_range *range)
{
	return hmm_interval_check_retry(range->interval, range->seq);
}

/*
 * How often a page that does not appear is faulted anew, HMM_FAULT_TRIES times
 * each, with a pause of a millisecond between: long enough for another task
 * that was preempted with the page locked.
 */
#define HMM_RANGE_ATTEMPTS	1000
#define HMM_RANGE_PAUSE_US	1000

/*
 * Read and fault in until a page that does not appear is explained: what takes
 * it away invalidates, so the range has collided; or the fault handler is slow
 * or waits for another task, which a pause is for. A handler that never maps
 * anything usable ends it too, in every task: a kernel thread receives no
 * signal that would.
 */
static int hmm_range_read_pages(struct hmm_mirror_range *range,
				struct hmm_read_request *request, ktime_t deadline)
{
	unsigned int attempt;
	int ret;

	for (attempt = 0; attempt < HMM_RANGE_ATTEMPTS; attempt++) {
		if (hmm_range_has_collided(range))
			return -EBUSY;
		ret = hmm_read_range(request, range->start, range->end);
		if (!ret && hmm_range_has_collided(range))
			return -EBUSY;
		if (ret != -EBUSY)
			return ret;
		if (ktime_after(ktime_get(), deadline))
			return -EBUSY;
		if (fatal_signal_pending(current))
			return -EINTR;
		usleep_range(HMM_RANGE_PAUSE_US, 2 * HMM_RANGE_PAUSE_US);
	}
	return -EFAULT;
}

/* Fill the array with what the page tables say, and fault in what it asks. */
static int hmm_range_read(struct hmm_mirror_range *range,
			  struct hmm_read_request *request, ktime_t deadline)
{
	struct mm_struct *mm;
	bool borrowed;
	int ret;

	if (!hmm_range_is_bound(range))
		return -EINVAL;
	if (WARN_ONCE(!range->pfns, "hmm_mirror range read without an array\n"))
		return -EINVAL;
	if (range->flags & ~HMM_MIRROR_RANGE_COMPACT || range->mapped)
		return -EINVAL;
	if (range->flags & HMM_MIRROR_RANGE_COMPACT && range->pfn_flags_mask)
		return -EINVAL;
	ret = hmm_range_recheck(range);
	if (ret)
		return ret;

	mm = range->interval->context->mm;
	borrowed = current->mm == mm || request->keep_lock;
	if (!borrowed && !mmget_not_zero(mm))
		return -ESRCH;
	request->walk.mm = mm;
	request->walk.pfns = range->pfns;
	request->walk.base = range->start;
	request->walk.owner = range->dev_private_owner;
	request->walk.compact = range->flags & HMM_MIRROR_RANGE_COMPACT;
	ret = hmm_range_read_pages(range, request, deadline);
	/* The last one out takes the mm down, and the callbacks run here. */
	if (!borrowed)
		mmput(mm);
	return ret;
}

/**
 * hmm_mirror_range_snapshot() - what the CPU page tables say
 * @range: a range that was begun
 *
 * Faults nothing in and honours no request. Present pages are read without
 * a lock of the mm, if it is the current one or the kernel frees page tables
 * by RCU; the rest under the mmap lock.
 *
 * Context: may sleep; without the mmap lock and without the update lock.
 * Return: 0, and then every entry is set; -EBUSY if the range has collided:
 * begin again; -ENOENT if the interval that the range is bound to no longer
 * covers it; -ESRCH if the mm has exited; -EINTR if the task was killed;
 * -EINVAL if pages of the range are mapped for DMA, its flags or addresses are
 * invalid, it has no array, or it is neither registered nor bound. On an error
 * each entry is either as it was or wholly set.
 *
 * Since: 0.1
 */
int hmm_mirror_range_snapshot(struct hmm_mirror_range *range)
{
	struct hmm_read_request request = {};

	might_sleep();
	return hmm_range_read(range, &request, KTIME_MAX);
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_snapshot);

static int hmm_range_fault_in(struct hmm_mirror_range *range, bool keep_lock,
			      ktime_t deadline)
{
	struct hmm_read_request request = {
		.walk.mask = range->pfn_flags_mask & HMM_MIRROR_PFN_REQ_WRITE,
		.walk.required = range->default_flags &
				 HMM_MIRROR_PFN_REQ_WRITE,
		.keep_lock = keep_lock,
	};

	might_sleep();
	return hmm_range_read(range, &request, deadline);
}

/**
 * hmm_mirror_range_fault() - fault in what is requested
 * @range: a range that was begun
 *
 * Where the request is met already nothing is locked. A fault that has to
 * wait does so without the mmap lock.
 *
 * Faulting may itself invalidate, as when it breaks a copy-on-write: the
 * range has collided then, and the next call finds the pages present.
 *
 * Context: may sleep; without the mmap lock, without the update lock and
 * without any lock that a page fault may take.
 * Return: 0, and then every entry is set and holds what was requested of it;
 * -EBUSY if the range has collided: begin again; -EFAULT where there is no
 * vma, one that cannot be read (but pages that the CPU can reach in it may be
 * given), device memory, the fault failed, or it succeeded again and again
 * without the page appearing although nothing collided; -EPERM for a write
 * where the vma does not allow it; -ENOENT if the interval that the range is
 * bound to no longer covers it; -ESRCH if the mm has exited; -EINTR if the
 * task was killed; -ENOMEM; -EINVAL if pages of the range are mapped for DMA,
 * its flags or addresses are invalid, it has no array, or it is neither
 * registered nor bound. On an error each entry is either as it was or wholly
 * set.
 *
 * Since: 0.1
 */
int hmm_mirror_range_fault(struct hmm_mirror_range *range)
{
	return hmm_range_fault_in(range, false, KTIME_MAX);
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_fault);

/**
 * hmm_mirror_range_fault_locked() - fault in, with the mmap lock held
 * @range: a range that was begun
 *
 * As hmm_mirror_range_fault(), for a caller that holds the mmap lock for
 * reading and must keep it: it is never let go.
 *
 * Context: may sleep; the mmap lock is held for reading.
 * Return: as hmm_mirror_range_fault(), and -EAGAIN where the fault would
 * have to wait without the lock.
 *
 * Since: 0.1
 */
int hmm_mirror_range_fault_locked(struct hmm_mirror_range *range)
{
	if (hmm_range_is_bound(range))
		mmap_assert_locked(range->interval->context->mm);
	return hmm_range_fault_in(range, true, KTIME_MAX);
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_fault_locked);

/**
 * hmm_mirror_range_populate() - begin and fault, until it succeeds
 * @range: a range
 * @timeout_ms: how long to try at most, in milliseconds; 0: for ever
 *
 * The loop that hmm_mirror_range_wait_until_valid() and
 * hmm_mirror_range_fault() need around them. Then, under the update lock,
 * hmm_mirror_range_valid() says whether the result may be used; if not, call
 * it again.
 *
 * The timeout bounds the waits for invalidations and the attempts that
 * collide. It does not bound a single attempt: a page fault that reads from
 * a disk or waits for a userfaultfd monitor ends when the page is there, or
 * when the task is killed. A kernel thread cannot be killed: it waits as
 * long as such a fault does.
 *
 * Context: may sleep; without the mmap lock, without the update lock and
 * without any lock that a page fault may take.
 * Return: as hmm_mirror_range_fault(), but never -EBUSY: -ETIME if it still
 * collides after @timeout_ms.
 *
 * Since: 0.1
 */
int hmm_mirror_range_populate(struct hmm_mirror_range *range,
			      unsigned int timeout_ms)
{
	ktime_t deadline = KTIME_MAX;
	unsigned int left_ms = timeout_ms;

	if (timeout_ms)
		deadline = ktime_add_ms(ktime_get(), timeout_ms);

	for (;;) {
		s64 left;
		int ret;

		ret = hmm_mirror_range_wait_until_valid(range, left_ms);
		if (!ret)
			ret = hmm_range_fault_in(range, false, deadline);
		if (ret != -EBUSY)
			return ret;

		if (fatal_signal_pending(current))
			return -EINTR;
		if (timeout_ms) {
			left = ktime_ms_delta(deadline, ktime_get());
			if (left <= 0)
				return -ETIME;
			left_ms = left;
		}
		cond_resched();
	}
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_populate);
