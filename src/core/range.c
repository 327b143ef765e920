// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges: a request for pages, and the interval that detects collisions.
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
 * Page table indices wrap. A read past the end of the address space would find
 * the pages of another address, whose invalidations do not overlap the range.
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
 * Check whether the interval is inserted and covers the range, without the
 * lock. Updates and removes write the members that are read here before they
 * increment the sequence. So a caller that reads the sequence first, and then
 * sees members that are changing, collides.
 */
static bool hmm_range_is_covered(const struct hmm_mirror_range *range)
{
	const struct hmm_interval_notifier *interval = range->interval;

	return READ_ONCE(interval->inserted) &&
	       range->start >= READ_ONCE(interval->start) &&
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

/* Also returns false if the mirror was unregistered before the interval. */
static bool hmm_range_is_bound(const struct hmm_mirror_range *range)
{
	return !WARN_ONCE(!range->interval || !range->interval->context,
			  "hmm_mirror range is neither registered nor bound\n");
}

/* The own interval of such a range is in the tree: do not insert it again. */
static bool hmm_range_is_registered(const struct hmm_mirror_range *range)
{
	return WARN_ONCE(range->interval == &range->own,
			 "hmm_mirror range is already registered\n");
}

/**
 * hmm_mirror_range_register() - initialize a range with its own interval
 * @range: zeroed, except for its array and flags
 * @mirror: a registered mirror, which must outlive the range
 * @start: first address, in bytes, page aligned, without a tag
 * @end: first address past the end, in bytes, page aligned
 *
 * Context: any context in which a spinlock may be acquired, but not interrupts.
 * Return: 0; -EINVAL if the addresses are not aligned, @start is not below
 * @end, @end is past the task size of the mm, @mirror is not registered, or
 * @range is already registered; -ESRCH if the mm has exited.
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
	if (hmm_range_is_registered(range))
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
 * hmm_mirror_range_bind() - initialize a range that uses another interval
 * @range: zeroed, except for its addresses, array and flags
 * @interval: an inserted interval, which must cover and outlive the range
 *
 * Use this function for many ranges in one large interval: it inserts no
 * interval. The range needs no hmm_mirror_range_unregister().
 *
 * The range does not follow updates of the interval. While the interval does
 * not cover the range, functions that begin or read the range fail.
 *
 * Context: any.
 * Return: 0; -EINVAL if the addresses are not aligned, not within the interval
 * or past the task size of the mm, @interval is not inserted, or @range is
 * registered.
 *
 * Since: 0.1
 */
int hmm_mirror_range_bind(struct hmm_mirror_range *range,
			  struct hmm_interval_notifier *interval)
{
	int ret;

	if (hmm_range_is_registered(range))
		return -EINVAL;
	range->interval = interval;
	range->seq = 0;
	range->mapped = 0;
	ret = hmm_range_is_bound(range) ? hmm_range_recheck(range) : -EINVAL;
	if (ret)
		range->interval = NULL;
	/* The caller passed an interval that never covered the range. */
	return ret == -ENOENT ? -EINVAL : ret;
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_bind);

/**
 * hmm_mirror_range_unregister() - release a range
 * @range: a registered or bound range, without DMA mappings
 *
 * Context: may sleep. It must not be called from a callback, or with a lock
 * held that a callback acquires.
 *
 * Since: 0.1
 */
void hmm_mirror_range_unregister(struct hmm_mirror_range *range)
{
	WARN_ONCE(range->mapped,
		  "hmm_mirror range unregistered with %lu DMA mappings\n",
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
 * hmm_mirror_range_wait_until_valid() - begin to read a range
 * @range: a registered or bound range
 * @timeout_ms: the longest time to wait, in milliseconds; 0 means no limit
 *
 * Waits until no invalidation of the interval is in progress. Entries that are
 * read afterwards may be used if hmm_mirror_range_valid() returns true under
 * the update lock. Entries that were read before are no longer valid, even if
 * this function fails. Call it again if hmm_mirror_range_valid() returns false
 * or a read fails with -EBUSY.
 *
 * Context: may sleep. It must not be called from a callback, or with the update
 * lock held.
 * Return: 0; -ETIME if an invalidation is still in progress after @timeout_ms;
 * -EINTR if the calling task was killed; -ESRCH if the mm has exited; -ENOENT
 * if the interval that the range is bound to no longer covers it; -EINVAL if
 * the range is neither registered nor bound, or its addresses are invalid.
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
	/* Earlier results are no longer valid, even if this fails. */
	range->seq = 0;
	ret = hmm_interval_read_begin_timeout(range->interval, timeout_ms,
					      &seq);
	if (ret)
		return ret;
	if (hmm_range_mm_is_dead(range))
		return -ESRCH;
	/* Must follow the read of the sequence: see hmm_range_is_covered(). */
	ret = hmm_range_recheck(range);
	if (!ret)
		range->seq = seq;
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_wait_until_valid);

/* An early check without the update lock. */
static bool hmm_range_has_collided(const struct hmm_mirror_range *range)
{
	return hmm_interval_check_retry(range->interval, range->seq);
}

/*
 * How many times hmm_read_range() is repeated for a page that is not present
 * after HMM_FAULT_TRIES faults, with a pause in between. The total time is long
 * enough for another task that was preempted with the page locked.
 */
#define HMM_RANGE_ATTEMPTS	1000
#define HMM_RANGE_PAUSE_US	1000

/*
 * Read and fault in the range.
 *
 * A page may be absent although its fault succeeded. Either it was removed
 * again, which caused an invalidation, so that the range has collided. Or the
 * fault handler waits for another task, so pause and repeat. The number of
 * attempts is limited, because a fault handler may never map anything usable,
 * and a kernel thread cannot be killed.
 */
static int hmm_range_fill_retrying(struct hmm_mirror_range *range,
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

/* Fill the array from the page tables, and fault in the requested pages. */
static int hmm_range_fill(struct hmm_mirror_range *range,
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

	if (hmm_range_mm_is_dead(range))
		return -ESRCH;
	mm = range->interval->context->mm;
	borrowed = current->mm == mm || request->keep_lock;
	if (!borrowed && !mmget_not_zero(mm))
		return -ESRCH;
	request->walk.mm = mm;
	request->walk.pfns = range->pfns;
	request->walk.base = range->start;
	request->walk.keep = range->pfn_flags_mask;
	request->walk.owner = range->dev_private_owner;
	request->walk.compact = range->flags & HMM_MIRROR_RANGE_COMPACT;
	ret = hmm_range_fill_retrying(range, request, deadline);
	/* If this is the last reference, the callbacks of the exit run here. */
	if (!borrowed)
		mmput(mm);
	return ret;
}

/**
 * hmm_mirror_range_snapshot() - read the CPU page tables
 * @range: a range that has begun
 *
 * Nothing is faulted in. Requests are ignored, but kept in the entries if
 * @range->pfn_flags_mask is not 0. Present pages are read
 * without the mmap lock if the mm is the current one, or if the kernel frees
 * page tables by RCU. Anything else is read with the mmap lock held.
 *
 * Context: may sleep. The caller must not hold the mmap lock or the update
 * lock.
 * Return: 0, with every entry written; -EBUSY if the range has collided, begin
 * again; -ENOENT if the interval that the range is bound to no longer covers
 * it; -ESRCH if the mm has exited; -EINTR if the calling task was killed;
 * -EINVAL if pages of the range are mapped for DMA, its flags or addresses are
 * invalid, it has no array, or it is neither registered nor bound. On an error,
 * each entry is either unchanged or completely written.
 *
 * Since: 0.1
 */
int hmm_mirror_range_snapshot(struct hmm_mirror_range *range)
{
	struct hmm_read_request request = {};

	might_sleep();
	return hmm_range_fill(range, &request, KTIME_MAX);
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
	return hmm_range_fill(range, &request, deadline);
}

/**
 * hmm_mirror_range_fault() - read the page tables and fault in requested pages
 * @range: a range that has begun
 *
 * If all requested pages are present, no lock is acquired, under the same
 * conditions as for hmm_mirror_range_snapshot(). A page fault that has to wait
 * drops the mmap lock.
 *
 * A fault may itself cause an invalidation, for example by breaking
 * copy-on-write. The range has collided then, and the next call finds the page
 * present.
 *
 * Context: may sleep. The caller must not hold the mmap lock, the update lock,
 * or any lock that a page fault may acquire.
 * Return: 0, with every entry written and every request satisfied; -EBUSY if
 * the range has collided, begin again; -EFAULT if an address has no vma or is
 * device memory (VM_IO, VM_PFNMAP), if its vma is not readable and the page not
 * present, if the fault failed, or if faults succeeded repeatedly without the
 * page becoming present; -EPERM if writing is requested and the vma does not
 * permit it;
 * -ENOENT if the interval that the range is bound to no longer covers it;
 * -ESRCH if the mm has exited; -EINTR if the calling task was killed; -ENOMEM
 * if out of memory; -EINVAL if pages of the range are mapped for DMA, its flags
 * or addresses are invalid, it has no array, or it is neither registered nor
 * bound. On an error, each entry is either unchanged or completely written.
 *
 * Since: 0.1
 */
int hmm_mirror_range_fault(struct hmm_mirror_range *range)
{
	return hmm_range_fault_in(range, false, KTIME_MAX);
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_fault);

/**
 * hmm_mirror_range_fault_locked() - fault in pages, mmap lock held
 * @range: a range that has begun
 *
 * Like hmm_mirror_range_fault(), but for a caller that holds the mmap lock for
 * reading. The lock is not dropped.
 *
 * Context: may sleep; the caller holds the mmap lock for reading and a
 * reference to mm_users, or runs in a task that uses the mm. It must not hold
 * the update lock.
 * Return: the same as hmm_mirror_range_fault(), and -EAGAIN if a fault would
 * have to drop the mmap lock.
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
 * hmm_mirror_range_populate() - begin and fault in, repeat after a collision
 * @range: a registered or bound range
 * @timeout_ms: the longest time to try, in milliseconds; 0 means no limit
 *
 * Repeats hmm_mirror_range_wait_until_valid() and hmm_mirror_range_fault()
 * until the range does not collide. Afterwards the caller must check
 * hmm_mirror_range_valid() under the update lock, and call this function again
 * if it returns false.
 *
 * The timeout limits the time spent waiting for invalidations and repeating
 * attempts. It does not limit a single page fault: one that reads from a disk,
 * or waits for a userfaultfd monitor, returns when the page is present or the
 * calling task is killed. A kernel thread cannot be killed, so it waits for
 * such a fault however long that takes.
 *
 * Context: may sleep. The caller must not hold the mmap lock, the update lock,
 * or any lock that a page fault may acquire.
 * Return: the same as hmm_mirror_range_fault(), except that it never returns
 * -EBUSY; -ETIME if the range still collides after @timeout_ms.
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
