// SPDX-License-Identifier: GPL-2.0
/*
 * MIGRATE_TO_DEV: migrate private anonymous memory of the process to the
 * device's memory.
 *
 * Each batch of addresses is migrated in three steps:
 *
 *   reserve  the driver reserves page frames of the device, in a new chunk if
 *            necessary, while it holds no lock
 *   migrate  migrate_vma_setup() isolates the pages; the driver copies the
 *            content; migrate_vma_pages() and migrate_vma_finalize() replace
 *            the pages with the device's pages
 *   map      the driver reads the CPU's page tables as for any other access,
 *            and programs the pages that are in the device's own memory
 *
 * The second step does not program the device's pages, although their addresses
 * are known and they are locked. The page lock is not sufficient, because the
 * mmap lock is only held for reading, and other tasks can remove entries while
 * they hold the mmap lock for reading as well:
 *
 *   MIGRATE_TO_DEV                         madvise(MADV_DONTNEED)
 *   setup: the page table has migration
 *   entries, the pages are locked
 *                                          invalidate: the device has no
 *                                          entry, so nothing is removed
 *   programs the device's pages
 *                                          removes the migration entries
 *   finalize: finds no entry, the pages
 *   are freed
 *   ... and the device still maps them
 *
 * A driver must therefore check the sequence before it programs pages that it
 * has migrated. Reading the page tables includes this check, and costs little
 * compared with copying the pages.
 *
 * Invalidations that the migration itself causes need no special treatment:
 * they remove the device's entries for the batch, and the third step programs
 * the entries that are current at that time.
 *
 * Afterwards, the pages of the batch are read for the caller. A page may have no
 * entry for two reasons that soon disappear, so all steps are then repeated from
 * this page on:
 *
 *   - The page has not migrated, because another part of the kernel has a
 *     reference to it. Compaction, for example, holds one for a short time.
 *   - The page has been invalidated. For example, khugepaged drops the mmap lock
 *     when it has found pages to replace with a huge page. If they migrate to
 *     the device before it acquires the lock again, it invalidates the range,
 *     and then leaves it as it is.
 */
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/migrate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "access.h"
#include "device.h"
#include "devmem.h"
#include "dmirror.h"
#include "migrate.h"
#include "migrate_to_dev.h"
#include "pagetable.h"
#include "snapshot.h"

#if HMM_HAS_DEVICE_MEMORY

/*
 * The maximum number of attempts for the first page of a batch that is not on
 * the device. The driver waits 1 ms after the first attempt, and twice as long
 * after each further one. The total is 1 s, because a virtual CPU may be
 * descheduled while it holds a reference.
 */
#define DMIRROR_MIGRATE_ATTEMPTS	11

/* @spage is NULL for a hole and for the zero page. */
static void dmirror_copy_page_to_dev(struct page *dpage, struct page *spage)
{
	struct page *backing = dmirror_devmem_backing(dpage);

	if (spage)
		copy_highpage(backing, spage);
	else
		clear_highpage(backing);
}

static unsigned long dmirror_copy_huge_to_dev(struct dmirror *dm,
					      struct page *spage,
					      unsigned long *reserved)
{
	struct page *dpage;
	unsigned long i;

	dpage = dmirror_devmem_alloc(dm, HMM_HUGE_ORDER, reserved);
	if (!dpage)
		return 0;

	for (i = 0; i < HMM_HUGE_NR; i++) {
		struct page *to = pfn_to_page(page_to_pfn(dpage) + i);
		struct page *from = NULL;

		if (spage)
			from = pfn_to_page(page_to_pfn(spage) + i);
		dmirror_copy_page_to_dev(to, from);
	}
	return migrate_pfn(page_to_pfn(dpage)) | HMM_MIGRATE_PFN_COMPOUND;
}

static unsigned long dmirror_copy_small_to_dev(struct dmirror *dm,
					       struct page *spage,
					       unsigned long *reserved)
{
	struct page *dpage;

	dpage = dmirror_devmem_alloc(dm, 0, reserved);
	if (!dpage)
		return 0;
	dmirror_copy_page_to_dev(dpage, spage);
	return migrate_pfn(page_to_pfn(dpage));
}

