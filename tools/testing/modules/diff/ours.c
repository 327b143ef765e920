// SPDX-License-Identifier: GPL-2.0
/*
 * A read with a range of this project.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <hmm/mirror.h>
#include <hmm/pfn.h>
#include <hmm/range.h>

#include "ours.h"

/* Detects a hang; a slow machine must not reach it. */
#define DIFF_TIMEOUT_MS	120000

static unsigned long diff_ours_request(unsigned int request)
{
	return (request & HMM_DIFF_REQ_VALID ? HMM_MIRROR_PFN_VALID : 0) |
	       (request & HMM_DIFF_REQ_WRITE ? HMM_MIRROR_PFN_WRITE : 0) |
	       (request & HMM_DIFF_REQ_JUNK ? DIFF_JUNK : 0);
}

static u64 diff_ours_entry(unsigned long entry)
{
	const unsigned long valid = HMM_MIRROR_PFN_VALID;
	unsigned int flags = 0;

	if (entry & HMM_MIRROR_PFN_WRITE)
		flags |= HMM_DIFF_WRITE;
	if (entry & HMM_MIRROR_PFN_ERROR)
		flags |= HMM_DIFF_ERROR;
	if (!(entry & valid)) {
		/* Without VALID, the page frame number and WRITE must be 0. */
		if (entry & (HMM_MIRROR_PFN_MASK | HMM_MIRROR_PFN_WRITE))
			flags |= HMM_DIFF_BAD;
		return diff_entry(flags, 0, 0);
	}
	flags |= HMM_DIFF_VALID;
	if (entry & HMM_MIRROR_PFN_ERROR)
		flags |= HMM_DIFF_BAD;
	return diff_entry(flags, hmm_mirror_pfn_to_order(entry),
			  page_to_pfn(hmm_mirror_pfn_to_page(entry)));
}

static int diff_ours_read(struct hmm_mirror_range *range, bool fault,
			  bool locked)
{
	struct mm_struct *mm = current->mm;
	unsigned int i;
	int ret = -EBUSY;

	for (i = 0; i < DIFF_TRIES && ret == -EBUSY; i++) {
		ret = hmm_mirror_range_wait_until_valid(range, DIFF_TIMEOUT_MS);
		if (ret)
			break;
		if (locked)
			mmap_read_lock(mm);
		if (!fault)
			ret = hmm_mirror_range_snapshot(range);
		else if (locked)
			ret = hmm_mirror_range_fault_locked(range);
		else
			ret = hmm_mirror_range_fault(range);
		if (locked)
			mmap_read_unlock(mm);
	}
	return ret;
}

/* Expand the entries of a compact range to one per page. */
static void diff_ours_expand(const struct hmm_mirror_range *range,
			     unsigned long npages, u64 *entries)
{
	unsigned long i = 0, next, k;

	while (i < npages) {
		u64 first = diff_ours_entry(range->pfns[i]);
		u64 step = first & HMM_DIFF_VALID ? BIT(HMM_DIFF_PFN_SHIFT) : 0;

		next = hmm_mirror_range_next(range, i);
		if (next <= i || next > npages) {
			entries[i] = HMM_DIFF_BAD;
			return;
		}
		for (k = i; k < next; k++)
			entries[k] = first + (k - i) * step;
		i = next;
	}
}

int diff_ours(const struct diff_request *request, unsigned int way,
	      unsigned long *pfns, u64 *entries)
{
	static const struct hmm_mirror_ops no_ops;
	struct hmm_mirror mirror = { .ops = &no_ops };
	const bool compact = way == HMM_DIFF_OURS_COMPACT;
	struct hmm_interval_notifier wide = {};
	struct hmm_mirror_range range = {
		.pfns = pfns,
		.default_flags = diff_ours_request(request->default_flags),
		.pfn_flags_mask = diff_ours_request(request->mask),
	};
	unsigned long start = request->start, end = diff_end(request), i;
	int ret;

	for (i = 0; i < request->npages; i++)
		pfns[i] = diff_ours_request(request->pages[i]);
	if (compact) {
		range.flags = HMM_MIRROR_RANGE_COMPACT;
		range.pfn_flags_mask = 0;
	}

	ret = hmm_mirror_register(&mirror, current->mm);
	if (ret)
		return ret;
	if (way == HMM_DIFF_OURS_BOUND) {
		range.start = start;
		range.end = end;
		ret = hmm_interval_notifier_insert(&wide, &mirror,
						   start - PAGE_SIZE,
						   end - start + 2 * PAGE_SIZE,
						   NULL);
		if (!ret)
			ret = hmm_mirror_range_bind(&range, &wide);
	} else {
		ret = hmm_mirror_range_register(&range, &mirror, start, end);
	}
	if (WARN_ON_ONCE(ret))
		goto out;

	if (way == HMM_DIFF_OURS_POPULATE && request->fault)
		ret = hmm_mirror_range_populate(&range, DIFF_TIMEOUT_MS);
	else
		ret = diff_ours_read(&range, request->fault,
				     way == HMM_DIFF_OURS_LOCKED &&
				     request->fault);

	if (compact && !ret)
		diff_ours_expand(&range, request->npages, entries);
	for (i = 0; i < request->npages && !(compact && !ret); i++) {
		if (ret && pfns[i] == diff_ours_request(request->pages[i]))
			entries[i] = HMM_DIFF_UNSET;
		else
			entries[i] = diff_ours_entry(pfns[i]);
	}
	hmm_mirror_range_unregister(&range);
	if (way == HMM_DIFF_OURS_BOUND)
		hmm_interval_notifier_remove(&wide);
out:
	hmm_mirror_unregister(&mirror);
	return ret;
}
