/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What one entry of a range's pfn array means.
 */
#ifndef _HMM_PFN_H
#define _HMM_PFN_H

#include <linux/bits.h>
#include <linux/mm.h>

/**
 * DOC: pfn entries
 *
 * An entry is one unsigned long and is laid out alike on every kernel::
 *
 *   63     62     61     60..56  55..53    52   51..0
 *   VALID  WRITE  ERROR  order   private   DMA  page frame number
 *
 * On the way in, %HMM_MIRROR_PFN_VALID asks for the page to be there and
 * %HMM_MIRROR_PFN_WRITE for it to be writable; what counts as the request is
 * ``(entry & range->pfn_flags_mask) | range->default_flags``.
 *
 * On the way out, an entry without VALID and without ERROR is an address
 * that is mapped by a vma but has no page that the device could use as it
 * is; an entry with ERROR is one that the device can never use.
 *
 * An entry that was written remembers what was requested of it in its
 * private bits, so that asking again with the same array asks for the same
 * again. To change a request, write the whole entry.
 *
 * Since: 0.1
 */
#define HMM_MIRROR_PFN_WRITE_BIT	62

#define HMM_MIRROR_PFN_VALID	BIT(63)
#define HMM_MIRROR_PFN_WRITE	BIT(HMM_MIRROR_PFN_WRITE_BIT)
#define HMM_MIRROR_PFN_ERROR	BIT(61)

/* The same bits, under the name that says what they ask for. */
#define HMM_MIRROR_PFN_REQ_FAULT	HMM_MIRROR_PFN_VALID
#define HMM_MIRROR_PFN_REQ_WRITE \
	(HMM_MIRROR_PFN_VALID | HMM_MIRROR_PFN_WRITE)

#define HMM_MIRROR_PFN_ORDER_SHIFT	56
#define HMM_MIRROR_PFN_ORDER_MASK	0x1fUL
/* Mapped by hmm_mirror_range_dma_map(), which keeps it up to date. */
#define HMM_MIRROR_PFN_DMA		BIT(52)
#define HMM_MIRROR_PFN_MASK		(BIT(52) - 1)

/**
 * hmm_mirror_pfn_entry() - make the entry of a page that a device may use
 * @pfn: page frame number
 * @writable: whether the device may write to the page
 * @order: the page is part of a CPU mapping of ``1 << order`` pages
 *
 * Context: any.
 * Return: an entry with %HMM_MIRROR_PFN_VALID.
 *
 * Since: 0.2
 */
static inline unsigned long
hmm_mirror_pfn_entry(unsigned long pfn, bool writable, unsigned int order)
{
	return pfn | HMM_MIRROR_PFN_VALID |
	       (unsigned long)writable << HMM_MIRROR_PFN_WRITE_BIT |
	       (unsigned long)order << HMM_MIRROR_PFN_ORDER_SHIFT;
}

/**
 * hmm_mirror_pfn_to_pfn() - the page frame number of an entry
 * @entry: an entry that has %HMM_MIRROR_PFN_VALID
 *
 * Since: 0.1
 */
static inline unsigned long hmm_mirror_pfn_to_pfn(unsigned long entry)
{
	return entry & HMM_MIRROR_PFN_MASK;
}

/**
 * hmm_mirror_pfn_to_page() - the page of an entry
 * @entry: an entry that has %HMM_MIRROR_PFN_VALID
 *
 * The caller holds no reference on the page. It may use the page only while
 * it holds its update lock and hmm_mirror_range_valid() said true under it.
 *
 * Since: 0.1
 */
static inline struct page *hmm_mirror_pfn_to_page(unsigned long entry)
{
	return pfn_to_page(hmm_mirror_pfn_to_pfn(entry));
}

/**
 * hmm_mirror_pfn_to_order() - order of the CPU's mapping behind an entry
 * @entry: an entry that has %HMM_MIRROR_PFN_VALID
 *
 * The CPU maps the page with an entry of ``1 << order`` pages, naturally
 * aligned, of which this page is one. The mapping may begin before the range
 * and end after it.
 *
 * Since: 0.1
 */
static inline unsigned int hmm_mirror_pfn_to_order(unsigned long entry)
{
	return (entry >> HMM_MIRROR_PFN_ORDER_SHIFT) &
	       HMM_MIRROR_PFN_ORDER_MASK;
}

#endif /* _HMM_PFN_H */
