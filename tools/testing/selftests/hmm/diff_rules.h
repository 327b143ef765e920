/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The results that are expected, and the intended differences from the kernel.
 */
#ifndef _DIFF_RULES_H
#define _DIFF_RULES_H

#include "diff_request.h"

/*
 * The intended differences from hmm_range_fault(). diff_rule_reasons contains
 * the reasons. Only DIFF_RULE_UNREADABLE applies to snapshots.
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
/* Number of pages or results that each rule has explained. */
extern __u64 diff_rule_used[DIFF_RULES];

/* The result that a fault must return. */
int diff_expected(const struct diff_request *req);

/*
 * The functions below return true if a rule explains a difference, and count
 * the rule as used.
 */

/* This module returns a page for which the kernel reports an error. */
bool diff_page_explained(const struct diff_request *req, size_t i, __u64 ours,
			 __u64 kernel);

/* A fault by this module, or by the kernel, does not return diff_expected(). */
bool diff_our_result_explained(const struct diff_request *req, int result);
bool diff_result_explained(const struct diff_request *req, int result);

/* After both sides made the same fault in equal memory, an entry differs. */
bool diff_fault_explained(const struct diff_request *req, size_t i);
/* The kernel does not return a page that was requested. */
bool diff_omitted_explained(const struct diff_request *req, size_t i);
/* A snapshot after a fault returns a different entry than the fault. */
bool diff_later_explained(const struct diff_request *req, size_t i, __u64 fault,
			  __u64 later);
/* After both sides made this fault, an entry is present on only one side. */
bool diff_around_explained(const struct diff_request *req, size_t i, __u64 one,
			   __u64 other);

#endif /* _DIFF_RULES_H */
