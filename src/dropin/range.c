// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a range into an array of the kernel's layout.
 *
 * While the range is being read, a driver may use its array under its update
 * lock, and may set flags in it. So the core reads into a temporary array. Then
 * each entry is stored once, and nothing is stored after an error.
 */
#include <linux/export.h>
#include <linux/hmm.h>
#include <linux/jiffies.h>
#include <linux/mmap_lock.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <hmm/dropin/types.h>
#include <hmm/range.h>

#include "mirror.h"

/* The order of an entry has five bits in every kernel. */
#define HMM_DROPIN_ORDER	(0x1fUL << HMM_PFN_ORDER_SHIFT)

/*
 * Flags that a read does not change, because they belong to the user of the
 * array. Kernels before 6.16 have none.
 */
#define HMM_DROPIN_STICKY \
	((unsigned long)HMM_PFN_FLAGS & ~(HMM_PFN_VALID | HMM_PFN_WRITE | \
					  HMM_PFN_ERROR | HMM_DROPIN_ORDER))

/*
 * How long one attempt to read waits for an invalidation. The caller may hold
 * the mmap lock.
 */
#define HMM_DROPIN_WAIT_MS	1

/* Convert the request for one page. A request to write alone requests nothing. */
static unsigned long hmm_dropin_request(const struct hmm_dropin_range *range,
					unsigned long i)
{
	unsigned long flags = range->default_flags;

	if (range->pfn_flags_mask)
		flags |= READ_ONCE(range->hmm_pfns[i]) & range->pfn_flags_mask;
	if (!(flags & HMM_PFN_REQ_FAULT))
		return 0;
	return flags & HMM_PFN_REQ_WRITE ? HMM_MIRROR_PFN_REQ_WRITE :
					   HMM_MIRROR_PFN_REQ_FAULT;
}

static unsigned long hmm_dropin_entry(unsigned long entry)
{
	unsigned long order;

	if (entry & HMM_MIRROR_PFN_ERROR)
		return HMM_PFN_ERROR;
	if (!(entry & HMM_MIRROR_PFN_VALID))
		return 0;
	order = hmm_mirror_pfn_to_order(entry);
	return hmm_mirror_pfn_to_pfn(entry) | HMM_PFN_VALID |
	       (entry & HMM_MIRROR_PFN_WRITE ? HMM_PFN_WRITE : 0) |
	       order << HMM_PFN_ORDER_SHIFT;
}

/* The kernel has no error of its own for addresses that no process can have. */
static int hmm_dropin_bind_errno(const struct hmm_dropin_range *range, int ret)
{
	bool valid = range->start < range->end &&
		     PAGE_ALIGNED(range->start | range->end) &&
		     range->start >= range->notifier->interval_tree.start &&
		     range->end - 1 <= range->notifier->interval_tree.last;

	return ret == -EINVAL && valid ? -EFAULT : ret;
}

/*
 * Store the entries. The driver may change its flags at any time under its
 * update lock, so store an entry only if its flags are still the same. After a
 * collision, its callback may have cleared entries, which must not be stored
 * again, so check for a collision before each entry.
 */
static int hmm_dropin_store(struct hmm_dropin_range *range,
			    const unsigned long *pfns, unsigned long npages)
{
	unsigned long i, old, sticky;

	for (i = 0; i < npages; i++) {
		do {
			if (hmm_dropin_interval_read_retry(range->notifier,
							   range->notifier_seq))
				return -EBUSY;
			old = READ_ONCE(range->hmm_pfns[i]);
			sticky = old & HMM_DROPIN_STICKY;
		} while (cmpxchg(&range->hmm_pfns[i], old,
				 hmm_dropin_entry(pfns[i]) | sticky) != old);
	}
	return 0;
}

/*
 * Read the range once with @read, a function of the core that reads a range. An
 * invalidation that the driver ignores also causes -EBUSY.
 */
static int hmm_dropin_read(struct hmm_dropin_range *range,
			   int (*read)(struct hmm_mirror_range *))
{
	struct hmm_mirror_range own = {
		.start = range->start,
		.end = range->end,
		.pfn_flags_mask = HMM_MIRROR_PFN_REQ_WRITE,
		.dev_private_owner = range->dev_private_owner,
	};
	unsigned long npages, i;
	int ret;

	ret = hmm_mirror_range_bind(&own, &range->notifier->own);
	if (ret)
		return hmm_dropin_bind_errno(range, ret);
	npages = (range->end - range->start) >> PAGE_SHIFT;
	own.pfns = kvmalloc_array(npages, sizeof(*own.pfns), GFP_KERNEL);
	if (!own.pfns)
		return -ENOMEM;
	for (i = 0; i < npages; i++)
		own.pfns[i] = hmm_dropin_request(range, i);

	if (hmm_dropin_interval_read_retry(range->notifier,
					   range->notifier_seq))
		ret = -EBUSY;
	if (!ret)
		ret = hmm_mirror_range_wait_until_valid(&own,
							HMM_DROPIN_WAIT_MS);
	if (!ret)
		ret = read(&own);
	if (!ret)
		ret = hmm_dropin_store(range, own.pfns, npages);
	kvfree(own.pfns);
	hmm_mirror_range_unregister(&own);
	return ret == -ETIME ? -EBUSY : ret;
}

