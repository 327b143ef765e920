/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A range: one request for the pages behind some addresses of a mirror.
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
 * mapping instead of one per page: that of the mapping's first page within
 * the range. Its order says for how many pages it stands, also where nothing
 * is mapped or the device may use nothing: a hole of 2 MiB is one entry. The
 * entries between are not part of the result. The array is indexed as without
 * the flag; hmm_mirror_range_next() steps through it::
 *
 *	for (i = 0; i < npages; i = hmm_mirror_range_next(range, i))
 *		program(range->start + i * PAGE_SIZE, range->pfns[i]);
 *
 * hmm_mirror_range_dma_widen(), hmm_mirror_range_dma_unmap() and
 * hmm_mirror_range_mark_dirty() may write to the entries between.
 *
 * The whole range is asked for the same then, by @default_flags;
 * @pfn_flags_mask must be 0.
 */
#define HMM_MIRROR_RANGE_COMPACT	BIT(0)

/**
 * struct hmm_mirror_range - one request for the pages behind addresses
 * @start: first address; set by hmm_mirror_range_register()
 * @end: first address past the end; set by hmm_mirror_range_register()
 * @pfns: set by the driver: an array with one entry per page; see pfn.h
 * @default_flags: set by the driver: requested of every page
 * @pfn_flags_mask: set by the driver: what of each entry counts as a request
 * @flags: set by the driver: 0 or %HMM_MIRROR_RANGE_COMPACT
 * @dev_private_owner: set by the driver: the owner of its device-private
 *                     memory, &dev_pagemap.owner. Such pages of this owner
 *                     are given as they are; those of another are faulted
 *                     back to RAM. NULL: there is none.
 *
 * Zero it, then register it. A range serves one thread at a time.
 *
 * Since: 0.1
 */
struct hmm_mirror_range {
	unsigned long start;
	unsigned long end;
	unsigned long *pfns;
	unsigned long default_flags;
	unsigned long pfn_flags_mask;
	unsigned int flags;
	void *dev_private_owner;
	/* private: */
	struct hmm_interval_notifier *interval;
	struct hmm_interval_notifier own;
	unsigned long seq;
	unsigned long mapped;
	unsigned long max_pages;
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
 * hmm_mirror_range_valid() - may what was read still be used?
 * @range: a range that hmm_mirror_range_wait_until_valid() or
 *         hmm_mirror_range_populate() was called on
 *
 * Asked under the update lock, before the device's page table is programmed.
 * The answer comes from the interval's sequence: an invalidation that came
 * and went since is a collision like one that is still there.
 *
 * Context: any; the caller holds the lock that its callback takes.
 * Return: true if nothing has changed since; false, with one warning, for a
 * range that is neither registered nor bound.
 *
 * Since: 0.1
 */
static inline bool
hmm_mirror_range_valid(const struct hmm_mirror_range *range)
{
	if (WARN_ONCE(!range->interval,
		      "hmm_mirror range used, but neither registered nor bound\n"))
		return false;
	return !hmm_interval_read_retry(range->interval, range->seq);
}

/**
 * hmm_mirror_range_next() - the entry behind one of a compact range
 * @range: a range with %HMM_MIRROR_RANGE_COMPACT, which was read
 * @i: index of an entry: 0, or what this function returned
 *
 * Return: the index of the next entry that was written; at the end of the
 * range the number of its pages.
 *
 * Since: 0.1
 */
static inline unsigned long
hmm_mirror_range_next(const struct hmm_mirror_range *range, unsigned long i)
{
	unsigned int shift = PAGE_SHIFT + hmm_mirror_pfn_to_order(range->pfns[i]);
	unsigned long addr = range->start + (i << PAGE_SHIFT);
	unsigned long next = ((addr >> shift) + 1) << shift;

	/* The next of the last address there is would be 0. */
	if (next - 1 >= range->end - 1)
		next = range->end;
	return (next - range->start) >> PAGE_SHIFT;
}

#endif /* _HMM_RANGE_H */
