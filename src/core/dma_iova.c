// SPDX-License-Identifier: GPL-2.0
/*
 * Consecutive DMA addresses for the pages of a range behind an IOMMU.
 *
 * The range gets one run of DMA addresses, whatever the physical addresses of
 * its pages are. Pages that are mapped or unmapped together need only one flush
 * of the IOMMU's caches.
 *
 *	first DMA address
 *	|<- pad ->|<- page 0 ->|<- page 1 ->| ... |<- page n - 1 ->|
 *
 * The DMA address of a page and its address in the mm have the same offset
 * within PMD_SIZE, so that the IOMMU can map a huge page by a huge entry.
 */
#include <linux/mm.h>

#include "dma.h"

#if HMM_HAS_DMA_IOVA

/* Returns the offset in bytes from the first DMA address to that of a page. */
static size_t hmm_dma_iova_offset(const struct hmm_mirror_range *range,
				  unsigned long i)
{
	size_t pad = 0;

	if (range->end - range->start >= PMD_SIZE)
		pad = range->start & ~PMD_MASK;
	return pad + (i << PAGE_SHIFT);
}

/*
 * Allocate DMA addresses for the range. Returns false if its pages have to be
 * mapped one by one.
 */
bool hmm_dma_iova_begin(const struct hmm_dma *dma, unsigned long npages)
{
	return hmm_dma_iova_alloc(dma->range, dma->dev,
				  hmm_dma_iova_offset(dma->range, npages));
}

/* Free the DMA addresses of the range. No page of the range is mapped. */
void hmm_dma_iova_end(const struct hmm_dma *dma)
{
	if (hmm_dma_iova_used(dma->range))
		hmm_dma_iova_free(dma->range, dma->dev);
}

/* Unmap the pages [@i, @next), which are mapped. */
void hmm_dma_iova_unmap(const struct hmm_dma *dma, unsigned long i,
			unsigned long next)
{
	hmm_dma_iova_unlink(dma->range, dma->dev,
			    hmm_dma_iova_offset(dma->range, i),
			    (next - i) << PAGE_SHIFT, dma->dir);
}

/* Record that the CPU mapping [@i, @next) is mapped. */
static void hmm_dma_iova_mark_mapped(const struct hmm_dma *dma,
				     unsigned long i, unsigned long next)
{
	struct hmm_mirror_range *range = dma->range;
	size_t offset = hmm_dma_iova_offset(range, i);

	hmm_dma_store_addrs(dma, i, next - i, hmm_dma_iova_addr(range, offset));
	range->pfns[i] |= HMM_MIRROR_PFN_DMA;
	range->mapped++;
}

/**
 * hmm_dma_iova_map() - map all pages of a range
 * @dma: the arguments, after hmm_dma_iova_begin() has returned true
 * @npages: number of pages of the range
 *
 * Each CPU mapping is linked separately, even if it is physically consecutive
 * with its neighbor, because it may be unmapped alone. An IOMMU cannot unmap a
 * part of one of its entries, or, with virtio-iommu, of what one call has
 * linked.
 *
 * Return: 0; an error of hmm_dma_check(); -ENOMEM if the IOMMU cannot map a
 * page. On an error, the function maps no pages and frees the DMA addresses.
 */
int hmm_dma_iova_map(const struct hmm_dma *dma, unsigned long npages)
{
	struct hmm_mirror_range *range = dma->range;
	unsigned long i, next;
	int ret;

	for (i = 0; i < npages; i = next) {
		next = hmm_mirror_range_next(range, i);
		ret = hmm_dma_check(dma, range->pfns[i]);
		if (ret)
			goto err;
		ret = hmm_dma_iova_link(range, dma->dev,
					hmm_mirror_pfn_to_pfn(range->pfns[i]),
					hmm_dma_iova_offset(range, i),
					(next - i) << PAGE_SHIFT, dma->dir);
		if (ret)
			goto err_nomem;
		hmm_dma_iova_mark_mapped(dma, i, next);
	}
	ret = hmm_dma_iova_sync(range, dma->dev, hmm_dma_iova_offset(range, 0),
				npages << PAGE_SHIFT);
	if (!ret)
		return 0;
err_nomem:
	ret = -ENOMEM;
err:
	if (i)
		hmm_dma_iova_unmap(dma, 0, i);
	hmm_dma_mark_unmapped(dma, 0, i, false);
	hmm_dma_iova_end(dma);
	return ret;
}

#endif /* HMM_HAS_DMA_IOVA */
