// SPDX-License-Identifier: GPL-2.0
/*
 * The intended differences, each as a condition that is as narrow as what is
 * known of the memory permits.
 */
#include <errno.h>

#include "diff_rules.h"

const char *const diff_rule_reasons[DIFF_RULES] = {
	[DIFF_RULE_UNREADABLE] =
		"a vma without PROT_READ whose pages the CPU can read all the same, for it has no such right: what is present there may be given, as by get_user_pages_fast(); the kernel says ERROR",
	[DIFF_RULE_STRETCH] =
		"from a page on that is not there, the kernel faults all up to the end of the page table as that page, and where there is no table, the whole stretch as any page of it, and reports the errors of those; here each page has its own request, and the first error by address counts",
	[DIFF_RULE_HUGETLB] =
		"of a hugetlb page, the kernel honours only the request of its first page in the range; here all",
	[DIFF_RULE_APPEARED] =
		"a page that was not asked for, or not to be writable, came in or became so with a later one: fault-around, a huge page; that invalidates nothing, and neither side reads it again",
	[DIFF_RULE_WRITE_ALONE] =
		"to ask for WRITE is to ask for VALID too; the kernel ignores WRITE alone, so it is asked for both",
};

__u64 diff_rule_used[DIFF_RULES];

static bool use(enum diff_rule rule)
{
	diff_rule_used[rule]++;
	return true;
}

static const struct diff_page *page_of(const struct diff_ask *ask, size_t i)
{
	return &diff_arena.pages[ask->first + i];
}

unsigned int diff_requested(const struct diff_ask *ask, size_t i)
{
	unsigned int request = (ask->pages[i] & ask->mask) |
			       ask->default_flags;

	if (request & HMM_DIFF_REQ_WRITE)
		return HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE;
	return request & HMM_DIFF_REQ_VALID;
}

bool diff_satisfied(const struct diff_ask *ask, size_t i, __u64 entry)
{
	unsigned int request = diff_requested(ask, i);

	if (request & HMM_DIFF_REQ_VALID && !(entry & HMM_DIFF_VALID))
		return false;
	return !(request & HMM_DIFF_REQ_WRITE) || entry & HMM_DIFF_WRITE;
}

/* Why a page cannot be had as requested. */
static int refusal(const struct diff_page *page, unsigned int request)
{
	if (!request)
		return 0;
	if (!(page->facts & DIFF_USABLE))
		return -EFAULT;
	if (request & HMM_DIFF_REQ_WRITE && !(page->facts & DIFF_WRITABLE))
		return -EPERM;
	return page->facts & DIFF_FAILS ? -EFAULT : 0;
}

int diff_expected(const struct diff_ask *ask)
{
	int ret = 0;

	for (size_t i = 0; i < ask->n && !ret; i++)
		ret = refusal(page_of(ask, i), diff_requested(ask, i));
	return ret;
}

static bool unreadable(const struct diff_page *page)
{
	return (page->facts & (DIFF_VMA | DIFF_USABLE)) == DIFF_VMA &&
	       page->facts & DIFF_CPU_READS;
}

bool diff_page_explained(const struct diff_ask *ask, size_t i, __u64 ours,
			 __u64 kernel)
{
	return unreadable(page_of(ask, i)) && ours & HMM_DIFF_VALID &&
	       kernel == HMM_DIFF_ERROR && use(DIFF_RULE_UNREADABLE);
}

bool diff_our_result_explained(const struct diff_ask *ask, int result)
{
	bool any = false;
	int ret = 0;

	/* As if all that may be given was present. */
	for (size_t i = 0; i < ask->n && !ret; i++) {
		unsigned int request = diff_requested(ask, i);

		if (request && unreadable(page_of(ask, i)))
			any = true;
		else
			ret = refusal(page_of(ask, i), request);
	}
	return any && result == ret && use(DIFF_RULE_UNREADABLE);
}

/* Has the kernel a table of small pages for this page to look at? */
static bool has_table(const struct diff_ask *ask, size_t i)
{
	size_t at = (ask->first + i) / DIFF_HUGE * DIFF_HUGE;

	for (size_t k = at; k < at + DIFF_HUGE && k < diff_arena.npages; k++) {
		__u64 entry = ask->before[k];

		if (entry & HMM_DIFF_VALID &&
		    !(entry >> HMM_DIFF_ORDER_SHIFT & HMM_DIFF_ORDER_MASK))
			return true;
	}
	return false;
}

static bool same_vma(const struct diff_ask *ask, size_t i, size_t k)
{
	const struct diff_page *a = page_of(ask, i), *b = page_of(ask, k);
	const unsigned int uses = DIFF_VMA | DIFF_USABLE | DIFF_WRITABLE;

	return a->kind == b->kind && (a->facts & uses) == (b->facts & uses);
}

