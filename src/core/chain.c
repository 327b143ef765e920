// SPDX-License-Identifier: GPL-2.0
/*
 * Finding the entry of a page in an array that may be compact.
 *
 * A full array has an entry for each page. A compact array is a chain: the
 * order of an entry gives the position of the next one, and the words in
 * between are stale. Following the chain from its start to the entry of page i
 * takes time proportional to the length of the chain, so unmapping a range page
 * by page would take quadratic time.
 *
 * Therefore the first lookup of a page that entry 0 does not cover walks the
 * chain once and adds links to it. A link is written into a stale word. It
 * contains the index of the entry that covers the page of this word. An entry
 * at @head that covers the pages [head, next) gets links at the first multiples
 * of 1, 2, 4, ... above @head that are below @next. That is at most one link
 * for each power of two.
 *
 * A lookup of page i does not read stale words. It visits the prefixes of i,
 * that is, i with some of its low bits cleared, starting with the shortest. At
 * each prefix, @head and @next are the bounds of the entry that covers the
 * previous prefix:
 *
 *   - A prefix below @next is covered by the same entry.
 *   - Any other prefix is at an entry or a link. Let the prefix be p = q + 2^k,
 *     where q is the previous prefix and 2^(k+1) divides q. The entry that
 *     covers page p begins at @next or above, and therefore above q. If this
 *     entry begins below p, then p is the first multiple of 2^k above the start
 *     of the entry. In this case there is a link at p.
 *
 * The last prefix is i itself.
 *
 * A read of a compact range overwrites the first entry, which clears the bit
 * HMM_CHAIN_LINKED.
 */
#include <linux/log2.h>
#include <linux/mm.h>

#include "chain.h"

/*
 * Private bits. They are unused in a compact array, because its entries do not
 * keep requests.
 */
#define HMM_CHAIN_LINKED	BIT(53)	/* in entry 0: the links exist */
#define HMM_CHAIN_LINK		BIT(54)	/* the word is the index of an entry */

static void hmm_chain_link(const struct hmm_mirror_range *range)
{
	unsigned long npages = hmm_mirror_range_npages(range);
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
 * Returns the index of the entry that covers page @i.
 *
 * Context: the range has been read. The caller serializes against other reads
 * of the range, lookups and changes of its entries.
 */
unsigned long hmm_range_entry_index(const struct hmm_mirror_range *range,
				    unsigned long i)
{
	if (range->flags & HMM_MIRROR_RANGE_COMPACT)
		return hmm_chain_head(range, i);
	return i;
}

/*
 * Returns the index of the first page of the range that is in the same CPU
 * mapping as page @i.
 *
 * Context: the same as for hmm_range_entry_index().
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
