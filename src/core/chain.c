// SPDX-License-Identifier: GPL-2.0
/*
 * Finding the entry that stands for a page.
 *
 * A full array has an entry for each page. A compact one is a chain: the
 * length of an entry leads to the next one, and the words in between are
 * stale. Finding the entry of page i by following the chain from its start
 * costs the length of the chain, so unmapping a range page by page would cost
 * its square.
 *
 * The first lookup therefore links the chain, which costs its length once: it
 * writes links, which lead back to the entry at @head, into a few of the stale
 * words. With the entry at @head standing for pages [head, next), these are
 * the first index above @head that is a multiple of 1, 2, 4, ..., as far as
 * they are below @next: at most one for each power of two.
 *
 * A lookup of page i never reads a stale word. It goes through the prefixes of
 * i, that is i with its low bits cleared, from the shortest on. It knows the
 * entry that stands for the previous prefix, and that entry's @next:
 *
 *   - A prefix below @next belongs to the same entry.
 *   - Any other prefix is an entry or a link. Say it is p = q + 2^k, where q
 *     is the previous prefix and 2^(k+1) divides q. The entry that stands for
 *     page p begins at @next or above, so above q. If it begins below p, then
 *     p is the first multiple of 2^k above that entry: a link.
 *
 * The last prefix is i.
 *
 * A read of a compact range writes its first entry, and thereby clears the bit
 * that says that the chain is linked.
 */
#include <linux/log2.h>
#include <linux/mm.h>

#include "chain.h"

/* Private bits. Entries of a compact array keep no request (pfn_entry.c). */
#define HMM_CHAIN_LINKED	BIT(53)	/* of entry 0: the links are there */
#define HMM_CHAIN_LINK		BIT(54)	/* the word is the index of an entry */

static void hmm_chain_link(const struct hmm_mirror_range *range)
{
	unsigned long npages = (range->end - range->start) >> PAGE_SHIFT;
	unsigned long head, next, step, i;

	for (head = 0; head < npages; head = next) {
		next = hmm_mirror_range_next(range, head);
		for (step = 1; (i = ALIGN(head + 1, step)) < next; step <<= 1)
			range->pfns[i] = HMM_CHAIN_LINK | head;
	}
	range->pfns[0] |= HMM_CHAIN_LINKED;
}

static unsigned long hmm_chain_head(const struct hmm_mirror_range *range,
				    unsigned long i)
{
	unsigned long next = hmm_mirror_range_next(range, 0);
	unsigned long head = 0, step, prefix;

	if (i < next)
		return 0;
	if (!(range->pfns[0] & HMM_CHAIN_LINKED))
		hmm_chain_link(range);
	for (step = rounddown_pow_of_two(i); step && next <= i; step >>= 1) {
		prefix = i & ~(step - 1);
		if (prefix < next)
			continue;
		head = prefix;
		if (range->pfns[prefix] & HMM_CHAIN_LINK)
			head = hmm_mirror_pfn_to_pfn(range->pfns[prefix]);
		next = hmm_mirror_range_next(range, head);
	}
	return head;
}

/*
 * The index of the entry that stands for page @i.
 *
 * Context: the range was read; no other CPU reads it again, looks up its pages
 * or changes its entries.
 */
unsigned long hmm_range_entry_index(const struct hmm_mirror_range *range,
				    unsigned long i)
{
	if (range->flags & HMM_MIRROR_RANGE_COMPACT)
		return hmm_chain_head(range, i);
	return i;
}

/*
 * The first page of the range that the CPU maps by the same entry as page @i.
 *
 * Context: as hmm_range_entry_index().
 */
unsigned long hmm_range_mapping_index(const struct hmm_mirror_range *range,
				      unsigned long i)
{
	unsigned long addr, size;

	if (range->flags & HMM_MIRROR_RANGE_COMPACT)
		return hmm_chain_head(range, i);
	addr = range->start + (i << PAGE_SHIFT);
	size = PAGE_SIZE << hmm_mirror_pfn_to_order(range->pfns[i]);
	addr = max(ALIGN_DOWN(addr, size), range->start);
	return (addr - range->start) >> PAGE_SHIFT;
}
