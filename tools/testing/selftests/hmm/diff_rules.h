/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The results that are expected, and the intended differences from the kernel.
 */
#ifndef _DIFF_RULES_H
#define _DIFF_RULES_H

#include "diff_request.h"

/*
 * The intended differences from hmm_range_fault(). diff_rule_reasons says why
 * they exist. Only DIFF_RULE_UNREADABLE applies to snapshots.
 */
enum diff_rule {
	DIFF_RULE_UNREADABLE,
	DIFF_RULE_STRETCH,
	DIFF_RULE_HUGETLB,
	DIFF_RULE_APPEARED,
	DIFF_RULE_WRITE_ALONE,
	DIFF_RULES,
};

extern const char *const diff_rule_reasons[DIFF_RULES];
/* How many pages or results each rule explained. */
extern __u64 diff_rule_used[DIFF_RULES];

/* The result that a fault must return. */
int diff_expected(const struct diff_request *req);

/*
 * The functions below return true if a rule explains a difference, and count
 * the rule as used.
 */

/* We return a page where the kernel reports an error. */
bool diff_page_explained(const struct diff_request *req, size_t i, __u64 ours,
			 __u64 kernel);

/* A fault by us, or by the kernel, returns @result instead of the expected. */
bool diff_our_result_explained(const struct diff_request *req, int result);
bool diff_result_explained(const struct diff_request *req, int result);

/* After the same fault of equal memory by both, an entry differs. */
bool diff_fault_explained(const struct diff_request *req, size_t i);
/* The kernel does not return a page that was requested. */
bool diff_omitted_explained(const struct diff_request *req, size_t i);
/* A snapshot after a fault returns another entry than the fault. */
bool diff_later_explained(const struct diff_request *req, size_t i, __u64 fault,
			  __u64 later);
/* After the same fault of equal memory, an entry is present only once. */
bool diff_around_explained(const struct diff_request *req, size_t i, __u64 one,
			   __u64 other);

#endif /* _DIFF_RULES_H */
