/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A driver that maps a range for DMA.
 *
 * The device exists only in the driver model and the DMA API. If a case needs a
 * write by the device, it writes through the kernel's mapping of the page.
 */
#ifndef _HMM_TEST_DMA_DRIVER_H
#define _HMM_TEST_DMA_DRIVER_H

#include <linux/dma-mapping.h>
#include <linux/platform_device.h>

#include <hmm/dma.h>
#include <hmm/range.h>

#include "api.h"

/*
 * Number of pages in each half of the arena. The second half can be one huge
 * page.
 */
#define DMA_HUGE_PAGES	(HMM_API_ARENA_SIZE / 2 / HMM_API_PAGE_SIZE)

/**
 * struct dma_driver - a driver that maps a range for a device
 * @mirror: mirror of this process
 * @interval: interval of @range; its callback unmaps the range
 * @range: the range, bound to @interval
 * @pdev: a device without an IOMMU
 * @dev: the device that maps the range, &pdev->dev unless a case changes it
 * @dir: DMA direction
 * @addrs: DMA addresses of the pages
 * @widened_start: widened start of the last invalidation of the mapped range
 * @widened_end: widened end of that invalidation, exclusive
 */
struct dma_driver {
	struct api_mirror *mirror;
	struct api_interval *interval;
	struct hmm_mirror_range range;
	struct platform_device *pdev;
	struct device *dev;
	enum dma_data_direction dir;
	dma_addr_t *addrs;
	unsigned long widened_start;
	unsigned long widened_end;
};

struct platform_device *dma_device(u64 mask);
struct dma_driver *dma_driver(unsigned long page, unsigned long npages,
			      unsigned int flags);
void dma_driver_exit(struct dma_driver *driver);
bool dma_map(struct dma_driver *driver);
void dma_unmap(struct dma_driver *driver, unsigned long page,
	       unsigned long npages);

bool dma_huge_page(void);
struct dma_driver *dma_huge_driver(unsigned long page, unsigned long npages,
				   unsigned int flags, unsigned long i);

#endif /* _HMM_TEST_DMA_DRIVER_H */
