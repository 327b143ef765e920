// SPDX-License-Identifier: GPL-2.0
/*
 * The way back: pages in the device's memory move into the system's. Because
 * the CPU touches one, because MIGRATE_TO_SYS says so, or because the memory
 * goes away.
 *
 * The device page table takes no part. Whoever takes a page from the CPU's
 * page tables, which is the first step of each migration, invalidates the
 * address, and the callback takes the page from the device:
 *
 *   CPU fault                              READ or WRITE by the device
 *   setup: start of the invalidation; the
 *   callback waits for the update lock     holds it, accesses the page
 *   callback: the entry is gone
 *   setup: migration entries               faults: finds a migration entry and
 *   copies the content                     waits for it
 *   pages, finalize                        gets the page in the system
 *
 * so what is copied no longer changes. A device that has read the page tables
 * before the invalidation finds that out by the sequence.
 *
 * MIGRATE_TO_DEV and a CPU fault exclude each other by the page lock: who comes
 * second finds a migration entry, or a page that he cannot lock, which he
 * leaves alone.
 */
#include <linux/highmem.h>
#include <linux/migrate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "devmem.h"

#if HMM_HAS_DEVICE_MEMORY

/* Pages that migrate_vma_setup() or migrate_device_range() has taken. */
struct dmirror_eviction {
	unsigned long *src;
	unsigned long *dst;
	unsigned long npages;
	/* where they are mapped; NULL if by their frames */
	struct vm_area_struct *vma;
	unsigned long addr;
	/* whose HMM_DMIRROR_FLAG_FAIL_ALLOC counts; may be NULL */
	struct dmirror *dm;
};

/*
 * The destination of a huge page. When the system has none, and the page is
 * evicted by its frames, its own content becomes the destination: by frames
 * the kernel (7.2, 7.3) does not split a huge page, so without a huge
 * destination it would never leave. A real device keeps such pages in reserve,
 * or waits.
 */
static unsigned long dmirror_evict_huge(struct dmirror_eviction *e,
					unsigned long i, struct page *spage)
{
	unsigned long addr = e->addr + (i << PAGE_SHIFT);
	struct page *dpage = NULL, *content;
	unsigned long j;

	if (!dmirror_fail_alloc(e->dm, HMM_HUGE_ORDER))
		dpage = hmm_alloc_huge_page(GFP_TRANSHUGE, e->vma, addr);
	if (!dpage && !e->vma)
		dpage = dmirror_devmem_get_content(spage);
	if (!dpage)
		return 0;
	lock_page(dpage);
	for (j = 0; j < HMM_HUGE_NR; j++) {
		struct page *to = pfn_to_page(page_to_pfn(dpage) + j);

		content = dmirror_devmem_content(pfn_to_page(page_to_pfn(spage) +
							     j));
		if (content != to)
			copy_highpage(to, content);
	}
	return migrate_pfn(page_to_pfn(dpage)) | HMM_MIGRATE_PFN_COMPOUND;
}

static unsigned long dmirror_evict_small(struct dmirror_eviction *e,
					 unsigned long i, struct page *spage)
{
	struct page *dpage = NULL;

	if (dmirror_fail_alloc(e->dm, 0))
		return 0;
	if (e->vma)
		dpage = alloc_page_vma(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN,
				       e->vma, e->addr + (i << PAGE_SHIFT));
	else
		dpage = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN);
	if (!dpage)
		return 0;
	lock_page(dpage);
	copy_highpage(dpage, dmirror_devmem_content(spage));
	return migrate_pfn(page_to_pfn(dpage));
}

/*
 * Returns 0; -ENOMEM if pages stay on the device because memory is short; or
 * -EAGAIN if a huge page has no huge destination: set up again without
 * SELECT_COMPOUND. Small pages must not stand in for a huge one: see
 * dmirror_move().
 */
static int dmirror_copy_back(struct dmirror_eviction *e)
{
	unsigned long i, npages;
	int ret = 0;

	for (i = 0; i < e->npages; i += npages) {
		struct page *spage = migrate_pfn_to_page(e->src[i]);

		npages = hmm_migrate_pfn_nr(e->src[i]);
		if (!spage || !(e->src[i] & MIGRATE_PFN_MIGRATE))
			continue;

		if (npages == 1)
			e->dst[i] = dmirror_evict_small(e, i, spage);
		else
			e->dst[i] = dmirror_evict_huge(e, i, spage);
		if (!e->dst[i])
			ret = npages == 1 ? -ENOMEM : -EAGAIN;
	}
	return ret;
}

