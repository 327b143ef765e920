// SPDX-License-Identifier: GPL-2.0
/*
 * DMA addresses of a range's pages, and marking them dirty.
 *
 * The device is one of the DMA API's only: there is no hardware, and where a
 * case needs a device to write, it writes through the kernel's own mapping.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/mman.h>
#include <linux/platform_device.h>
#include <linux/uaccess.h>
#include <linux/unistd.h>

#include <hmm/dma.h>
#include <hmm/range.h>

#include "api.h"

/* Pages of the arena's second half, which can be a huge page. */
#define DMA_HUGE_PAGES	(HMM_API_ARENA_SIZE / 2 / HMM_API_PAGE_SIZE)

static const struct dma_map_ops dma_own_ops = {};

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
 * @widened_start: what the callback widened the bounds to, the last time that
 *                 something was mapped
 * @widened_end: likewise
 */
struct dma_driver {
	struct api_mirror *mirror;
	struct api_interval *interval;
	struct hmm_mirror_range range;
	struct platform_device *pdev;
	enum dma_data_direction dir;
	dma_addr_t *addrs;
	unsigned long widened_start;
	unsigned long widened_end;
};

/* One task at a time invalidates or maps in these cases: no update lock. */
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
	range->start = api_addr(page);
	range->end = api_addr(page + npages);
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
				   driver->dir, driver->addrs, api_addr(page),
				   api_addr(page + npages));
}

/* Make the second half of the arena a huge page, if the kernel has one. */
static bool dma_huge_page(void)
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

/* R41: what failed half way leaves nothing mapped, and says why it failed. */
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
				   api_addr(1), api_addr(2));
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
 * R56: the range begins inside a huge page. What an invalidation of one page
 * unmaps, the callback is given before.
 */
static void dma_part_of_a_huge_page(unsigned int flags)
{
	const unsigned long first = DMA_HUGE_PAGES + 100;
	const unsigned long end = 2 * DMA_HUGE_PAGES;
	const unsigned long page = first + 50;
	struct dma_driver *driver;
	unsigned long i;

	if (!dma_huge_page()) {
		api_skip("this kernel has no transparent huge pages");
		return;
	}
	driver = dma_driver(first, end - first, flags);
	if (!driver)
		return;
	if (!dma_is_huge(driver, 0)) {
		api_skip("no huge page was to be had");
		goto out;
	}
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

	/* Nothing is mapped, so the bounds are only clipped. */
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

/* R56, R57: small pages and then a huge one, unmapped from the end on. */
static void dma_page_by_page(unsigned int flags)
{
	const unsigned long small = 12, first = DMA_HUGE_PAGES - small;
	const unsigned long end = 2 * DMA_HUGE_PAGES - 1;
	struct dma_driver *driver;
	unsigned long i;

	/* A hole, so that the first half can be no huge page. */
	EXPECT_EQ(0, vm_munmap(api_addr(0), PAGE_SIZE));
	EXPECT_EQ(0, api_unmap(first, small));
	if (!dma_huge_page()) {
		api_skip("this kernel has no transparent huge pages");
		return;
	}
	driver = dma_driver(first, end - first, flags);
	if (!driver)
		return;
	if (!dma_is_huge(driver, small)) {
		api_skip("no huge page was to be had");
		goto out;
	}
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
	/* And what was unmapped page by page can be read and mapped again. */
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

static u64 dma_random(u64 *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 20;
}

/* A compact range as if it were read: nothing is read from a page table. */
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

/* R57: the entry of a page is found in any chain, whatever the stale words. */
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

/* The shortest time for some lookups of one page, in ns. */
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
 * R57: a lookup does not go through the chain. The first ones have less than
 * 20 steps, the last one of a chain that is walked has 100000.
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
		  "a lookup at the end takes %llu ns, one at the start %llu",
		  last, first);
}

