// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that a device writes to must become dirty.
 */
#include <linux/mman.h>
#include <linux/uaccess.h>
#include <linux/unistd.h>

#include "dma_driver.h"

/*
 * Number of pages that are clean after MADV_FREE when the device writes to
 * them.
 */
#define DMA_FREE_PAGES	64
#define DMA_PATTERN	0x6d6972726f72UL

enum dma_marking {
	DMA_MARK_NOTHING,
	DMA_MARK_IN_CALLBACK,
	DMA_MARK_BY_UNMAP,
};

static void dma_mark_dirty(struct api_interval *interval,
			   const struct mmu_notifier_range *inv)
{
	struct dma_driver *driver = interval->data;

	hmm_mirror_range_mark_dirty(&driver->range, inv->start, inv->end);
}

static void dma_mark_nothing(struct api_interval *interval,
			     const struct mmu_notifier_range *inv)
{
}

/* Write to each page of the range on behalf of the device. */
static void dma_write(const struct dma_driver *driver, unsigned long npages)
{
	const struct hmm_mirror_range *range = &driver->range;
	unsigned long i, next, k;

	for (i = 0; i < npages; i = next) {
		unsigned long pfn = hmm_mirror_pfn_to_pfn(range->pfns[i]);

		next = hmm_mirror_range_next(range, i);
		for (k = 0; k < next - i; k++)
			*(unsigned long *)page_address(pfn_to_page(pfn + k)) =
				DMA_PATTERN + i + k;
	}
}

/*
 * Returns the number of pages that have lost the device's write after reclaim.
 */
static unsigned long dma_lost_writes(unsigned long page, unsigned long npages,
				     unsigned int flags,
				     enum dma_marking marking)
{
	struct dma_driver *driver;
	unsigned long __user *user;
	unsigned long i, value, lost = 0;

	for (i = 0; i < npages; i++)
		EXPECT_EQ(0, api_write(page + i));
	EXPECT_EQ(0, api_syscall(__NR_madvise, api_addr(page),
				 npages * PAGE_SIZE, MADV_FREE));
	driver = dma_driver(page, npages, flags);
	if (!driver)
		return 0;
	if (marking == DMA_MARK_BY_UNMAP)
		dma_map(driver);
	else if (marking == DMA_MARK_IN_CALLBACK)
		driver->interval->action = dma_mark_dirty;
	else
		driver->interval->action = dma_mark_nothing;
	dma_write(driver, npages);
	EXPECT_EQ(0, api_syscall(__NR_madvise, api_addr(page),
				 npages * PAGE_SIZE, MADV_PAGEOUT));
	EXPECT(atomic_read(&driver->interval->calls) > 0);
	for (i = 0; i < npages; i++) {
		user = (unsigned long __user *)api_addr(page + i);
		if (get_user(value, user) || value != DMA_PATTERN + i)
			lost++;
	}
	dma_driver_exit(driver);
	return lost;
}

static void r61_written_pages_are_kept(void)
{
	/* The kernel may reclaim only some of the pages. */
	if (!dma_lost_writes(0, DMA_FREE_PAGES, 0, DMA_MARK_NOTHING)) {
		api_skip("this kernel did not reclaim any page");
		return;
	}
	EXPECT_EQ(0, dma_lost_writes(100, DMA_FREE_PAGES, 0,
				     DMA_MARK_IN_CALLBACK));
	EXPECT_EQ(0, dma_lost_writes(200, DMA_FREE_PAGES, 0,
				     DMA_MARK_BY_UNMAP));
}

/* R61: the device's writes to a huge page are kept, too. */
static void dma_lost_huge_page(unsigned int flags)
{
	const unsigned long npages = DMA_HUGE_PAGES;
	const unsigned long page = DMA_HUGE_PAGES;

	if (!dma_huge_page() ||
	    !dma_lost_writes(page, npages, flags, DMA_MARK_NOTHING)) {
		api_skip("this kernel did not reclaim a huge page");
		return;
	}
	EXPECT_EQ(0, api_unmap(page, npages));
	EXPECT(dma_huge_page());
	EXPECT_EQ(0, dma_lost_writes(page, npages, flags,
				     DMA_MARK_IN_CALLBACK));
	EXPECT_EQ(0, api_unmap(page, npages));
	EXPECT(dma_huge_page());
	EXPECT_EQ(0, dma_lost_writes(page, npages, flags, DMA_MARK_BY_UNMAP));
}

static void r61_written_huge_page_is_kept(void)
{
	dma_lost_huge_page(0);
}

static void r61_written_huge_page_is_kept_compact(void)
{
	dma_lost_huge_page(HMM_MIRROR_RANGE_COMPACT);
}

/* R61: only writable pages within the bounds are marked dirty. */
static void r61_only_writable_pages_are_marked(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range = api_range(mirror, 0, 4);
	struct page *pages[4];
	int i;

	range->pfn_flags_mask = HMM_MIRROR_PFN_REQ_WRITE;
	for (i = 0; i < 4; i++)
		range->pfns[i] = HMM_MIRROR_PFN_REQ_WRITE;
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	for (i = 0; i < 4; i++) {
		pages[i] = hmm_mirror_pfn_to_page(range->pfns[i]);
		EXPECT(!PageDirty(pages[i]));
	}
	range->pfns[1] &= ~HMM_MIRROR_PFN_WRITE;
	hmm_mirror_range_mark_dirty(range, 0, api_addr(0));
	hmm_mirror_range_mark_dirty(range, api_addr(4), ULONG_MAX);
	hmm_mirror_range_mark_dirty(range, api_addr(3), api_addr(3));
	for (i = 0; i < 4; i++)
		EXPECT(!PageDirty(pages[i]));
	hmm_mirror_range_mark_dirty(range, 0, api_addr(2) + 1);
	EXPECT(PageDirty(pages[0]));
	EXPECT(!PageDirty(pages[1]));
	EXPECT(PageDirty(pages[2]));
	EXPECT(!PageDirty(pages[3]));
	hmm_mirror_range_unregister(range);
	api_unregister(mirror);
}

const struct api_case api_dirty_cases[] = {
	{ "r61_written_pages_are_kept", r61_written_pages_are_kept,
	  HMM_API_HELPER },
	{ "r61_written_huge_page_is_kept", r61_written_huge_page_is_kept,
	  HMM_API_HELPER },
	{ "r61_written_huge_page_is_kept_compact",
	  r61_written_huge_page_is_kept_compact, HMM_API_HELPER },
	{ "r61_only_writable_pages_are_marked",
	  r61_only_writable_pages_are_marked },
	{}
};
