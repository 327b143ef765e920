// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mappings of the pages of a range.
 *
 * The part of a CPU mapping that is in the range is mapped and unmapped as a
 * unit. While it is mapped, HMM_MIRROR_PFN_DMA is set in the entry of its first
 * page.
 *
 * All functions except hmm_mirror_dma_supported() run under the update lock.
 * Therefore, no references to the pages are needed: an invalidation runs its
 * callback before a page is removed, and the callback waits for the lock and
 * unmaps the page.
 */
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/memremap.h>
#include <linux/mm.h>

#include <hmm/dma.h>

#include "../compat/dma.h"
#include "chain.h"
#include "dirty.h"
#include "dma.h"
#include "trace.h"

/**
 * hmm_mirror_dma_supported() - check whether a device can share process memory
 * @dev: a device with a DMA mask
 *
 * A device can only share pages with a process if it accesses these very pages,
 * coherently with the CPU, and not a copy in a bounce buffer. This function
 * returns false under any of these conditions:
 *
 * * dev_is_dma_coherent() returns false, or the device has no DMA mask.
 * * The device cannot address all memory (dma_addressing_limited()), and the
 *   DMA API does not use an IOMMU for it. This is the case if the device is not
 *   behind an IOMMU, or is in an identity domain (iommu.passthrough=1).
 * * The DMA API does not use an IOMMU for the device, and, since 5.15, the
 *   mappings of the device always bounce (swiotlb=force, a restricted DMA pool,
 *   a confidential guest).
 * * The device uses its own DMA operations, or those of Xen or an AMD GART.
 *
 * A device behind an IOMMU can address all memory, whatever its mask. Mappings
 * of whole pages do not bounce there, even if the device is untrusted.
 *
 * A device for which this function returns true may still need bounce buffers:
 * with swiotlb=force before 5.15, and before 6.7 if the bus translates
 * addresses and cannot address all memory. hmm_mirror_range_dma_map() checks
 * each page on every kernel.
 *
 * A driver should call this function in its probe function, and fail the probe
 * if it returns false. hmm_mirror_range_dma_map() returns -EOPNOTSUPP for such
 * a device.
 *
 * Context: any; does not sleep.
 * Return: true if the device can share memory with a process, as far as this
 * function can determine; otherwise false.
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

/* Returns the maximum number of pages per DMA mapping, a power of two. */
static unsigned long hmm_dma_max_pages(struct device *dev)
{
	size_t max = dma_max_mapping_size(dev) >> PAGE_SHIFT;

	return max ? rounddown_pow_of_two(max) : 1;
}

/* Returns how many of the pages [@i, @next) the next DMA mapping covers. */
static unsigned long hmm_dma_part_pages(const struct hmm_dma *dma,
					unsigned long i, unsigned long next)
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
		n = hmm_dma_part_pages(dma, i, next);
		hmm_dma_unmap_part(dma, dma->addrs[i], n);
	}
}

/* Unmap the pages [@i, @next). They are one CPU mapping, or a run of these. */
static void hmm_dma_unmap_run(const struct hmm_dma *dma, unsigned long i,
			      unsigned long next)
{
	if (hmm_dma_iova_used(dma->range))
		hmm_dma_iova_unmap(dma, i, next);
	else
		hmm_dma_unmap_parts(dma, i, next);
}

/*
 * Returns the end of the run of mapped pages that may be unmapped together with
 * the CPU mapping that ends at @next. The last CPU mapping of the run contains
 * page @end - 1 or an earlier one.
 */
static unsigned long hmm_dma_run_end(const struct hmm_dma *dma,
				     unsigned long next, unsigned long end)
{
	struct hmm_mirror_range *range = dma->range;

	if (!hmm_dma_iova_used(range))
		return next;
	while (next < end && range->pfns[next] & HMM_MIRROR_PFN_DMA)
		next = hmm_mirror_range_next(range, next);
	return next;
}

/*
 * Unmap every mapping that contains one of the pages [@i, @end). If @written is
 * true, the device may have written to the pages, so mark them dirty.
 */
