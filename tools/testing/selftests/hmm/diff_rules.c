// SPDX-License-Identifier: GPL-2.0
/*
 * The intended differences from the kernel. Each condition is as narrow as the
 * facts about the memory permit.
 */
#include <errno.h>

#include "diff_rules.h"

const char *const diff_rule_reasons[DIFF_RULES] = {
	[DIFF_RULE_UNREADABLE] =
		"a vma without PROT_READ whose pages the CPU can read, because the CPU has no permission bit for reading: this module may return a present page, like get_user_pages_fast(); the kernel reports an error",
	[DIFF_RULE_STRETCH] =
		"the kernel faults all pages from an absent page to the end of the page table with the request for this page; without a page table, it faults the whole stretch with the combined requests for its pages; it also reports errors of these pages; in this module each page has its own request, and the result is the error at the lowest address",
	[DIFF_RULE_HUGETLB] =
		"for a hugetlb page, the kernel honours only the request for its first page in the range; this module honours all requests",
	[DIFF_RULE_APPEARED] =
		"a page that was not requested, or not for writing, became present or writable together with a later one, by fault-around or as part of a huge page; this invalidates nothing, and neither side reads the entry again",
	[DIFF_RULE_WRITE_ALONE] =
		"in this module WRITE implies VALID; the kernel ignores WRITE alone, so the test passes both to it",
};

__u64 diff_rule_used[DIFF_RULES];

static bool use(enum diff_rule rule)
{
	diff_rule_used[rule]++;
	return true;
}

static const struct diff_page *page_of(const struct diff_request *req, size_t i)
{
	return &diff_arena.pages[req->first + i];
}

/* The error of a request for a page; 0 if it can be satisfied. */
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

int diff_expected(const struct diff_request *req)
{
	int ret = 0;

	for (size_t i = 0; i < req->n && !ret; i++)
		ret = refusal(page_of(req, i), diff_requested(req, i));
	return ret;
}

static bool unreadable(const struct diff_page *page)
{
	return (page->facts & (DIFF_VMA | DIFF_USABLE)) == DIFF_VMA &&
	       page->facts & DIFF_CPU_READS;
}

bool diff_page_explained(const struct diff_request *req, size_t i, __u64 ours,
			 __u64 kernel)
{
	return unreadable(page_of(req, i)) && ours & HMM_DIFF_VALID &&
	       kernel == HMM_DIFF_ERROR && use(DIFF_RULE_UNREADABLE);
}

bool diff_our_result_explained(const struct diff_request *req, int result)
{
	bool any = false;
	int ret = 0;

	/* The result if all pages that this module may return are present. */
	for (size_t i = 0; i < req->n && !ret; i++) {
		unsigned int request = diff_requested(req, i);

		if (request && unreadable(page_of(req, i)))
			any = true;
		else
			ret = refusal(page_of(req, i), request);
	}
	return any && result == ret && use(DIFF_RULE_UNREADABLE);
}

/* Whether a PTE table covers the address, as far as the entries show. */
static bool has_table(const struct diff_request *req, size_t i)
{
	size_t at = (req->first + i) / DIFF_HUGE * DIFF_HUGE;

	for (size_t k = at; k < at + DIFF_HUGE && k < diff_arena.npages; k++) {
		__u64 entry = req->before[k];

		if (entry & HMM_DIFF_VALID &&
		    !(entry >> HMM_DIFF_ORDER_SHIFT & HMM_DIFF_ORDER_MASK))
			return true;
	}
	return false;
}

static bool same_vma(const struct diff_request *req, size_t i, size_t k)
{
	const struct diff_page *a = page_of(req, i), *b = page_of(req, k);
	const unsigned int uses = DIFF_VMA | DIFF_USABLE | DIFF_WRITABLE;

	return a->kind == b->kind && (a->facts & uses) == (b->facts & uses);
}

static bool same_stretch(const struct diff_request *req, size_t i, size_t k,
			 bool table)
{
	if (!same_vma(req, i, k))
		return false;
	if (table)
		return (req->first + i) / DIFF_HUGE ==
		       (req->first + k) / DIFF_HUGE;
	return !has_table(req, k);
}

