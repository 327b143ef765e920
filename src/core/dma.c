// SPDX-License-Identifier: GPL-2.0
/*
 * DMA addresses for the pages of a range.
 *
 * The part of a CPU mapping that lies in the range is mapped and unmapped as
 * one. HMM_MIRROR_PFN_DMA in the entry of its first page is set while it is
 * mapped.
 *
 * All of this runs under the update lock. So the pages need no references: an
 * invalidation that takes a page away runs its callback first, and the callback
 * waits for the lock and unmaps the page.
 */
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/memremap.h>
#include <linux/mm.h>

#include <hmm/dma.h>

#include "../compat/dma.h"
#include "chain.h"
#include "dirty.h"

/**
 * struct hmm_dma - how a range is mapped
 * @range: the range
 * @dev: the device that does the DMA
 * @dir: the direction of the DMA
 * @addrs: one DMA address per page
 * @direct: the DMA API does not use an IOMMU; set to map
 */
struct hmm_dma {
	struct hmm_mirror_range *range;
	struct device *dev;
	enum dma_data_direction dir;
	dma_addr_t *addrs;
	bool direct;
};

/**
 * hmm_mirror_dma_supported() - can a device share memory with a process?
 * @dev: a device whose DMA mask is set
 *
 * A device shares the pages of a process only if it reads and writes these
 * pages, coherently with the CPU. A bounce buffer is a copy. This returns false
 * for a device that is known to need one, or not to be coherent:
 *
 * * dev_is_dma_coherent() is false, or the device has no DMA mask.
 * * Its addresses are not translated by an IOMMU, which includes a device in an
 *   identity domain (iommu.passthrough=1), and it does not reach all memory
 *   (dma_addressing_limited()), or from 5.15 on every mapping bounces
 *   (swiotlb=force, a restricted DMA pool, a confidential guest).
 * * It uses DMA operations of its own, or those of Xen or an AMD GART.
 *
 * A device behind an IOMMU reaches all memory, whatever its mask. Whole pages
 * of an untrusted device do not bounce there.
 *
 * A device for which it returns true may still be found to bounce later: with
 * swiotlb=force before 5.15, and before 6.7 if the bus translates addresses and
 * does not reach all memory. hmm_mirror_range_dma_map() finds this out for each
 * page on every kernel.
 *
 * Call it in probe and do not bind to a device for which it returns false;
 * hmm_mirror_range_dma_map() refuses such a device.
 *
 * Context: any; does not sleep.
 * Return: false if the device cannot share memory.
 *
 * Since: 0.2
 */
bool hmm_mirror_dma_supported(struct device *dev)
{
	if (!dev->dma_mask || !dev_is_dma_coherent(dev))
		return false;
	if (hmm_dma_is_direct(dev))
		return !hmm_dma_always_bounces(dev) &&
		       !dma_addressing_limited(dev);
	return hmm_dma_is_translated(dev);
}
EXPORT_SYMBOL_GPL(hmm_mirror_dma_supported);

/* How many pages one mapping of the device may have: a power of two. */
static unsigned long hmm_dma_max_pages(struct device *dev)
{
	size_t max = dma_max_mapping_size(dev) >> PAGE_SHIFT;

	return max ? rounddown_pow_of_two(max) : 1;
}

/* How many of the pages [i, next) the next mapping of the device has. */
static unsigned long hmm_dma_part(const struct hmm_dma *dma, unsigned long i,
				  unsigned long next)
{
	return min(next - i, dma->range->max_pages);
}

static void hmm_dma_unmap_part(const struct hmm_dma *dma, dma_addr_t addr,
			       unsigned long n)
{
	dma_unmap_page_attrs(dma->dev, addr, n << PAGE_SHIFT, dma->dir,
			     HMM_DMA_ATTRS);
}

static void hmm_dma_unmap_parts(const struct hmm_dma *dma, unsigned long i,
				unsigned long next)
{
	unsigned long n;

	for (; i < next; i += n) {
		n = hmm_dma_part(dma, i, next);
		hmm_dma_unmap_part(dma, dma->addrs[i], n);
	}
}

/*
 * Unmap every mapping that has one of the pages [i, end).
 * @written: the device may have written to them
 */
static void hmm_dma_unmap_pages(const struct hmm_dma *dma, unsigned long i,
				unsigned long end, bool written)
{
	struct hmm_mirror_range *range = dma->range;
	unsigned long next, entry;

	for (i = hmm_range_mapping_index(range, i); i < end; i = next) {
		next = hmm_mirror_range_next(range, i);
		entry = range->pfns[i];
		if (!(entry & HMM_MIRROR_PFN_DMA))
			continue;
		hmm_dma_unmap_parts(dma, i, next);
		range->pfns[i] = entry & ~HMM_MIRROR_PFN_DMA;
		range->mapped--;
		if (written)
			hmm_pfns_mark_dirty(hmm_mirror_pfn_to_pfn(entry),
					    next - i);
	}
}

/* Can the device access, in this direction, the page of @entry? */
static int hmm_dma_check(const struct hmm_dma *dma, unsigned long entry)
{
	struct page *page;

	if (entry & HMM_MIRROR_PFN_DMA)
		return -EINVAL;
	if (!(entry & HMM_MIRROR_PFN_VALID))
		return -EFAULT;
	/* Device memory has no address that another device can use. */
	page = hmm_mirror_pfn_to_page(entry);
	if (is_device_private_page(page) || is_pci_p2pdma_page(page))
		return -EFAULT;
	if (dma->dir != DMA_TO_DEVICE && !(entry & HMM_MIRROR_PFN_WRITE))
		return -EPERM;
	return 0;
}

