// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the entries of a range, and their pages.
 */
#include <linux/mm.h>
#include <linux/sched.h>

#include "inspect.h"

/* If the core has a bug, the page may already have been freed. */
static void property_page_words(unsigned long entry, u64 *first, u64 *second)
{
	char *mem = page_address(hmm_mirror_pfn_to_page(entry));

	*first = READ_ONCE(*(u64 *)mem);
	*second = READ_ONCE(*(u64 *)(mem + HMM_PROPERTY_SECOND));
}

void property_add(struct property_call *call, unsigned int nr,
		  unsigned long page, unsigned long entry)
{
	struct hmm_property_entry *out;

	if (call->op.nr_entries >= call->op.max_entries)
		return;
	out = &call->entries[call->op.nr_entries++];
	memset(out, 0, sizeof(*out));
	out->range = nr;
	out->page = page;
	out->entry = entry;
	if (entry & HMM_MIRROR_PFN_VALID &&
	    pfn_valid(hmm_mirror_pfn_to_pfn(entry)))
		property_page_words(entry, &out->first, &out->second);
}

bool property_wrong(struct hmm_property_op *op, unsigned int wrong,
		    unsigned long page, unsigned long entry)
{
	if (op->wrong != HMM_PROPERTY_FINE)
		return false;
	op->wrong = wrong;
	op->wrong_page = page;
	op->wrong_entry = entry;
	return false;
}

static bool property_well_formed(unsigned long entry, unsigned long addr)
{
	unsigned long pfn = hmm_mirror_pfn_to_pfn(entry);
	unsigned int order = hmm_mirror_pfn_to_order(entry);

	if (!(entry & HMM_MIRROR_PFN_VALID))
		return !(entry & (HMM_MIRROR_PFN_MASK | HMM_MIRROR_PFN_WRITE |
				  HMM_MIRROR_PFN_DMA));
	/*
	 * The page frames and addresses of a huge mapping are naturally
	 * aligned.
	 */
	return !(entry & HMM_MIRROR_PFN_ERROR) && pfn_valid(pfn) &&
	       !((pfn ^ (addr >> PAGE_SHIFT)) & (BIT(order) - 1));
}

static bool property_tagged(const struct property_range *range,
			    struct hmm_property_op *op, unsigned long page,
			    unsigned long entry)
{
	unsigned long addr = range->range.start + (page << PAGE_SHIFT);
	u64 first, second;

	property_page_words(entry, &first, &second);
	if (!first || first == (HMM_PROPERTY_TAG | addr >> PAGE_SHIFT))
		return true;
	op->wrong_first = first;
	return property_wrong(op, HMM_PROPERTY_OTHER_PAGE, page, entry);
}

void property_inspect(const struct property_range *range,
		      struct hmm_property_op *op, bool tagged)
{
	const bool compact = range->range.flags & HMM_MIRROR_RANGE_COMPACT;
	unsigned long i = 0, next;

	for (; i < range->npages; i = next) {
		/* Ignore the bit that marks a DMA mapping. */
		unsigned long entry = range->range.pfns[i] &
				      ~HMM_MIRROR_PFN_DMA;
		unsigned long addr = range->range.start + (i << PAGE_SHIFT);

		if (entry == HMM_PROPERTY_POISON) {
			property_wrong(op, HMM_PROPERTY_UNWRITTEN, i, entry);
			return;
		}
		if (!property_well_formed(entry, addr)) {
			property_wrong(op, HMM_PROPERTY_MALFORMED, i, entry);
			return;
		}
		next = i + 1;
		if (compact)
			next = hmm_mirror_range_next(&range->range, i);
		if (next <= i || next > range->npages) {
			property_wrong(op, HMM_PROPERTY_BAD_STEP, i, entry);
			return;
		}
		if (!tagged || !(entry & HMM_MIRROR_PFN_VALID))
			continue;
		if (!property_tagged(range, op, i, entry) ||
		    !property_tagged(range, op, next - 1,
				     entry + next - 1 - i))
			return;
	}
}

void property_access(const struct property_range *range,
		     struct hmm_property_op *op)
{
	unsigned long i;

	for (i = 0; i < range->npages; i++) {
		if (!range->device[i])
			continue;
		op->value++;
		if (!property_tagged(range, op, i, range->device[i]))
			return;
	}
}

void property_show(const struct property_range *range, unsigned int nr,
		   struct property_call *call)
{
	const bool compact = range->range.flags & HMM_MIRROR_RANGE_COMPACT;
	unsigned long i = 0, next, k;

	for (; i < range->npages; i = next) {
		unsigned long entry = range->range.pfns[i];

		next = i + 1;
		if (compact)
			next = hmm_mirror_range_next(&range->range, i);
		for (k = i; k < next; k++) {
			property_add(call, nr, k, entry);
			if (entry & HMM_MIRROR_PFN_VALID)
				entry++;
		}
	}
}
