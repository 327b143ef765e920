// SPDX-License-Identifier: GPL-2.0
/*
 * EXCLUSIVE: the device has a page for itself, as atomic operations over a bus
 * without atomics need it. The page stays where it is; the CPU's page table
 * has an entry that faults, and the fault gives the page back.
 *
 * The sequence alone cannot tell whether the device may have the page: taking
 * it from the CPU is an invalidation itself, and collides every reader. What
 * has to be known is whether anybody *else* has invalidated it. So the file
 * claims the page, and its callback, which knows its own invalidations by
 * their owner, marks the claim lost at all others:
 *
 *   EXCLUSIVE                              madvise(MADV_DONTNEED)
 *   claims the page, not lost
 *   waits until no invalidation is in
 *   progress
 *   takes it from the CPU: own
 *   invalidation, page locked
 *                                          callback: marks the claim lost
 *   update lock: lost, tries again
 *                                          removes the entry
 *
 * An invalidation whose callback came before the claim is over by the time
 * the page is taken; one whose callback comes after the claim is seen; one
 * whose callback comes after the entry was programmed removes it.
 *
 * Once more means: brings the page back to the CPU first. Taking a page that
 * is taken already gives it back in between, and that is an invalidation by
 * somebody else: it would go round for ever.
 */
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "../compat/test_hmm/exclusive.h"
#include "dmirror.h"

#if HMM_HAS_EXCLUSIVE

/* Wait until each invalidation that may have missed the claim is over. */
static int dmirror_claim_settles(struct dmirror *dm, unsigned long addr)
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

static struct page *dmirror_take_page(struct dmirror *dm, unsigned long addr)
{
	struct page *page;
	int ret;

	ret = dmirror_claim_settles(dm, addr);
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

/* Returns -EAGAIN if somebody else has come in between. */
static int dmirror_claim_page(struct dmirror *dm, unsigned long addr)
{
	unsigned long index = addr >> PAGE_SHIFT;
	struct page *page;
	int ret = 0;

	dmirror_set_claim(dm, index);
	page = dmirror_take_page(dm, addr);
	if (IS_ERR(page))
		ret = PTR_ERR(page);
	else
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_EXCLUSIVE);

	mutex_lock(&dm->update_lock);
	if (!ret && dm->claim_lost)
		ret = -EAGAIN;
	if (!ret)
		ret = dmirror_table_enter(dm, index, page,
					  DMIRROR_ENTRY_EXCLUSIVE);
	/* The CPU may have lost the page even so, and not told us. */
	if (ret)
		dmirror_table_drop(dm, index, index, true);
	dm->claim = DMIRROR_NO_CLAIM;
	mutex_unlock(&dm->update_lock);

	if (!IS_ERR(page)) {
		unlock_page(page);
		put_page(page);
	}
	return ret;
}

static int dmirror_make_exclusive(struct dmirror *dm, unsigned long start,
				  unsigned long end)
{
	unsigned long addr = start, next = start;
	int ret;

	/* Tells holes and rights apart, and has the table's memory ready. */
	ret = dmirror_fault(dm, &next, end, true);
	while (!ret && addr < end) {
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;

		next = addr;
		ret = dmirror_claim_page(dm, addr);
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
 * @cmd: the command; its cpages is filled in, also on failure
 *
 * Return: 0, what WRITE would have said, -EBUSY if somebody else uses a page,
 * -ENOENT if one was lost before it could be read.
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
	ret = dmirror_make_exclusive(dm, cmd->addr, cmd->addr +
				     (cmd->npages << PAGE_SHIFT));
	mmput(dm->mm);
	mutex_unlock(&dm->exclusive_lock);

	return ret ?: dmirror_read_entries(dm, cmd);
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
 * Return: 0 or -EPERM.
 */
int dmirror_check_exclusive(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	unsigned long index = cmd->addr >> PAGE_SHIFT;
	unsigned long last = index + cmd->npages - 1;
	void *entry;

	mutex_lock(&dm->update_lock);
	xa_for_each_range(&dm->table, index, entry, index, last)
		cmd->cpages += xa_pointer_tag(entry) == DMIRROR_ENTRY_EXCLUSIVE;
	mutex_unlock(&dm->update_lock);
	return cmd->cpages ? -EPERM : 0;
}
