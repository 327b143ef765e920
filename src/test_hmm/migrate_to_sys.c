// SPDX-License-Identifier: GPL-2.0
/*
 * Migration from device memory to system memory. Pages migrate when the CPU
 * faults on a device page, for MIGRATE_TO_SYS, and when RELEASE evicts a chunk.
 *
 * The migration code does not change the device page table. Its first step
 * replaces the entries in the CPU's page tables. This causes an invalidation,
 * and the callback removes the entries from the device page table:
 *
 *   CPU fault                              READ or WRITE by the device
 *   setup: the invalidation starts; its    holds the update lock, accesses the
 *   callback waits for the update lock     page, drops the lock
 *   callback: removes the device's entry
 *   setup: installs migration entries      faults: finds a migration entry and
 *   copies the content                     waits for it
 *   migrate_vma_pages(), _finalize()       finds the page in the system's
 *                                          memory
 *
 * So the content cannot change while it is copied. A reader that read the page
 * tables before the invalidation detects that the sequence has changed, and
 * reads the page tables again.
 *
 * The page lock serializes MIGRATE_TO_DEV against a CPU fault: the second
 * migration finds a migration entry, or cannot lock the page, and skips the
 * page.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/memremap.h>
#include <linux/migrate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "chunk.h"
#include "device.h"
#include "devmem.h"
#include "dmirror.h"
#include "migrate.h"
#include "migrate_to_sys.h"

#if HMM_HAS_DEVICE_MEMORY

/* Pages that migrate_vma_setup() or migrate_device_range() has isolated. */
struct dmirror_migration {
	unsigned long *src;
	unsigned long *dst;
	unsigned long npages;
	/* where the pages are mapped; vma is NULL if a chunk is evicted */
	struct vm_area_struct *vma;
	unsigned long addr;
	/* the file whose HMM_DMIRROR_FLAG_* apply; may be NULL */
	struct dmirror *dm;
};

/*
 * Allocate the destination of a huge page and copy the page to it. If no huge
 * page can be allocated and the migration has no vma, the backing page becomes
 * the destination: in migrate_device_pages() the kernel (7.2, 7.3) does not
 * split a huge page, so the page could otherwise never be evicted. The driver
 * of a real device would reserve pages for this case, or wait for memory.
 */
static unsigned long dmirror_copy_huge_to_sys(struct dmirror_migration *m,
					      unsigned long i,
					      struct page *spage)
{
	unsigned long addr = m->addr + (i << PAGE_SHIFT);
	struct page *dpage = NULL, *backing;
	unsigned long j;

	if (!dmirror_alloc_must_fail(m->dm, HMM_HUGE_ORDER))
		dpage = hmm_alloc_huge_page(GFP_TRANSHUGE, m->vma, addr);
	if (!dpage && !m->vma)
		dpage = dmirror_devmem_get_huge_backing(spage);
	if (!dpage)
		return 0;
	lock_page(dpage);
	for (j = 0; j < HMM_HUGE_NR; j++) {
		struct page *from = pfn_to_page(page_to_pfn(spage) + j);
		struct page *to = pfn_to_page(page_to_pfn(dpage) + j);

		backing = dmirror_devmem_backing(from);
		if (backing != to)
			copy_highpage(to, backing);
	}
	return migrate_pfn(page_to_pfn(dpage)) | HMM_MIGRATE_PFN_COMPOUND;
}

static unsigned long dmirror_copy_small_to_sys(struct dmirror_migration *m,
					       unsigned long i,
					       struct page *spage)
{
	struct page *dpage = NULL;

	if (dmirror_alloc_must_fail(m->dm, 0))
		return 0;
	if (m->vma)
		dpage = alloc_page_vma(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN,
				       m->vma, m->addr + (i << PAGE_SHIFT));
	else
		dpage = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN);
	if (!dpage)
		return 0;
	lock_page(dpage);
	copy_highpage(dpage, dmirror_devmem_backing(spage));
	return migrate_pfn(page_to_pfn(dpage));
}

