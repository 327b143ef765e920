/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in how a page leads to its device's memory.
 */
#ifndef _HMM_COMPAT_PGMAP_H
#define _HMM_COMPAT_PGMAP_H

#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/version.h>

/* It is in the page's folio since 6.15. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
static inline struct dev_pagemap *hmm_page_pgmap(const struct page *page)
{
	return page_pgmap(page);
}
#else
static inline struct dev_pagemap *hmm_page_pgmap(const struct page *page)
{
	return page->pgmap;
}
#endif

#endif /* _HMM_COMPAT_PGMAP_H */
