// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mappings of a device behind an IOMMU: the edu device of the guest, which
 * needs no driver for this.
 */
#include <linux/iommu.h>
#include <linux/mman.h>
#include <linux/pci.h>
#include <linux/unistd.h>

#include "dma_driver.h"

/* The IDs of QEMU's edu device. */
#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8

/*
 * Map the second half of the arena by small pages that are consecutive in
 * physical memory: the pages of a huge page that mprotect() has split.
 */
static struct dma_driver *dma_split_huge_page(void)
{
	const unsigned long page = api_addr(DMA_HUGE_PAGES + 1);
	struct dma_driver *driver;

	if (!dma_huge_page())
		return NULL;
	EXPECT_EQ(0, api_syscall(__NR_mprotect, page, PAGE_SIZE, PROT_READ));
	EXPECT_EQ(0, api_syscall(__NR_mprotect, page, PAGE_SIZE,
				 PROT_READ | PROT_WRITE));
	driver = dma_driver(DMA_HUGE_PAGES, DMA_HUGE_PAGES, 0);
	if (driver &&
	    hmm_mirror_pfn_to_pfn(driver->range.pfns[DMA_HUGE_PAGES - 1]) !=
	    hmm_mirror_pfn_to_pfn(driver->range.pfns[0]) + DMA_HUGE_PAGES - 1) {
		dma_driver_exit(driver);
		driver = NULL;
	}
	return driver;
}

/* Each page must be mapped to itself, and the page @unmapped to nothing. */
static void dma_expect_mapped_except(const struct dma_driver *driver,
				     unsigned long unmapped)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(driver->dev);
	unsigned long i, wrong = 0;
	phys_addr_t phys, want;

	for (i = 0; i < DMA_HUGE_PAGES; i++) {
		phys = iommu_iova_to_phys(domain, driver->addrs[i]);
		want = PFN_PHYS(hmm_mirror_pfn_to_pfn(driver->range.pfns[i]));
		wrong += phys != (i == unmapped ? 0 : want);
	}
	EXPECT_EQ(0, wrong);
}

/*
 * An IOMMU cannot unmap a part of one of its entries, so it must not have one
 * entry for several CPU mappings, even if their pages are consecutive.
 */
static void dma_page_of_a_split_huge_page(void)
{
	struct pci_dev *edu = pci_get_device(EDU_VENDOR, EDU_DEVICE, NULL);
	const unsigned long page = DMA_HUGE_PAGES + 7;
	struct dma_driver *driver;

	if (!edu || !device_iommu_mapped(&edu->dev)) {
		api_skip("no edu device behind an IOMMU");
		goto out;
	}
	driver = dma_split_huge_page();
	if (!driver) {
		api_skip("no huge page was available");
		goto out;
	}
	driver->dev = &edu->dev;
	if (dma_map(driver)) {
		dma_expect_mapped_except(driver, ULONG_MAX);
		dma_unmap(driver, page, 1);
		dma_expect_mapped_except(driver, page - DMA_HUGE_PAGES);
		EXPECT_EQ(DMA_HUGE_PAGES - 1, driver->range.mapped);
	}
	dma_driver_exit(driver);
out:
	pci_dev_put(edu);
}

const struct api_case api_dma_iommu_cases[] = {
	{ "dma_page_of_a_split_huge_page", dma_page_of_a_split_huge_page,
	  HMM_API_HELPER },
	{}
};