/*
 * A CPU fault on a huge page that finds no huge destination. The fault holds a
 * reference, so the kernel cannot split the page now, however it is set up.
 * But offered a small destination for the first page, it splits the PMD entry
 * before it fails. The CPU faults again, on a page table entry this time, and
 * then the page is split and one page of it moves.
 */
static int dmirror_split_for_fault(struct dmirror_eviction *e)
{
	e->dst[0] = dmirror_evict_small(e, 0, migrate_pfn_to_page(e->src[0]));
	return e->dst[0] ? 0 : -ENOMEM;
}

static unsigned long dmirror_select(struct dmirror_device *device)
{
	if (device->memory == DMIRROR_MEMORY_COHERENT)
		return MIGRATE_VMA_SELECT_DEVICE_COHERENT;
	return MIGRATE_VMA_SELECT_DEVICE_PRIVATE;
}

/*
 * Brings back what args says. The mmap lock is held for reading. Returns 0,
 * -ENOMEM if pages stayed on the device for want of memory, -EAGAIN if a huge
 * page did for want of a huge one, or what migrate_vma_setup() returned.
 * The caller calls migrate_vma_finalize() in the first three cases.
 */
static int dmirror_bring_back(struct dmirror *dm, struct migrate_vma *args)
{
	struct dmirror_eviction e = {
		.src = args->src,
		.dst = args->dst,
		.vma = args->vma,
		.addr = args->start,
		.dm = dm,
	};
	int ret;

	ret = migrate_vma_setup(args);
	if (ret)
		return ret;
	if (dm)
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_RETURNING);
	e.npages = args->npages;
	ret = dmirror_copy_back(&e);
	if (ret == -EAGAIN && args->fault_page)
		ret = dmirror_split_for_fault(&e);
	migrate_vma_pages(args);
	return ret;
}

/**
 * dmirror_migrate_to_ram() - the CPU touches a page that it cannot reach
 * @vmf: the fault; the caller holds a reference on its page
 *
 * A page that another thread is about to migrate stays where it is: the CPU
 * faults again.
 */
vm_fault_t dmirror_migrate_to_ram(struct vm_fault *vmf)
{
	unsigned int order = hmm_fault_order(vmf);
	struct migrate_vma args = {
		.vma = vmf->vma,
		.start = ALIGN_DOWN(vmf->address, PAGE_SIZE << order),
		.pgmap_owner = hmm_page_pgmap(vmf->page)->owner,
		.flags = MIGRATE_VMA_SELECT_DEVICE_PRIVATE |
			 (order ? HMM_MIGRATE_SELECT_COMPOUND : 0),
		.fault_page = vmf->page,
	};
	unsigned long one[2] = {};
	unsigned long *many = NULL;
	struct dmirror *dm;
	int ret;

	args.end = args.start + (PAGE_SIZE << order);
	args.src = &one[0];
	args.dst = &one[1];
	if (order) {
		many = kcalloc(2UL << order, sizeof(*many), GFP_KERNEL);
		if (!many)
			return VM_FAULT_OOM;
		args.src = many;
		args.dst = many + (1UL << order);
	}

	dm = dmirror_get(args.pgmap_owner, vmf->vma->vm_mm);
	ret = dmirror_bring_back(dm, &args);
	if (!ret || ret == -ENOMEM)
		migrate_vma_finalize(&args);
	if (dm)
		dmirror_put(dm);

	kfree(many);
	if (ret == -ENOMEM)
		return VM_FAULT_OOM;
	return ret ? VM_FAULT_SIGBUS : 0;
}

static unsigned long dmirror_count_migrated(const struct migrate_vma *args)
{
	unsigned long count = 0;
	unsigned long i;

	for (i = 0; i < args->npages; i++) {
		if ((args->src[i] & MIGRATE_PFN_VALID) &&
		    (args->src[i] & MIGRATE_PFN_MIGRATE))
			count += hmm_migrate_pfn_nr(args->src[i]);
	}
	return count;
}

