/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA mappings of a range, inside the core.
 */
#ifndef _HMM_CORE_DMA_H
#define _HMM_CORE_DMA_H

#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/types.h>

#include "../compat/dma_iova.h"

struct device;
struct hmm_mirror_range;

/**
 * struct hmm_dma - the arguments of a DMA mapping
 * @range: the range
 * @dev: the device that does the DMA
 * @dir: the direction of the DMA
 * @addrs: one DMA address per page
 * @direct: the DMA API does not use an IOMMU; only set by
 *          hmm_mirror_range_dma_map()
 */
struct hmm_dma {
	struct hmm_mirror_range *range;
	struct device *dev;
	enum dma_data_direction dir;
	dma_addr_t *addrs;
	bool direct;
};

int hmm_dma_check(const struct hmm_dma *dma, unsigned long entry);
void hmm_dma_store_addrs(const struct hmm_dma *dma, unsigned long i,
			 unsigned long n, dma_addr_t addr);
void hmm_dma_mark_unmapped(const struct hmm_dma *dma, unsigned long i,
			   unsigned long end, bool written);

/* dma_iova.c */
#if HMM_HAS_DMA_IOVA
bool hmm_dma_iova_begin(const struct hmm_dma *dma, unsigned long npages);
void hmm_dma_iova_end(const struct hmm_dma *dma);
int hmm_dma_iova_map(const struct hmm_dma *dma, unsigned long npages);
void hmm_dma_iova_unmap(const struct hmm_dma *dma, unsigned long i,
			unsigned long next);
#else
static inline bool hmm_dma_iova_begin(const struct hmm_dma *dma,
				      unsigned long npages)
{
	return false;
}

static inline void hmm_dma_iova_end(const struct hmm_dma *dma)
{
}

static inline int hmm_dma_iova_map(const struct hmm_dma *dma,
				   unsigned long npages)
{
	return -EOPNOTSUPP;
}

static inline void hmm_dma_iova_unmap(const struct hmm_dma *dma,
				      unsigned long i, unsigned long next)
{
}
#endif

#endif /* _HMM_CORE_DMA_H */
