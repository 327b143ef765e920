// SPDX-License-Identifier: GPL-2.0
/*
 * Reads that fail in the middle: the pages below the failure may be used.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/unistd.h>

#include <hmm/dma.h>
#include <hmm/range.h>

#include "dma_driver.h"

#define PARTIAL_PAGES	16UL
#define PARTIAL_FAILURE	10UL

static int partial_protect(unsigned long page, unsigned long npages,
			   unsigned long prot)
{
	return api_syscall(__NR_mprotect, api_addr(page), npages << PAGE_SHIFT,
			   prot);
}

static unsigned long partial_valid_pages(const struct hmm_mirror_range *range)
{
	unsigned long i;

	for (i = 0; i < range->filled; i++) {
		if (!(range->pfns[i] & HMM_MIRROR_PFN_VALID))
			break;
	}
	return i;
}

/* No page can be read from PARTIAL_FAILURE on. Some pages below are present. */
static void partial_expect_failure(unsigned int flags)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range;

	EXPECT_EQ(0, api_unmap(0, PARTIAL_PAGES));
	EXPECT_EQ(0, api_write(2));
	EXPECT_EQ(0, api_write(3));
	EXPECT_EQ(0, partial_protect(PARTIAL_FAILURE, 2, PROT_NONE));
	range = api_request(mirror, 0, PARTIAL_PAGES, HMM_MIRROR_PFN_REQ_FAULT);
	range->flags = flags;
	EXPECT_EQ(-EFAULT, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(PARTIAL_FAILURE, range->filled);
	EXPECT_EQ(PARTIAL_FAILURE, partial_valid_pages(range));
	EXPECT(hmm_mirror_range_valid(range));

	EXPECT_EQ(0, api_unmap(0, 1));
	EXPECT(!hmm_mirror_range_valid(range));
	EXPECT_EQ(-EBUSY, hmm_mirror_range_fault(range));
	EXPECT_EQ(0, range->filled);
	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 0));
	EXPECT_EQ(-EFAULT, hmm_mirror_range_fault(range));
	EXPECT_EQ(PARTIAL_FAILURE, range->filled);

	EXPECT_EQ(0, partial_protect(PARTIAL_FAILURE, 2, PROT_READ));
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(PARTIAL_PAGES, range->filled);
	hmm_mirror_range_unregister(range);
	EXPECT_EQ(0, api_unmap(0, PARTIAL_PAGES));
	api_unregister(mirror);
}

static void failed_read_fills_the_pages_below(void)
{
	partial_expect_failure(0);
}

static void failed_compact_read_fills_the_pages_below(void)
{
	partial_expect_failure(HMM_MIRROR_RANGE_COMPACT);
}

/*
 * Absent pages of anonymous memory are faulted in together. If the fault of a
 * later page fails, the entries of the earlier ones must be written first.
 */
static void one_of_several_faults_fails(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range;
	unsigned long i;

	EXPECT_EQ(0, api_unmap(0, PARTIAL_PAGES));
	EXPECT_EQ(0, partial_protect(0, PARTIAL_PAGES, PROT_READ));
	range = api_request(mirror, 0, PARTIAL_PAGES, 0);
	range->pfn_flags_mask = HMM_MIRROR_PFN_REQ_WRITE;
	for (i = 0; i < PARTIAL_PAGES; i++)
		range->pfns[i] = HMM_MIRROR_PFN_REQ_FAULT;
	range->pfns[PARTIAL_FAILURE] = HMM_MIRROR_PFN_REQ_WRITE;
	EXPECT_EQ(-EPERM, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(PARTIAL_FAILURE, range->filled);
	EXPECT_EQ(PARTIAL_FAILURE, partial_valid_pages(range));
	hmm_mirror_range_unregister(range);
	EXPECT_EQ(0, api_unmap(0, PARTIAL_PAGES));
	api_unregister(mirror);
}

/* The pages below the failure can be mapped for DMA, if there are any. */
static void pages_below_a_failure_are_mapped(void)
{
	struct dma_driver *driver = dma_driver(0, PARTIAL_PAGES, 0);
	struct hmm_mirror_range *range;

	if (!driver)
		return;
	range = &driver->range;
	EXPECT_EQ(0, partial_protect(PARTIAL_FAILURE, 1, PROT_NONE));
	EXPECT_EQ(-EFAULT, hmm_mirror_range_populate(range, 0));
	range->end = range->start;
	EXPECT_EQ(-EINVAL, hmm_mirror_range_dma_map(range, driver->dev,
						    driver->dir,
						    driver->addrs));
	range->end = api_addr(range->filled);
	EXPECT_EQ(api_addr(PARTIAL_FAILURE), range->end);
	EXPECT(dma_map(driver));
	EXPECT(range->pfns[PARTIAL_FAILURE - 1] & HMM_MIRROR_PFN_DMA);
	EXPECT(!(range->pfns[PARTIAL_FAILURE] & HMM_MIRROR_PFN_DMA));

	/* The mapping disappears, and then the hole. */
	EXPECT_EQ(0, api_unmap(0, 1));
	dma_unmap(driver, 0, PARTIAL_PAGES);
	EXPECT_EQ(0, api_unmap(PARTIAL_FAILURE, 1));
	range->end = api_addr(PARTIAL_PAGES);
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(PARTIAL_PAGES, range->filled);
	EXPECT(dma_map(driver));
	dma_driver_exit(driver);
	EXPECT_EQ(0, api_unmap(0, PARTIAL_PAGES));
}

const struct api_case api_partial_cases[] = {
	{ "failed_read_fills_the_pages_below",
	  failed_read_fills_the_pages_below, HMM_API_HELPER },
	{ "failed_compact_read_fills_the_pages_below",
	  failed_compact_read_fills_the_pages_below, HMM_API_HELPER },
	{ "one_of_several_faults_fails", one_of_several_faults_fails,
	  HMM_API_HELPER },
	{ "pages_below_a_failure_are_mapped", pages_below_a_failure_are_mapped,
	  HMM_API_HELPER },
	{}
};
