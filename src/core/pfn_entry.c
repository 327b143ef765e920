// SPDX-License-Identifier: GPL-2.0
/*
 * Writing pfn entries, each of them only if it holds what was requested.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include <hmm/pfn.h>

#include "pfn_entry.h"
#include "walk.h"

/*
 * An entry that was written keeps what was requested of it, so that the same
 * array can be asked again: the request sits HMM_PFN_KEPT_SHIFT lower.
 */
#define HMM_PFN_KEPT		BIT(55)
#define HMM_PFN_KEPT_SHIFT	9
#define HMM_PFN_REQUEST		(HMM_MIRROR_PFN_VALID | HMM_MIRROR_PFN_WRITE)

/* What an entry on the way in requests. */
static unsigned long hmm_entry_request(unsigned long entry)
{
	if (entry & HMM_PFN_KEPT)
		entry <<= HMM_PFN_KEPT_SHIFT;
	return entry & HMM_PFN_REQUEST;
}

/* What is requested of the page at @addr. */
unsigned long hmm_walk_requested(const struct hmm_walk *walk,
				 unsigned long addr)
{
	unsigned long request = hmm_entry_request(*hmm_walk_slot(walk, addr));

	return (request & walk->mask) | walk->required;
}

/* Less is there than what was requested: the walk stops. */
static void hmm_walk_set_unusable(struct hmm_walk *walk, unsigned long entry)
{
	walk->unusable = entry & HMM_MIRROR_PFN_ERROR;
}

/*
 * Write one entry, unless it is less than what was requested: then it stays
 * as it is, and so does what it requests.
 */
bool hmm_walk_store(struct hmm_walk *walk, unsigned long *slot,
		    unsigned long entry)
{
	unsigned long request = hmm_entry_request(*slot);

	if (((request & walk->mask) | walk->required) & ~entry) {
		hmm_walk_set_unusable(walk, entry);
		return false;
	}
	if (walk->mask)
		entry |= HMM_PFN_KEPT | (request >> HMM_PFN_KEPT_SHIFT);
	*slot = entry;
	return true;
}

/*
 * Compact: cover [addr, end) with as few entries as their alignment permits.
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
 * Fill [addr, end) with @entry; returns the first address of which more was
 * requested than that.
 */
unsigned long hmm_walk_fill(struct hmm_walk *walk, unsigned long addr,
			    unsigned long end, unsigned long entry)
{
	unsigned long *slot = hmm_walk_slot(walk, addr);

	if (likely(!walk->mask)) {
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
 * The part of a mapping of 1 << @shift bytes that [addr, end) covers.
 *
 * Compact: one entry, always at @addr. The walk comes here at the start of a
 * mapping or of a read. A read that starts within a mapping may be the
 * continuation of one that read its first part, and then this entry is not in
 * the chain. But the earlier read may also have found no mapping there: a
 * first fault maps a huge page without any invalidation.
 *
 * So the chain has no gap. Entries cover naturally aligned blocks, or what is
 * left of one from @addr on: of two, one contains the other or they do not
 * overlap. A later read writes from where the earlier one stopped, so the
 * first entry after a mapping that was cut off there lies exactly at its end,
 * unless a still larger mapping replaced it, which invalidates.
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

	/* All of them are alike, but for the page frame. */
	if (likely(!walk->mask)) {
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
