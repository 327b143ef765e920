// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mappings of huge pages: the bounds that an unmap affects, and its cost.
 */
#include <linux/bits.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/unistd.h>

#include "dma_driver.h"

static void dma_expect_widened(const struct dma_driver *driver,
			       unsigned long start, unsigned long end,
			       unsigned long want_start,
			       unsigned long want_end)
{
	EXPECT(hmm_mirror_range_dma_widen(&driver->range, &start, &end));
	EXPECT_EQ(want_start, start);
	EXPECT_EQ(want_end, end);
}

static void dma_expect_no_overlap(const struct dma_driver *driver,
				  unsigned long start, unsigned long end)
{
	unsigned long old_start = start, old_end = end;

	EXPECT(!hmm_mirror_range_dma_widen(&driver->range, &start, &end));
	EXPECT_EQ(old_start, start);
	EXPECT_EQ(old_end, end);
}

/*
 * R56: the range begins inside a huge page. An invalidation of one page unmaps
 * the whole DMA mapping. Before the unmap, hmm_mirror_range_dma_widen() returns
 * the bounds of the mapping.
 */
static void dma_part_of_a_huge_page(unsigned int flags)
{
	const unsigned long first = DMA_HUGE_PAGES + 100;
	const unsigned long end = 2 * DMA_HUGE_PAGES;
	const unsigned long page = first + 50;
	struct dma_driver *driver;
	unsigned long i;

	driver = dma_huge_driver(first, end - first, flags, 0);
	if (!driver)
		return;
	if (!dma_map(driver))
		goto out;
	EXPECT_EQ(1, driver->range.mapped);
	for (i = 1; !flags && i < end - first; i++)
		EXPECT_EQ(driver->addrs[0] + i * PAGE_SIZE, driver->addrs[i]);

	dma_expect_widened(driver, api_addr(page), api_addr(page + 1),
			   api_addr(first), api_addr(end));
	dma_expect_widened(driver, api_addr(page) + 1, api_addr(page) + 2,
			   api_addr(first), api_addr(end));
	dma_expect_widened(driver, api_addr(0), api_addr(first) + 1,
			   api_addr(first), api_addr(end));
	dma_expect_widened(driver, api_addr(end) - 1, ULONG_MAX,
			   api_addr(first), api_addr(end));
	dma_expect_widened(driver, 0, ULONG_MAX,
			   api_addr(first), api_addr(end));
	dma_expect_no_overlap(driver, 0, api_addr(first));
	dma_expect_no_overlap(driver, api_addr(end), ULONG_MAX);

	EXPECT_EQ(0, api_syscall(__NR_madvise, api_addr(page), PAGE_SIZE,
				 MADV_DONTNEED));
	EXPECT_EQ(0, driver->range.mapped);
	EXPECT_EQ(api_addr(first), driver->widened_start);
	EXPECT_EQ(api_addr(end), driver->widened_end);

	/* If no page is mapped, the bounds are only clipped to the range. */
	dma_expect_widened(driver, api_addr(page), api_addr(page + 1),
			   api_addr(page), api_addr(page + 1));
	dma_expect_widened(driver, 0, api_addr(page),
			   api_addr(first), api_addr(page));
out:
	dma_driver_exit(driver);
}

static void r56_part_of_a_huge_page(void)
{
	dma_part_of_a_huge_page(0);
}

static void r56_part_of_a_huge_page_compact(void)
{
	dma_part_of_a_huge_page(HMM_MIRROR_RANGE_COMPACT);
}

/*
 * R56, R57: unmap a huge page and small pages one by one, from the end of the
 * range to its start.
 */