static void hmm_dma_unmap_pages(const struct hmm_dma *dma, unsigned long i,
				unsigned long end, bool written)
{
	struct hmm_mirror_range *range = dma->range;
	unsigned long next;

	for (i = hmm_range_mapping_index(range, i); i < end; i = next) {
		next = hmm_mirror_range_next(range, i);
		if (!(range->pfns[i] & HMM_MIRROR_PFN_DMA))
			continue;
		next = hmm_dma_run_end(dma, next, end);
		hmm_dma_unmap_run(dma, i, next);
		hmm_dma_mark_unmapped(dma, i, next, written);
	}
	if (!range->mapped)
		hmm_dma_iova_end(dma);
}

/*
 * Record that the CPU mappings [@i, @end), which were mapped, are no longer
 * mapped. If @written is true, mark their pages dirty.
 */
void hmm_dma_mark_unmapped(const struct hmm_dma *dma, unsigned long i,
			   unsigned long end, bool written)
{
	struct hmm_mirror_range *range = dma->range;
	unsigned long next, entry;

	for (; i < end; i = next) {
		next = hmm_mirror_range_next(range, i);
		entry = range->pfns[i];
		range->pfns[i] = entry & ~HMM_MIRROR_PFN_DMA;
		range->mapped--;
		if (written)
			hmm_pfns_mark_dirty(hmm_mirror_pfn_to_pfn(entry),
					    next - i);
	}
}

/* Check whether the device may access the page of @entry in this direction. */
int hmm_dma_check(const struct hmm_dma *dma, unsigned long entry)
{
	struct page *page;

	if (entry & HMM_MIRROR_PFN_DMA)
		return -EINVAL;
	if (!(entry & HMM_MIRROR_PFN_VALID))
		return -EFAULT;
	/* dma_map_page_attrs() cannot map these kinds of device memory. */
	page = hmm_mirror_pfn_to_page(entry);
	if (is_device_private_page(page) || is_pci_p2pdma_page(page))
		return -EFAULT;
	if (dma->dir != DMA_TO_DEVICE && !(entry & HMM_MIRROR_PFN_WRITE))
		return -EPERM;
	return 0;
}

/*
 * Map one part. A direct mapping only fails if it needs a bounce buffer, and
 * none is available or HMM_DMA_ATTRS does not permit one.
 */
