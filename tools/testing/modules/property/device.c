// SPDX-License-Identifier: GPL-2.0
/*
 * The device. It has a page table for each range, which the callbacks clear.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/platform_device.h>

#include <hmm/dma.h>

#include "../../../../src/compat/coherent.h"
#include "device.h"
#include "inspect.h"

static struct platform_device *property_pdev;
/* Set if the DMA addresses of the device are physical addresses. */
static bool property_dma_direct;

bool property_has_callback(const struct property_range *range)
{
	return range->mirror->kind == HMM_PROPERTY_MIRROR_SYNC ||
	       (range->interval &&
		range->interval->kind != HMM_PROPERTY_INTERVAL_PLAIN);
}

unsigned long property_mapped(const struct property_range *range)
{
	unsigned long i, n = 0;

	for (i = 0; i < range->npages; i++)
		n += !!(range->range.pfns[i] & HMM_MIRROR_PFN_DMA);
	return n;
}

void property_clear(struct property_range *range, unsigned long start,
		    unsigned long end)
{
	lockdep_assert_held(&range->mirror->update);
	if (!range->npages)
		return;
	start = max(start, range->range.start);
	end = min(end, range->range.end);
	if (start >= end)
		return;
	if (range->dma)
		hmm_mirror_range_dma_widen(&range->range, &start, &end);
	memset64((u64 *)range->device +
		 ((start - range->range.start) >> PAGE_SHIFT), 0,
		 (end - start) >> PAGE_SHIFT);
	property_dma_unmap(range, start, end);
}

void property_dma_unmap(struct property_range *range, unsigned long start,
			unsigned long end)
{
	lockdep_assert_held(&range->mirror->update);
	if (!range->dma)
		return;
	hmm_mirror_range_dma_unmap(&range->range, &property_pdev->dev,
				   range->dir, range->addrs, start, end);
	range->dma = property_mapped(range);
}

void property_program(struct property_range *range)
{
	const bool compact = range->range.flags & HMM_MIRROR_RANGE_COMPACT;
	unsigned long i = 0, next;

	lockdep_assert_held(&range->mirror->update);
	for (; i < range->npages; i = next) {
		unsigned long entry = range->range.pfns[i];

		next = i + 1;
		if (compact)
			next = hmm_mirror_range_next(&range->range, i);
		if (!(entry & HMM_MIRROR_PFN_VALID))
			entry = 0;
		memset64((u64 *)range->device + i, 0, next - i);
		for (; entry && i < next; i++, entry++)
			range->device[i] = entry & ~HMM_MIRROR_PFN_DMA;
	}
}

static void property_dma_addresses(const struct property_range *range,
				   struct hmm_property_op *op)
{
	const bool compact = range->range.flags & HMM_MIRROR_RANGE_COMPACT;
	unsigned long i = 0;

	while (property_dma_direct && i < range->npages) {
		unsigned long entry = range->range.pfns[i];

		if (range->addrs[i] !=
		    PFN_PHYS(hmm_mirror_pfn_to_pfn(entry)))
			property_wrong(op, HMM_PROPERTY_BAD_DMA, i, entry);
		i = compact ? hmm_mirror_range_next(&range->range, i) : i + 1;
	}
}

int property_dma_map(struct property_range *range, unsigned int dir,
		     struct hmm_property_op *op)
{
	static const enum dma_data_direction dirs[] = {
		DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL,
	};
	int ret;

	lockdep_assert_held(&range->mirror->update);
	dir %= ARRAY_SIZE(dirs);
	ret = hmm_mirror_range_dma_map(&range->range, &property_pdev->dev,
				       dirs[dir], range->addrs);
	if (ret)
		return ret;
	range->dir = dirs[dir];
	range->dma = true;
	property_dma_addresses(range, op);
	property_program(range);
	return 0;
}

/* Like DMA, a write does not check whether the range is valid. */
void property_device_write(struct property_range *range,
			   struct property_call *call)
{
	unsigned long i;

	lockdep_assert_held(&range->mirror->update);
	for (i = 0; i < range->npages; i++) {
		unsigned long entry = range->device[i];
		u64 stamp = call->op.start + i;
		char *mem;

		if (!(entry & HMM_MIRROR_PFN_WRITE))
			continue;
		mem = page_address(hmm_mirror_pfn_to_page(entry));
		WRITE_ONCE(*(u64 *)mem, stamp);
		WRITE_ONCE(*(u64 *)(mem + HMM_PROPERTY_SECOND), ~stamp);
		set_page_dirty(hmm_mirror_pfn_to_page(entry));
		property_add(call, call->op.a, i, entry);
	}
}

