// SPDX-License-Identifier: GPL-2.0
/*
 * DMA addresses of a range's pages, and marking them dirty.
 *
 * The device is one of the DMA API's only: there is no hardware, and where a
 * case needs a device to write, it writes through the kernel's own mapping.
 */
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/platform_device.h>

#include <hmm/dma.h>
#include <hmm/range.h>

#include "api.h"

static struct platform_device *dma_device(u64 mask)
{
	struct platform_device *pdev;

	pdev = platform_device_register_simple("hmm_api_test",
					       PLATFORM_DEVID_AUTO, NULL, 0);
	if (!EXPECT(!IS_ERR(pdev)))
		return NULL;
	EXPECT_EQ(0, dma_coerce_mask_and_coherent(&pdev->dev, mask));
	return pdev;
}

/**
 * struct dma_driver - a driver that maps a range for a device
 * @mirror: of this process
 * @interval: guards @range; its callback unmaps
 * @range: bound to @interval
 * @pdev: the device
 * @dir: the direction that @range is mapped for
 * @addrs: the DMA addresses
 */
struct dma_driver {
	struct api_mirror *mirror;
	struct api_interval *interval;
	struct hmm_mirror_range range;
	struct platform_device *pdev;
	enum dma_data_direction dir;
	dma_addr_t *addrs;
};

/* One task at a time invalidates or maps in these cases: no update lock. */
static void dma_callback(struct api_interval *interval,
			 const struct mmu_notifier_range *inv)
{
	struct dma_driver *driver = interval->data;

	hmm_mirror_range_dma_unmap(&driver->range, &driver->pdev->dev,
				   driver->dir, driver->addrs, inv->start,
				   inv->end);
}

static void dma_driver_exit(struct dma_driver *driver)
{
	if (driver->pdev) {
		hmm_mirror_range_dma_unmap(&driver->range, &driver->pdev->dev,
					   driver->dir, driver->addrs, 0,
					   ULONG_MAX);
		hmm_mirror_range_unregister(&driver->range);
		platform_device_unregister(driver->pdev);
	}
	api_remove(driver->interval);
	api_unregister(driver->mirror);
}

/* NULL, and the case has failed, if the range cannot be populated to write. */
static struct dma_driver *dma_driver(unsigned long page, unsigned long npages,
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
	range->start = api_page(page);
	range->end = api_page(page + npages);
	range->pfns = api_alloc(npages * sizeof(*range->pfns));
	range->default_flags = HMM_MIRROR_PFN_REQ_WRITE;
	range->flags = flags;
	EXPECT_EQ(0, hmm_mirror_range_bind(range, &driver->interval->notifier));
	driver->pdev = dma_device(DMA_BIT_MASK(64));
	if (driver->pdev &&
	    EXPECT_EQ(0, hmm_mirror_range_populate(range, 0)))
		return driver;
	dma_driver_exit(driver);
	return NULL;
}

static bool dma_map(struct dma_driver *driver)
{
	return EXPECT_EQ(0, hmm_mirror_range_dma_map(&driver->range,
						     &driver->pdev->dev,
						     driver->dir,
						     driver->addrs));
}

static void dma_unmap(struct dma_driver *driver, unsigned long page,
		      unsigned long npages)
{
	hmm_mirror_range_dma_unmap(&driver->range, &driver->pdev->dev,
				   driver->dir, driver->addrs, api_page(page),
				   api_page(page + npages));
}