/*
 * Returns 0; -ENOMEM if pages stay on the device because their destination
 * could not be allocated; or -EAGAIN if this applies to a huge page. A huge
 * page must not migrate to small pages: see dmirror_copy_to_dev(). So after
 * -EAGAIN, MIGRATE_TO_SYS sets up the migration again without SELECT_COMPOUND,
 * a CPU fault calls dmirror_split_for_fault(), and RELEASE tries again later.
 */
static int dmirror_copy_to_sys(struct dmirror_migration *m)
{
	unsigned long i, npages;
	int ret = 0;

	for (i = 0; i < m->npages; i += npages) {
		struct page *spage = migrate_pfn_to_page(m->src[i]);

		npages = hmm_migrate_pfn_nr(m->src[i]);
		if (!spage || !(m->src[i] & MIGRATE_PFN_MIGRATE))
			continue;

		if (npages == 1)
			m->dst[i] = dmirror_copy_small_to_sys(m, i, spage);
		else
			m->dst[i] = dmirror_copy_huge_to_sys(m, i, spage);
		if (!m->dst[i])
			ret = npages == 1 ? -ENOMEM : -EAGAIN;
	}
	return ret;
}

/*
 * Handle a CPU fault on a huge page if no huge destination can be allocated.
 * The fault handler holds a reference to the page, so the kernel cannot split
 * the page during this fault. But if the first page has a small destination,
 * the kernel splits the PMD entry before the migration fails. The CPU then
 * faults again, on a page table entry. During that fault, the kernel splits the
 * page, and one page migrates.
 */
static int dmirror_split_for_fault(struct dmirror_migration *m)
{
	struct page *spage = migrate_pfn_to_page(m->src[0]);

	m->dst[0] = dmirror_copy_small_to_sys(m, 0, spage);
	return m->dst[0] ? 0 : -ENOMEM;
}

static unsigned long dmirror_select_device(struct dmirror_device *device)
{
	if (device->memory == DMIRROR_MEMORY_COHERENT)
		return MIGRATE_VMA_SELECT_DEVICE_COHERENT;
	return MIGRATE_VMA_SELECT_DEVICE_PRIVATE;
}

/*
 * The caller holds the mmap lock for reading. Returns 0, -ENOMEM or -EAGAIN
 * like dmirror_copy_to_sys(), or an error of migrate_vma_setup(). In the first
 * three cases the caller must call migrate_vma_finalize().
 */
static int dmirror_migrate_pages_to_sys(struct dmirror *dm,
					struct migrate_vma *args)
{
	struct dmirror_migration m = {
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
	m.npages = args->npages;
	ret = dmirror_copy_to_sys(&m);
	if (ret == -EAGAIN && args->fault_page)
		ret = dmirror_split_for_fault(&m);
	migrate_vma_pages(args);
	return ret;
}

/*
 * Called when the CPU faults on a page in private memory. The caller holds a
 * reference to the page. If another thread migrates the page at the same time,
 * the page is skipped and the CPU faults again.
 */
static vm_fault_t dmirror_migrate_to_ram(struct vm_fault *vmf)
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
	ret = dmirror_migrate_pages_to_sys(dm, &args);
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

static int dmirror_migrate_batch_to_sys(struct dmirror *dm,
					struct migrate_vma *args, u64 *count)
{
	int ret;

	args->vma = vma_lookup(dm->mm, args->start);
	if (!args->vma || !(args->vma->vm_flags & VM_READ))
		return -EINVAL;
	args->end = min(args->end, args->vma->vm_end);

