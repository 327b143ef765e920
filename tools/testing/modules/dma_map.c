// SPDX-License-Identifier: GPL-2.0
/*
 * hmm_mirror_range_dma_map() and the devices that it accepts.
 */
#include <linux/dma-map-ops.h>
#include <linux/mm.h>

#include "dma_driver.h"

static const struct dma_map_ops dma_own_ops = {};

/*
 * R41: if hmm_mirror_range_dma_map() fails in the middle, it unmaps the pages
 * that it has mapped.
 */
static void r41_failed_dma_map_is_undone(void)
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

	/* The last page is present, but read-only. */
	range->default_flags = HMM_MIRROR_PFN_REQ_FAULT;
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(-EPERM, hmm_mirror_range_dma_map(range, &pdev->dev,
						   DMA_BIDIRECTIONAL, addrs));
	for (i = 0; i < 4; i++)
		EXPECT(!(range->pfns[i] & HMM_MIRROR_PFN_DMA));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_dma_map(range, &pdev->dev,
						    DMA_NONE, addrs));

	/* A mapped range cannot be read or mapped again. */
	EXPECT_EQ(0, hmm_mirror_range_dma_map(range, &pdev->dev,
					      DMA_TO_DEVICE, addrs));
	EXPECT_EQ(-EINVAL, api_snapshot(range));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_dma_map(range, &pdev->dev,
						    DMA_TO_DEVICE, addrs));
	hmm_mirror_range_dma_unmap(range, &pdev->dev, DMA_TO_DEVICE, addrs,
				   api_addr(1), api_addr(2));
	EXPECT(range->pfns[0] & HMM_MIRROR_PFN_DMA);
	EXPECT(!(range->pfns[1] & HMM_MIRROR_PFN_DMA));
	EXPECT(range->pfns[2] & HMM_MIRROR_PFN_DMA);
	EXPECT_EQ(-EINVAL, api_snapshot(range));
	hmm_mirror_range_dma_unmap(range, &pdev->dev, DMA_TO_DEVICE, addrs,
				   0, ULONG_MAX);
	EXPECT_EQ(0, api_snapshot(range));

	/* The range collides with the write, so it cannot be mapped. */
	EXPECT_EQ(0, api_write(3));
	EXPECT_EQ(-EBUSY, hmm_mirror_range_dma_map(range, &pdev->dev,
						   DMA_TO_DEVICE, addrs));
	hmm_mirror_range_unregister(range);
	platform_device_unregister(pdev);
out:
	api_unregister(mirror);
}

/*
 * R41: two ranges map the same page. Only the unmap of the range that is mapped
 * for writing marks the page dirty.
 */
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

/* R41: two devices map a page for writing. DMA debugging must accept this. */
static void r41_two_ranges_write_one_page(void)
{
	struct dma_driver *drivers[2];
	int i;

	EXPECT_EQ(0, api_write(0));
	for (i = 0; i < 2; i++)
		drivers[i] = dma_driver(0, 1, 0);
	if (!drivers[0] || !drivers[1] ||
	    !dma_map(drivers[0]) || !dma_map(drivers[1]))
		goto out;
	EXPECT_EQ(drivers[0]->addrs[0], drivers[1]->addrs[0]);
	dma_unmap(drivers[0], 0, 1);
	EXPECT(drivers[1]->range.pfns[0] & HMM_MIRROR_PFN_DMA);
	EXPECT_EQ(1, drivers[1]->range.mapped);
out:
	for (i = 0; i < 2; i++)
		if (drivers[i])
			dma_driver_exit(drivers[i]);
}

/*
 * R60: a device with a 32-bit mask is refused, because memory above 4 GiB would
 * need bounce buffers.
 */
static void r60_bouncing_device_is_refused(void)
{
	struct platform_device *pdev = dma_device(DMA_BIT_MASK(32));
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range;
	u64 *mask;
	dma_addr_t addrs[4];
	int i;

	if (!pdev)
		goto out;
	if (dma_get_required_mask(&pdev->dev) <= DMA_BIT_MASK(32)) {
		api_skip("this machine has no memory above 4 GiB");
		goto out_device;
	}
	EXPECT(!hmm_mirror_dma_supported(&pdev->dev));

	range = api_range(mirror, 0, 4);
	range->default_flags = HMM_MIRROR_PFN_REQ_WRITE;
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(-EOPNOTSUPP,
		  hmm_mirror_range_dma_map(range, &pdev->dev,
					   DMA_BIDIRECTIONAL, addrs));
	for (i = 0; i < 4; i++)
		EXPECT(!(range->pfns[i] & HMM_MIRROR_PFN_DMA));
	EXPECT_EQ(0, range->mapped);

	/* With a 64-bit mask, the device can address all memory. */
	EXPECT_EQ(0, dma_coerce_mask_and_coherent(&pdev->dev,
						  DMA_BIT_MASK(64)));
	EXPECT(hmm_mirror_dma_supported(&pdev->dev));
	mask = pdev->dev.dma_mask;
	pdev->dev.dma_mask = NULL;
	EXPECT(!hmm_mirror_dma_supported(&pdev->dev));
	EXPECT_EQ(-EOPNOTSUPP,
		  hmm_mirror_range_dma_map(range, &pdev->dev,
					   DMA_BIDIRECTIONAL, addrs));
	pdev->dev.dma_mask = mask;
	EXPECT_EQ(0, hmm_mirror_range_dma_map(range, &pdev->dev,
					      DMA_BIDIRECTIONAL, addrs));
	hmm_mirror_range_dma_unmap(range, &pdev->dev, DMA_BIDIRECTIONAL, addrs,
				   0, ULONG_MAX);

	/* The core refuses a device that has its own dma_map_ops. */
	set_dma_ops(&pdev->dev, &dma_own_ops);
	if (get_dma_ops(&pdev->dev) == &dma_own_ops)
		EXPECT(!hmm_mirror_dma_supported(&pdev->dev));
	set_dma_ops(&pdev->dev, NULL);
	hmm_mirror_range_unregister(range);
out_device:
	platform_device_unregister(pdev);
out:
	api_unregister(mirror);
}

const struct api_case api_dma_map_cases[] = {
	{ "r41_failed_dma_map_is_undone", r41_failed_dma_map_is_undone },
	{ "r41_two_ranges_map_one_page", r41_two_ranges_map_one_page },
	{ "r41_two_ranges_write_one_page", r41_two_ranges_write_one_page },
	{ "r60_bouncing_device_is_refused", r60_bouncing_device_is_refused },
	{}
};
