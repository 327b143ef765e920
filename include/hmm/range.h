/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A range: a request for the pages of a range of addresses.
 */
#ifndef _HMM_RANGE_H
#define _HMM_RANGE_H

#include <linux/bug.h>

#include <hmm/interval.h>
#include <hmm/pfn.h>

/**
 * DOC: compact output
 *
 * With %HMM_MIRROR_RANGE_COMPACT in @flags, a read writes one entry per CPU
 * mapping instead of one per page: the entry of the first page of the mapping
 * within the range. An entry covers all pages from its own page to the end of
 * the naturally aligned block of ``1 << order`` pages. Addresses without a page
 * that the device can use may also share an entry, for example an aligned block
 * of 2 MiB without a page table. The array elements between the entries are not
 * part of the result. An entry has the same index as without the flag.
 * hmm_mirror_range_next() iterates over the entries::
 *
 *	for (i = 0; i < npages; i = hmm_mirror_range_next(range, i))
 *		program(range->start + i * PAGE_SIZE, range->pfns[i]);
 *
 * hmm_mirror_range_dma_widen(), hmm_mirror_range_dma_unmap() and
 * hmm_mirror_range_mark_dirty() may write to the elements between the entries.
 *
 * All pages of a compact range have the same request, @default_flags;
 * @pfn_flags_mask must be 0.
 */
#define HMM_MIRROR_RANGE_COMPACT	BIT(0)

/**
 * struct hmm_mirror_range - a request for the pages of a range of addresses
 * @start: first address, in bytes; set by hmm_mirror_range_register(), or by
 *         the driver before hmm_mirror_range_bind()
 * @end: first address past the end, in bytes; set like @start
 * @pfns: set by the driver: an array with one entry per page, also if the range
 *        is compact; see pfn.h. It need not be initialized if @pfn_flags_mask
 *        is 0
 * @default_flags: set by the driver: flags requested of every page. If this and
 *                 @pfn_flags_mask are 0, no page is faulted in, and a page that
 *                 is absent causes no error
 * @pfn_flags_mask: set by the driver: the flags that each entry may request in
 *                  addition
 * @filled: number of pages from @start on whose entries the last read has written
 *          and, except in a snapshot, whose requests are satisfied: all pages if
 *          it returned 0, otherwise those below the page at which it failed. 0
 *          after a collision and after hmm_mirror_range_wait_until_valid(). The
 *          entries may be used if hmm_mirror_range_valid() returns true
 * @flags: set by the driver: 0 or %HMM_MIRROR_RANGE_COMPACT
 * @dev_private_owner: set by the driver: the owner of its device-private
 *                     memory, &dev_pagemap.owner, or NULL. Pages of this
 *                     owner are reported without migrating them. Pages of
 *                     other owners are faulted back to RAM if they are
 *                     requested.
 *
 * Zero the structure before it is registered or bound. Only one thread at a
 * time may read a range. Callbacks may call hmm_mirror_range_dma_widen() and
 * hmm_mirror_range_dma_unmap() at any time under the update lock, because no
 * page is mapped during a read.
 *
 * Since: 0.1
 */
struct hmm_mirror_range {
	unsigned long start;
	unsigned long end;
	unsigned long *pfns;
	unsigned long default_flags;
	unsigned long pfn_flags_mask;
	unsigned long filled;
	unsigned int flags;
	void *dev_private_owner;
	/* private: */
	struct hmm_interval_notifier *interval;
	struct hmm_interval_notifier own;
	unsigned long seq;
	unsigned long mapped;
	unsigned long max_pages;
	u64 iova[2];
};

int hmm_mirror_range_register(struct hmm_mirror_range *range,
			      struct hmm_mirror *mirror,
			      unsigned long start, unsigned long end);
int hmm_mirror_range_bind(struct hmm_mirror_range *range,
			  struct hmm_interval_notifier *interval);
void hmm_mirror_range_unregister(struct hmm_mirror_range *range);

int hmm_mirror_range_wait_until_valid(struct hmm_mirror_range *range,
				      unsigned int timeout_ms);
int hmm_mirror_range_snapshot(struct hmm_mirror_range *range);
int hmm_mirror_range_fault(struct hmm_mirror_range *range);
int hmm_mirror_range_fault_locked(struct hmm_mirror_range *range);
int hmm_mirror_range_populate(struct hmm_mirror_range *range,
			      unsigned int timeout_ms);
void hmm_mirror_range_mark_dirty(const struct hmm_mirror_range *range,
				 unsigned long start, unsigned long end);

/**
 * hmm_mirror_range_npages() - get the number of pages of a range
 * @range: a range with its addresses
 *
 * The array of the range has this number of elements, also if the range is
 * compact. Element i belongs to the address ``range->start + i * PAGE_SIZE``.
 *
 * Context: any.
 * Return: the number of pages.
 *
 * Since: 0.3
 */
static inline unsigned long
hmm_mirror_range_npages(const struct hmm_mirror_range *range)
{
	return (range->end - range->start) >> PAGE_SHIFT;
}

/**
 * hmm_mirror_range_valid() - check whether the entries may be used
 * @range: a range that has been read by hmm_mirror_range_populate(), or by
 *         another function after hmm_mirror_range_wait_until_valid()
 *
 * A driver calls this function before it programs the device page table. It
 * also detects invalidations that have already ended.
 *
 * If the read failed, the first @range->filled pages may be used, if there are
 * any. Set @range->end to the end of the last one, because other functions use
 * all entries of the range. Do not change it again until no page is mapped for
 * DMA or by the device, and restore it before the next read.
 *
 * Context: any; the caller holds its update lock.
 * Return: true if the last hmm_mirror_range_wait_until_valid(), including one
 * that hmm_mirror_range_populate() called, returned 0 and the interval has not
 * collided since then; otherwise false. If the range is neither registered nor
 * bound, false with one warning.
 *
 * Since: 0.1
 */
static inline bool
hmm_mirror_range_valid(const struct hmm_mirror_range *range)
{
	if (WARN_ONCE(!range->interval,
		      "hmm_mirror range is neither registered nor bound\n"))
		return false;
	return !hmm_interval_read_retry(range->interval, range->seq);
}

/**
 * hmm_mirror_range_next() - advance to the entry after a CPU mapping
 * @range: a range that has been read
 * @i: index of an entry: 0, or a return value of this function; if the range is
 *     not compact, any index
 *
 * In a compact range, the result is the index of the next entry. Otherwise it
 * is the index of the first page after the CPU mapping that contains page @i.
 *
 * Context: any; the caller serializes against reads of the range.
 * Return: the index, or the number of pages of the range if no entry follows.
 *
 * Since: 0.1
 */
static inline unsigned long
hmm_mirror_range_next(const struct hmm_mirror_range *range, unsigned long i)
{
	unsigned int shift = PAGE_SHIFT + hmm_mirror_pfn_to_order(range->pfns[i]);
	unsigned long addr = range->start + (i << PAGE_SHIFT);
	unsigned long next = ((addr >> shift) + 1) << shift;

	/* Avoid wrapping past the top of the address space. */
	if (next - 1 >= range->end - 1)
		next = range->end;
	return (next - range->start) >> PAGE_SHIFT;
}

#endif /* _HMM_RANGE_H */