/*
 * Pages for which the device has no room do not migrate: sets *@full. Returns
 * false if no huge destination can be allocated for a huge source. The dst
 * entry of this source is 0.
 *
 * A huge page must not migrate to small pages. The kernel (7.2, 7.3) accepts
 * small destinations, but
 *   - if the source is a hole, the kernel inserts every page of the huge page,
 *     including pages without a destination, and dereferences NULL;
 *   - if several processes map the source, the kernel splits the huge page in
 *     this process only: a PMD entry of each other process then maps 2M, but
 *     only one page of this memory belongs to the process.
 */
static bool dmirror_copy_to_dev(struct dmirror *dm, struct migrate_vma *args,
				unsigned long *reserved, bool *full)
{
	unsigned long i, npages;
	bool all_huge = true;

	for (i = 0; i < args->npages; i += npages) {
		unsigned long src = args->src[i];
		struct page *spage = migrate_pfn_to_page(src);

		npages = hmm_migrate_pfn_nr(src);
		if (!(src & MIGRATE_PFN_MIGRATE) ||
		    (spage && is_zone_device_page(spage)))
			continue;

		if (npages == 1) {
			args->dst[i] = dmirror_copy_small_to_dev(dm, spage,
								 reserved);
			*full |= !args->dst[i];
		} else {
			args->dst[i] = dmirror_copy_huge_to_dev(dm, spage,
								reserved);
			all_huge &= !!args->dst[i];
		}
	}
	return all_huge;
}

/*
 * The caller holds the mmap lock for reading.
 *
 * If fewer pages are reserved than a huge page has, the batch is set up without
 * SELECT_COMPOUND. If the allocation of a huge page fails, the batch is set up
 * again without SELECT_COMPOUND. The kernel then splits huge pages in all
 * processes that map them, and reports a hole as single pages.
 */
static int dmirror_migrate_batch_to_dev(struct dmirror *dm,
					struct migrate_vma *args,
					unsigned long *reserved, bool *full)
{
	bool done;
	int ret;

	args->vma = vma_lookup(dm->mm, args->start);
	if (!args->vma || !(args->vma->vm_flags & VM_READ))
		return -EINVAL;
	args->end = min(args->end, args->vma->vm_end);

	if (*reserved >= HMM_HUGE_NR)
		args->flags |= dmirror_select_compound(dm->device);
	dmirror_skip_huge_failure(dm, args);
	do {
		ret = migrate_vma_setup(args);
		if (ret)
			return ret;
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_MIGRATING);
		done = dmirror_copy_to_dev(dm, args, reserved, full);
		migrate_vma_pages(args);
		migrate_vma_finalize(args);
		args->flags &= ~HMM_MIGRATE_SELECT_COMPOUND;
	} while (!done);
	return 0;
}

/* Program those pages of the range that are in the device's memory. */
static int dmirror_map_batch(struct dmirror *dm, unsigned long addr,
			     unsigned long npages, unsigned long *pfns)
{
	struct hmm_mirror_range range = {
		.start = addr,
		.end = addr + (npages << PAGE_SHIFT),
		.pfns = pfns,
		.dev_private_owner = dm->device,
	};
	unsigned long index = addr >> PAGE_SHIFT;
	unsigned long i;
	int ret;

	ret = hmm_mirror_range_bind(&range, &dm->interval);
	if (ret)
		return ret;

	do {
		memset(pfns, 0, npages * sizeof(*pfns));
		ret = dmirror_table_reserve(dm, index, npages);
		if (ret)
			break;
		ret = dmirror_snapshot_and_lock(dm, &range);
		if (ret)
			break;
		for (i = 0; !ret && i < npages; i++) {
			struct page *page = hmm_mirror_pfn_to_page(pfns[i]);

			if (!(pfns[i] & HMM_MIRROR_PFN_VALID) ||
			    !dmirror_devmem_owns(dm->device, page))
				continue;
			ret = dmirror_table_store(dm, index + i, page,
						  pfns[i] & HMM_MIRROR_PFN_WRITE ?
						  DMIRROR_ENTRY_WRITE : 0);
		}
		mutex_unlock(&dm->update_lock);
	} while (ret == -EAGAIN);

	dmirror_table_unreserve(dm, index, npages);
	hmm_mirror_range_unregister(&range);
	return ret;
}

