// SPDX-License-Identifier: GPL-2.0
/*
 * DMA addresses for the pages of a range.
 *
 * What is mapped and unmapped as one is what the CPU maps by one entry, as far
 * as it lies in the range. The entry of its first page says that it is mapped.
 *
 * Everything here runs under the update lock, and so the pages need no
 * references: an invalidation that takes one away has its callback first,
 * which waits for the lock, and unmaps.
 */
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/memremap.h>
#include <linux/mm.h>

#include <hmm/dma.h>

#include "../compat/dma.h"

/**
 * struct hmm_dma - what a range is mapped for
 * @range: whose entries
 * @dev: the device that does the DMA
 * @dir: and which way
 * @addrs: one per page
 * @max_pages: the most that one mapping of @dev may have, a power of two
 */
struct hmm_dma {
	struct hmm_mirror_range *range;
	struct device *dev;
	enum dma_data_direction dir;
	dma_addr_t *addrs;
	unsigned long max_pages;
};

static unsigned long hmm_dma_max_pages(struct device *dev)
{
	size_t max = dma_max_mapping_size(dev) >> PAGE_SHIFT;

	return max ? rounddown_pow_of_two(max) : 1;
}

/* The part of pages [i, next) that one mapping of the device may have. */
static unsigned long hmm_dma_part(const struct hmm_dma *dma, unsigned long i,
				  unsigned long next)
{
	return min(next - i, dma->max_pages);
}

static void hmm_dma_unmap_parts(const struct hmm_dma *dma, unsigned long i,
				unsigned long next)
{
	unsigned long n;

	for (; i < next; i += n) {
		n = hmm_dma_part(dma, i, next);
		dma_unmap_page_attrs(dma->dev, dma->addrs[i], n << PAGE_SHIFT,
				     dma->dir, HMM_DMA_ATTRS);
	}
}

/*
 * The first page of what the CPU maps together with page @i. A compact range
 * knows that only from what lies before.
 */
static unsigned long hmm_dma_head(const struct hmm_mirror_range *range,
				  unsigned long i)
{
	unsigned long head = 0, next = 0;
	unsigned long addr, size;

	if (range->flags & HMM_MIRROR_RANGE_COMPACT) {
		while (next <= i) {
			head = next;
			next = hmm_mirror_range_next(range, head);
		}
		return head;
	}
	addr = range->start + (i << PAGE_SHIFT);
	size = PAGE_SIZE << hmm_mirror_pfn_to_order(range->pfns[i]);
	addr = max(ALIGN_DOWN(addr, size), range->start);
	return (addr - range->start) >> PAGE_SHIFT;
}

/*
 * Unmap what has one of the pages [i, end). @written: whether the device may
 * have written to it. The CPU still maps what is unmapped here, since its
 * invalidation waits for the update lock: so nobody truncates the page, and
 * it can be set dirty without its lock.
 */
static void hmm_dma_unmap_pages(const struct hmm_dma *dma, unsigned long i,
				unsigned long end, bool written)
{
	struct hmm_mirror_range *range = dma->range;
	unsigned long next, k;
	struct page *page;

	for (i = hmm_dma_head(range, i); i < end; i = next) {
		next = hmm_mirror_range_next(range, i);
		if (!(range->pfns[i] & HMM_MIRROR_PFN_DMA))
			continue;
		hmm_dma_unmap_parts(dma, i, next);
		range->pfns[i] &= ~HMM_MIRROR_PFN_DMA;
		range->mapped--;
		page = hmm_mirror_pfn_to_page(range->pfns[i]);
		for (k = 0; written && k < next - i; k++)
			set_page_dirty(page + k);
	}
}

/* May the device reach, in this direction, what @entry maps? */
static int hmm_dma_check(const struct hmm_dma *dma, unsigned long entry)
{
	struct page *page;

	if (entry & HMM_MIRROR_PFN_DMA)
		return -EINVAL;
	if (!(entry & HMM_MIRROR_PFN_VALID))
		return -EFAULT;
	/* Memory of a device has no address that is good for DMA. */
	page = hmm_mirror_pfn_to_page(entry);
	if (is_device_private_page(page) || is_pci_p2pdma_page(page))
		return -EFAULT;
	if (dma->dir != DMA_TO_DEVICE && !(entry & HMM_MIRROR_PFN_WRITE))
		return -EPERM;
	return 0;
}

