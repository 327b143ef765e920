// SPDX-License-Identifier: GPL-2.0
/*
 * EXCLUSIVE: only the device can access a page. A device on a bus without
 * atomics needs exclusive access for atomic operations. The page is not
 * migrated. Instead, the CPU's page table entry is replaced with a
 * device-exclusive entry. An access by the CPU then faults, and the fault
 * handler restores the CPU's entry.
 *
 * The sequence of the interval does not show whether the driver may program the
 * page: installing the entry is itself an invalidation, and every reader
 * collides with it. The driver must detect whether any *other* invalidation has
 * included the page, so it claims the page. The callback identifies the file's
 * own invalidations by their owner. Any other invalidation that includes the
 * page marks the claim as lost:
 *
 *   EXCLUSIVE                              madvise(MADV_DONTNEED)
 *   claims the page, not lost
 *   waits until no invalidation is in
 *   progress
 *   installs the exclusive entry: own
 *   invalidation, page locked
 *                                          callback: marks the claim as lost
 *   update lock: lost, tries again
 *                                          removes the entry
 *
 * There are three cases for any other invalidation. If its callback runs before
 * the claim, the invalidation has ended when the entry is installed. If its
 * callback runs after the claim, the claim is lost. If its callback runs after
 * the page was programmed, it removes the page from the device page table.
 *
 * Before EXCLUSIVE tries again, it faults the page in for the CPU. Otherwise
 * the kernel would replace the exclusive entry of the first attempt during the
 * second one. This replacement is an invalidation that does not have the file
 * as its owner, so the claim would be lost every time.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "../compat/test_hmm/exclusive.h"
#include "access.h"
#include "dmirror.h"
#include "exclusive.h"
#include "pagetable.h"

#if HMM_HAS_EXCLUSIVE

/* Wait for invalidations whose callbacks may have run before the claim. */
static int dmirror_wait_until_idle(struct dmirror *dm, unsigned long addr)
{
	struct hmm_mirror_range range = {
		.start = addr,
		.end = addr + PAGE_SIZE,
	};
	int ret;

	ret = hmm_mirror_range_bind(&range, &dm->interval);
	if (ret)
		return ret;
	ret = hmm_mirror_range_wait_until_valid(&range, 0);
	hmm_mirror_range_unregister(&range);
	return ret;
}

/* Returns the page, locked and with a reference, or an error. */
static struct page *dmirror_install_exclusive_entry(struct dmirror *dm,
						    unsigned long addr)
{
	struct page *page;
	int ret;

	ret = dmirror_wait_until_idle(dm, addr);
	if (!ret)
		ret = mmap_read_lock_killable(dm->mm);
	if (ret)
		return ERR_PTR(ret);
	page = hmm_make_device_exclusive(dm->mm, addr, dm);
	mmap_read_unlock(dm->mm);
	return page;
}

static void dmirror_set_claim(struct dmirror *dm, unsigned long claim)
{
	mutex_lock(&dm->update_lock);
	dm->claim = claim;
	dm->claim_lost = false;
	mutex_unlock(&dm->update_lock);
}

/*
 * Returns 0; -EAGAIN if another invalidation has included the page or the
 * reserved slot is lost; or another error.
 */
static int dmirror_make_exclusive(struct dmirror *dm, unsigned long addr)
{
	unsigned long index = addr >> PAGE_SHIFT;
	struct page *page;
	int ret = 0;

	dmirror_set_claim(dm, index);
	page = dmirror_install_exclusive_entry(dm, addr);
	if (IS_ERR(page))
		ret = PTR_ERR(page);
	else
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_EXCLUSIVE);

	mutex_lock(&dm->update_lock);
	if (!ret && dm->claim_lost)
		ret = -EAGAIN;
	if (!ret)
		ret = dmirror_table_store(dm, index, page,
					  DMIRROR_ENTRY_EXCLUSIVE);
	/*
	 * The file's own invalidation may have removed the CPU's entry. The
	 * callback ignores this invalidation, so remove the device's entry
	 * here.
	 */
	if (ret)
		dmirror_table_erase_range(dm, index, index, true);
	dm->claim = DMIRROR_NO_CLAIM;
	mutex_unlock(&dm->update_lock);

	if (!IS_ERR(page)) {
		unlock_page(page);
		put_page(page);
	}
	return ret;
}

static int dmirror_make_range_exclusive(struct dmirror *dm,
					unsigned long start, unsigned long end)
{
	unsigned long addr = start, next = start;
	int ret;

	/*
	 * The fault fails if a page is not writable. It also fills the slots of
	 * the table, so that storing an exclusive entry needs no memory.
	 */
	ret = dmirror_fault(dm, &next, end, true);
	while (!ret && addr < end) {
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;

		next = addr;
		ret = dmirror_make_exclusive(dm, addr);
		if (ret == -EAGAIN)
			ret = dmirror_fault(dm, &next, addr + PAGE_SIZE, true);
		else
			addr += PAGE_SIZE;
	}
	return ret;
}

/**
 * dmirror_exclusive() - HMM_DMIRROR_EXCLUSIVE
 * @dm: the file
 * @cmd: the command; its cpages is filled in, even on failure
 *
 * Return: 0; an error of dmirror_write(); -EBUSY if a page is in use elsewhere
 * or is not anonymous memory; -ENOENT if a page was invalidated before it was
 * read; -EOPNOTSUPP if the kernel does not support exclusive access.
 */
int dmirror_exclusive(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	int ret;

	if (mutex_lock_killable(&dm->exclusive_lock))
		return -EINTR;
	if (!mmget_not_zero(dm->mm)) {
		mutex_unlock(&dm->exclusive_lock);
		return -ESRCH;
	}
	ret = dmirror_make_range_exclusive(dm, cmd->addr, cmd->addr +
					   (cmd->npages << PAGE_SHIFT));
	mmput(dm->mm);
	mutex_unlock(&dm->exclusive_lock);

	return ret ?: dmirror_read_mapped(dm, cmd, cmd->npages);
}

#else /* !HMM_HAS_EXCLUSIVE */

int dmirror_exclusive(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	return -EOPNOTSUPP;
}

#endif /* HMM_HAS_EXCLUSIVE */

/**
 * dmirror_check_exclusive() - HMM_DMIRROR_CHECK_EXCLUSIVE
 * @dm: the file
 * @cmd: the command; its cpages is filled in
 *
 * Return: 0, or -EPERM if the device has exclusive access to a page.
 */
int dmirror_check_exclusive(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	unsigned long index = cmd->addr >> PAGE_SHIFT;
	unsigned long last = index + cmd->npages - 1;
	void *entry;

	mutex_lock(&dm->update_lock);
	xa_for_each_range(&dm->table, index, entry, index, last) {
		cmd->cpages += xa_pointer_tag(entry) == DMIRROR_ENTRY_EXCLUSIVE;
		cond_resched();
	}
	mutex_unlock(&dm->update_lock);
	return cmd->cpages ? -EPERM : 0;
}
