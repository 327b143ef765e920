// SPDX-License-Identifier: GPL-2.0
/*
 * READ and WRITE: the device accesses the mirrored memory through its own
 * page table, and faults where that lacks an entry.
 *
 *          caller's buffer          bounce buffer          mirrored pages
 *   READ        <-- copy_to_user() --    <-- dmirror_copy() --
 *   WRITE       -- copy_from_user() -->  --- dmirror_copy() -->
 *
 * The caller's buffer may lie in the mirrored memory. Touching it may fault,
 * a fault may invalidate, and the callback takes the update lock: so it is
 * never touched under the update lock, which is what the bounce buffer is
 * for.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "devmem.h"
#include "dmirror.h"

/* Ask the mirror for npages pages and program them. */
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
			ret = dmirror_table_store(dm, index, pfns, npages,
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
 * dmirror_fault() - the device lacks an entry: get it, and those behind it
 * @dm: the file
 * @start: in: first address; out: the first that could not be had
 * @end: first address behind
 * @write: the device wants to write
 *
 * A request that fails gives no entries at all. A device that hits a hole has
 * nevertheless accessed all that lies before it, so the request is halved
 * until the one page that fails is left.
 *
 * Return: 0; else the error of the first page that could not be had, whose
 * address is *@start then. The pages before it have been programmed.
 */
int dmirror_fault(struct dmirror *dm, unsigned long *start, unsigned long end,
		  bool write)
{
	unsigned long chunk = DMIRROR_CHUNK_PAGES;
	unsigned long *pfns;
	int ret = 0;

	atomic64_inc(&dm->faults);

	pfns = kcalloc(chunk, sizeof(*pfns), GFP_KERNEL);
	if (!pfns)
		return -ENOMEM;

	while (*start < end) {
		unsigned long npages = min(chunk, (end - *start) >> PAGE_SHIFT);

		ret = dmirror_populate(dm, *start, npages, pfns, write);
		if ((ret == -EFAULT || ret == -EPERM) && npages > 1) {
			chunk = npages / 2;
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
 * One page between the device and the bounce buffer. This kernel is a 64-bit
 * one, so each page has an address; but memory from memfd_secret() or with a
 * hardware error may have been taken out of the kernel's mapping.
 */
static int dmirror_copy_page(struct page *page, void *bounce, bool write)
{
	struct page *content = dmirror_devmem_content(page);
	unsigned long probe;
	void *addr;

	/* An entry whose page has been freed: an invalidation was missed. */
	if (WARN_ON_ONCE(!content))
		return -EFAULT;
	addr = page_address(content);

	if (!write)
		return copy_from_kernel_nofault(bounce, addr, PAGE_SIZE) ?
			-EFAULT : 0;

	if (copy_from_kernel_nofault(&probe, addr, sizeof(probe)))
		return -EFAULT;
	memcpy(addr, bounce, PAGE_SIZE);
	/*
	 * The CPU's entry may be clean (MADV_FREE leaves it so), or there may
	 * be none as the page is in the device's memory: it would not
	 * tell that the page has changed. The mapping is still valid, as its
	 * invalidation waits for the update lock: so nobody truncates the
	 * page meanwhile, and the page lock is not needed. Waiting for that
	 * here would deadlock with reclaim, which holds it in the callback.
	 */
	set_page_dirty(page);
	return 0;
}

/**
 * dmirror_copy() - access memory as far as the device page table goes
 * @dm: the file
 * @index: first address, in pages
 * @npages: how many pages
 * @bounce: buffer for as many
 * @write: the device writes
 * @done: in and out: how many of them are done
 *
 * Return: 0 when all are done, -ENOENT when the next one lacks an entry or
 * the right, -EFAULT when it is out of reach.
 */
static int dmirror_copy(struct dmirror *dm, unsigned long index,
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

/* Access npages pages, fault where needed. */
static int dmirror_transfer(struct dmirror *dm, unsigned long start,
			    unsigned long npages, void *bounce, bool write,
			    unsigned long *done, u64 *faults)
{
	unsigned long end = start + (npages << PAGE_SHIFT);
	unsigned long bad = start;
	int err = 0;
	int ret;

	*done = 0;
	for (;;) {
		ret = dmirror_copy(dm, start >> PAGE_SHIFT, npages, bounce,
				   write, done);
		if (ret != -ENOENT)
			return ret;
		/*
		 * The error is that of one page. One before it may have been
		 * invalidated since it was programmed: that is faulted again.
		 */
		if (err && start + (*done << PAGE_SHIFT) >= bad)
			return err;
		/* What was faulted in may be gone again, time after time. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		++*faults;
		bad = start + (*done << PAGE_SHIFT);
		err = dmirror_fault(dm, &bad, end, write);
	}
}

/**
 * dmirror_access() - HMM_DMIRROR_READ and HMM_DMIRROR_WRITE
 * @dm: the file
 * @cmd: the command; its cpages and faults are filled in, also on failure
 * @write: it is a WRITE
 *
 * Return: 0 or the error that hmm_mirror_range_fault() gave for the first
 * page that is not done; -EFAULT also for the caller's buffer.
 */
int dmirror_access(struct dmirror *dm, struct hmm_dmirror_cmd *cmd,
		   bool write)
{
	unsigned long window = min_t(u64, cmd->npages, DMIRROR_BOUNCE_PAGES);
	char __user *user = u64_to_user_ptr(cmd->ptr);
	unsigned long addr = cmd->addr;
	void *bounce;
	int ret = 0;

	bounce = kvmalloc_array(window, PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;

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
		ret = dmirror_transfer(dm, addr, npages, bounce, write, &done,
				       &cmd->faults);
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
 * dmirror_read_entries() - copy what the device maps to the caller
 * @dm: the file
 * @cmd: the command; its cpages is filled in, also on failure
 *
 * Like READ, but faults nothing in.
 *
 * Return: 0, -ENOENT at the first page that the device does not map; -EFAULT
 * also for the caller's buffer.
 */
int dmirror_read_entries(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	unsigned long window = min_t(u64, cmd->npages, DMIRROR_BOUNCE_PAGES);
	char __user *user = u64_to_user_ptr(cmd->ptr);
	void *bounce;
	int ret = 0;

	bounce = kvmalloc_array(window, PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;

	cmd->cpages = 0;
	while (!ret && cmd->cpages < cmd->npages) {
		unsigned long npages = min_t(u64, window,
					     cmd->npages - cmd->cpages);
		unsigned long index = (cmd->addr >> PAGE_SHIFT) + cmd->cpages;
		unsigned long done = 0;

		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();

		ret = dmirror_copy(dm, index, npages, bounce, false, &done);
		if (copy_to_user(user + (cmd->cpages << PAGE_SHIFT), bounce,
				 done << PAGE_SHIFT)) {
			ret = -EFAULT;
			break;
		}
		cmd->cpages += done;
	}

	kvfree(bounce);
	return ret;
}
