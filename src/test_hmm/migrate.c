// SPDX-License-Identifier: GPL-2.0
/*
 * MIGRATE_TO_DEV: private memory of the process moves into the device's own.
 *
 * Three steps for each stretch of addresses:
 *
 *   room     the device gets the frames, if need be a new chunk, while nothing
 *            is locked
 *   move     migrate_vma_setup() takes the pages from the CPU, their content
 *            is copied, migrate_vma_pages() and _finalize() put the device's
 *            pages in their place
 *   map      the device reads the CPU's page tables, as ever, and programs
 *            what it finds of its own memory there
 *
 * The device page table is not touched in the second step, although the
 * driver knows all there is to know: which page lies where and that it is
 * locked. That is not enough. The mmap lock is held for reading only, and
 * there is who removes entries with no more than that:
 *
 *   MIGRATE_TO_DEV                         madvise(MADV_DONTNEED)
 *   setup: the page table has migration
 *   entries, the pages are locked
 *                                          invalidate: the device maps nothing
 *                                          there, nothing to remove
 *   programs the device's pages
 *                                          removes the migration entries
 *   finalize: finds no entry, the pages
 *   are freed
 *   ... and the device still has them
 *
 * Whoever programs from what he knows has to ask the sequence too; reading the
 * page tables does so anyway, and costs little beside a copy of the pages.
 *
 * An invalidation of our own needs no treatment either: it takes away what the
 * device maps of the stretch, and the third step brings back what is there.
 */
#include <linux/highmem.h>
#include <linux/migrate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "access.h"
#include "devmem.h"
#include "pagetable.h"
#include "snapshot.h"

#if HMM_HAS_DEVICE_MEMORY

/* spage is NULL where nothing was, or the zero page. */
static void dmirror_copy_to_dev(struct page *dpage, struct page *spage)
{
	struct page *content = dmirror_devmem_content(dpage);

	if (spage)
		copy_highpage(content, spage);
	else
		clear_highpage(content);
}

static unsigned long dmirror_move_huge(struct dmirror *dm, struct page *spage,
				       unsigned long *reserved)
{
	struct page *dpage;
	unsigned long i;

	dpage = dmirror_devmem_alloc(dm, HMM_HUGE_ORDER, reserved);
	if (!dpage)
		return 0;

	for (i = 0; i < HMM_HUGE_NR; i++)
		dmirror_copy_to_dev(pfn_to_page(page_to_pfn(dpage) + i),
				    spage ? pfn_to_page(page_to_pfn(spage) + i) :
					    NULL);
	return migrate_pfn(page_to_pfn(dpage)) | HMM_MIGRATE_PFN_COMPOUND;
}

static unsigned long dmirror_move_small(struct dmirror *dm, struct page *spage,
					unsigned long *reserved)
{
	struct page *dpage;

	dpage = dmirror_devmem_alloc(dm, 0, reserved);
	if (!dpage)
		return 0;
	dmirror_copy_to_dev(dpage, spage);
	return migrate_pfn(page_to_pfn(dpage));
}

/*
 * Pages for which there is no room stay where they are. Returns false if a
 * huge source has no huge page in the device; its entry of dst is empty then.
 *
 * Small pages must not stand in for a huge one. The kernel (7.2, 7.3) takes
 * them, but
 *   - inserts all of them where the source is a hole, also those that are
 *     missing, and dereferences NULL;
 *   - splits a huge page that several processes map in this one only: the
 *     others then map 2M of which one page is theirs.
 */
static bool dmirror_move(struct dmirror *dm, struct migrate_vma *args,
			 unsigned long *reserved)
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
			args->dst[i] = dmirror_move_small(dm, spage, reserved);
		} else {
			args->dst[i] = dmirror_move_huge(dm, spage, reserved);
			all_huge &= !!args->dst[i];
		}
	}
	return all_huge;
}

/*
 * One batch; the mmap lock is held for reading.
 *
 * Without room for a huge page the batch is set up (again) without
 * SELECT_COMPOUND. The kernel then splits what is huge in all processes that
 * map it, and holes come page by page.
 */