static void dma_page_by_page(unsigned int flags)
{
	const unsigned long small = 12, first = DMA_HUGE_PAGES - small;
	const unsigned long end = 2 * DMA_HUGE_PAGES - 1;
	struct dma_driver *driver;
	unsigned long i;

	/* A hole prevents a huge page in the first half. */
	EXPECT_EQ(0, vm_munmap(api_addr(0), PAGE_SIZE));
	EXPECT_EQ(0, api_unmap(first, small));
	driver = dma_huge_driver(first, end - first, flags, small);
	if (!driver)
		return;
	if (!dma_map(driver))
		goto out;
	EXPECT_EQ(small + 1, driver->range.mapped);
	dma_expect_widened(driver, api_addr(first + 3), api_addr(end - 9),
			   api_addr(first + 3), api_addr(end));
	dma_unmap(driver, end - 1, 1);
	EXPECT_EQ(small, driver->range.mapped);
	for (i = small; i--; ) {
		EXPECT(driver->range.pfns[i] & HMM_MIRROR_PFN_DMA);
		dma_expect_widened(driver, api_addr(first + i),
				   api_addr(first + i + 1),
				   api_addr(first + i),
				   api_addr(first + i + 1));
		dma_unmap(driver, first + i, 1);
		EXPECT(!(driver->range.pfns[i] & HMM_MIRROR_PFN_DMA));
		EXPECT_EQ(i, driver->range.mapped);
	}
	/* The unmapped range can be read and mapped again. */
	EXPECT_EQ(0, hmm_mirror_range_populate(&driver->range, 0));
	dma_map(driver);
	EXPECT_EQ(small + 1, driver->range.mapped);
out:
	dma_driver_exit(driver);
}

static void r57_unmapped_page_by_page(void)
{
	dma_page_by_page(0);
}

static void r57_unmapped_page_by_page_compact(void)
{
	dma_page_by_page(HMM_MIRROR_RANGE_COMPACT);
}

#ifdef CONFIG_KPROBES
static struct task_struct *dma_counted_task;
static unsigned int dma_dirty_calls;

static int dma_count_dirty_call(struct kprobe *probe, struct pt_regs *regs)
{
	if (current == dma_counted_task)
		dma_dirty_calls++;
	return 0;
}

/*
 * Start to count the pages or folios that this task marks dirty. Returns false
 * if the probe cannot be registered.
 */
static bool dma_count_begin(struct kprobe *probe)
{
	dma_counted_task = current;
	dma_dirty_calls = 0;
	probe->pre_handler = dma_count_dirty_call;
	probe->symbol_name = "folio_mark_dirty";
	if (!register_kprobe(probe))
		return true;
	/* There are no folios before 5.16. */
	probe->symbol_name = "set_page_dirty";
	probe->addr = NULL;
	return !register_kprobe(probe);
}

/* R57: an unmap of all pages of a folio marks the folio dirty once. */
static void r57_folio_is_marked_dirty_once(void)
{
	struct kprobe *probe = api_alloc(sizeof(*probe));
	struct dma_driver *driver;

	driver = dma_huge_driver(DMA_HUGE_PAGES, DMA_HUGE_PAGES, 0, 0);
	if (!driver)
		return;
	if (!dma_map(driver))
		goto out;
	if (!dma_count_begin(probe)) {
		api_skip("this kernel does not allow the probe");
		goto out;
	}
	dma_unmap(driver, DMA_HUGE_PAGES, DMA_HUGE_PAGES);
	unregister_kprobe(probe);
	EXPECT_EQ(1, dma_dirty_calls);
out:
	dma_driver_exit(driver);
}
#else
static void r57_folio_is_marked_dirty_once(void)
{
	api_skip("this kernel has no kprobes");
}
#endif

static u64 dma_random(u64 *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 20;
}

/*
 * Fill a compact range with entries of random order, and the elements in
 * between with random words.
 */
static void dma_fake_chain(struct hmm_mirror_range *range,
			   unsigned long npages, unsigned int orders,
			   u64 *state)
{
	unsigned long i;

	range->flags = HMM_MIRROR_RANGE_COMPACT;
	range->start = (BIT(20) + dma_random(state) % BIT(12)) << PAGE_SHIFT;
	range->end = range->start + (npages << PAGE_SHIFT);
	range->mapped = 1;
	for (i = 0; i < npages; i++)
		range->pfns[i] = dma_random(state) << 32 ^ dma_random(state);
	for (i = 0; i < npages; i = hmm_mirror_range_next(range, i))
		range->pfns[i] = HMM_MIRROR_PFN_VALID | HMM_MIRROR_PFN_DMA |
				 (dma_random(state) % orders)
					<< HMM_MIRROR_PFN_ORDER_SHIFT;
}

