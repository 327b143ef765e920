/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels in device memory: pages that a driver creates
 * with memremap_pages() and that migrate between the system and the device.
 */
#ifndef _HMM_COMPAT_TEST_HMM_DEVMEM_H
#define _HMM_COMPAT_TEST_HMM_DEVMEM_H

#include <linux/gfp.h>
#include <linux/memremap.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/version.h>

#include "../pgmap.h"

/*
 * Device memory needs 6.1, which added migrate_device_range(): without it, a
 * driver cannot migrate its pages out of every process before it removes the
 * memory. 6.1 also added migrate_vma.fault_page, which passes the page of a CPU
 * fault to migrate_vma_setup().
 */
#if defined(CONFIG_DEVICE_MIGRATION) && \
	LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
#define HMM_HAS_DEVICE_MEMORY	1
#else
#define HMM_HAS_DEVICE_MEMORY	0
#endif

/* Device-private memory: struct pages for memory that the CPU cannot access. */
#if HMM_HAS_DEVICE_MEMORY && defined(CONFIG_DEVICE_PRIVATE)
#define HMM_HAS_DEVICE_PRIVATE	1
#else
#define HMM_HAS_DEVICE_PRIVATE	0
#endif

#if HMM_HAS_DEVICE_MEMORY

/*
 * 6.19 added device folios of more than one page. It also changed the callback
 * that frees a page and the function that initializes a page. Before 6.19,
 * neither a device page nor a page that migrates to a device is huge.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
static inline void hmm_device_page_init(struct page *page,
					struct dev_pagemap *pgmap,
					unsigned int order)
{
	zone_device_folio_init((struct folio *)page, pgmap, order);
}

/* The callback's name, and a macro that defines it to call fn(page, order). */
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
 * A huge page is a page that a PMD entry maps. A kernel without transparent
 * huge pages does not migrate huge pages, regardless of its version.
 */
#define HMM_HUGE_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define HMM_HUGE_NR	(PMD_SIZE >> PAGE_SHIFT)

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0) && \
	defined(CONFIG_TRANSPARENT_HUGEPAGE)
#define HMM_MIGRATE_SELECT_COMPOUND	MIGRATE_VMA_SELECT_COMPOUND
#define HMM_MIGRATE_PFN_COMPOUND	MIGRATE_PFN_COMPOUND
#define HMM_DEVICE_HUGE_PAGES		true

/* Use the memory policy of @vma, or the policy of the task if @vma is NULL. */
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

/* Returns the number of pages that an entry of the src array represents. */
static inline unsigned long hmm_migrate_pfn_nr(unsigned long mpfn)
{
	return mpfn & HMM_MIGRATE_PFN_COMPOUND ? HMM_HUGE_NR : 1;
}

/* Returns the order at which the device folio of a CPU fault is migrated. */
static inline unsigned int hmm_fault_order(struct vm_fault *vmf)
{
	/* A folio that is mapped by PTEs is migrated page by page. */
	if (!HMM_DEVICE_HUGE_PAGES || vmf->pte)
		return 0;
	return compound_order(compound_head(vmf->page));
}

#endif /* HMM_HAS_DEVICE_MEMORY */

#endif /* _HMM_COMPAT_TEST_HMM_DEVMEM_H */