/*
 * The request that the kernel makes for a page. Without a page table it
 * combines the requests for all pages of the stretch. With a table it faults
 * from an absent page up to the end of the table, so requests for lower pages
 * count too.
 */
static unsigned int kernel_stretch_request(const struct diff_request *req,
					   size_t i)
{
	const bool table = has_table(req, i);
	unsigned int all = diff_requested(req, i);
	size_t k;

	if (!(page_of(req, i)->facts & DIFF_USABLE))
		return all;
	for (k = i; k > 0 && same_stretch(req, i, k - 1, table); k--)
		all |= diff_requested(req, k - 1);
	for (k = i + 1; !table && k < req->n && same_stretch(req, i, k, table);
	     k++)
		all |= diff_requested(req, k);
	return all;
}

/* Whether parts of the same hugetlb page have different requests. */
static bool mixed_hugetlb(const struct diff_request *req, size_t i)
{
	size_t at = (req->first + i) / DIFF_HUGE;

	if (!(page_of(req, i)->facts & DIFF_HUGETLB))
		return false;
	for (size_t k = 0; k < req->n; k++)
		if ((req->first + k) / DIFF_HUGE == at &&
		    diff_requested(req, k) != diff_requested(req, i))
			return true;
	return false;
}

/* The request that the kernel honours for a page that is present. */
static unsigned int kernel_first_request(const struct diff_request *req,
					 size_t i)
{
	size_t at = (req->first + i) / DIFF_HUGE * DIFF_HUGE;

	if (page_of(req, i)->facts & DIFF_HUGETLB)
		i = at > req->first ? at - req->first : 0;
	return diff_requested(req, i);
}

bool diff_result_explained(const struct diff_request *req, int result)
{
	int ret = 0;

	for (size_t i = 0; i < req->n && !ret; i++)
		ret = refusal(page_of(req, i), kernel_first_request(req, i));
	if (ret == result)
		return use(DIFF_RULE_HUGETLB);

	for (size_t i = 0; i < req->n && result; i++) {
		const unsigned int request = kernel_stretch_request(req, i);

		if (refusal(page_of(req, i), request) == result)
			return use(DIFF_RULE_STRETCH);
	}
	return false;
}

bool diff_fault_explained(const struct diff_request *req, size_t i)
{
	if (mixed_hugetlb(req, i))
		return use(DIFF_RULE_HUGETLB);
	return kernel_stretch_request(req, i) != diff_requested(req, i) &&
	       use(DIFF_RULE_STRETCH);
}

bool diff_omitted_explained(const struct diff_request *req, size_t i)
{
	return mixed_hugetlb(req, i) && use(DIFF_RULE_HUGETLB);
}

bool diff_later_explained(const struct diff_request *req, size_t i, __u64 fault,
			  __u64 later)
{
	const __u64 order = (__u64)HMM_DIFF_ORDER_MASK << HMM_DIFF_ORDER_SHIFT;
	const unsigned int request = diff_requested(req, i);

	if (!request && !(fault & HMM_DIFF_FLAGS) && later & HMM_DIFF_VALID)
		return use(DIFF_RULE_APPEARED);
	return !(request & HMM_DIFF_REQ_WRITE) && fault & order &&
	       later == (fault | HMM_DIFF_WRITE) && use(DIFF_RULE_APPEARED);
}

/*
 * A read fault also maps the pages around it in the file (fault-around). A
 * write fault does not, and the kernel makes write faults in a whole stretch
 * if write access to one page of it is requested.
 */
bool diff_around_explained(const struct diff_request *req, size_t i, __u64 one,
			   __u64 other)
{
	switch (page_of(req, i)->kind) {
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
	return !diff_requested(req, i) &&
	       (one & HMM_DIFF_FLAGS) != (other & HMM_DIFF_FLAGS) &&
	       (!(one & HMM_DIFF_FLAGS) || !(other & HMM_DIFF_FLAGS)) &&
	       !((one | other) & HMM_DIFF_ERROR) && use(DIFF_RULE_APPEARED);
}
