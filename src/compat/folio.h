/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels: folios, which are compound pages before 5.16.
 */
#ifndef _HMM_COMPAT_FOLIO_H
#define _HMM_COMPAT_FOLIO_H

#include <linux/mm.h>
#include <linux/version.h>

/*
 * Mark the folio of @page dirty. Returns the number of pages from @page to
 * the end of the folio.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0)
static inline unsigned long hmm_folio_mark_dirty(struct page *page)
{
	struct folio *folio = page_folio(page);

	folio_mark_dirty(folio);
	return folio_nr_pages(folio) - (page_to_pfn(page) - folio_pfn(folio));
}
#else
static inline unsigned long hmm_folio_mark_dirty(struct page *page)
{
	struct page *head = compound_head(page);

	set_page_dirty(head);
	return compound_nr(head) - (page_to_pfn(page) - page_to_pfn(head));
}
#endif

#endif /* _HMM_COMPAT_FOLIO_H */
