// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges: requests for pages, each with an interval that detects collisions.
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
#include "trace.h"

/*
 * Page table indices wrap. A walk past the end of the address space would read
 * the entries of other addresses, whose invalidations do not overlap the range.
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
 * Check without the lock whether the interval is inserted and covers the range.
 * An update or a removal of the interval writes the members that are read here
 * before it increments the sequence. If a caller reads the sequence first and
 * then reads members that are changing, the range therefore collides.
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

/*
 * Also returns false if the mirror was unregistered before the interval was
 * removed.
 */
static __always_inline bool
hmm_range_is_bound(const struct hmm_mirror_range *range)
{
	return !WARN_ONCE(!range->interval || !range->interval->context,
			  "hmm_mirror range is neither registered nor bound\n");
}

/* Returns true, with one warning, if the range's own interval is in use. */
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
	range->filled = 0;
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
 * Use this function to read many ranges within one large interval. It does not
 * insert an interval, and the driver need not call
 * hmm_mirror_range_unregister().
 *
 * An update of the interval does not change the addresses of the range. While
 * the interval does not cover the range,
 * hmm_mirror_range_wait_until_valid() and all functions that read the range
 * return -ENOENT.
 *
 * Context: any.
 * Return: 0; -EINVAL if the addresses are not aligned, not within the interval
 * or past the task size of the mm, the start is not below the end, @interval is
 * not inserted, or @range is registered.
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
	range->filled = 0;
	range->seq = 0;
	range->mapped = 0;
	ret = hmm_range_is_bound(range) ? hmm_range_recheck(range) : -EINVAL;
	if (ret)
		range->interval = NULL;
	/* An interval that does not cover the range is an invalid argument. */
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

	range->filled = 0;
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

/*
 * An early check without the update lock. The caller begins again if the result
 * is true.
 */
static bool hmm_range_has_collided(const struct hmm_mirror_range *range)
{
	if (likely(!hmm_interval_check_retry(range->interval, range->seq)))
		return false;
	hmm_stats_count_collision(range->interval, range->seq);
	return true;
}

/*
 * The maximum number of calls of hmm_read_range(), with a pause after each call
 * that fails because a page is not present after HMM_FAULT_TRIES faults. If
 * another task was preempted with the page locked, the total time is long
 * enough for that task to run again and unlock the page.
 */
#define HMM_RANGE_ATTEMPTS	1000
#define HMM_RANGE_PAUSE_US	1000

/*
 * Read and fault in the range.
 *
 * A page may be absent although its fault succeeded. If the page was removed
 * again, the invalidation made the range collide. Otherwise, the fault handler
 * may depend on the progress of another task, so pause and repeat.
 * The number of attempts is limited, because a fault handler may never map
 * anything usable, and a kernel thread cannot be killed.
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
		if (!ret) {
			if (hmm_range_has_collided(range))
				return -EBUSY;
			range->filled = hmm_mirror_range_npages(range);
			return 0;
		}
		if (ret != -EBUSY || ktime_after(ktime_get(), deadline))
			goto failed;
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			goto failed;
		}
		usleep_range(HMM_RANGE_PAUSE_US, 2 * HMM_RANGE_PAUSE_US);
		request->retries++;
	}
	ret = -EFAULT;
failed:
	range->filled = (request->reached - range->start) >> PAGE_SHIFT;
	return ret;
}

/* Fill the array from the page tables, and fault in the requested pages. */
static int hmm_range_fill(struct hmm_mirror_range *range,
			  struct hmm_read_request *request, ktime_t deadline)
{
	struct mm_struct *mm;
	bool borrowed;
	int ret;

	range->filled = 0;
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
	if (request->faults)
		atomic64_add(request->faults,
			     &range->interval->context->stats.faults);
	/* Dropping the last reference runs the callbacks for the mm's exit. */
	if (!borrowed)
		mmput(mm);
	return ret;
}

/* For tracepoints: returns the mm, or NULL if the range is not bound. */
static const void *hmm_range_mm(const struct hmm_mirror_range *range)
{
	if (!range->interval || !range->interval->context)
		return NULL;
	return range->interval->context->mm;
}

/* For tracepoints: returns how many pages a read has found. */
static unsigned long hmm_range_count_pages(const struct hmm_mirror_range *range)
{
	unsigned long i, next, found = 0;

	for (i = 0; i < range->filled; i = next) {
		next = min(hmm_mirror_range_next(range, i), range->filled);
		if (range->pfns[i] & HMM_MIRROR_PFN_VALID)
			found += next - i;
	}
	return found;
}

/**
 * hmm_mirror_range_snapshot() - read the CPU page tables
 * @range: a range for which hmm_mirror_range_wait_until_valid() returned 0
 *
 * This function does not fault in pages. It ignores requests, but keeps them in
 * the entries if @range->pfn_flags_mask is not 0.
 *
 * If the kernel frees page tables by RCU, or, on x86-64, if the mm is that of
 * the calling task, the function reads present pages without a lock. At the
 * first page that is not present or whose entry depends on the vma, it acquires
 * the lock of the vma (7.2 and later) or, if this is not possible, the mmap
 * lock, which it keeps for the rest of the range unless another task waits for
 * it. In all other cases, it reads the whole range under the mmap lock, except
 * for a kernel thread on x86-64 without an mm of its own: if this thread would
 * have to wait for the lock, it uses the mm while it reads present pages.
 *
 * Context: may sleep. The caller must not hold the mmap lock or the update
 * lock.
 * Return: 0, with every entry written; -EBUSY if the range has collided, so
 * that the caller must call hmm_mirror_range_wait_until_valid() again; -ENOENT
 * if the interval that the range is bound to no longer covers it; -ESRCH if the
 * mm has exited; -EINTR if the calling task was killed; -EINVAL if pages of the
 * range are mapped for DMA, its flags or addresses are invalid, it is compact
 * and @range->pfn_flags_mask is not 0, it has no array, or it is neither
 * registered nor bound. On an error, the entries of the first @range->filled
 * pages are written, and each other entry is either unchanged or completely
 * written.
 *
 * Since: 0.1
 */
