/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One case: the calls on an arena, and the comparison of their entries.
 */
#ifndef _DIFF_COMPARE_H
#define _DIFF_COMPARE_H

#include "diff_request.h"

#define DIFF_CALLS		5
/* Maximum number of differences of one test that are printed. */
#define DIFF_REPORTED	12

/* The calls of one run of the module, and the entries that they returned. */
struct diff_results {
	struct hmm_diff_run run;
	__u64 entries[DIFF_CALLS][DIFF_PAGES];
};

/**
 * struct diff_case - the case in progress, and counts for the report
 * @seed: seed of the arena and the requests
 * @number: number of the case
 * @random: state of the generator of the requests
 * @request: the request
 * @first: the results in the first memory
 * @differences: number of differences that this test has detected
 * @compared: number of entries that all tests have compared
 * @kind_entries: number of entries of each kind that were not empty
 */
struct diff_case {
	__u64 seed, number;
	struct diff_random random;
	struct diff_request request;
	struct diff_results first;
	unsigned long differences;
	unsigned long compared;
	__u64 kind_entries[DIFF_KINDS];
};

extern struct diff_case diff_case;

/* Report a difference. Returns false if DIFF_REPORTED were printed before. */
bool diff_report(const char *format, ...);
void diff_print_entry(const char *name, __u64 entry);
/* Report that the entries x and y of page i of the request differ. */
void diff_report_page(const char *what, size_t i, const char *a, __u64 x,
		      const char *b, __u64 y);

void diff_set_call(struct diff_results *results, unsigned int i,
		   unsigned int way, unsigned int mode);
/* Make the calls that were set. Returns 0 or -errno. */
int diff_make_calls(struct diff_results *results, unsigned int ncalls);
const char *diff_way_name(const struct diff_results *results, unsigned int i);
bool diff_is_kernel(const struct diff_results *results, unsigned int i);
/* Take a snapshot of the whole arena with the kernel's function. */
int diff_snapshot_arena(__u64 *entries);

/* Compare the entries of calls a and b, between which memory did not change. */
void diff_compare(const struct diff_results *results, unsigned int a,
		  unsigned int b, const char *what);
void diff_count_kinds(const __u64 *entries);

#endif /* _DIFF_COMPARE_H */
