/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels: consecutive DMA addresses for scattered pages.
 *
 * Since 6.16, the DMA API can allocate DMA addresses first, and then link
 * physical addresses to them. core/dma_iova.c depends on it.
 */
#ifndef _HMM_COMPAT_DMA_IOVA_H
#define _HMM_COMPAT_DMA_IOVA_H

#include <linux/build_bug.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/string.h>
#include <linux/version.h>

#include <hmm/range.h>

#include "dma.h"

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define HMM_HAS_DMA_IOVA	1

static inline struct dma_iova_state *
hmm_dma_iova_state(const struct hmm_mirror_range *range)
{
	BUILD_BUG_ON(sizeof(struct dma_iova_state) > sizeof(range->iova));
	return (struct dma_iova_state *)range->iova;
}

/* Returns true if the range has DMA addresses from hmm_dma_iova_alloc(). */
static inline bool hmm_dma_iova_used(const struct hmm_mirror_range *range)
{
	return dma_use_iova(hmm_dma_iova_state(range));
}

/*
 * Allocate @size bytes of DMA addresses. Returns false if the device is not
 * behind an IOMMU, the IOMMU cannot map single pages, or no addresses are left.
 */
static inline bool hmm_dma_iova_alloc(struct hmm_mirror_range *range,
				      struct device *dev, size_t size)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (!domain || !(domain->pgsize_bitmap & (2 * PAGE_SIZE - 1)))
		return false;
	return dma_iova_try_alloc(dev, hmm_dma_iova_state(range), 0, size);
}

static inline void hmm_dma_iova_free(struct hmm_mirror_range *range,
				     struct device *dev)
{
	dma_iova_free(dev, hmm_dma_iova_state(range));
	memset(range->iova, 0, sizeof(range->iova));
}

/* Returns the DMA address at @offset bytes. */
static inline dma_addr_t
hmm_dma_iova_addr(const struct hmm_mirror_range *range, size_t offset)
{
	return hmm_dma_iova_state(range)->addr + offset;
}

/* The device may use the addresses after hmm_dma_iova_sync(). */
static inline int hmm_dma_iova_link(struct hmm_mirror_range *range,
				    struct device *dev, unsigned long pfn,
				    size_t offset, size_t size,
				    enum dma_data_direction dir)
{
	return dma_iova_link(dev, hmm_dma_iova_state(range), PFN_PHYS(pfn),
			     offset, size, dir, HMM_DMA_ATTRS);
}

static inline int hmm_dma_iova_sync(struct hmm_mirror_range *range,
				    struct device *dev, size_t offset,
				    size_t size)
{
	return dma_iova_sync(dev, hmm_dma_iova_state(range), offset, size);
}

static inline void hmm_dma_iova_unlink(struct hmm_mirror_range *range,
				       struct device *dev, size_t offset,
				       size_t size, enum dma_data_direction dir)
{
	dma_iova_unlink(dev, hmm_dma_iova_state(range), offset, size, dir,
			HMM_DMA_ATTRS);
}
#else
#define HMM_HAS_DMA_IOVA	0

static inline bool hmm_dma_iova_used(const struct hmm_mirror_range *range)
{
	return false;
}
#endif

#endif /* _HMM_COMPAT_DMA_IOVA_H */
