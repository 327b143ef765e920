/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA mappings of the pages of a range.
 */
#ifndef _HMM_DMA_H
#define _HMM_DMA_H

#include <linux/dma-direction.h>
#include <linux/types.h>

#include <hmm/range.h>

struct device;

bool hmm_mirror_dma_supported(struct device *dev);
int hmm_mirror_range_dma_map(struct hmm_mirror_range *range,
			     struct device *dev, enum dma_data_direction dir,
			     dma_addr_t *addrs);
bool hmm_mirror_range_dma_is_contiguous(const struct hmm_mirror_range *range);
bool hmm_mirror_range_dma_widen(const struct hmm_mirror_range *range,
				unsigned long *start, unsigned long *end);
void hmm_mirror_range_dma_unmap(struct hmm_mirror_range *range,
				struct device *dev,
				enum dma_data_direction dir,
				dma_addr_t *addrs, unsigned long start,
				unsigned long end);

#endif /* _HMM_DMA_H */