static int dmirror_migrate_batch(struct dmirror *dm, struct migrate_vma *args,
				 unsigned long *reserved)
{
	bool done;
	int ret;

	args->vma = vma_lookup(dm->mm, args->start);
	if (!args->vma || !(args->vma->vm_flags & VM_READ))
		return -EINVAL;
	args->end = min(args->end, args->vma->vm_end);

	if (*reserved >= HMM_HUGE_NR)
		args->flags |= dmirror_compound(dm->device);
	dmirror_fail_absent_huge(dm, args);
	do {
		ret = migrate_vma_setup(args);
		if (ret)
			return ret;
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_MIGRATING);
		done = dmirror_move(dm, args, reserved);
		migrate_vma_pages(args);
		migrate_vma_finalize(args);
		args->flags &= ~HMM_MIGRATE_SELECT_COMPOUND;
	} while (!done);
	return 0;
}

/* *addr: in: where to begin; out: where it ended. */
static int dmirror_migrate(struct dmirror *dm, unsigned long *addr,
			   unsigned long end, unsigned long *src,
			   unsigned long *dst)
{
	int ret = 0;

	while (!ret && *addr < end) {
		struct migrate_vma args = {
			.src = src,
			.dst = dst,
			.start = *addr,
			.end = dmirror_batch_end(*addr, end),
			.pgmap_owner = dm->device,
			.flags = MIGRATE_VMA_SELECT_SYSTEM,
		};
		unsigned long reserved;

		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		reserved = dmirror_devmem_reserve(dm, (args.end - *addr) >>
						  PAGE_SHIFT);
		ret = mmap_read_lock_killable(dm->mm);
		if (!ret) {
			ret = dmirror_migrate_batch(dm, &args, &reserved);
			mmap_read_unlock(dm->mm);
		}
		dmirror_devmem_unreserve(dm, reserved);
		if (!ret)
			*addr = args.end;
	}
	return ret;
}

/* Program those of npages that are in the device. */
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

static int dmirror_map(struct dmirror *dm, unsigned long addr,
		       unsigned long end, unsigned long *pfns)
{
	unsigned long next;
	int ret = 0;

	for (; !ret && addr < end; addr = next) {
		next = dmirror_batch_end(addr, end);
		ret = dmirror_map_batch(dm, addr, (next - addr) >> PAGE_SHIFT,
					pfns);
	}
	return ret;
}

/**
 * dmirror_migrate_to_dev() - HMM_DMIRROR_MIGRATE_TO_DEV
 * @dm: the file
 * @cmd: the command; its cpages is filled in, also on failure
 *
 * Return: 0 if all pages are in the device now; see HMM_DMIRROR_MIGRATE_TO_DEV.
 */
int dmirror_migrate_to_dev(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	unsigned long end = cmd->addr + (cmd->npages << PAGE_SHIFT);
	unsigned long reached = cmd->addr;
	unsigned long *src, *dst;
	int ret = -ENOMEM;

	if (dm->device->memory == DMIRROR_MEMORY_NONE)
		return -EOPNOTSUPP;

	src = kcalloc(DMIRROR_BATCH_PAGES, sizeof(*src), GFP_KERNEL);
	dst = kcalloc(DMIRROR_BATCH_PAGES, sizeof(*dst), GFP_KERNEL);
	if (!src || !dst)
		goto out;

	ret = -ESRCH;
	if (!mmget_not_zero(dm->mm))
		goto out;
	ret = dmirror_migrate(dm, &reached, end, src, dst);
	/* What has moved is the device's, also if the rest did not. */
	ret = dmirror_map(dm, cmd->addr, reached, src) ?: ret;
	/* If the process has exited meanwhile, its memory goes here. */
	mmput(dm->mm);
	if (!ret)
		ret = dmirror_read_mapped(dm, cmd);
out:
	kfree(dst);
	kfree(src);
	return ret;
}

#else /* !HMM_HAS_DEVICE_MEMORY */

int dmirror_migrate_to_dev(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	return -EOPNOTSUPP;
}

#endif /* HMM_HAS_DEVICE_MEMORY */