int hmm_mirror_range_snapshot(struct hmm_mirror_range *range)
{
	struct hmm_read_request request = {};
	u64 ns;
	int ret;

	might_sleep();
	if (!trace_hmm_snapshot_enabled())
		return hmm_range_fill(range, &request, KTIME_MAX);
	ns = ktime_get_ns();
	ret = hmm_range_fill(range, &request, KTIME_MAX);
	ns = ktime_get_ns() - ns;
	trace_hmm_snapshot(range, hmm_range_mm(range), ret,
			   hmm_range_count_pages(range), request.retries, ns);
	return ret;
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
	u64 ns;
	int ret;

	might_sleep();
	if (!trace_hmm_fault_enabled())
		return hmm_range_fill(range, &request, deadline);
	ns = ktime_get_ns();
	ret = hmm_range_fill(range, &request, deadline);
	ns = ktime_get_ns() - ns;
	trace_hmm_fault(range, hmm_range_mm(range), ret,
			hmm_range_count_pages(range), request.retries, ns);
	return ret;
}

/**
 * hmm_mirror_range_fault() - read the page tables and fault in requested pages
 * @range: a range for which hmm_mirror_range_wait_until_valid() returned 0
 *
 * Locks are acquired as by hmm_mirror_range_snapshot(): none if every page of
 * the range is an ordinary present page that satisfies its request, and 7.2 and
 * later handle most faults under the lock of the vma. If the first fault on a
 * page has to wait, for example for the disk, it drops the lock. Repeated
 * faults on the same page may wait with the mmap lock held.
 *
 * A fault may itself cause an invalidation, for example when it breaks
 * copy-on-write. The range collides in this case, and the page is usually
 * present at the next attempt.
 *
 * A present page that user mode can access may be reported even if its vma is
 * not readable, or has VM_IO or VM_PFNMAP set.
 *
 * Context: may sleep. The caller must not hold the mmap lock, the update lock,
 * or any lock that a page fault may acquire.
 * Return: 0, with every entry written and every request satisfied; -EBUSY if
 * the range has collided, so that the caller must call
 * hmm_mirror_range_wait_until_valid() again; -EFAULT if a requested address has
 * no vma, its vma is not readable or has VM_IO or VM_PFNMAP set, its page has
 * no struct page, its fault failed, or its faults succeeded repeatedly without
 * satisfying the request; -EPERM if writing is requested and the vma does not
 * permit it; -ENOENT if the interval that the range is bound to no longer
 * covers it; -ESRCH if the mm has exited; -EINTR if the calling task was
 * killed; -ENOMEM if out of memory; -EINVAL if pages of the range are mapped
 * for DMA, its flags or addresses are invalid, it is compact and
 * @range->pfn_flags_mask is not 0, it has no array, or it is neither registered
 * nor bound. On an error, the first @range->filled pages satisfy their requests,
 * and each other entry is either unchanged or completely written.
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
 * @range: a range for which hmm_mirror_range_wait_until_valid() returned 0
 *
 * Like hmm_mirror_range_fault(), but for a caller that holds the mmap lock for
 * reading. The lock is not dropped.
 *
 * Context: may sleep. The caller holds the mmap lock for reading. It also holds
 * a reference to mm_users, or runs in a task that uses the mm. It must not hold
 * the update lock, or any other lock that a page fault may acquire.
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

/*
 * Wait and fault in the range until it does not collide. *@retries is
 * incremented for each collision after which the range is read again.
 */
static int hmm_range_populate(struct hmm_mirror_range *range,
			      unsigned int timeout_ms, unsigned int *retries)
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
		++*retries;
		cond_resched();
	}
}

/**
 * hmm_mirror_range_populate() - fault in a range, and repeat after a collision
 * @range: a registered or bound range
 * @timeout_ms: the longest time to try, in milliseconds; 0 means no limit
 *
 * Repeats hmm_mirror_range_wait_until_valid() and hmm_mirror_range_fault()
 * until the range does not collide. Afterwards the caller must check
 * hmm_mirror_range_valid() under the update lock, and call this function again
 * if it returns false.
 *
 * The timeout limits how long this function waits for invalidations and repeats
 * attempts. It does not interrupt an attempt, which may wait for the mmap lock
 * and for page faults. A page fault that reads from a disk, or that waits for a
 * userfaultfd monitor, returns when the page is present or the calling task is
 * killed. A kernel thread cannot be killed, so nothing limits its wait for such
 * a fault.
 *
 * Context: may sleep. The caller must not hold the mmap lock, the update lock,
 * or any lock that a page fault may acquire.
 * Return: the same as hmm_mirror_range_fault(), except that it never returns
 * -EBUSY; -ETIME if the range could not be populated within @timeout_ms.
 *
 * Since: 0.1
 */
int hmm_mirror_range_populate(struct hmm_mirror_range *range,
			      unsigned int timeout_ms)
{
	unsigned int retries = 0;
	u64 ns;
	int ret;

	if (!trace_hmm_populate_enabled())
		return hmm_range_populate(range, timeout_ms, &retries);
	ns = ktime_get_ns();
	ret = hmm_range_populate(range, timeout_ms, &retries);
	ns = ktime_get_ns() - ns;
	trace_hmm_populate(range, hmm_range_mm(range), ret,
			   hmm_range_count_pages(range), retries, ns);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_populate);