/* R60: this machine has memory above 4 GiB, unless it is very small. */
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
	if (dma_get_required_mask(&pdev->dev) <= DMA_BIT_MASK(32))
		api_skip("no memory above 4 GiB");
	else
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

	/* What it reaches now is all memory. */
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

	/* Nobody knows what operations of its own do. */
	set_dma_ops(&pdev->dev, &dma_own_ops);
	if (get_dma_ops(&pdev->dev) == &dma_own_ops)
		EXPECT(!hmm_mirror_dma_supported(&pdev->dev));
	set_dma_ops(&pdev->dev, NULL);
	hmm_mirror_range_unregister(range);
	platform_device_unregister(pdev);
out:
	api_unregister(mirror);
}

/* What a device writes to pages after MADV_FREE, which leaves them clean. */
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

/* The device writes to each page of the range. */
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

/* How many of its pages do not have what the device wrote, after reclaim? */
static unsigned long dma_lost_writes(unsigned long page, unsigned long npages,
				     unsigned int flags,
				     enum dma_marking marking)
{
	struct dma_driver *driver;
	unsigned long i, value, lost = 0;

	for (i = 0; i < npages; i++)
		EXPECT_EQ(0, api_write(page + i));
	EXPECT_EQ(0, api_syscall(__NR_madvise, api_addr(page), npages * PAGE_SIZE,
				 MADV_FREE));
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
	EXPECT_EQ(0, api_syscall(__NR_madvise, api_addr(page), npages * PAGE_SIZE,
				 MADV_PAGEOUT));
	EXPECT(atomic_read(&driver->interval->calls) > 0);
	for (i = 0; i < npages; i++)
		if (get_user(value, (unsigned long __user *)api_addr(page + i)) ||
		    value != DMA_PATTERN + i)
			lost++;
	dma_driver_exit(driver);
	return lost;
}

static void r61_written_pages_are_kept(void)
{
	/* The kernel may put some of the pages off. */
	if (!dma_lost_writes(0, DMA_FREE_PAGES, 0, DMA_MARK_NOTHING)) {
		api_skip("this kernel drops no page");
		return;
	}
	EXPECT_EQ(0, dma_lost_writes(100, DMA_FREE_PAGES, 0,
				     DMA_MARK_IN_CALLBACK));
	EXPECT_EQ(0, dma_lost_writes(200, DMA_FREE_PAGES, 0,
				     DMA_MARK_BY_UNMAP));
}

/* R61: likewise a huge page, of which the range has only a part. */
static void dma_lost_huge_page(unsigned int flags)
{
	const unsigned long npages = DMA_HUGE_PAGES;
	const unsigned long page = DMA_HUGE_PAGES;

	if (!dma_huge_page() ||
	    !dma_lost_writes(page, npages, flags, DMA_MARK_NOTHING)) {
		api_skip("this kernel drops no huge page");
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

/* R61: marked are the pages within the bounds that the range can write. */
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

const struct api_case api_dma_cases[] = {
	{ "r41_failed_dma_map_is_undone", r41_failed_dma_map_is_undone },
	{ "r41_two_ranges_map_one_page", r41_two_ranges_map_one_page },
	{ "r56_part_of_a_huge_page", r56_part_of_a_huge_page,
	  HMM_API_HELPER },
	{ "r56_part_of_a_huge_page_compact", r56_part_of_a_huge_page_compact,
	  HMM_API_HELPER },
	{ "r57_unmapped_page_by_page", r57_unmapped_page_by_page, HMM_API_HELPER },
	{ "r57_unmapped_page_by_page_compact", r57_unmapped_page_by_page_compact,
	  HMM_API_HELPER },
	{ "r57_entry_of_any_page_is_found", r57_entry_of_any_page_is_found },
	{ "r57_lookup_is_not_linear",
	  r57_lookup_is_not_linear },
	{ "r60_bouncing_device_is_refused",
	  r60_bouncing_device_is_refused },
	{ "r61_written_pages_are_kept", r61_written_pages_are_kept,
	  HMM_API_HELPER },
	{ "r61_written_huge_page_is_kept", r61_written_huge_page_is_kept,
	  HMM_API_HELPER },
	{ "r61_written_huge_page_is_kept_compact",
	  r61_written_huge_page_is_kept_compact, HMM_API_HELPER },
	{ "r61_only_writable_pages_are_marked", r61_only_writable_pages_are_marked },
	{}
};
