// SPDX-License-Identifier: GPL-2.0
/*
 * READ and WRITE: the device accesses the mirrored memory through its page
 * table, and faults pages in where it has no entry.
 *
 *          caller's buffer           bounce buffer          mirrored pages
 *   READ         <-- copy_to_user() ---    <-- dmirror_copy_page() ---
 *   WRITE        -- copy_from_user() -->   --- dmirror_copy_page() -->
 *
 * The caller's buffer may be in the mirrored memory. Accessing it may fault, a
 * fault may cause an invalidation, and the callback acquires the update lock.
 * So the buffer must not be accessed under the update lock, and the data goes
 * through a bounce buffer.
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

/* The size of the bounce buffer. Longer commands use it several times. */
#define DMIRROR_BOUNCE_PAGES	(SZ_4M >> PAGE_SHIFT)

/* Fault in @npages pages and program them; @pfns has room for them. */
static int dmirror_populate(struct dmirror *dm, unsigned long start,
			    unsigned long npages, unsigned long *pfns,
			    bool write)
{
	struct hmm_mirror_range range = {
		.start = start,
		.end = start + (npages << PAGE_SHIFT),
		.pfns = pfns,
		.default_flags = write ? HMM_MIRROR_PFN_REQ_WRITE :
					 HMM_MIRROR_PFN_REQ_FAULT,
		.dev_private_owner = dm->device,
	};
	unsigned long index = start >> PAGE_SHIFT;
	int ret;

	ret = hmm_mirror_range_bind(&range, &dm->interval);
	if (ret)
		return ret;

	do {
		cond_resched();
		ret = hmm_mirror_range_wait_until_valid(&range, 0);
		if (ret)
			break;
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_BEGUN);

		ret = hmm_mirror_range_fault(&range);
		if (ret == -EBUSY) {
			atomic64_inc(&dm->collisions);
			ret = -EAGAIN;
			continue;
		}
		if (ret)
			break;

		ret = dmirror_table_reserve(dm, index, npages);
		if (ret)
			break;
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_FAULTED);

		mutex_lock(&dm->update_lock);
		if (hmm_mirror_range_valid(&range)) {
			dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_LOCKED);
			ret = dmirror_table_store_range(dm, index, pfns, npages,
							range.default_flags);
		} else {
			atomic64_inc(&dm->collisions);
			ret = -EAGAIN;
		}
		mutex_unlock(&dm->update_lock);
	} while (ret == -EAGAIN && !fatal_signal_pending(current));

	if (ret)
		dmirror_table_unreserve(dm, index, npages);
	hmm_mirror_range_unregister(&range);
	return ret == -EAGAIN ? -EINTR : ret;
}

/**
 * dmirror_fault() - handle a fault of the device
 * @dm: the file
 * @start: in: first address; out: address of the first page that failed
 * @end: end address, exclusive
 * @write: the device is going to write
 *
 * A request that fails returns no entries at all, but a real device would have
 * accessed all pages below the one that fails. So after a failure the request
 * is halved, until only the page that fails is left.
 *
 * Context: may sleep; the caller must not hold the update lock or the mmap
 * lock.
 * Return: 0, or the error of the page at *@start. The pages below *@start have
 * been programmed.
 */
int dmirror_fault(struct dmirror *dm, unsigned long *start, unsigned long end,
		  bool write)
{
	unsigned long max = DMIRROR_RANGE_PAGES;
	unsigned long *pfns;
	int ret = 0;

	atomic64_inc(&dm->faults);

	pfns = kcalloc(max, sizeof(*pfns), GFP_KERNEL);
	if (!pfns)
		return -ENOMEM;

	while (*start < end) {
		unsigned long npages = min(max, (end - *start) >> PAGE_SHIFT);

		ret = dmirror_populate(dm, *start, npages, pfns, write);
		if ((ret == -EFAULT || ret == -EPERM) && npages > 1) {
			max = npages / 2;
			continue;
		}
		if (ret)
			break;
		*start += npages << PAGE_SHIFT;
	}

	kfree(pfns);
	return ret;
}

/*
 * Copy one page from or to the bounce buffer. Every page has an address,
 * because the kernel is 64-bit. But the kernel's mapping may lack pages of
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
	 * page cannot be truncated meanwhile, because its invalidation waits
	 * for the update lock. So the page lock is not needed, and waiting for
	 * it would deadlock with reclaim, which holds it in the callback.
	 */
	set_page_dirty(page);
	return 0;
}

/**
 * dmirror_copy_mapped() - access pages until the device page table lacks one
 * @dm: the file
 * @index: first address, in pages
 * @npages: number of pages
 * @bounce: the bounce buffer
 * @write: the device writes
 * @done: in and out: number of pages that are done
 *
 * Return: 0 if all pages are done; -ENOENT if the next page has no entry, or
 * one that does not permit the access; -EFAULT if the kernel cannot access it.
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
 * Access @npages pages. Fault pages in where the device page table lacks them,
 * and count that in *@faults; or return -ENOENT if @faults is NULL.
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
		 * The error is that of the page at bad. A page below it may
		 * have been invalidated since it was programmed: fault again.
		 */
		if (err && start + (*done << PAGE_SHIFT) >= bad)
			return err;
		/* Invalidations may keep removing the entries: be killable. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		++*faults;
		bad = start + (*done << PAGE_SHIFT);
		err = dmirror_fault(dm, &bad, end, write);
	}
}

/* Run a command with a bounce buffer; see dmirror_copy_pages() for @fault. */
static int dmirror_access(struct dmirror *dm, struct hmm_dmirror_cmd *cmd,
			  bool write, bool fault)
{
	unsigned long window = min_t(u64, cmd->npages, DMIRROR_BOUNCE_PAGES);
	char __user *user = u64_to_user_ptr(cmd->ptr);
	unsigned long addr = cmd->addr;
	void *bounce;
	int ret = 0;

	bounce = kvmalloc_array(window, PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;

	cmd->cpages = 0;
	while (!ret && cmd->cpages < cmd->npages) {
		unsigned long npages = min_t(u64, window,
					     cmd->npages - cmd->cpages);
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
 * Return: 0; the error that hmm_mirror_range_fault() returned for the first
 * page that was not read; -EFAULT if the caller's buffer is invalid.
 */
int dmirror_read(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	return dmirror_access(dm, cmd, false, true);
}

/**
 * dmirror_write() - HMM_DMIRROR_WRITE
 * @dm: the file
 * @cmd: the command; its cpages and faults are filled in, even on failure
 *
 * Return: the same as dmirror_read().
 */
int dmirror_write(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	return dmirror_access(dm, cmd, true, true);
}

/**
 * dmirror_read_mapped() - read pages that the device maps
 * @dm: the file
 * @cmd: the command; its cpages is filled in, even on failure
 *
 * Unlike READ, this command does not fault pages in.
 *
 * Return: 0; -ENOENT at the first page that the device does not map; -EFAULT if
 * the kernel cannot access a page or the caller's buffer is invalid.
 */
int dmirror_read_mapped(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	return dmirror_access(dm, cmd, false, false);
}