/* Map one part. A direct mapping that fails has no other cause than bouncing. */
static int hmm_dma_map_part(const struct hmm_dma *dma, struct page *page,
			    unsigned long n, dma_addr_t *addr)
{
	*addr = dma_map_page_attrs(dma->dev, page, 0, n << PAGE_SHIFT,
				   dma->dir, HMM_DMA_ATTRS);
	if (dma_mapping_error(dma->dev, *addr))
		return dma->direct ? -EOPNOTSUPP : -ENOMEM;
	/* A coherent device needs syncs for a bounce buffer only. */
	if (dma->direct && dma_need_sync(dma->dev, *addr)) {
		hmm_dma_unmap_part(dma, *addr, n);
		return -EOPNOTSUPP;
	}
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
		ret = hmm_dma_map_part(dma, page + part - i, n, &addr);
		if (ret) {
			hmm_dma_unmap_parts(dma, i, part);
			return ret;
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
 * hmm_mirror_range_dma_map() - map the pages of a range for DMA
 * @range: a range that was read and is valid
 * @dev: the device that will do the DMA
 * @dir: %DMA_TO_DEVICE if the device only reads; otherwise every page must be
 *       writable
 * @addrs: array for the DMA addresses, with one slot per page like the pfn
 *         array; only the slots of entries are set if the range is compact
 *
 * Pages that the CPU maps by one entry get consecutive addresses, so that the
 * device can map them by one entry too. If dma_max_mapping_size() of the device
 * is less than their size, each part of that size gets consecutive addresses,
 * and in a compact range the first slot of each part is set.
 *
 * The whole range must be unmapped before it can be read again.
 *
 * Context: the caller holds its update lock; does not sleep.
 * Return: 0; -EBUSY if the range has collided: populate it again; -EFAULT if
 * an entry is not valid or is device memory; -EPERM if the device is to write
 * where an entry is not writable; -EINVAL if @dir is invalid or a page of the
 * range is mapped; -EOPNOTSUPP if hmm_mirror_dma_supported() is false for @dev,
 * or the DMA API uses a bounce buffer for a page or cannot map it directly;
 * -ENOMEM if the IOMMU has no address or no memory left. Nothing is mapped on
 * an error.
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
		.direct = hmm_dma_is_direct(dev),
	};
	unsigned long i, next;
	int ret;

	if (!valid_dma_direction(dir) || dir == DMA_NONE || range->mapped)
		return -EINVAL;
	if (!hmm_mirror_dma_supported(dev))
		return -EOPNOTSUPP;
	if (!hmm_mirror_range_valid(range))
		return -EBUSY;

	range->max_pages = hmm_dma_max_pages(dev);
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
 * hmm_mirror_range_dma_widen() - the bounds that an unmap will really unmap
 * @range: a range
 * @start: in: first address, in bytes; out: first address that
 *         hmm_mirror_range_dma_unmap() with these bounds unmaps
 * @end: first address past the end; likewise
 *
 * An invalidation may cover a part of a huge mapping, as the first of the two
 * does that split it. The DMA mapping of the huge mapping is one, so all of it
 * is unmapped. A callback that removes only the bounds of the invalidation
 * from the device leaves it with addresses that are no longer mapped.
 *
 * Call it before the device is touched, remove the resulting bounds from the
 * device, then pass them to hmm_mirror_range_dma_unmap()::
 *
 *	if (!hmm_mirror_range_dma_widen(range, &start, &end))
 *		return;
 *	...
 *	hmm_mirror_range_dma_unmap(range, dev, dir, addrs, start, end);
 *
 * The bounds are clipped to the range, and to nothing more: some or all of
 * the pages within may not be mapped. If the range has no mapped page, the
 * bounds are not widened.
 *
 * Context: the caller holds its update lock; does not sleep.
 * Return: false if [@start, @end) and the range do not overlap; @start and
 * @end are unchanged then.
 *
 * Since: 0.2
 */
bool hmm_mirror_range_dma_widen(const struct hmm_mirror_range *range,
				unsigned long *start, unsigned long *end)
{
	unsigned long first = max(*start, range->start);
	unsigned long past = min(*end, range->end);
	unsigned long i;

	if (first >= past)
		return false;
	if (range->mapped && first != range->start) {
		i = (first - range->start) >> PAGE_SHIFT;
		i = hmm_range_mapping_index(range, i);
		first = range->start + (i << PAGE_SHIFT);
	}
	if (range->mapped && past != range->end) {
		i = (past - 1 - range->start) >> PAGE_SHIFT;
		i = hmm_range_entry_index(range, i);
		i = hmm_mirror_range_next(range, i);
		past = range->start + (i << PAGE_SHIFT);
	}
	*start = first;
	*end = past;
	return true;
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_dma_widen);

/**
 * hmm_mirror_range_dma_unmap() - unmap pages of a range
 * @range: a range
 * @dev: the device that it was mapped for
 * @dir: the direction that it was mapped for
 * @addrs: the array that it was mapped with
 * @start: first address to unmap, in bytes
 * @end: first address past the end, in bytes
 *
 * Unmaps the mapped pages of the range in [@start, @end), and the pages that
 * were mapped as one with them: hmm_mirror_range_dma_widen() tells which. The
 * bounds need not lie in the range. The device must not use any of the
 * addresses any more when this is called.
 *
 * Pages that were mapped for the device to write, by @dir, are marked dirty.
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
	};

	start = max(start, range->start);
	end = min(end, range->end);
	if (start >= end || !range->mapped)
		return;

	end = ((end - 1 - range->start) >> PAGE_SHIFT) + 1;
	hmm_dma_unmap_pages(&dma, (start - range->start) >> PAGE_SHIFT, end,
			    dir != DMA_TO_DEVICE);
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_dma_unmap);
