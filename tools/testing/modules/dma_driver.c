// SPDX-License-Identifier: GPL-2.0
/*
 * The driver of the DMA cases.
 */
#include <linux/err.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include <linux/unistd.h>

#include "../../../src/compat/coherent.h"
#include "dma_driver.h"

struct platform_device *dma_device(u64 mask)
{
	struct platform_device *pdev;

	pdev = platform_device_register_simple("hmm_api_test",
					       PLATFORM_DEVID_AUTO, NULL, 0);
	if (!EXPECT(!IS_ERR(pdev)))
		return NULL;
	hmm_dma_set_coherent(&pdev->dev);
	EXPECT_EQ(0, dma_coerce_mask_and_coherent(&pdev->dev, mask));
	return pdev;
}

/*
 * The cases need no update lock, because only one task at a time maps or
 * invalidates.
 */
static void dma_callback(struct api_interval *interval,
			 const struct mmu_notifier_range *inv)
{
	struct dma_driver *driver = interval->data;
	unsigned long start = inv->start, end = inv->end;

	if (driver->range.mapped &&
	    hmm_mirror_range_dma_widen(&driver->range, &start, &end)) {
		driver->widened_start = start;
		driver->widened_end = end;
	}
	hmm_mirror_range_dma_unmap(&driver->range, driver->dev,
				   driver->dir, driver->addrs, inv->start,
				   inv->end);
}

void dma_driver_exit(struct dma_driver *driver)
{
	if (driver->pdev) {
		hmm_mirror_range_dma_unmap(&driver->range, driver->dev,
					   driver->dir, driver->addrs, 0,
					   ULONG_MAX);
		hmm_mirror_range_unregister(&driver->range);
		platform_device_unregister(driver->pdev);
	}
	api_remove(driver->interval);
	api_unregister(driver->mirror);
}

/*
 * Create a driver with a range that is populated for writing. Returns NULL if
 * this fails, which also fails the case.
 */
struct dma_driver *dma_driver(unsigned long page, unsigned long npages,
			      unsigned int flags)
{
	struct dma_driver *driver = api_alloc(sizeof(*driver));
	struct hmm_mirror_range *range = &driver->range;

	driver->mirror = api_mirror();
	driver->interval = api_interval(driver->mirror, page, npages);
	driver->interval->data = driver;
	driver->interval->action = dma_callback;
	driver->dir = DMA_BIDIRECTIONAL;
	driver->addrs = api_alloc(npages * sizeof(*driver->addrs));
	range->start = api_addr(page);
	range->end = api_addr(page + npages);
	range->pfns = api_alloc(npages * sizeof(*range->pfns));
	range->default_flags = HMM_MIRROR_PFN_REQ_WRITE;
	range->flags = flags;
	EXPECT_EQ(0, hmm_mirror_range_bind(range, &driver->interval->notifier));
	driver->pdev = dma_device(DMA_BIT_MASK(64));
	if (driver->pdev) {
		driver->dev = &driver->pdev->dev;
		if (EXPECT_EQ(0, hmm_mirror_range_populate(range, 0)))
			return driver;
	}
	dma_driver_exit(driver);
	return NULL;
}

bool dma_map(struct dma_driver *driver)
{
	return EXPECT_EQ(0, hmm_mirror_range_dma_map(&driver->range,
						     driver->dev,
						     driver->dir,
						     driver->addrs));
}

void dma_unmap(struct dma_driver *driver, unsigned long page,
	       unsigned long npages)
{
	hmm_mirror_range_dma_unmap(&driver->range, driver->dev,
				   driver->dir, driver->addrs, api_addr(page),
				   api_addr(page + npages));
}

/*
 * Fault in the second half of the arena, as a huge page if one is available.
 * Returns false if madvise() or the fault fails.
 */
bool dma_huge_page(void)
{
	return !api_syscall(__NR_madvise, api_addr(DMA_HUGE_PAGES),
			    HMM_API_ARENA_SIZE / 2, MADV_HUGEPAGE) &&
	       !put_user(1UL, (unsigned long __user *)api_addr(DMA_HUGE_PAGES));
}

static bool dma_is_huge(const struct dma_driver *driver, unsigned long i)
{
	return PAGE_SIZE << hmm_mirror_pfn_to_order(driver->range.pfns[i]) ==
	       HMM_API_ARENA_SIZE / 2;
}

/*
 * Create a driver for a range whose entry @i is part of a huge page. Returns
 * NULL if no huge page is available, which skips the case, or if dma_driver()
 * fails.
 */
struct dma_driver *dma_huge_driver(unsigned long page, unsigned long npages,
				   unsigned int flags, unsigned long i)
{
	struct dma_driver *driver;

	if (!dma_huge_page()) {
		api_skip("this kernel has no transparent huge pages");
		return NULL;
	}
	driver = dma_driver(page, npages, flags);
	if (driver && !dma_is_huge(driver, i)) {
		api_skip("no huge page was available");
		dma_driver_exit(driver);
		return NULL;
	}
	return driver;
}
