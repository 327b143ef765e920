// SPDX-License-Identifier: GPL-2.0
/*
 * SNAPSHOT reports the entries of the CPU's page tables. CHECK compares the
 * device page table with the CPU's page tables. Neither command faults pages
 * in.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "devmem.h"
#include "dmirror.h"
#include "pagetable.h"
#include "snapshot.h"

/**
 * dmirror_snapshot_and_lock() - read page tables and acquire the update lock
 * @dm: the file
 * @range: a bound or registered range
 *
 * Repeats the snapshot until no invalidation has collided with it.
 *
 * Context: may sleep; the caller must not hold the update lock or the mmap
 * lock.
 * Return: 0 with the update lock held: the entries of @range are valid until
 * the caller drops the lock. On error the lock is not held: -EINTR if the
 * calling task was killed; -ESRCH if the mm has exited; or another error of
 * hmm_mirror_range_wait_until_valid() or hmm_mirror_range_snapshot().
 */
int dmirror_snapshot_and_lock(struct dmirror *dm,
			      struct hmm_mirror_range *range)
{
	int ret;

	while (!fatal_signal_pending(current)) {
		cond_resched();
		ret = hmm_mirror_range_wait_until_valid(range, 0);
		if (ret)
			return ret;

		ret = hmm_mirror_range_snapshot(range);
		if (ret && ret != -EBUSY)
			return ret;

		if (!ret) {
			if (mutex_lock_killable(&dm->update_lock))
				return -EINTR;
			if (hmm_mirror_range_valid(range))
				return 0;
			mutex_unlock(&dm->update_lock);
		}
		atomic64_inc(&dm->collisions);
	}
	return -EINTR;
}

static u8 dmirror_protection(struct dmirror *dm, unsigned long entry)
{
	unsigned int shift;
	u8 prot;

	if (entry & HMM_MIRROR_PFN_ERROR)
		return HMM_DMIRROR_PROT_ERROR;
	if (!(entry & HMM_MIRROR_PFN_VALID))
		return HMM_DMIRROR_PROT_NONE;

	prot = entry & HMM_MIRROR_PFN_WRITE ? HMM_DMIRROR_PROT_WRITE :
					      HMM_DMIRROR_PROT_READ;
	if (is_zero_pfn(hmm_mirror_pfn_to_pfn(entry)))
		prot |= HMM_DMIRROR_PROT_ZERO;
	else
		prot |= dmirror_devmem_protection(dm->device,
						  hmm_mirror_pfn_to_page(entry));

	shift = hmm_mirror_pfn_to_order(entry) + PAGE_SHIFT;
	if (shift == PMD_SHIFT)
		prot |= HMM_DMIRROR_PROT_PMD;
	else if (shift == PUD_SHIFT)
		prot |= HMM_DMIRROR_PROT_PUD;
	return prot;
}

/*
 * The range has its own interval, so that an invalidation elsewhere in the mm
 * does not collide with it.
 */
static int dmirror_snapshot_range(struct dmirror *dm, unsigned long start,
				  unsigned long npages, unsigned long *pfns,
				  u8 *prot)
{
	struct hmm_mirror_range range = {
		.pfns = pfns,
		.dev_private_owner = dm->device,
	};
	unsigned long i;
	int ret;

	ret = hmm_mirror_range_register(&range, &dm->mirror, start,
					start + (npages << PAGE_SHIFT));
	if (ret)
		return ret;

	ret = dmirror_snapshot_and_lock(dm, &range);
	if (!ret) {
		for (i = 0; i < npages; i++)
			prot[i] = dmirror_protection(dm, pfns[i]);
		mutex_unlock(&dm->update_lock);
	}

	hmm_mirror_range_unregister(&range);
	return ret;
}

/**
 * dmirror_snapshot() - HMM_DMIRROR_SNAPSHOT
 * @dm: the file
 * @cmd: the command; its cpages is filled in, even on failure
 *
 * Return: 0; -ENOMEM if out of memory; -EFAULT if the caller's buffer is
 * invalid; -ESRCH if the mm has exited; -EINTR if the calling task was killed.
 */
int dmirror_snapshot(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	u8 __user *user = u64_to_user_ptr(cmd->ptr);
	unsigned long *pfns;
	int ret = -ENOMEM;
	u8 *prot;

	pfns = kcalloc(DMIRROR_RANGE_PAGES, sizeof(*pfns), GFP_KERNEL_ACCOUNT);
	prot = kcalloc(DMIRROR_RANGE_PAGES, sizeof(*prot), GFP_KERNEL_ACCOUNT);
	if (!pfns || !prot)
		goto out;

	ret = 0;
	while (cmd->cpages < cmd->npages) {
		unsigned long npages = min_t(u64, DMIRROR_RANGE_PAGES,
					     cmd->npages - cmd->cpages);

		ret = dmirror_snapshot_range(dm, cmd->addr +
					     (cmd->cpages << PAGE_SHIFT),
					     npages, pfns, prot);
		if (ret)
			break;
		if (copy_to_user(user + cmd->cpages, prot, npages)) {
			ret = -EFAULT;
			break;
		}
		cmd->cpages += npages;
	}
out:
	kfree(prot);
	kfree(pfns);
	return ret;
}