static int hmm_dma_map_one(const struct hmm_dma *dma, unsigned long i,
			   unsigned long next)
{
	struct hmm_mirror_range *range = dma->range;
	struct page *page = hmm_mirror_pfn_to_page(range->pfns[i]);
	unsigned long part, n, k;
	dma_addr_t addr;
	int ret;

	ret = hmm_dma_check(dma, range->pfns[i]);
	if (ret)
		return ret;

	for (part = i; part < next; part += n) {
		n = hmm_dma_part(dma, part, next);
		addr = dma_map_page_attrs(dma->dev, page + part - i, 0,
					  n << PAGE_SHIFT, dma->dir,
					  HMM_DMA_ATTRS);
		if (dma_mapping_error(dma->dev, addr)) {
			hmm_dma_unmap_parts(dma, i, part);
			return -ENOMEM;
		}
		dma->addrs[part] = addr;
		if (range->flags & HMM_MIRROR_RANGE_COMPACT)
			continue;
		for (k = 1; k < n; k++)
			dma->addrs[part + k] = addr + (k << PAGE_SHIFT);
	}
	range->pfns[i] |= HMM_MIRROR_PFN_DMA;
	range->mapped++;
	return 0;
}

/**
 * hmm_mirror_range_dma_map() - give the pages of a range DMA addresses
 * @range: a range that was read and is valid
 * @dev: the device that will do the DMA
 * @dir: %DMA_TO_DEVICE if it only reads; else every page must be writable
 * @addrs: where the addresses are stored: a slot per page, as in the pfn
 *         array; if the range is compact, only where that has an entry
 *
 * What the CPU maps by one entry has consecutive addresses, so that the
 * device can map it by one as well; unless dma_max_mapping_size() of the
 * device is less, then in pieces of so much.
 *
 * The device must reach memory coherently and without a bounce buffer, which
 * would be a copy and no sharing. Before 7.x nothing in the DMA API tells for
 * sure: let the driver see at probe that the device can address all memory
 * (dma_addressing_limited()) or is behind an IOMMU (device_iommu_mapped()),
 * and refuse it otherwise.
 *
 * The range cannot be read again before it is unmapped, whole.
 *
 * Context: the caller holds its update lock; does not sleep.
 * Return: 0; -EBUSY if the range has collided: populate it again; -EFAULT if
 * an entry is not valid or is memory of a device; -EPERM if the device is to
 * write where an entry does not permit it; -EINVAL for a @dir that is none,
 * or if something of the range is mapped; -ENOMEM if the DMA API gives no
 * address. On an error nothing is mapped.
 *
 * Since: 0.1
 */
int hmm_mirror_range_dma_map(struct hmm_mirror_range *range,
			     struct device *dev, enum dma_data_direction dir,
			     dma_addr_t *addrs)
{
	const unsigned long npages = (range->end - range->start) >> PAGE_SHIFT;
	const struct hmm_dma dma = {
		.range = range,
		.dev = dev,
		.dir = dir,
		.addrs = addrs,
		.max_pages = hmm_dma_max_pages(dev),
	};
	unsigned long i, next;
	int ret;

	if (!valid_dma_direction(dir) || dir == DMA_NONE || range->mapped)
		return -EINVAL;
	if (!hmm_mirror_range_valid(range))
		return -EBUSY;

	for (i = 0; i < npages; i = next) {
		next = hmm_mirror_range_next(range, i);
		ret = hmm_dma_map_one(&dma, i, next);
		if (ret) {
			hmm_dma_unmap_pages(&dma, 0, i, false);
			return ret;
		}
	}
	return 0;
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_dma_map);

/**
 * hmm_mirror_range_dma_unmap() - take DMA addresses back
 * @range: a range
 * @dev: as it was mapped
 * @dir: as it was mapped
 * @addrs: as they were stored
 * @start: first address to unmap
 * @end: first address behind
 *
 * Unmaps what of the range lies within [@start, @end), in a callback the
 * bounds of the invalidation; and with each page all that was mapped as one
 * with it. What is not mapped is passed over. The device no longer uses the
 * addresses when this is called.
 *
 * Pages that the device could write, by @dir, are marked dirty.
 *
 * Context: the caller holds its update lock; does not sleep.
 *
 * Since: 0.1
 */
void hmm_mirror_range_dma_unmap(struct hmm_mirror_range *range,
				struct device *dev,
				enum dma_data_direction dir,
				dma_addr_t *addrs, unsigned long start,
				unsigned long end)
{
	const struct hmm_dma dma = {
		.range = range,
		.dev = dev,
		.dir = dir,
		.addrs = addrs,
		.max_pages = hmm_dma_max_pages(dev),
	};

	start = max(start, range->start);
	end = min(end, range->end);
	if (start >= end || !range->mapped)
		return;

	hmm_dma_unmap_pages(&dma, (start - range->start) >> PAGE_SHIFT,
			    (end - range->start) >> PAGE_SHIFT,
			    dir != DMA_TO_DEVICE);
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_dma_unmap);
