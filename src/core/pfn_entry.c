// SPDX-License-Identifier: GPL-2.0
/*
 * Writing pfn entries that satisfy the request.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include <hmm/pfn.h>

#include "pfn_entry.h"
#include "walk.h"

/*
 * If walk->keep is set, a written entry stores its request in private bits,
 * which are HMM_PFN_KEPT_SHIFT bits lower, so that the array can be used for
 * another read.
 */
#define HMM_PFN_KEPT		BIT(55)
#define HMM_PFN_KEPT_SHIFT	9
#define HMM_PFN_REQUEST		(HMM_MIRROR_PFN_VALID | HMM_MIRROR_PFN_WRITE)

/* Returns the request in an entry, whether it was kept or set by the driver. */
static unsigned long hmm_entry_request(unsigned long entry)
{
	if (entry & HMM_PFN_KEPT)
		entry <<= HMM_PFN_KEPT_SHIFT;
	return entry & HMM_PFN_REQUEST;
}

/* Returns the flags that are requested of the page at @addr. */
unsigned long hmm_walk_requested(const struct hmm_walk *walk,
				 unsigned long addr)
{
	unsigned long request = hmm_entry_request(*hmm_walk_slot(walk, addr));

	return (request & walk->mask) | walk->required;
}

/*
 * The walk stops at @entry, which does not satisfy the request. Record whether
 * a page fault may help.
 */
static void hmm_walk_set_unusable(struct hmm_walk *walk, unsigned long entry)
{
	walk->unusable = entry & HMM_MIRROR_PFN_ERROR;
}

/*
 * Write one entry if it satisfies the request. Otherwise return false and leave
 * the old entry and its request unchanged.
 */
bool hmm_walk_store(struct hmm_walk *walk, unsigned long *slot,
		    unsigned long entry)
{
	unsigned long request = hmm_entry_request(*slot);

	if (((request & walk->mask) | walk->required) & ~entry) {
		hmm_walk_set_unusable(walk, entry);
		return false;
	}
	if (walk->keep)
		entry |= HMM_PFN_KEPT | (request >> HMM_PFN_KEPT_SHIFT);
	*slot = entry;
	return true;
}

/*
 * In a compact range: cover [@addr, @end) with as few naturally aligned entries
 * as possible.
 */
static void hmm_walk_fill_compact(struct hmm_walk *walk, unsigned long addr,
				  unsigned long end, unsigned long entry)
{
	while (addr < end) {
		unsigned long order = __fls((end - addr) >> PAGE_SHIFT);

		if (addr)
			order = min(order, __ffs(addr >> PAGE_SHIFT));
		order = min(order, HMM_MIRROR_PFN_ORDER_MASK);
		*hmm_walk_slot(walk, addr) =
			entry | order << HMM_MIRROR_PFN_ORDER_SHIFT;
		addr += PAGE_SIZE << order;
	}
}

/*
 * Fill [@addr, @end) with @entry. Returns @end, or the first address whose
 * request @entry does not satisfy.
 */
unsigned long hmm_walk_fill(struct hmm_walk *walk, unsigned long addr,
			    unsigned long end, unsigned long entry)
{
	unsigned long *slot = hmm_walk_slot(walk, addr);

	if (likely(!walk->keep)) {
		if (walk->required & ~entry) {
			hmm_walk_set_unusable(walk, entry);
			return addr;
		}
		if (walk->compact) {
			hmm_walk_fill_compact(walk, addr, end, entry);
			return end;
		}
		memset64((u64 *)slot, entry, (end - addr) >> PAGE_SHIFT);
		return end;
	}
	for (; addr < end; addr += PAGE_SIZE, slot++) {
		if (!hmm_walk_store(walk, slot, entry))
			break;
	}
	return addr;
}

/*
 * Write the entries of [@addr, @end), which is a part of a mapping of 1 <<
 * @shift bytes. @pfn is the first page frame of the whole mapping. Returns
 * @end, or the first address whose request the mapping does not satisfy.
 *
 * In a compact range, one entry is written, always at @addr. The walk calls
 * this function at the start of a mapping or at the start of a read. A read
 * that starts within a mapping may continue an earlier read. If the earlier
 * read wrote an entry for the first part of the mapping, the new entry is not
 * part of the chain, which is harmless. But the mapping may not have existed
 * during the earlier read, because the first fault of a huge page causes no
 * invalidation. In this case the new entry is needed.
 *
 * The chain therefore has no gap. An entry covers a naturally aligned block, or
 * the rest of such a block from @addr on. Two blocks either do not overlap, or
 * one contains the other. A later read starts where the earlier read stopped.
 * If the earlier read stopped within a mapping, the first entry after this
 * mapping is exactly at its end, unless a larger mapping has replaced it. Such
 * a replacement causes an invalidation.
 */
unsigned long hmm_walk_leaf(struct hmm_walk *walk, unsigned long addr,
			    unsigned long end, unsigned long pfn,
			    unsigned int shift, bool writable)
{
	unsigned long *slot = hmm_walk_slot(walk, addr);
	unsigned long n = (end - addr) >> PAGE_SHIFT;
	unsigned long entry;

	pfn += (addr & (BIT(shift) - 1)) >> PAGE_SHIFT;
	entry = hmm_mirror_pfn_entry(pfn, writable, shift - PAGE_SHIFT);

	/* Fast path: the entries only differ in the page frame number. */
	if (likely(!walk->keep)) {
		if (walk->required & ~entry)
			return addr;
		if (walk->compact) {
			*slot = entry;
			return end;
		}
		for (; n >= 8; n -= 8, slot += 8, entry += 8) {
			slot[0] = entry;
			slot[1] = entry + 1;
			slot[2] = entry + 2;
			slot[3] = entry + 3;
			slot[4] = entry + 4;
			slot[5] = entry + 5;
			slot[6] = entry + 6;
			slot[7] = entry + 7;
		}
		while (n--)
			*slot++ = entry++;
		return end;
	}
	for (; addr < end; addr += PAGE_SIZE, slot++, entry++) {
		if (!hmm_walk_store(walk, slot, entry))
			break;
	}
	return addr;
}