/*
 * Fault in one page and keep the mmap lock, even if the fault has to wait. The core
 * does not do this. A page that needs a userfaultfd monitor is an error, as in the
 * kernel.
 */
static int hmm_dropin_fault_page(struct mm_struct *mm, unsigned long addr,
				 bool write)
{
	struct vm_area_struct *vma = find_vma(mm, addr);
	unsigned int flags = FAULT_FLAG_REMOTE;

	if (!vma || addr < vma->vm_start || !(vma->vm_flags & VM_READ) ||
	    vma->vm_flags & (VM_IO | VM_PFNMAP))
		return -EFAULT;
	if (write) {
		if (!(vma->vm_flags & VM_WRITE))
			return -EPERM;
		flags |= FAULT_FLAG_WRITE;
	}
	return handle_mm_fault(vma, addr, flags, NULL) & VM_FAULT_ERROR ?
	       -EFAULT : 0;
}

static int hmm_dropin_fault_pages(struct hmm_dropin_range *range)
{
	unsigned long npages = (range->end - range->start) >> PAGE_SHIFT;
	struct mm_struct *mm = hmm_mirror_mm(&range->notifier->mirror->own);
	unsigned long request, i;
	int ret = 0;

	for (i = 0; !ret && i < npages; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		request = hmm_dropin_request(range, i);
		if (request)
			ret = hmm_dropin_fault_page(mm, range->start + i * PAGE_SIZE,
						    request & HMM_MIRROR_PFN_WRITE);
	}
	return ret;
}

/**
 * hmm_dropin_range_fault() - hmm_range_fault()
 * @range: a range whose @notifier_seq is the return value of
 *         mmu_interval_read_begin()
 *
 * Pages without a request are read, but not faulted in. After an error, the
 * entries are unchanged, unless the range has collided while they were stored.
 *
 * Context: may sleep. The caller holds the mmap lock for reading. It also holds
 * a reference to mm_users, or runs in a task that uses the mm. It must not hold
 * its update lock.
 * Return: 0; -EBUSY if the range has collided, so that the caller must begin
 * again; -EFAULT if a requested page cannot be faulted in or the process cannot
 * have such addresses; -EPERM if writing is requested and the vma does not
 * permit it; -EINVAL if the range is not aligned, empty or not within its
 * interval; -ENOMEM if out of memory; -EINTR if the calling task was killed;
 * -ESRCH if the mm has exited.
 *
 * Since: 0.3
 */
int hmm_dropin_range_fault(struct hmm_dropin_range *range)
{
	int ret;

	mmap_assert_locked(hmm_mirror_mm(&range->notifier->mirror->own));
	ret = hmm_dropin_read(range, hmm_mirror_range_fault_locked);
	if (ret != -EAGAIN)
		return ret;
	ret = hmm_dropin_fault_pages(range);
	if (!ret)
		ret = hmm_dropin_read(range, hmm_mirror_range_fault_locked);
	/* The pages were removed again. */
	return ret == -EAGAIN ? -EBUSY : ret;
}
EXPORT_SYMBOL_GPL(hmm_dropin_range_fault);

/**
 * hmm_dropin_range_fault_unlocked() - hmm_range_fault_unlocked_timeout()
 * @range: a range
 * @timeout: the longest time to repeat attempts, in jiffies; 0 means no limit. It
 *           does not interrupt an attempt
 *
 * Reads the sequence and then the range, and repeats both after a collision. On
 * success, @notifier_seq is set for mmu_interval_read_retry(). A fault that has
 * to wait does so without the mmap lock.
 *
 * Context: may sleep. The caller must not hold the mmap lock, its update lock,
 * or any lock that a page fault may acquire.
 * Return: the same as hmm_dropin_range_fault(), except that -EBUSY means that
 * @timeout has expired.
 *
 * Since: 0.3
 */
int hmm_dropin_range_fault_unlocked(struct hmm_dropin_range *range,
				    unsigned long timeout)
{
	unsigned long deadline = jiffies + timeout;
	unsigned long seq;
	int ret;

	for (;;) {
		if (fatal_signal_pending(current))
			return -EINTR;
		/*
		 * The acquire orders this load before the wait in
		 * hmm_dropin_read().
		 */
		seq = smp_load_acquire(&range->notifier->invalidate_seq);
		range->notifier_seq = seq;
		ret = hmm_dropin_read(range, hmm_mirror_range_fault);
		if (ret != -EBUSY)
			return ret;
		if (timeout && time_after(jiffies, deadline))
			return -EBUSY;
		cond_resched();
	}
}
EXPORT_SYMBOL_GPL(hmm_dropin_range_fault_unlocked);