static int dmirror_return_batch(struct dmirror *dm, struct migrate_vma *args,
				u64 *count)
{
	int ret;

	args->vma = vma_lookup(dm->mm, args->start);
	if (!args->vma || !(args->vma->vm_flags & VM_READ))
		return -EINVAL;
	args->end = min(args->end, args->vma->vm_end);

	args->flags |= dmirror_compound(dm->device);
	dmirror_fail_absent_huge(dm, args);
	do {
		ret = dmirror_bring_back(dm, args);
		if (ret && ret != -ENOMEM && ret != -EAGAIN)
			return ret;
		*count += dmirror_count_migrated(args);
		migrate_vma_finalize(args);
		args->flags &= ~HMM_MIGRATE_SELECT_COMPOUND;
	} while (ret == -EAGAIN);
	return ret;
}

/**
 * dmirror_migrate_to_sys() - HMM_DMIRROR_MIGRATE_TO_SYS
 * @dm: the file
 * @cmd: the command; its cpages is filled in, also on failure
 *
 * Return: 0, -EINVAL for memory that migrates nowhere, -ENOMEM.
 */
int dmirror_migrate_to_sys(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	unsigned long end = cmd->addr + (cmd->npages << PAGE_SHIFT);
	unsigned long addr = cmd->addr;
	unsigned long *pfns;
	int ret = 0;

	if (dm->device->memory == DMIRROR_MEMORY_NONE)
		return -EOPNOTSUPP;

	pfns = kcalloc(2 * DMIRROR_BATCH_PAGES, sizeof(*pfns), GFP_KERNEL);
	if (!pfns)
		return -ENOMEM;
	if (!mmget_not_zero(dm->mm)) {
		kfree(pfns);
		return -ESRCH;
	}

	while (!ret && addr < end) {
		struct migrate_vma args = {
			.src = pfns,
			.dst = pfns + DMIRROR_BATCH_PAGES,
			.start = addr,
			.end = dmirror_batch_end(addr, end),
			.pgmap_owner = dm->device,
			.flags = dmirror_select(dm->device),
		};

		cond_resched();
		if (fatal_signal_pending(current))
			ret = -EINTR;
		else
			ret = mmap_read_lock_killable(dm->mm);
		if (ret)
			break;
		ret = dmirror_return_batch(dm, &args, &cmd->cpages);
		mmap_read_unlock(dm->mm);
		addr = args.end;
	}

	mmput(dm->mm);
	kfree(pfns);
	return ret;
}

/* Some frames of a chunk, in all processes that map them. */
static int dmirror_evict_frames(struct dmirror_chunk *chunk,
				struct dmirror_eviction *e,
				unsigned long first)
{
	int ret;

	memset(e->dst, 0, e->npages * sizeof(*e->dst));
	/* Not while a page is made alive: see devmem.c. */
	down_write(&chunk->device->setup_lock);
	migrate_device_range(e->src, first, e->npages);
	up_write(&chunk->device->setup_lock);

	ret = dmirror_copy_back(e);
	migrate_device_pages(e->src, e->dst, e->npages);
	migrate_device_finalize(e->src, e->dst, e->npages);
	return ret;
}

/**
 * dmirror_evict_chunk() - bring back what can be locked of a chunk
 * @chunk: a chunk of which no page is allocated any more
 * @dm: the file whose RELEASE this is, or NULL
 *
 * Return: 0, -ENOMEM, or -EAGAIN if a huge page has no destination.
 */
int dmirror_evict_chunk(struct dmirror_chunk *chunk, struct dmirror *dm)
{
	unsigned long end = chunk->first + chunk->npages;
	unsigned long first = chunk->first;
	struct dmirror_eviction e = { .dm = dm };
	unsigned long *pfns;
	int ret = 0;

	pfns = kcalloc(2 * DMIRROR_BATCH_PAGES, sizeof(*pfns), GFP_KERNEL);
	if (!pfns)
		return -ENOMEM;
	e.src = pfns;
	e.dst = pfns + DMIRROR_BATCH_PAGES;

	for (; first < end; first += e.npages) {
		e.npages = min(DMIRROR_BATCH_PAGES, end - first);
		ret = dmirror_evict_frames(chunk, &e, first) ?: ret;
		cond_resched();
	}

	kfree(pfns);
	return ret;
}

#else /* !HMM_HAS_DEVICE_MEMORY */

int dmirror_migrate_to_sys(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	return -EOPNOTSUPP;
}

#endif /* HMM_HAS_DEVICE_MEMORY */
