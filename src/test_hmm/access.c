// SPDX-License-Identifier: GPL-2.0
/*
 * READ and WRITE: the device accesses the mirrored memory through its page
 * table. If the table has no entry for a page, or an entry that does not permit
 * the access, the device faults the page in.
 *
 *          caller's buffer           bounce buffer          mirrored pages
 *   READ         <-- copy_to_user() ---    <-- dmirror_copy_page() ---
 *   WRITE        -- copy_from_user() -->   --- dmirror_copy_page() -->
 *
 * The caller's buffer may be in the mirrored memory. Accessing the buffer may
 * fault, a fault may cause an invalidation, and the callback acquires the
 * update lock. So the buffer must not be accessed under the update lock. The
 * data is copied through a bounce buffer instead.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "access.h"
#include "devmem.h"
#include "dmirror.h"
#include "pagetable.h"

/* The maximum size of the bounce buffer. Longer commands reuse the buffer. */
#define DMIRROR_BOUNCE_PAGES	(SZ_4M >> PAGE_SHIFT)

/*
 * Fault in @npages pages and program them into the device page table. @pfns is
 * an array of at least @npages elements. If a page cannot be faulted in, the
 * pages below it are programmed, as if the device had accessed them one by one.
 * *@start is advanced to the first address that was not programmed.
 */
static int dmirror_populate(struct dmirror *dm, unsigned long *start,
			    unsigned long npages, unsigned long *pfns,
			    bool write)
{
	struct hmm_mirror_range range = {
		.start = *start,
		.end = *start + (npages << PAGE_SHIFT),
		.pfns = pfns,
		.default_flags = write ? HMM_MIRROR_PFN_REQ_WRITE :
					 HMM_MIRROR_PFN_REQ_FAULT,
		.dev_private_owner = dm->device,
	};
	unsigned long index = *start >> PAGE_SHIFT;
	unsigned long filled;
	int ret, err;

	ret = hmm_mirror_range_bind(&range, &dm->interval);
	if (ret)
		return ret;

	do {
		cond_resched();
		ret = hmm_mirror_range_wait_until_valid(&range, 0);
		if (ret)
			break;
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_BEGUN);

		err = hmm_mirror_range_fault(&range);
		if (err == -EBUSY) {
			atomic64_inc(&dm->collisions);
			ret = -EAGAIN;
			continue;
		}
		if (!range.filled) {
			ret = err;
			break;
		}

		ret = dmirror_table_reserve(dm, index, range.filled);
		if (ret)
			break;
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_FAULTED);

		mutex_lock(&dm->update_lock);
		if (hmm_mirror_range_valid(&range)) {
			dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_LOCKED);
			ret = dmirror_table_store_range(dm, index, pfns,
							range.filled,
							range.default_flags);
		} else {
			atomic64_inc(&dm->collisions);
			ret = -EAGAIN;
		}
		mutex_unlock(&dm->update_lock);
	} while (ret == -EAGAIN && !fatal_signal_pending(current));

	filled = ret ? 0 : range.filled;
	dmirror_table_unreserve(dm, index + filled, npages - filled);
	*start += filled << PAGE_SHIFT;
	hmm_mirror_range_unregister(&range);
	if (ret == -EAGAIN)
		return -EINTR;
	return ret ?: err;
}

/**
 * dmirror_fault() - handle a fault of the device
 * @dm: the file
 * @start: in: first address; out: @end, or on an error the first address that
 *	was not programmed
 * @end: end address, exclusive
 * @write: the device is going to write
 *
 * Context: may sleep; the caller must not hold the update lock or the mmap
 * lock.
 * Return: 0; -EFAULT if the page at *@start cannot be faulted in; -EPERM if
 * @write is true and the vma at *@start does not permit writing; -ENOMEM if out
 * of memory; -ESRCH if the mm has exited; -EINTR if the calling task was
 * killed. In all cases the pages below *@start have been programmed.
 */
int dmirror_fault(struct dmirror *dm, unsigned long *start, unsigned long end,
		  bool write)
{
	unsigned long *pfns;
	int ret = 0;

	atomic64_inc(&dm->faults);

	pfns = kcalloc(DMIRROR_RANGE_PAGES, sizeof(*pfns), GFP_KERNEL_ACCOUNT);
	if (!pfns)
		return -ENOMEM;

	while (!ret && *start < end) {
		unsigned long npages = min_t(unsigned long, DMIRROR_RANGE_PAGES,
					     (end - *start) >> PAGE_SHIFT);

		ret = dmirror_populate(dm, start, npages, pfns, write);
	}

	kfree(pfns);
	return ret;
}

/*
 * Copy one page from or to the bounce buffer. Every page has a kernel address,
 * because the kernel is 64-bit. However, the direct map may lack pages of
 * memfd_secret() and pages with a hardware error.
 */
static int dmirror_copy_page(struct page *page, void *bounce, bool write)
{
	struct page *backing = dmirror_devmem_backing(page);
	unsigned long probe;
	void *addr;

	/* The page has been freed, so the device has missed an invalidation. */
	if (WARN_ON_ONCE(!backing))
		return -EFAULT;
	addr = page_address(backing);

	if (!write)
		return copy_from_kernel_nofault(bounce, addr, PAGE_SIZE) ?
			-EFAULT : 0;

	if (copy_from_kernel_nofault(&probe, addr, sizeof(probe)))
		return -EFAULT;
	memcpy(addr, bounce, PAGE_SIZE);
	/*
	 * Nothing else marks the page dirty: the CPU's entry may be clean after
	 * MADV_FREE, or not present if the page is in the device's memory. The
	 * page lock is not needed: the page cannot be truncated during the
	 * copy, because its invalidation waits for the update lock. Waiting for
	 * the page lock would deadlock with reclaim, which holds the page lock
	 * while the callback waits for the update lock.
	 */
	set_page_dirty(page);
	return 0;
}