static bool same_stretch(const struct diff_ask *ask, size_t i, size_t k,
			 bool table)
{
	if (!same_vma(ask, i, k))
		return false;
	if (table)
		return (ask->first + i) / DIFF_HUGE ==
		       (ask->first + k) / DIFF_HUGE;
	return !has_table(ask, k);
}

/*
 * All that the kernel asks of a page: what is requested of any page of a
 * stretch without a table; or, if there is one, what is requested of a page
 * before it in the same table, from which on it faults up to the table's end.
 */
static unsigned int kernel_asks(const struct diff_ask *ask, size_t i)
{
	const bool table = has_table(ask, i);
	unsigned int all = diff_requested(ask, i);
	size_t k;

	if (!(page_of(ask, i)->facts & DIFF_USABLE))
		return all;
	for (k = i; k > 0 && same_stretch(ask, i, k - 1, table); k--)
		all |= diff_requested(ask, k - 1);
	for (k = i + 1; !table && k < ask->n && same_stretch(ask, i, k, table);
	     k++)
		all |= diff_requested(ask, k);
	return all;
}

/* Are there two requests for parts of the same hugetlb page? */
static bool mixed_hugetlb(const struct diff_ask *ask, size_t i)
{
	size_t at = (ask->first + i) / DIFF_HUGE;

	if (!(page_of(ask, i)->facts & DIFF_HUGETLB))
		return false;
	for (size_t k = 0; k < ask->n; k++)
		if ((ask->first + k) / DIFF_HUGE == at &&
		    diff_requested(ask, k) != diff_requested(ask, i))
			return true;
	return false;
}

/* What the kernel makes of the request for a page that has an entry. */
static unsigned int kernel_requested(const struct diff_ask *ask, size_t i)
{
	size_t at = (ask->first + i) / DIFF_HUGE * DIFF_HUGE;

	if (page_of(ask, i)->facts & DIFF_HUGETLB)
		i = at > ask->first ? at - ask->first : 0;
	return diff_requested(ask, i);
}

bool diff_result_explained(const struct diff_ask *ask, int result)
{
	int ret = 0;

	for (size_t i = 0; i < ask->n && !ret; i++)
		ret = refusal(page_of(ask, i), kernel_requested(ask, i));
	if (ret == result)
		return use(DIFF_RULE_HUGETLB);

	for (size_t i = 0; i < ask->n && result; i++)
		if (refusal(page_of(ask, i), kernel_asks(ask, i)) == result)
			return use(DIFF_RULE_STRETCH);
	return false;
}

bool diff_fault_explained(const struct diff_ask *ask, size_t i)
{
	if (mixed_hugetlb(ask, i))
		return use(DIFF_RULE_HUGETLB);
	return kernel_asks(ask, i) != diff_requested(ask, i) &&
	       use(DIFF_RULE_STRETCH);
}

bool diff_left_out_explained(const struct diff_ask *ask, size_t i)
{
	return mixed_hugetlb(ask, i) && use(DIFF_RULE_HUGETLB);
}

bool diff_later_explained(const struct diff_ask *ask, size_t i, __u64 fault,
			  __u64 later)
{
	const __u64 order = (__u64)HMM_DIFF_ORDER_MASK << HMM_DIFF_ORDER_SHIFT;
	const unsigned int request = diff_requested(ask, i);

	if (!request && !(fault & HMM_DIFF_FLAGS) && later & HMM_DIFF_VALID)
		return use(DIFF_RULE_APPEARED);
	return !(request & HMM_DIFF_REQ_WRITE) && fault & order &&
	       later == (fault | HMM_DIFF_WRITE) && use(DIFF_RULE_APPEARED);
}

/*
 * A fault for reading maps what lies around it in the file; one for writing,
 * as the kernel makes of all of a stretch if one page of it asks so, does not.
 */
bool diff_around_explained(const struct diff_ask *ask, size_t i, __u64 one,
			   __u64 other)
{
	switch (page_of(ask, i)->kind) {
	case DIFF_SHARED:
	case DIFF_MEMFD_SHARED:
	case DIFF_MEMFD_PRIVATE:
	case DIFF_RAMFS_SHARED:
	case DIFF_RAMFS_PRIVATE:
	case DIFF_THP_SHARED:
		break;
	default:
		return false;
	}
	return !diff_requested(ask, i) &&
	       (one & HMM_DIFF_FLAGS) != (other & HMM_DIFF_FLAGS) &&
	       (!(one & HMM_DIFF_FLAGS) || !(other & HMM_DIFF_FLAGS)) &&
	       !((one | other) & HMM_DIFF_ERROR) && use(DIFF_RULE_APPEARED);
}
