/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels in how to find the dev_pagemap of a device page.
 */
#ifndef _HMM_COMPAT_PGMAP_H
#define _HMM_COMPAT_PGMAP_H

#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/version.h>

/* Since 6.15, the folio of the page contains the pointer. */
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