/*
 * Clear [inv->start, inv->end) in the device page tables of the ranges of
 * @interval, or of all ranges of the mirror if @interval is NULL.
 */
static bool property_clear_ranges(struct property_mirror *mirror,
				  const struct property_interval *interval,
				  const struct mmu_notifier_range *inv)
{
	struct property_range *range;

	if (mmu_notifier_range_blockable(inv))
		mutex_lock(&mirror->update);
	else if (!mutex_trylock(&mirror->update))
		return false;
	list_for_each_entry(range, &mirror->ranges, node)
		if (!interval || range->interval == interval)
			property_clear(range, inv->start, inv->end);
	mutex_unlock(&mirror->update);
	return true;
}

static bool property_sync(struct hmm_mirror *mirror,
			  const struct mmu_notifier_range *inv)
{
	return property_clear_ranges(container_of(mirror,
						  struct property_mirror,
						  mirror), NULL, inv);
}

/* The mm is exiting: clear all device page tables. */
static void property_release(struct hmm_mirror *mirror)
{
	struct property_mirror *owner =
		container_of(mirror, struct property_mirror, mirror);
	struct property_range *range;

	atomic_inc(&owner->releases);
	mutex_lock(&owner->update);
	list_for_each_entry(range, &owner->ranges, node)
		property_clear(range, 0, ULONG_MAX);
	mutex_unlock(&owner->update);
}

const struct hmm_mirror_ops property_mirror_ops[] = {
	[HMM_PROPERTY_MIRROR_PLAIN] = { },
	[HMM_PROPERTY_MIRROR_RELEASE] = {
		.release = property_release,
	},
	[HMM_PROPERTY_MIRROR_SYNC] = {
		.sync_cpu_device_pagetables = property_sync,
		.release = property_release,
	},
};

static bool property_invalidate(struct hmm_interval_notifier *notifier,
				const struct mmu_notifier_range *inv)
{
	struct property_interval *interval =
		container_of(notifier, struct property_interval, notifier);

	return property_clear_ranges(interval->mirror, interval, inv);
}

/*
 * Sleep for some milliseconds. If the invalidating task holds the mmap lock for
 * writing, other tasks wait for the lock meanwhile.
 */
static bool property_invalidate_slowly(struct hmm_interval_notifier *notifier,
				       const struct mmu_notifier_range *inv)
{
	if (mmu_notifier_range_blockable(inv))
		usleep_range(2000, 4000);
	return property_invalidate(notifier, inv);
}

static void property_finish(struct hmm_interval_notifier *notifier,
			    const struct mmu_notifier_range *inv)
{
}

static void property_released(struct hmm_interval_notifier *notifier)
{
	complete(&container_of(notifier, struct property_interval,
			       notifier)->released);
}

static const struct hmm_interval_notifier_ops property_one_pass = {
	.invalidate = property_invalidate,
	.release = property_released,
};

static const struct hmm_interval_notifier_ops property_two_pass = {
	.invalidate_start = property_invalidate,
	.invalidate_finish = property_finish,
	.release = property_released,
};

static const struct hmm_interval_notifier_ops property_slow = {
	.invalidate = property_invalidate_slowly,
	.release = property_released,
};

const struct hmm_interval_notifier_ops *const property_interval_ops[] = {
	[HMM_PROPERTY_INTERVAL_PLAIN] = NULL,
	[HMM_PROPERTY_INTERVAL_ONE_PASS] = &property_one_pass,
	[HMM_PROPERTY_INTERVAL_TWO_PASS] = &property_two_pass,
	[HMM_PROPERTY_INTERVAL_SLOW] = &property_slow,
};

static int property_try_dma(struct device *dev)
{
	struct page *page = alloc_page(GFP_KERNEL);
	dma_addr_t addr;

	if (!page)
		return -ENOMEM;
	addr = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_TO_DEVICE);
	if (!dma_mapping_error(dev, addr)) {
		property_dma_direct = addr == page_to_phys(page);
		dma_unmap_page(dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
	}
	__free_page(page);
	return 0;
}

int property_device_init(void)
{
	int ret;

	property_pdev = platform_device_register_simple("hmm_property",
							PLATFORM_DEVID_NONE,
							NULL, 0);
	if (IS_ERR(property_pdev))
		return PTR_ERR(property_pdev);
	hmm_dma_set_coherent(&property_pdev->dev);
	ret = dma_coerce_mask_and_coherent(&property_pdev->dev,
					   DMA_BIT_MASK(64));
	if (!ret)
		ret = property_try_dma(&property_pdev->dev);
	if (ret)
		platform_device_unregister(property_pdev);
	return ret;
}

void property_device_exit(void)
{
	platform_device_unregister(property_pdev);
}
