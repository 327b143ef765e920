/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is asked of random memory, what must come out, and where the kernel
 * may differ from it.
 */
#ifndef _DIFF_RULES_H
#define _DIFF_RULES_H

#include "diff.h"

/*
 * The intended differences from hmm_range_fault(); the reasons are in
 * diff_rule_reasons. For a snapshot there is only DIFF_RULE_UNREADABLE.
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
/* In how many pages or results each was seen. */
extern __u64 diff_rule_used[DIFF_RULES];

/**
 * struct diff_ask - a request, for pages of the memory
 * @first: number of the first page
 * @n: how many
 * @default_flags: HMM_DIFF_REQ_*
 * @mask: HMM_DIFF_REQ_*
 * @pages: HMM_DIFF_REQ_* of each
 * @before: what the kernel says of all the memory before it
 */
struct diff_ask {
	size_t first;
	size_t n;
	__u32 default_flags;
	__u32 mask;
	__u8 pages[DIFF_PAGES];
	__u64 before[DIFF_PAGES];
};

/* Which pages, and what of them: anything at all, then what is left of it. */
void diff_choose_range(struct diff_ask *ask, struct diff_random *rnd);
void diff_choose_requests(struct diff_ask *ask, struct diff_random *rnd);
void diff_be_modest(struct diff_ask *ask);
void diff_ask_too_much(struct diff_ask *ask, struct diff_random *rnd);
void diff_ask_for_one_part(struct diff_ask *ask, struct diff_random *rnd);
/* By which of our calls. */
unsigned int diff_choose_way(struct diff_ask *ask, struct diff_random *rnd,
			     bool fault);

/* Of page number i of the request. */
unsigned int diff_requested(const struct diff_ask *ask, size_t i);
bool diff_satisfied(const struct diff_ask *ask, size_t i, __u64 entry);

/* What a fault must return. */
int diff_expected(const struct diff_ask *ask);

/* That we give a page where the kernel says ERROR. */
bool diff_page_explained(const struct diff_ask *ask, size_t i, __u64 ours,
			 __u64 kernel);

/* Is the result that we, or the kernel, give instead one that a rule explains? */
bool diff_our_result_explained(const struct diff_ask *ask, int result);
bool diff_result_explained(const struct diff_ask *ask, int result);

/*
 * Likewise, that after both have faulted the same, in memory that was the same,
 * an entry is not the same.
 */
bool diff_fault_explained(const struct diff_ask *ask, size_t i);
/* That the kernel leaves a page out which was requested. */
bool diff_left_out_explained(const struct diff_ask *ask, size_t i);
/* That a fault gave one entry and a snapshot after it another. */
bool diff_later_explained(const struct diff_ask *ask, size_t i, __u64 fault,
			  __u64 later);

/* After a fault of the same request in two memories that were alike. */
bool diff_around_explained(const struct diff_ask *ask, size_t i, __u64 one,
			   __u64 other);

#endif /* _DIFF_RULES_H */