/**
 * struct dmirror_comparison - the result of dmirror_compare()
 * @checked: number of entries in the device page table
 * @wrong: number of these entries that are wrong; see HMM_DMIRROR_CHECK
 */
struct dmirror_comparison {
	u64 checked;
	u64 wrong;
};

/*
 * The CPU's entry must map the page of the device's entry and grant at least
 * the same permissions. If the device has exclusive access, the CPU's entry
 * must not be present. The update lock has been held since
 * hmm_mirror_range_valid() returned true for pfns, so the callbacks of all
 * earlier invalidations have run.
 */
static struct dmirror_comparison
dmirror_compare(struct dmirror *dm, unsigned long index,
		const unsigned long *pfns, unsigned long npages)
{
	struct dmirror_comparison result = {};
	unsigned long i;

	for (i = 0; i < npages; i++) {
		struct page *page = dmirror_table_lookup(dm, index + i, false);
		unsigned long need = HMM_MIRROR_PFN_VALID;
		bool wrong;

		if (!page)
			continue;
		if (dmirror_table_lookup(dm, index + i, true))
			need |= HMM_MIRROR_PFN_WRITE;

		result.checked++;
		if (dmirror_table_is_exclusive(dm, index + i))
			wrong = pfns[i] & HMM_MIRROR_PFN_VALID;
		else
			wrong = (pfns[i] & need) != need ||
				hmm_mirror_pfn_to_page(pfns[i]) != page;
		if (wrong || !dmirror_devmem_backing(page))
			result.wrong++;
	}
	return result;
}

/*
 * The number of consecutive snapshots that must show a wrong entry before CHECK
 * reports it. The kernel clears and rewrites some page table entries without an
 * invalidation, for example for MADV_COLD. A snapshot in between shows no page,
 * but the next snapshot does.
 */
#define DMIRROR_CHECK_TRIES	3

static int dmirror_check_range(struct dmirror *dm,
			       struct hmm_mirror_range *range,
			       struct hmm_dmirror_cmd *cmd)
{
	unsigned long npages = (range->end - range->start) >> PAGE_SHIFT;
	struct dmirror_comparison result;
	unsigned int tries = 0;
	int ret;

	do {
		ret = dmirror_snapshot_and_lock(dm, range);
		if (ret)
			return ret;
		result = dmirror_compare(dm, range->start >> PAGE_SHIFT,
					 range->pfns, npages);
		mutex_unlock(&dm->update_lock);
	} while (result.wrong && ++tries < DMIRROR_CHECK_TRIES);
	cmd->cpages += result.checked;
	cmd->faults += result.wrong;
	return 0;
}

/**
 * dmirror_check() - HMM_DMIRROR_CHECK
 * @dm: the file
 * @cmd: the command; cpages and faults are filled in
 *
 * Reads only ranges in which the device has entries, so that the time to check
 * the whole address space depends only on the size of the device page table.
 *
 * Return: 0; -ENOMEM if out of memory; -ESRCH if the mm has exited; -EINTR if
 * the calling task was killed.
 */
int dmirror_check(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	unsigned long index = cmd->addr >> PAGE_SHIFT;
	unsigned long end = index + cmd->npages;
	unsigned long *pfns;
	int ret = 0;

	if (READ_ONCE(dm->released))
		return -ESRCH;

	pfns = kcalloc(DMIRROR_RANGE_PAGES, sizeof(*pfns), GFP_KERNEL_ACCOUNT);
	if (!pfns)
		return -ENOMEM;

	while (index < end &&
	       xa_find(&dm->table, &index, end - 1, XA_PRESENT)) {
		unsigned long npages = min(DMIRROR_RANGE_PAGES, end - index);
		struct hmm_mirror_range range = {
			.start = index << PAGE_SHIFT,
			.end = (index + npages) << PAGE_SHIFT,
			.pfns = pfns,
			.dev_private_owner = dm->device,
		};

		ret = hmm_mirror_range_bind(&range, &dm->interval);
		if (ret)
			break;
		ret = dmirror_check_range(dm, &range, cmd);
		hmm_mirror_range_unregister(&range);
		if (ret)
			break;
		index += npages;
	}

	kfree(pfns);
	return ret;
}