/*
 * Migrate a batch and program its pages. *@end becomes the end of the vma if
 * that is less. Sets *@full if the device has no room for a page.
 */
static int dmirror_attempt_to_dev(struct dmirror *dm, unsigned long addr,
				  unsigned long *end, unsigned long *src,
				  unsigned long *dst, bool *full)
{
	struct migrate_vma args = {
		.src = src,
		.dst = dst,
		.start = addr,
		.end = *end,
		.pgmap_owner = dm->device,
		.flags = MIGRATE_VMA_SELECT_SYSTEM,
	};
	unsigned long reserved;
	int ret;

	if (!mmget_not_zero(dm->mm))
		return -ESRCH;
	reserved = dmirror_devmem_reserve(dm, (*end - addr) >> PAGE_SHIFT);
	ret = mmap_read_lock_killable(dm->mm);
	if (!ret) {
		ret = dmirror_migrate_batch_to_dev(dm, &args, &reserved, full);
		mmap_read_unlock(dm->mm);
	}
	dmirror_devmem_unreserve(dm, reserved);
	/* If the process has exited in the meantime, this frees its memory. */
	mmput(dm->mm);
	if (ret)
		return ret;

	*end = args.end;
	return dmirror_map_batch(dm, addr, (args.end - addr) >> PAGE_SHIFT,
				 src);
}

/*
 * Pages are read up to the first one that is not on the device. The pages after
 * it migrate as well, if possible, but without further attempts.
 */
static int dmirror_migrate_range_to_dev(struct dmirror *dm,
					struct hmm_dmirror_cmd *cmd,
					unsigned long *src, unsigned long *dst)
{
	unsigned long end = cmd->addr + (cmd->npages << PAGE_SHIFT);
	unsigned long addr = cmd->addr;
	unsigned int attempts = 0;
	bool missing = false;

	while (addr < end) {
		unsigned long read, next = dmirror_batch_end(addr, end);
		bool full = false;
		int ret;

		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		ret = dmirror_attempt_to_dev(dm, addr, &next, src, dst, &full);
		if (ret)
			return ret;
		if (!missing)
			ret = dmirror_read_mapped(dm, cmd, (next - cmd->addr) >>
						  PAGE_SHIFT);
		read = cmd->addr + (cmd->cpages << PAGE_SHIFT);
		if (!missing && addr < read) {
			addr = read;
			attempts = 0;
		}
		if (ret == -ENOENT && !full &&
		    ++attempts < DMIRROR_MIGRATE_ATTEMPTS) {
			schedule_timeout_killable(msecs_to_jiffies(1U <<
							(attempts - 1)));
			continue;
		}
		if (ret && ret != -ENOENT)
			return ret;
		missing |= ret == -ENOENT;
		attempts = 0;
		addr = next;
	}
	return missing ? -ENOENT : 0;
}

/**
 * dmirror_migrate_to_dev() - HMM_DMIRROR_MIGRATE_TO_DEV
 * @dm: the file
 * @cmd: the command; its cpages is filled in, even on failure
 *
 * Return: 0 if each page has migrated and was then copied from the device to the
 * caller's buffer; -EINVAL if no memory is mapped at an address, or if the
 * mapping is not readable or cannot migrate; -ENOENT if the device has no room
 * for a page, or if a page did not migrate, or was invalidated before it was
 * copied, in each of several attempts; -EFAULT if the caller's buffer is
 * invalid; -ENOMEM if out of memory; -ESRCH if the mm has exited; -EINTR if the
 * calling task was killed; -EOPNOTSUPP if the device has no memory.
 */
int dmirror_migrate_to_dev(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	unsigned long *src, *dst;
	int ret = -ENOMEM;

	if (dm->device->memory == DMIRROR_MEMORY_NONE)
		return -EOPNOTSUPP;

	src = kcalloc(DMIRROR_BATCH_PAGES, sizeof(*src), GFP_KERNEL_ACCOUNT);
	dst = kcalloc(DMIRROR_BATCH_PAGES, sizeof(*dst), GFP_KERNEL_ACCOUNT);
	if (src && dst)
		ret = dmirror_migrate_range_to_dev(dm, cmd, src, dst);
	kfree(dst);
	kfree(src);
	return ret;
}

#endif /* HMM_HAS_DEVICE_MEMORY */
