/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The entries of a pfn array.
 */
#ifndef _HMM_PFN_H
#define _HMM_PFN_H

#include <linux/bits.h>
#include <linux/mm.h>

/**
 * DOC: pfn entries
 *
 * An entry is one unsigned long, with the same layout on every kernel::
 *
 *   63     62     61     60..56  55..53    52   51..0
 *   VALID  WRITE  ERROR  order   private   DMA  page frame number
 *
 * As input, %HMM_MIRROR_PFN_VALID requests that the page is present, and
 * %HMM_MIRROR_PFN_WRITE that it is writable. The request for a page is
 * ``(entry & range->pfn_flags_mask) | range->default_flags``.
 *
 * As output, an entry with VALID describes a page that the device may use. An
 * entry with ERROR describes an address that the device cannot use: it has no
 * vma, its vma is not readable or has VM_IO or VM_PFNMAP set, or it maps a
 * special page. An entry with neither flag describes an address in a readable
 * vma. The device cannot use a page there until a page fault maps one.
 *
 * If ``range->pfn_flags_mask`` is not 0, a written entry keeps its request in
 * its private bits, so that reading with the same array again repeats the
 * request. To change a request, write the whole entry.
 *
 * Since: 0.1
 */
#define HMM_MIRROR_PFN_WRITE_BIT	62

#define HMM_MIRROR_PFN_VALID	BIT(63)
#define HMM_MIRROR_PFN_WRITE	BIT(HMM_MIRROR_PFN_WRITE_BIT)
#define HMM_MIRROR_PFN_ERROR	BIT(61)

/* Requests, which use the same bits. */
#define HMM_MIRROR_PFN_REQ_FAULT	HMM_MIRROR_PFN_VALID
#define HMM_MIRROR_PFN_REQ_WRITE \
	(HMM_MIRROR_PFN_VALID | HMM_MIRROR_PFN_WRITE)

#define HMM_MIRROR_PFN_ORDER_SHIFT	56
#define HMM_MIRROR_PFN_ORDER_MASK	0x1fUL
/*
 * Set in the first entry of a CPU mapping while its pages in the range are
 * mapped for DMA. Maintained by hmm_mirror_range_dma_map() and
 * hmm_mirror_range_dma_unmap().
 */
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
 * hmm_mirror_pfn_to_pfn() - get the page frame number of an entry
 * @entry: an entry that has %HMM_MIRROR_PFN_VALID
 *
 * Context: any.
 * Return: the page frame number.
 *
 * Since: 0.1
 */
static inline unsigned long hmm_mirror_pfn_to_pfn(unsigned long entry)
{
	return entry & HMM_MIRROR_PFN_MASK;
}

/**
 * hmm_mirror_pfn_to_page() - get the page of an entry
 * @entry: an entry that has %HMM_MIRROR_PFN_VALID
 *
 * The caller has no reference to the page. It may use the page only while it
 * holds its update lock, after hmm_mirror_range_valid() has returned true under
 * that lock.
 *
 * Context: any.
 * Return: the page.
 *
 * Since: 0.1
 */
static inline struct page *hmm_mirror_pfn_to_page(unsigned long entry)
{
	return pfn_to_page(hmm_mirror_pfn_to_pfn(entry));
}

/**
 * hmm_mirror_pfn_to_order() - get the order of the CPU mapping of an entry
 * @entry: an entry that has %HMM_MIRROR_PFN_VALID
 *
 * The page is part of a CPU mapping of ``1 << order`` pages, which is naturally
 * aligned. The mapping may begin before the range and end after it.
 *
 * Context: any.
 * Return: the order; 0 for a mapping of a single page.
 *
 * Since: 0.1
 */
static inline unsigned int hmm_mirror_pfn_to_order(unsigned long entry)
{
	return (entry >> HMM_MIRROR_PFN_ORDER_SHIFT) &
	       HMM_MIRROR_PFN_ORDER_MASK;
}

#endif /* _HMM_PFN_H */
