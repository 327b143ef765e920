// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges: invalid arguments, requests for single pages, compact output.
 */
#include <linux/mm.h>

#include <hmm/range.h>

#include "../../../src/compat/notifier.h"
#include "api.h"

struct hmm_mirror_range *api_range(struct api_mirror *mirror,
				   unsigned long page, unsigned long npages)
{
	struct hmm_mirror_range *range = api_alloc(sizeof(*range));
	unsigned long i;

	range->pfns = api_alloc(npages * sizeof(*range->pfns));
	for (i = 0; i < npages; i++)
		range->pfns[i] = API_UNTOUCHED;
	EXPECT_EQ(0, hmm_mirror_range_register(range, &mirror->mirror,
					       api_addr(page),
					       api_addr(page + npages)));
	return range;
}

int api_snapshot(struct hmm_mirror_range *range)
{
	int ret = hmm_mirror_range_wait_until_valid(range, MSEC_PER_SEC);

	return ret ? ret : hmm_mirror_range_snapshot(range);
}

static void r32_addresses_of_a_range(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 4, 4);
	struct hmm_mirror_range range = {};

	EXPECT_EQ(-EINVAL, hmm_mirror_range_register(&range, &mirror->mirror,
						     api_addr(1), api_addr(1)));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_register(&range, &mirror->mirror,
						     api_addr(2), api_addr(1)));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_register(&range, &mirror->mirror,
						     api_addr(1) + 8,
						     api_addr(2)));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_register(&range, &mirror->mirror,
						     api_addr(1),
						     api_addr(2) - 8));

	range.start = api_addr(3);
	range.end = api_addr(5);
	EXPECT_EQ(-EINVAL, hmm_mirror_range_bind(&range, &interval->notifier));
	range.start = api_addr(7);
	range.end = api_addr(9);
	EXPECT_EQ(-EINVAL, hmm_mirror_range_bind(&range, &interval->notifier));
	range.start = api_addr(5);
	range.end = api_addr(5);
	EXPECT_EQ(-EINVAL, hmm_mirror_range_bind(&range, &interval->notifier));
	range.start = api_addr(4);
	range.end = api_addr(8);
	EXPECT_EQ(0, hmm_mirror_range_bind(&range, &interval->notifier));
	hmm_mirror_range_unregister(&range);

	api_remove(interval);
	api_unregister(mirror);
}

static void pages_of_a_range(void)
{
	struct hmm_mirror_range range = { .end = PAGE_SIZE };

	EXPECT_EQ(1, hmm_mirror_range_npages(&range));
	range.start = api_addr(3);
	range.end = api_addr(8);
	EXPECT_EQ(5, hmm_mirror_range_npages(&range));
	/* More pages than an int can count. */
	range.start = 0;
	range.end = PAGE_SIZE << 40;
	EXPECT_EQ(1L << 40, hmm_mirror_range_npages(&range));
}

static void r32_flags_of_a_range(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range = api_range(mirror, 0, 4);

	range->flags = HMM_MIRROR_RANGE_COMPACT << 1;
	EXPECT_EQ(-EINVAL, api_snapshot(range));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_populate(range, 0));

	/* A compact range cannot request single pages. */
	range->flags = HMM_MIRROR_RANGE_COMPACT;
	range->pfn_flags_mask = HMM_MIRROR_PFN_REQ_FAULT;
	EXPECT_EQ(-EINVAL, api_snapshot(range));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(API_UNTOUCHED, range->pfns[0]);

	range->pfn_flags_mask = 0;
	EXPECT_EQ(0, api_snapshot(range));
	EXPECT(range->pfns[0] != API_UNTOUCHED);
	hmm_mirror_range_unregister(range);
	api_unregister(mirror);
}

/*
 * R30: nothing is requested for page 1, which is a hole. The read succeeds and
 * sets HMM_MIRROR_PFN_ERROR in the entry of the hole.
 */