static int hmm_dma_map_part(const struct hmm_dma *dma, struct page *page,
			    unsigned long n, dma_addr_t *addr)
{
	*addr = dma_map_page_attrs(dma->dev, page, 0, n << PAGE_SHIFT,
				   dma->dir, HMM_DMA_ATTRS);
	if (dma_mapping_error(dma->dev, *addr))
		return dma->direct ? -EOPNOTSUPP : -ENOMEM;
	/* For a coherent device, only a bounce buffer needs syncs. */
	if (dma->direct && dma_need_sync(dma->dev, *addr)) {
		hmm_dma_unmap_part(dma, *addr, n);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Store the addresses of @n pages from @i on, which are mapped at @addr. */
void hmm_dma_store_addrs(const struct hmm_dma *dma, unsigned long i,
			 unsigned long n, dma_addr_t addr)
{
	unsigned long k;

	dma->addrs[i] = addr;
	if (dma->range->flags & HMM_MIRROR_RANGE_COMPACT)
		return;
	for (k = 1; k < n; k++)
		dma->addrs[i + k] = addr + (k << PAGE_SHIFT);
}

static int hmm_dma_map_one(const struct hmm_dma *dma, unsigned long i,
			   unsigned long next)
{
	struct hmm_mirror_range *range = dma->range;
	struct page *page = hmm_mirror_pfn_to_page(range->pfns[i]);
	unsigned long part, n;
	dma_addr_t addr;
	int ret;

	ret = hmm_dma_check(dma, range->pfns[i]);
	if (ret)
		return ret;

	for (part = i; part < next; part += n) {
		n = hmm_dma_part_pages(dma, part, next);
		ret = hmm_dma_map_part(dma, page + part - i, n, &addr);
		if (ret) {
			hmm_dma_unmap_parts(dma, i, part);
			return ret;
		}
		hmm_dma_store_addrs(dma, part, n, addr);
	}
	range->pfns[i] |= HMM_MIRROR_PFN_DMA;
	range->mapped++;
	return 0;
}

/* See hmm_mirror_range_dma_map(). */
static int hmm_dma_map_range(const struct hmm_dma *dma)
{
	struct hmm_mirror_range *range = dma->range;
	const unsigned long npages = hmm_mirror_range_npages(range);
	unsigned long i, next;
	int ret;

	if (!valid_dma_direction(dma->dir) || dma->dir == DMA_NONE ||
	    range->mapped || !npages)
		return -EINVAL;
	if (!hmm_mirror_dma_supported(dma->dev))
		return -EOPNOTSUPP;
	if (!hmm_mirror_range_valid(range))
		return -EBUSY;

	if (hmm_dma_iova_begin(dma, npages))
		return hmm_dma_iova_map(dma, npages);

	range->max_pages = hmm_dma_max_pages(dma->dev);
	for (i = 0; i < npages; i = next) {
		next = hmm_mirror_range_next(range, i);
		ret = hmm_dma_map_one(dma, i, next);
		if (ret) {
			hmm_dma_unmap_pages(dma, 0, i, false);
			return ret;
		}
	}
	return 0;
}

/**
 * hmm_mirror_range_dma_map() - map the pages of a range for DMA
 * @range: a range that has been read
 * @dev: the device that performs the DMA
 * @dir: %DMA_TO_DEVICE if the device only reads; with any other direction,
 *       every page must be writable
 * @addrs: array for the DMA addresses, with one element per page, like the pfn
 *         array; in a compact range, only the first element of each CPU mapping
 *         or part of it (see below) is set
 *
 * If the device is behind an IOMMU and the kernel has dma_iova_link() (6.16 and
 * later), all pages of the range get consecutive addresses, unless no run of
 * free addresses is long enough: see hmm_mirror_range_dma_is_contiguous().
 *
 * Otherwise, pages in one CPU mapping get consecutive addresses, so that the
 * device can also map them with one entry of its page table. If a CPU mapping
 * is larger than dma_max_mapping_size() of the device, it is divided into parts
 * of that size, rounded down to a power of two pages. In this case, only the
 * addresses within a part are consecutive.
 *
 * The whole range must be unmapped before it can be read again.
 *
 * Context: does not sleep; the caller holds its update lock.
 * Return: 0; -EBUSY if the range has collided and must be populated again, or
 * if it is neither registered nor bound; -EFAULT if an entry is not valid, or
 * if its page is device-private or PCI peer-to-peer memory; -EPERM if @dir
 * includes writing and an entry is not writable; -EINVAL if @dir is invalid, a
 * page of the range is already mapped, or the driver has changed the bounds so
 * that the range is empty; -EOPNOTSUPP if hmm_mirror_dma_supported() returns
 * false for @dev, or if the DMA API uses a bounce buffer for a page or cannot
 * map it directly; -ENOMEM if a mapping through the IOMMU fails, for example
 * because no addresses or no memory are left. On an error, the function maps no
 * pages.
 *
 * Since: 0.1
 */
int hmm_mirror_range_dma_map(struct hmm_mirror_range *range,
			     struct device *dev, enum dma_data_direction dir,
			     dma_addr_t *addrs)
{
	const unsigned long npages = hmm_mirror_range_npages(range);
	const struct hmm_dma dma = {
		.range = range,
		.dev = dev,
		.dir = dir,
		.addrs = addrs,
		.direct = hmm_dma_is_direct(dev),
	};
	u64 ns;
	int ret;

	if (!trace_hmm_dma_map_enabled())
		return hmm_dma_map_range(&dma);
	ns = ktime_get_ns();
	ret = hmm_dma_map_range(&dma);
	ns = ktime_get_ns() - ns;
	trace_hmm_dma_map(range, ret, ret ? 0 : npages, ret ? 0 : range->mapped,
			  ns);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_dma_map);

/**
 * hmm_mirror_range_dma_is_contiguous() - check for consecutive DMA addresses
 * @range: a range that is mapped by hmm_mirror_range_dma_map()
 *
 * If this function returns true, the DMA address of a byte of the range is that
 * of the first byte plus the difference of their addresses in the mm. A device
 * without a page table can access the whole range with one descriptor.
 *
 * Context: does not sleep; the caller holds its update lock.
 * Return: true if all pages of the range have consecutive DMA addresses because
 * they were mapped together; otherwise false, also if the addresses of separate
 * mappings happen to be consecutive.
 *
 * Since: 0.3
 */
bool hmm_mirror_range_dma_is_contiguous(const struct hmm_mirror_range *range)
{
	return hmm_dma_iova_used(range);
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_dma_is_contiguous);

/**
 * hmm_mirror_range_dma_widen() - compute the bounds that an unmap affects
 * @range: a range
 * @start: in: first address, in bytes; out: first address that
 *         hmm_mirror_range_dma_unmap() unmaps for these bounds
 * @end: in: first address past the end, in bytes; out: first address past the
 *       pages that hmm_mirror_range_dma_unmap() unmaps for these bounds
 *
 * An invalidation may cover only a part of a huge mapping, for example before
 * this mapping is split. hmm_mirror_range_dma_unmap() always unmaps the whole
 * huge mapping. If a callback only removes the addresses of the invalidation
 * from the device, the device is left with DMA addresses that are no longer
 * mapped.
 *
 * Call this function first, remove all addresses within the resulting bounds
 * from the device, and then pass these or the original bounds to
 * hmm_mirror_range_dma_unmap()::
 *
 *	if (!hmm_mirror_range_dma_widen(range, &start, &end))
 *		return;
 *	...
 *	hmm_mirror_range_dma_unmap(range, dev, dir, addrs, start, end);
 *
 * The bounds are clipped to the range. Some or all of the pages within the
 * bounds may not be mapped. If no page of the range is mapped, the bounds are
 * not widened.
 *
 * Context: does not sleep; the caller holds its update lock.
 * Return: true; false if [@start, @end) and the range do not overlap, with
 * @start and @end unchanged.
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

/* Like hmm_dma_unmap_pages(), with a tracepoint that reports what it did. */
static noinline void hmm_dma_unmap_traced(const struct hmm_dma *dma,
					  unsigned long i, unsigned long end,
					  bool written)
{
	struct hmm_mirror_range *range = dma->range;
	unsigned long first = hmm_range_mapping_index(range, i);
	unsigned long mapped = range->mapped, pages = 0, past, next;
	u64 ns;

	for (past = first; past < end; past = next) {
		next = hmm_mirror_range_next(range, past);
		if (range->pfns[past] & HMM_MIRROR_PFN_DMA)
			pages += next - past;
	}
	ns = ktime_get_ns();
	hmm_dma_unmap_pages(dma, i, end, written);
	ns = ktime_get_ns() - ns;
	trace_hmm_dma_unmap(range, range->start + (first << PAGE_SHIFT),
			    range->start + (past << PAGE_SHIFT), pages,
			    mapped - range->mapped, ns);
}

/**
 * hmm_mirror_range_dma_unmap() - unmap pages of a range
 * @range: a range
 * @dev: the device that was passed to hmm_mirror_range_dma_map()
 * @dir: the direction that was passed to hmm_mirror_range_dma_map()
 * @addrs: the array that was passed to hmm_mirror_range_dma_map()
 * @start: first address to unmap, in bytes
 * @end: first address past the end, in bytes
 *
 * Unmaps the mapped pages of the range in [@start, @end), and the other pages
 * of the range that are in the same CPU mappings. hmm_mirror_range_dma_widen()
 * computes the resulting bounds. @start and @end need not be in the range. The
 * device must have stopped using all affected addresses before the call.
 *
 * If @dir includes writing by the device, the pages are marked dirty.
 *
 * Context: does not sleep; the caller holds its update lock.
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
	const bool written = dir != DMA_TO_DEVICE;
	unsigned long i;

	start = max(start, range->start);
	end = min(end, range->end);
	if (start >= end || !range->mapped)
		return;

	i = (start - range->start) >> PAGE_SHIFT;
	end = ((end - 1 - range->start) >> PAGE_SHIFT) + 1;
	if (trace_hmm_dma_unmap_enabled())
		hmm_dma_unmap_traced(&dma, i, end, written);
	else
		hmm_dma_unmap_pages(&dma, i, end, written);
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_dma_unmap);