/*
 * R57: a lookup returns the entry of a page in any chain, whatever the elements
 * between the entries contain.
 */
static void r57_entry_of_any_page_is_found(void)
{
	const unsigned long npages = 3000;
	struct hmm_mirror_range *range = api_alloc(sizeof(*range));
	unsigned long *heads = api_alloc(npages * sizeof(*heads));
	unsigned long i, head, next, start, end, turn;
	u64 state = 57;

	range->pfns = api_alloc(npages * sizeof(*range->pfns));
	for (turn = 0; turn < 100; turn++) {
		dma_fake_chain(range, npages, 1 + turn % 12, &state);
		for (head = 0; head < npages; head = next) {
			next = hmm_mirror_range_next(range, head);
			for (i = head; i < next; i++)
				heads[i] = head;
		}
		for (i = 0; i < npages; i++) {
			unsigned long page = dma_random(&state) % npages;

			start = range->start + (page << PAGE_SHIFT);
			end = start + PAGE_SIZE;
			EXPECT(hmm_mirror_range_dma_widen(range, &start, &end));
			head = heads[page];
			next = hmm_mirror_range_next(range, head);
			EXPECT_EQ(range->start + (head << PAGE_SHIFT), start);
			EXPECT_EQ(range->start + (next << PAGE_SHIFT), end);
		}
	}
}

/* Returns the shortest of several measurements of 8 lookups, in ns. */
static u64 dma_lookup_time(const struct hmm_mirror_range *range,
			   unsigned long page)
{
	u64 best = U64_MAX;
	unsigned int i, k;

	for (i = 0; i < 50; i++) {
		u64 begun = ktime_get_ns();

		for (k = 0; k < 8; k++) {
			unsigned long start = range->start +
					      (page << PAGE_SHIFT);
			unsigned long end = start + PAGE_SIZE;

			hmm_mirror_range_dma_widen(range, &start, &end);
		}
		best = min(best, ktime_get_ns() - begun);
		cond_resched();
	}
	return best;
}

/*
 * R57: a lookup does not walk the whole chain. It takes fewer than 20 steps. A
 * walk to the end of this chain takes 100000 steps.
 */
static void r57_lookup_is_not_linear(void)
{
	const unsigned long npages = 100000;
	struct hmm_mirror_range *range = api_alloc(sizeof(*range));
	u64 state = 57, first, last;

	range->pfns = api_alloc(npages * sizeof(*range->pfns));
	dma_fake_chain(range, npages, 1, &state);
	first = dma_lookup_time(range, 1);
	last = dma_lookup_time(range, npages - 2);
	api_check(last < 200 * first, __FILE__, __LINE__,
		  "8 lookups take %llu ns at the end and %llu ns at the start",
		  last, first);
}

const struct api_case api_dma_bounds_cases[] = {
	{ "r56_part_of_a_huge_page", r56_part_of_a_huge_page,
	  HMM_API_HELPER },
	{ "r56_part_of_a_huge_page_compact", r56_part_of_a_huge_page_compact,
	  HMM_API_HELPER },
	{ "r57_unmapped_page_by_page", r57_unmapped_page_by_page,
	  HMM_API_HELPER },
	{ "r57_unmapped_page_by_page_compact",
	  r57_unmapped_page_by_page_compact, HMM_API_HELPER },
	{ "r57_folio_is_marked_dirty_once", r57_folio_is_marked_dirty_once,
	  HMM_API_HELPER },
	{ "r57_entry_of_any_page_is_found", r57_entry_of_any_page_is_found },
	{ "r57_lookup_is_not_linear", r57_lookup_is_not_linear },
	{}
};
