/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in memory of a device: pages that a driver
 * brings into being, gives to a process and gets back.
 */
#ifndef _HMM_COMPAT_DEVMEM_H
#define _HMM_COMPAT_DEVMEM_H

#include <linux/gfp.h>
#include <linux/memremap.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/version.h>

#include "pgmap.h"

/*
 * Pages that a CPU fault is about must be told to migrate_vma_setup() since
 * 6.0, and pages can be migrated by their frame numbers since 6.1: without
 * that, memory cannot be taken from processes when the device goes away.
 */
#if defined(CONFIG_DEVICE_MIGRATION) && \
	LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
#define HMM_HAS_DEVICE_MEMORY	1
#else
#define HMM_HAS_DEVICE_MEMORY	0
#endif

/* Frames without any memory behind them, that the CPU cannot reach. */
#if HMM_HAS_DEVICE_MEMORY && defined(CONFIG_DEVICE_PRIVATE)
#define HMM_HAS_DEVICE_PRIVATE	1
#else
#define HMM_HAS_DEVICE_PRIVATE	0
#endif

#if HMM_HAS_DEVICE_MEMORY

/*
 * Folios of more than one page came with 6.19, and with them another callback
 * for what is freed and another call that initializes a page. Before, neither
 * a device page nor a page on its way to a device is ever huge.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
static inline void hmm_device_page_init(struct page *page,
					struct dev_pagemap *pgmap,
					unsigned int order)
{
	zone_device_folio_init((struct folio *)page, pgmap, order);
}

/* The callback's name, and name() as one that calls fn(page, order). */
#define HMM_PGMAP_FREE	folio_free
#define HMM_DEFINE_PGMAP_FREE(name, fn)				\
static void name(struct folio *folio)				\
{								\
	fn(&folio->page, folio_order(folio));			\
}
#else
static inline void hmm_device_page_init(struct page *page,
					struct dev_pagemap *pgmap,
					unsigned int order)
{
	zone_device_page_init(page);
}

#define HMM_PGMAP_FREE	page_free
#define HMM_DEFINE_PGMAP_FREE(name, fn)				\
static void name(struct page *page)				\
{								\
	fn(page, 0);						\
}
#endif

/*
 * Huge means what one PMD entry maps. A kernel without transparent huge pages
 * migrates none, whatever its version.
 */
#define HMM_HUGE_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define HMM_HUGE_NR	(PMD_SIZE >> PAGE_SHIFT)

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0) && \
	defined(CONFIG_TRANSPARENT_HUGEPAGE)
#define HMM_MIGRATE_SELECT_COMPOUND	MIGRATE_VMA_SELECT_COMPOUND
#define HMM_MIGRATE_PFN_COMPOUND	MIGRATE_PFN_COMPOUND
#define HMM_DEVICE_HUGE_PAGES		true

/* By the memory policy of a vma, if there is one. */
static inline struct page *hmm_alloc_huge_page(gfp_t gfp,
					       struct vm_area_struct *vma,
					       unsigned long addr)
{
	struct folio *folio;

	if (vma)
		folio = vma_alloc_folio(gfp, HMM_HUGE_ORDER, vma, addr);
	else
		folio = folio_alloc(gfp, HMM_HUGE_ORDER);
	return folio ? &folio->page : NULL;
}
#else
#define HMM_MIGRATE_SELECT_COMPOUND	0
#define HMM_MIGRATE_PFN_COMPOUND	0UL
#define HMM_DEVICE_HUGE_PAGES		false

static inline struct page *hmm_alloc_huge_page(gfp_t gfp,
					       struct vm_area_struct *vma,
					       unsigned long addr)
{
	return NULL;
}
#endif

/* How many pages an entry of the src array stands for. */
static inline unsigned long hmm_migrate_pfn_nr(unsigned long mpfn)
{
	return mpfn & HMM_MIGRATE_PFN_COMPOUND ? HMM_HUGE_NR : 1;
}

/* The order of the folio that a CPU fault on a device page is about. */
static inline unsigned int hmm_fault_order(struct vm_fault *vmf)
{
	/* With a page table below it, it is mapped page by page. */
	if (!HMM_DEVICE_HUGE_PAGES || vmf->pte)
		return 0;
	return compound_order(compound_head(vmf->page));
}

#endif /* HMM_HAS_DEVICE_MEMORY */

#endif /* _HMM_COMPAT_DEVMEM_H */
