// SPDX-License-Identifier: GPL-2.0
/*
 * Reads random memory, which does not change meanwhile, with this project's
 * ranges and with the kernel's own hmm_range_fault(), and compares the entries
 * of each page.
 *
 *	diff_test [seed]
 *
 * To repeat the memory and the requests of a run that failed, pass its seed as
 * the argument, or as hmm.seed= on the kernel's command line.
 */
#include <stdio.h>
#include <string.h>

#include "diff_build.h"
#include "diff_compare.h"
#include "diff_fault.h"
#include "diff_machine.h"
#include "diff_rules.h"
#include "diff_snapshot.h"
#include "hmm_ksft.h"
#include "hmm_random.h"
#include "hmm_system.h"

#define SNAPSHOTS	60
#define FAULTS		100
/*
 * On a slow machine, a test stops after PATIENCE_MS, but runs at least
 * CASES_AT_LEAST cases.
 */
#define CASES_AT_LEAST	6
#define PATIENCE_MS	5000

static void conclude(int ret, const char *name)
{
	if (ret)
		ksft_print_msg("seed %llu case %llu: %s\n",
			       diff_case.seed, diff_case.number,
			       strerror(-ret));
	if (diff_case.differences > DIFF_REPORTED)
		ksft_print_msg("and %lu more differences\n",
			       diff_case.differences - DIFF_REPORTED);
	ksft_test_result(!ret && !diff_case.differences, "%s.seed_%llu\n", name,
			 diff_case.seed);
}

static int run_cases(int (*run_case)(void), __u64 cases)
{
	__u64 end = hmm_now_ms() + PATIENCE_MS;
	__u64 *number = &diff_case.number;
	int ret = 0;

	diff_case.differences = 0;
	for (*number = 0; *number < cases && !ret; ++*number) {
		if (*number >= CASES_AT_LEAST && hmm_now_ms() > end)
			break;
		ret = run_case();
	}
	ksft_print_msg("%llu cases of %llu\n", *number, cases);
	return ret;
}

static void test_snapshots(void)
{
	int ret = run_cases(diff_snapshot_case, SNAPSHOTS);

	conclude(ret, "r30_r33_r34_snapshot");
}

static void test_faults(void)
{
	struct diff_fault_counts *counts = &diff_fault_counts;
	int ret;

	memset(counts, 0, sizeof(*counts));
	ret = run_cases(diff_fault_case, FAULTS);
	ksft_print_msg("%lu succeeded, %lu not permitted, %lu failed\n",
		       counts->succeeded, counts->not_permitted,
		       counts->failed);
	ksft_print_msg("%lu memories could not be built twice\n",
		       counts->unequal);
	/* Require enough useful cases. */
	if (counts->succeeded < diff_case.number / 4)
		diff_report("too few faults succeeded");
	if (counts->unequal > diff_case.number / 5)
		diff_report("too few memories could be built twice");
	conclude(ret, "r29_r30_r31_r32_fault");
}

static void test_own(void)
{
	diff_case.differences = 0;
	diff_snapshot_own_mappings();
	ksft_test_result(!diff_case.differences, "r33_own_mappings\n");
}

static void test_kinds(void)
{
	bool all = true;

	for (int i = 0; i < DIFF_KINDS; i++) {
		ksft_print_msg("%8llu pages of %s: %llu entries\n",
			       diff_arena.built[i], diff_kind_names[i],
			       diff_case.kind_entries[i]);
		if (diff_arena.built[i] > 2 * DIFF_PAGES &&
		    !diff_case.kind_entries[i])
			all = false;
	}
	if (diff_machine.no_swap)
		ksft_print_msg("no swap: %s\n", diff_machine.no_swap);
	if (diff_machine.no_hugetlb)
		ksft_print_msg("no hugetlb: %s\n", diff_machine.no_hugetlb);
	if (diff_machine.pkey <= 0)
		ksft_print_msg("no protection keys\n");
	ksft_print_msg("%lu entries were compared\n", diff_case.compared);
	for (int i = 0; i < DIFF_RULES; i++)
		ksft_print_msg("%8llu x %s\n", diff_rule_used[i],
			       diff_rule_reasons[i]);
	ksft_test_result(all, "every_kind_of_memory_was_compared\n");
}

static size_t choose_seeds(__u64 *seeds, const char *argument)
{
	if (hmm_given_seed(argument, &seeds[0]))
		return 1;
	/* The seeds are fixed: a new failure is due to a change of code. */
	seeds[0] = 1;
	seeds[1] = 2;
	return 2;
}

int main(int argc, char **argv)
{
	__u64 seeds[2];
	size_t n;

	diff_machine_open(hmm_ksft_open(HMM_DIFF_DEVICE, "hmm_diff_test.ko"));
	if (diff_arena_reserve())
		ksft_exit_fail_msg("cannot reserve the addresses\n");
	n = choose_seeds(seeds, argc > 1 ? argv[1] : NULL);
	ksft_set_plan(2 * n + 2);
	for (size_t i = 0; i < n; i++) {
		diff_case.seed = seeds[i];
		test_snapshots();
		test_faults();
	}
	test_own();
	test_kinds();
	diff_machine_close();
	ksft_finished();
}