/* R41: what failed half way leaves nothing mapped, and says why it failed. */
static void r41_dma_map_is_undone_whole(void)
{
	struct api_mirror *mirror = api_mirror();
	struct platform_device *pdev = dma_device(DMA_BIT_MASK(64));
	struct hmm_mirror_range *range;
	dma_addr_t addrs[4];
	int i;

	if (!pdev)
		goto out;
	EXPECT_EQ(0, api_unmap(0, 4));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, api_write(i));

	range = api_range(mirror, 0, 4);
	EXPECT_EQ(0, api_snapshot(range));
	EXPECT_EQ(-EFAULT, hmm_mirror_range_dma_map(range, &pdev->dev,
						    DMA_TO_DEVICE, addrs));
	for (i = 0; i < 4; i++)
		EXPECT(!(range->pfns[i] & HMM_MIRROR_PFN_DMA));

	/* The last page is there, but only to be read. */
	range->default_flags = HMM_MIRROR_PFN_REQ_FAULT;
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(-EPERM, hmm_mirror_range_dma_map(range, &pdev->dev,
						   DMA_BIDIRECTIONAL, addrs));
	for (i = 0; i < 4; i++)
		EXPECT(!(range->pfns[i] & HMM_MIRROR_PFN_DMA));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_dma_map(range, &pdev->dev,
						    DMA_NONE, addrs));

	/* What is mapped cannot be read again, nor mapped twice. */
	EXPECT_EQ(0, hmm_mirror_range_dma_map(range, &pdev->dev,
					      DMA_TO_DEVICE, addrs));
	EXPECT_EQ(-EINVAL, api_snapshot(range));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_dma_map(range, &pdev->dev,
						    DMA_TO_DEVICE, addrs));
	hmm_mirror_range_dma_unmap(range, &pdev->dev, DMA_TO_DEVICE, addrs,
				   api_page(1), api_page(2));
	EXPECT(range->pfns[0] & HMM_MIRROR_PFN_DMA);
	EXPECT(!(range->pfns[1] & HMM_MIRROR_PFN_DMA));
	EXPECT(range->pfns[2] & HMM_MIRROR_PFN_DMA);
	EXPECT_EQ(-EINVAL, api_snapshot(range));
	hmm_mirror_range_dma_unmap(range, &pdev->dev, DMA_TO_DEVICE, addrs,
				   0, ULONG_MAX);
	EXPECT_EQ(0, api_snapshot(range));

	/* Read, but no longer true. */
	EXPECT_EQ(0, api_write(3));
	EXPECT_EQ(-EBUSY, hmm_mirror_range_dma_map(range, &pdev->dev,
						   DMA_TO_DEVICE, addrs));
	hmm_mirror_range_unregister(range);
	platform_device_unregister(pdev);
out:
	api_unregister(mirror);
}

/* R41: a page is dirty once the range that is mapped for writing is unmapped. */
static void r41_two_ranges_map_one_page(void)
{
	struct dma_driver *reads, *writes;
	struct page *page;

	EXPECT_EQ(0, api_write(2));
	reads = dma_driver(0, 4, 0);
	writes = dma_driver(2, 4, 0);
	if (!reads || !writes)
		goto out;
	reads->dir = DMA_TO_DEVICE;
	EXPECT_EQ(0, hmm_mirror_range_populate(&reads->range, 0));
	if (!dma_map(reads) || !dma_map(writes))
		goto out;
	EXPECT_EQ(reads->addrs[2], writes->addrs[0]);
	page = hmm_mirror_pfn_to_page(writes->range.pfns[0]);
	EXPECT(!PageDirty(page));
	dma_unmap(reads, 2, 1);
	EXPECT(!(reads->range.pfns[2] & HMM_MIRROR_PFN_DMA));
	EXPECT(writes->range.pfns[0] & HMM_MIRROR_PFN_DMA);
	EXPECT(!PageDirty(page));
	dma_unmap(writes, 2, 1);
	EXPECT(!(writes->range.pfns[0] & HMM_MIRROR_PFN_DMA));
	EXPECT(PageDirty(page));
out:
	if (reads)
		dma_driver_exit(reads);
	if (writes)
		dma_driver_exit(writes);
}

const struct api_case api_dma_cases[] = {
	{ "r41_dma_map_is_undone_whole", r41_dma_map_is_undone_whole },
	{ "r41_two_ranges_map_one_page", r41_two_ranges_map_one_page },
	{}
};