/**
 * dmirror_copy_mapped() - access pages that the device page table maps
 * @dm: the file
 * @index: first address, in pages
 * @npages: number of pages
 * @bounce: the bounce buffer
 * @write: the device writes
 * @done: in and out: number of pages that have been copied
 *
 * Return: 0 if all pages have been copied; -ENOENT if the next page has no
 * entry, or an entry that does not permit the access; -EFAULT if the kernel
 * cannot access the next page.
 */
static int dmirror_copy_mapped(struct dmirror *dm, unsigned long index,
			       unsigned long npages, void *bounce, bool write,
			       unsigned long *done)
{
	bool first = true;
	struct page *page;
	int ret = 0;

	mutex_lock(&dm->update_lock);
	for (; *done < npages; ++*done) {
		page = dmirror_table_lookup(dm, index + *done, write);
		if (!page) {
			ret = -ENOENT;
			break;
		}
		if (first)
			dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_LOCKED);
		first = false;

		ret = dmirror_copy_page(page, bounce + (*done << PAGE_SHIFT),
					write);
		if (ret)
			break;
	}
	mutex_unlock(&dm->update_lock);
	return ret;
}

/*
 * Access @npages pages. If the device page table does not permit the access to
 * a page, fault the page in and increment *@faults, or return -ENOENT if
 * @faults is NULL.
 */
static int dmirror_copy_pages(struct dmirror *dm, unsigned long start,
			      unsigned long npages, void *bounce, bool write,
			      u64 *faults, unsigned long *done)
{
	unsigned long end = start + (npages << PAGE_SHIFT);
	unsigned long bad = start;
	int err = 0;
	int ret;

	*done = 0;
	for (;;) {
		ret = dmirror_copy_mapped(dm, start >> PAGE_SHIFT, npages,
					  bounce, write, done);
		if (ret != -ENOENT || !faults)
			return ret;
		/*
		 * The fault failed at bad. The pages below bad were programmed,
		 * but may have been invalidated since: fault them in again.
		 */
		if (err && start + (*done << PAGE_SHIFT) >= bad)
			return err;
		/* Invalidations may cause many repetitions: stop if killed. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		++*faults;
		bad = start + (*done << PAGE_SHIFT);
		err = dmirror_fault(dm, &bad, end, write);
	}
}

/*
 * Access the pages from cmd->cpages to @end, both counted from cmd->addr. Pages
 * are faulted in only if @fault is true.
 */
static int dmirror_access(struct dmirror *dm, struct hmm_dmirror_cmd *cmd,
			  u64 end, bool write, bool fault)
{
	u64 skip = cmd->cpages << PAGE_SHIFT;
	unsigned long window = min_t(u64, end - cmd->cpages,
				     DMIRROR_BOUNCE_PAGES);
	char __user *user = u64_to_user_ptr(cmd->ptr + skip);
	unsigned long addr = cmd->addr + skip;
	void *bounce;
	int ret = 0;

	bounce = kvmalloc_array(window, PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;

	while (!ret && cmd->cpages < end) {
		unsigned long npages = min_t(u64, window, end - cmd->cpages);
		unsigned long size = npages << PAGE_SHIFT;
		unsigned long done;

		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();

		if (write && copy_from_user(bounce, user, size)) {
			ret = -EFAULT;
			break;
		}
		ret = dmirror_copy_pages(dm, addr, npages, bounce, write,
					 fault ? &cmd->faults : NULL, &done);
		if (!write && copy_to_user(user, bounce, done << PAGE_SHIFT)) {
			ret = -EFAULT;
			break;
		}
		cmd->cpages += done;
		addr += size;
		user += size;
	}

	kvfree(bounce);
	return ret;
}

/**
 * dmirror_read() - HMM_DMIRROR_READ
 * @dm: the file
 * @cmd: the command; its cpages and faults are filled in, even on failure
 *
 * Return: 0; -EFAULT if a page cannot be faulted in, the kernel cannot access a
 * page, or the caller's buffer is invalid; -ENOMEM if out of memory; -ESRCH if
 * the mm has exited; -EINTR if the calling task was killed.
 */
int dmirror_read(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	return dmirror_access(dm, cmd, cmd->npages, false, true);
}

/**
 * dmirror_write() - HMM_DMIRROR_WRITE
 * @dm: the file
 * @cmd: the command; its cpages and faults are filled in, even on failure
 *
 * Return: the same as dmirror_read(), and -EPERM if the vma of a page does not
 * permit writing.
 */
int dmirror_write(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	return dmirror_access(dm, cmd, cmd->npages, true, true);
}

/**
 * dmirror_read_mapped() - read pages that the device maps
 * @dm: the file
 * @cmd: the command; its cpages is the number of pages that have been read, in
 *	and out, even on failure
 * @end: read until cpages is @end
 *
 * Unlike READ, this function does not fault pages in.
 *
 * Return: 0; -ENOENT if the device does not map a page; -EFAULT if the kernel
 * cannot access a page or the caller's buffer is invalid; -ENOMEM if out of
 * memory; -EINTR if the calling task was killed.
 */
int dmirror_read_mapped(struct dmirror *dm, struct hmm_dmirror_cmd *cmd,
			u64 end)
{
	return dmirror_access(dm, cmd, end, false, false);
}