	args->flags |= dmirror_select_compound(dm->device);
	dmirror_skip_huge_failure(dm, args);
	do {
		ret = dmirror_migrate_pages_to_sys(dm, args);
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
 * @cmd: the command; its cpages is filled in, even on failure
 *
 * Return: 0; -EINVAL if no memory is mapped at an address, or if the mapping is
 * not readable or cannot migrate; -ENOMEM if out of memory; -ESRCH if the mm
 * has exited; -EINTR if the calling task was killed; -EOPNOTSUPP if the device
 * has no memory.
 */
int dmirror_migrate_to_sys(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	unsigned long end = cmd->addr + (cmd->npages << PAGE_SHIFT);
	unsigned long addr = cmd->addr;
	unsigned long *pfns;
	int ret = 0;

	if (dm->device->memory == DMIRROR_MEMORY_NONE)
		return -EOPNOTSUPP;

	pfns = kcalloc(2 * DMIRROR_BATCH_PAGES, sizeof(*pfns),
		       GFP_KERNEL_ACCOUNT);
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
			.flags = dmirror_select_device(dm->device),
		};

		cond_resched();
		if (fatal_signal_pending(current))
			ret = -EINTR;
		else
			ret = mmap_read_lock_killable(dm->mm);
		if (ret)
			break;
		ret = dmirror_migrate_batch_to_sys(dm, &args, &cmd->cpages);
		mmap_read_unlock(dm->mm);
		addr = args.end;
	}

	mmput(dm->mm);
	kfree(pfns);
	return ret;
}

/* Evict m->npages page frames of a chunk from all processes that map them. */
static int dmirror_evict_frames(struct dmirror_chunk *chunk,
				struct dmirror_migration *m,
				unsigned long first)
{
	int ret;

	memset(m->dst, 0, m->npages * sizeof(*m->dst));
	/* Serialize against the initialization of pages: see release.c. */
	down_write(&chunk->device->page_init_lock);
	migrate_device_range(m->src, first, m->npages);
	up_write(&chunk->device->page_init_lock);

	ret = dmirror_copy_to_sys(m);
	migrate_device_pages(m->src, m->dst, m->npages);
	migrate_device_finalize(m->src, m->dst, m->npages);
	return ret;
}

/**
 * dmirror_evict_chunk() - migrate the pages of a chunk to the system's memory
 * @chunk: a chunk from which no more pages are allocated
 * @dm: the file on which RELEASE was called, or NULL
 *
 * Pages that cannot be locked, or that are referenced elsewhere, are skipped.
 *
 * Context: may sleep; the caller holds no mmap lock and no page lock.
 * Return: 0, even if pages were skipped; -ENOMEM if out of memory; -EAGAIN if
 * no destination could be allocated for a huge page.
 */
int dmirror_evict_chunk(struct dmirror_chunk *chunk, struct dmirror *dm)
{
	unsigned long end = chunk->first_pfn + chunk->npages;
	unsigned long first = chunk->first_pfn;
	struct dmirror_migration m = { .dm = dm };
	unsigned long *pfns;
	int ret = 0;

	pfns = kcalloc(2 * DMIRROR_BATCH_PAGES, sizeof(*pfns), GFP_KERNEL);
	if (!pfns)
		return -ENOMEM;
	m.src = pfns;
	m.dst = pfns + DMIRROR_BATCH_PAGES;

	for (; first < end; first += m.npages) {
		m.npages = min(DMIRROR_BATCH_PAGES, end - first);
		ret = dmirror_evict_frames(chunk, &m, first) ?: ret;
		cond_resched();
	}

	kfree(pfns);
	return ret;
}

HMM_DEFINE_PGMAP_FREE(dmirror_pgmap_free, dmirror_devmem_free)

/*
 * The operations of device pages. They are defined here, and struct
 * dmirror_device points to them, because chunk.c must not depend on this file:
 * see the order of source files in dmirror.h.
 */
const struct dev_pagemap_ops dmirror_pagemap_ops = {
	.HMM_PGMAP_FREE = dmirror_pgmap_free,
	.migrate_to_ram = dmirror_migrate_to_ram,
};

#endif /* HMM_HAS_DEVICE_MEMORY */