static void r30_each_page_has_its_own_request(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range;

	EXPECT_EQ(0, vm_munmap(api_addr(1), PAGE_SIZE));
	range = api_range(mirror, 0, 4);
	range->pfn_flags_mask = HMM_MIRROR_PFN_REQ_WRITE;
	range->pfns[0] = HMM_MIRROR_PFN_REQ_WRITE;
	range->pfns[1] = 0;
	range->pfns[2] = HMM_MIRROR_PFN_REQ_FAULT;
	range->pfns[3] = 0;
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT(range->pfns[0] & HMM_MIRROR_PFN_VALID);
	EXPECT(range->pfns[0] & HMM_MIRROR_PFN_WRITE);
	EXPECT(range->pfns[1] & HMM_MIRROR_PFN_ERROR);
	EXPECT(range->pfns[2] & HMM_MIRROR_PFN_VALID);
	EXPECT(!(range->pfns[2] & HMM_MIRROR_PFN_WRITE));
	EXPECT(!(range->pfns[3] & HMM_MIRROR_PFN_VALID));
	EXPECT(!(range->pfns[3] & HMM_MIRROR_PFN_ERROR));

	/* An entry keeps its request; the driver can write a new one. */
	EXPECT_EQ(0, api_unmap(2, 2));
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT(range->pfns[2] & HMM_MIRROR_PFN_VALID);
	EXPECT(!(range->pfns[3] & HMM_MIRROR_PFN_VALID));
	range->pfns[1] = HMM_MIRROR_PFN_REQ_FAULT;
	EXPECT_EQ(-EFAULT, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(HMM_MIRROR_PFN_REQ_FAULT, range->pfns[1]);

	hmm_mirror_range_unregister(range);
	api_unregister(mirror);
	EXPECT_EQ(0, api_unmap(1, 1));
}

/*
 * Expand a compact entry: returns the entry that a full range has for the @k-th
 * page after the first page of @entry.
 */
static unsigned long api_compact_page(unsigned long entry, unsigned long k)
{
	return entry & HMM_MIRROR_PFN_VALID ? entry + k : entry;
}

static unsigned long api_without_order(unsigned long entry)
{
	return entry & ~(HMM_MIRROR_PFN_ORDER_MASK <<
			 HMM_MIRROR_PFN_ORDER_SHIFT);
}

/*
 * A compact range describes the same pages as a full one: small pages, huge
 * pages if the kernel maps them, a hole in a vma and a hole between two vmas.
 */
static void compact_matches_full(void)
{
	/*
	 * The range covers a part of a page table with a few pages and a part
	 * of the next page table.
	 */
	const unsigned long first = 400, npages = 500;
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *full, *compact;
	unsigned long i, k, next, words = 0;

	EXPECT_EQ(0, api_unmap(0, 1024));
	for (i = 5; i < 20; i += 2)
		EXPECT_EQ(0, api_write(first + i));
	EXPECT_EQ(0, vm_munmap(api_addr(600), 200 * PAGE_SIZE));

	full = api_range(mirror, first, npages);
	compact = api_range(mirror, first, npages);
	compact->flags = HMM_MIRROR_RANGE_COMPACT;
	EXPECT_EQ(0, api_snapshot(full));
	EXPECT_EQ(0, api_snapshot(compact));

	for (i = 0; i < npages; i = next, words++) {
		unsigned long entry = compact->pfns[i];

		next = hmm_mirror_range_next(compact, i);
		if (!EXPECT(next > i && next <= npages))
			break;
		for (k = i; k < next; k++)
			EXPECT_EQ(api_without_order(full->pfns[k]),
				  api_without_order(api_compact_page(entry,
								     k - i)));
		for (k = i + 1; k < next; k++)
			EXPECT_EQ(API_UNTOUCHED, compact->pfns[k]);
	}
	/*
	 * There is at most one entry for each page of the first table, and a
	 * few entries for the holes.
	 */
	EXPECT(words <= 512 - first + 32);

	hmm_mirror_range_unregister(full);
	hmm_mirror_range_unregister(compact);
	api_unregister(mirror);
	EXPECT_EQ(0, api_unmap(0, 1024));
}

/* Kernel versions store the owner of an invalidation in different fields. */
static void own_invalidations_are_recognized(void)
{
	struct mmu_notifier_range range = { .event = MMU_NOTIFY_MIGRATE };
	int me, other;

	hmm_range_set_owner(&range, &me);
	EXPECT(hmm_mirror_caused_by(&range, &me));
	EXPECT(!hmm_mirror_caused_by(&range, &other));
	EXPECT(!hmm_mirror_caused_by(&range, NULL));
	range.event = HMM_NOTIFY_EXCLUSIVE;
	EXPECT(hmm_mirror_caused_by(&range, &me));
	range.event = MMU_NOTIFY_UNMAP;
	EXPECT(!hmm_mirror_caused_by(&range, &me));
	range.event = MMU_NOTIFY_MIGRATE;
	hmm_range_set_owner(&range, NULL);
	EXPECT(!hmm_mirror_caused_by(&range, &me));
	EXPECT(!hmm_mirror_caused_by(&range, NULL));
}

/*
 * A range of 1024 pages that begins and ends in the middle of a huge page. The
 * range is never read; the case sets its entries.
 */
static void next_entry_is_after_the_mapping(void)
{
	const unsigned long half = PTRS_PER_PTE / 2;
	const unsigned long pages[] = { 0, half, 3 * half };
	const unsigned int order = PMD_SHIFT - PAGE_SHIFT;
	struct hmm_mirror_range range = {
		.start = PMD_SIZE + PMD_SIZE / 2,
		.end = 3 * PMD_SIZE + PMD_SIZE / 2,
	};
	unsigned long i;

	range.pfns = kvcalloc(4 * half, sizeof(*range.pfns), GFP_KERNEL);
	if (!EXPECT(range.pfns))
		return;
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		range.pfns[pages[i]] = hmm_mirror_pfn_entry(0, false, order);
	EXPECT_EQ(half, hmm_mirror_range_next(&range, 0));
	EXPECT_EQ(3 * half, hmm_mirror_range_next(&range, half));
	EXPECT_EQ(4 * half, hmm_mirror_range_next(&range, 3 * half));
	/*
	 * Entry 1 is a single page. Entry half + 7 is within a mapping, as in a
	 * range that is not compact.
	 */
	EXPECT_EQ(2UL, hmm_mirror_range_next(&range, 1));
	range.pfns[half + 7] = range.pfns[half];
	EXPECT_EQ(3 * half, hmm_mirror_range_next(&range, half + 7));
	kvfree(range.pfns);
}

const struct api_case api_range_cases[] = {
	{ "pages_of_a_range", pages_of_a_range },
	{ "r32_addresses_of_a_range", r32_addresses_of_a_range },
	{ "r32_flags_of_a_range", r32_flags_of_a_range },
	{ "r30_each_page_has_its_own_request",
	  r30_each_page_has_its_own_request },
	{ "compact_matches_full", compact_matches_full },
	{ "next_entry_is_after_the_mapping",
	  next_entry_is_after_the_mapping },
	{ "own_invalidations_are_recognized",
	  own_invalidations_are_recognized },
	{}
};
