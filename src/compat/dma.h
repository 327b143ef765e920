/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels: DMA mappings of memory that the CPU and the
 * device use at the same time.
 */
#ifndef _HMM_COMPAT_DMA_H
#define _HMM_COMPAT_DMA_H

#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/swiotlb.h>
#include <linux/version.h>

/*
 * Recent kernels have an attribute for such mappings, which makes a mapping
 * fail if it is not coherent or needs a bounce buffer. On older kernels, pass
 * DMA_ATTR_SKIP_CPU_SYNC, because the driver never syncs. Without it,
 * DMA_API_DEBUG reports a page that is mapped twice.
 */
#ifdef DMA_ATTR_REQUIRE_COHERENT
#define HMM_DMA_ATTRS	DMA_ATTR_REQUIRE_COHERENT
#else
#define HMM_DMA_ATTRS	DMA_ATTR_SKIP_CPU_SYNC
#endif

/*
 * Returns true if the DMA API maps through an IOMMU. Returns false for a device
 * in an identity domain: the DMA API maps directly there, although
 * device_iommu_mapped() returns true. use_dma_iommu() exists since 6.12.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/iommu-dma.h>

static inline bool hmm_dma_is_translated(struct device *dev)
{
	return use_dma_iommu(dev);
}
#else
static inline bool hmm_dma_is_translated(struct device *dev)
{
	struct iommu_domain *domain;

	if (!get_dma_ops(dev))
		return false;
	domain = iommu_get_domain_for_dev(dev);
	return domain && domain->type & __IOMMU_DOMAIN_DMA_API;
}
#endif

/* Returns true if the DMA API maps directly, as dma-direct does. */
static inline bool hmm_dma_is_direct(struct device *dev)
{
	return !get_dma_ops(dev) && !hmm_dma_is_translated(dev);
}

/* Returns true if every direct mapping bounces; always false before 5.15. */
static inline bool hmm_dma_always_bounces(struct device *dev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 15, 0)
	return is_swiotlb_force_bounce(dev);
#else
	return false;
#endif
}

#endif /* _HMM_COMPAT_DMA_H */
