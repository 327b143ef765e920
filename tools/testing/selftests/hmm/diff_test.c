// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges beside the kernel's own hmm_range_fault(): for random memory at rest,
 * both must say the same of each page.
 *
 *	diff_test [seed]
 *
 * The seed of a run that failed, given as the argument or as hmm.seed= on the
 * kernel's command line, makes the same memory and the same requests again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <kselftest.h>

#include "diff_rules.h"

#define SNAPSHOTS	60
#define RANGES		6
#define FAULTS		100
#define CALLS		5
/* After so many, a slow machine may stop at what it has done in this time. */
#define CASES_AT_LEAST	6
#define PATIENCE_MS	5000
/* How many differences are told, of one test. */
#define TOLD		12

static const char *const way_names[HMM_DIFF_WAYS] = {
	[HMM_DIFF_OURS] = "ours",
	[HMM_DIFF_OURS_POPULATE] = "ours, populate",
	[HMM_DIFF_OURS_LOCKED] = "ours, locked",
	[HMM_DIFF_OURS_BOUND] = "ours, bound",
	[HMM_DIFF_OURS_COMPACT] = "ours, compact",
	[HMM_DIFF_KERNEL] = "kernel",
};

/* Both fresh memories of a case, and what was read of them. */
struct results {
	struct hmm_diff_run run;
	__u64 entries[CALLS][DIFF_PAGES];
};

static struct results first, second;
static struct diff_ask ask;
static struct diff_random rnd;
static int device;

static __u64 seed;
static __u64 number;
static unsigned long differences;
static unsigned long compared;
static unsigned long results_seen[3];
static unsigned long uneven;

static __u64 kind_entries[DIFF_KINDS];

static bool differs(const char *format, ...)
{
	va_list args;

	if (differences++ >= TOLD)
		return false;
	va_start(args, format);
	printf("# seed %llu case %llu: ", seed,
	       number);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	return true;
}

static void tell_entry(const char *who, __u64 entry)
{
	printf("#     %-16s %c%c%c%s order %u pfn %#llx\n", who,
	       entry & HMM_DIFF_VALID ? 'V' : '-',
	       entry & HMM_DIFF_WRITE ? 'W' : '-',
	       entry & HMM_DIFF_ERROR ? 'E' : '-',
	       entry & HMM_DIFF_BAD ? " malformed" : "",
	       (unsigned int)(entry >> HMM_DIFF_ORDER_SHIFT) &
	       HMM_DIFF_ORDER_MASK,
	       (entry >> HMM_DIFF_PFN_SHIFT));
}

static void page_differs(const char *what, size_t i, const char *a, __u64 x,
			 const char *b, __u64 y)
{
	if (!differs("%s: page %zu (%zu of [%zu, +%zu)), requested %u: %s",
		     what, ask.first + i, i, ask.first, ask.n,
		     diff_requested(&ask, i), diff_arena_tell(ask.first + i)))
		return;
	tell_entry("before", ask.before[ask.first + i]);
	tell_entry(a, x);
	tell_entry(b, y);
}

/* Makes the calls that "results" has the ways and modes of. */
static int make_calls(struct results *results, unsigned int ncalls)
{
	struct hmm_diff_run *run = &results->run;

	run->start = (uintptr_t)diff_arena.base + ask.first * hmm_page_size();
	run->npages = ask.n;
	run->requests = (uintptr_t)ask.pages;
	run->default_flags = ask.default_flags;
	run->mask = ask.mask;
	run->ncalls = ncalls;
	for (unsigned int i = 0; i < ncalls; i++)
		run->calls[i].entries = (uintptr_t)results->entries[i];
	return ioctl(device, HMM_DIFF_RUN, run) ? -errno : 0;
}

static void set_call(struct results *results, unsigned int i, unsigned int way,
		     unsigned int mode)
{
	results->run.calls[i].way = way;
	results->run.calls[i].mode = mode;
}

static const char *way_of(const struct results *results, unsigned int i)
{
	return way_names[results->run.calls[i].way];
}

static bool is_kernel(const struct results *results, unsigned int i)
{
	return results->run.calls[i].way == HMM_DIFF_KERNEL;
}

/* What the kernel says of all the memory. */
static int look_at_all(__u64 *entries)
{
	struct hmm_diff_run run = {
		.start = (uintptr_t)diff_arena.base,
		.npages = diff_arena.npages,
		.requests = (uintptr_t)ask.pages,
		.ncalls = 1,
		.calls[0] = {
			.way = HMM_DIFF_KERNEL,
			.mode = HMM_DIFF_SNAPSHOT,
			.entries = (uintptr_t)entries,
		},
	};
	int ret = ioctl(device, HMM_DIFF_RUN, &run) ? -errno : 0;

	return ret ? ret : run.calls[0].result;
}

/* Entry for entry, between two calls of which the later changed nothing. */
static void compare(const struct results *results, unsigned int a,
		    unsigned int b, const char *what)
{
	for (size_t i = 0; i < ask.n; i++) {
		__u64 x = results->entries[a][i], y = results->entries[b][i];

		compared++;
		if (x == y && !(x & HMM_DIFF_BAD))
			continue;
		if (is_kernel(results, b) && diff_page_explained(&ask, i, x, y))
			continue;
		if (is_kernel(results, a) && diff_page_explained(&ask, i, y, x))
			continue;
		page_differs(what, i, way_of(results, a), x,
			     way_of(results, b), y);
	}
}

static void count_kinds(const __u64 *entries)
{
	for (size_t i = 0; i < ask.n; i++)
		if (entries[i])
			kind_entries[diff_arena.pages[ask.first + i].kind]++;
}

static int snapshot_range(void)
{
	bool kernel_first = diff_once_in(&rnd, 2);
	int ret;

	diff_choose_range(&ask, &rnd);
	diff_choose_requests(&ask, &rnd);
	set_call(&first, kernel_first, diff_choose_way(&ask, &rnd, false), HMM_DIFF_SNAPSHOT);
	set_call(&first, !kernel_first, HMM_DIFF_KERNEL, HMM_DIFF_SNAPSHOT);
	for (int try = 0; try < 10; try++) {
		ret = make_calls(&first, 2);
		if (ret)
			return ret;
		/* Somebody in the kernel moved a page, or some such thing. */
		if (first.run.calls[0].changed || first.run.calls[1].changed)
			continue;
		for (int i = 0; i < 2; i++)
			if (first.run.calls[i].result)
				differs("snapshot: %s returns %d",
					way_of(&first, i),
					first.run.calls[i].result);
		compare(&first, 0, 1, "snapshot");
		count_kinds(first.entries[0]);
		return 0;
	}
	differs("snapshot: the memory is never at rest");
	return 0;
}

static int snapshot_case(void)
{
	int ret = diff_arena_build(seed, number, true);

	diff_seed(&rnd, ~seed, number);
	if (!ret)
		ret = look_at_all(ask.before);
	for (int i = 0; i < RANGES && !ret; i++)
		ret = snapshot_range();
	diff_arena_drop();
	return ret;
}

/* Of calls that succeeded: is all there that was asked for? */
static void check_satisfied(const struct results *results, unsigned int a)
{
	for (size_t i = 0; i < ask.n; i++) {
		__u64 entry = results->entries[a][i];

		if (diff_satisfied(&ask, i, entry) && !(entry & HMM_DIFF_BAD))
			continue;
		if (is_kernel(results, a) && diff_left_out_explained(&ask, i))
			continue;
		page_differs("fault: less than requested", i,
			     way_of(results, a), entry,
			     way_of(results, a + 1), results->entries[a + 1][i]);
	}
}

/* A fault on fresh memory against the other's snapshot right after it. */
static void check_against_snapshot(const struct results *results)
{
	/* It was overtaken by something; the next case will not be. */
	if (results->run.calls[1].changed)
		return;
	/* Of a fault that failed, the kernel's entries mean nothing. */
	if (results->run.calls[0].result && is_kernel(results, 0))
		return;
	for (size_t i = 0; i < ask.n; i++) {
		__u64 x = results->entries[0][i], y = results->entries[1][i];

		compared++;
		if (x == y || x & HMM_DIFF_UNSET ||
		    diff_later_explained(&ask, i, x, y))
			continue;
		if (is_kernel(results, 0) ? diff_page_explained(&ask, i, y, x) :
					    diff_page_explained(&ask, i, x, y))
			continue;
		page_differs("fault, then the other's snapshot", i,
			     way_of(results, 0), x, way_of(results, 1), y);
	}
}

static void check_result(const struct results *results, unsigned int a)
{
	const struct hmm_diff_call *call = &results->run.calls[a];
	int expected = diff_expected(&ask);

	if (call->result == expected)
		return;
	if (is_kernel(results, a) ? diff_result_explained(&ask, call->result) :
				    diff_our_result_explained(&ask, call->result))
		return;
	differs("fault %s: %s returns %d, not %d; [%zu, +%zu) default %u mask %u",
		a ? "again" : "of fresh memory", way_of(results, a),
		call->result, expected, ask.first, ask.n, ask.default_flags,
		ask.mask);
	for (size_t i = 0; i < ask.n && differences <= TOLD; i++)
		if (diff_requested(&ask, i) && call->result &&
		    (!i || strcmp(diff_kind_names[diff_arena.pages[ask.first + i].kind],
				  diff_kind_names[diff_arena.pages[ask.first + i - 1].kind])))
			printf("#     page %zu requested %u: %s\n",
			       ask.first + i, diff_requested(&ask, i),
			       diff_arena_tell(ask.first + i));
}

/* One fresh memory: a fault by one side, then what the other makes of it. */
static void check_run(const struct results *results)
{
	const struct hmm_diff_call *calls = results->run.calls;

	check_result(results, 0);
	check_result(results, 2);
	check_against_snapshot(results);
	compare(results, 3, 4, "snapshots after the faults");
	if (calls[0].result || calls[2].result)
		return;

	check_satisfied(results, 0);
	check_satisfied(results, 2);
	/* It may have been left to the second to fault the rest. */
	for (size_t i = 0; i < ask.n; i++)
		if (!diff_satisfied(&ask, i, results->entries[0][i]))
			return;
	/* All that was asked for is there, so neither touches anything. */
	if (calls[2].changed || calls[3].changed || calls[4].changed) {
		differs("fault: %s faults what %s has faulted already",
			way_of(results, 2), way_of(results, 0));
		return;
	}
	compare(results, 2, 3, "fault by the other, then a snapshot");
}

/* Frames are others in the second memory; all else is the same. */
static bool alike(__u64 x, __u64 y)
{
	const __u64 mask = (1ULL << HMM_DIFF_PFN_SHIFT) - 1;

	return (x & mask) == (y & mask);
}

static void compare_memories(void)
{
	if (first.run.calls[0].result || second.run.calls[0].result)
		return;
	for (size_t i = 0; i < ask.n; i++) {
		__u64 x = first.entries[1][i], y = second.entries[1][i];

		compared++;
		if (!alike(x, y) && !diff_page_explained(&ask, i, y, x) &&
		    !diff_fault_explained(&ask, i) &&
		    !diff_around_explained(&ask, i, x, y))
			page_differs("fresh memories after a fault", i,
				     way_of(&first, 0), x,
				     way_of(&second, 0), y);
	}
}

static int fault_fresh(struct results *results, unsigned int one,
		       unsigned int other, __u64 *before)
{
	int ret = look_at_all(before);

	set_call(results, 0, one, HMM_DIFF_FAULT);
	set_call(results, 1, other, HMM_DIFF_SNAPSHOT);
	set_call(results, 2, other, HMM_DIFF_FAULT);
	set_call(results, 3, one, HMM_DIFF_SNAPSHOT);
	set_call(results, 4, other, HMM_DIFF_SNAPSHOT);
	return ret ? ret : make_calls(results, CALLS);
}

static int fault_case(void)
{
	static __u64 before[DIFF_PAGES];
	unsigned int way;
	bool same = true;
	int ret;

	ret = diff_arena_build(seed, number, false);
	diff_seed(&rnd, ~seed, number);
	diff_choose_range(&ask, &rnd);
	diff_choose_requests(&ask, &rnd);
	switch (diff_between(&rnd, 0, 5)) {
	case 0: case 1: case 2:
		diff_be_modest(&ask);
		break;
	case 3:
		diff_be_modest(&ask);
		diff_ask_too_much(&ask, &rnd);
		break;
	case 4:
		diff_ask_for_one_part(&ask, &rnd);
		break;
	}
	way = diff_choose_way(&ask, &rnd, true);
	if (way == HMM_DIFF_OURS_COMPACT)
		ask.mask = 0;
	for (size_t i = 0; i < ask.n; i++)
		if (((ask.pages[i] & ask.mask) | ask.default_flags) ==
		    HMM_DIFF_REQ_WRITE)
			diff_rule_used[DIFF_RULE_WRITE_ALONE]++;

	if (!ret)
		ret = fault_fresh(&first, way, HMM_DIFF_KERNEL, ask.before);
	if (!ret)
		check_run(&first);
	diff_arena_drop();
	if (!ret)
		ret = diff_arena_build(seed, number, false);
	if (!ret)
		ret = fault_fresh(&second, HMM_DIFF_KERNEL, way, before);
	if (!ret) {
		for (size_t i = 0; i < diff_arena.npages && same; i++)
			same = alike(before[i], ask.before[i]);
		check_run(&second);
		if (same)
			compare_memories();
		else
			uneven++;
		count_kinds(second.entries[1]);
		results_seen[!first.run.calls[0].result ? 0 :
			     first.run.calls[0].result == -EPERM ? 1 : 2]++;
	}
	diff_arena_drop();
	return ret;
}

static void conclude(int ret, const char *name)
{
	if (ret)
		ksft_print_msg("seed %llu case %llu: %s\n",
			       seed, number,
			       strerror(-ret));
	if (differences > TOLD)
		ksft_print_msg("and %lu more\n", differences - TOLD);
	ksft_test_result(!ret && !differences, "%s.seed_%llu\n", name,
			 seed);
}

static int run_cases(int (*one)(void), __u64 cases)
{
	__u64 end = hmm_now_ms() + PATIENCE_MS;
	int ret = 0;

	differences = 0;
	for (number = 0; number < cases && !ret; number++) {
		if (number >= CASES_AT_LEAST && hmm_now_ms() > end)
			break;
		ret = one();
	}
	ksft_print_msg("%llu cases of %llu\n",
		       number, cases);
	return ret;
}

static void test_snapshots(void)
{
	conclude(run_cases(snapshot_case, SNAPSHOTS), "r30_r33_r34_snapshot");
}

static void test_faults(void)
{
	int ret;

	memset(results_seen, 0, sizeof(results_seen));
	uneven = 0;
	ret = run_cases(fault_case, FAULTS);
	ksft_print_msg("%lu succeeded, %lu not permitted, %lu failed\n",
		       results_seen[0], results_seen[1], results_seen[2]);
	ksft_print_msg("%lu could not be made twice\n", uneven);
	/* Or else it is not much of a test. */
	if (results_seen[0] < number / 4)
		differs("too few faults that succeed");
	if (uneven > number / 5)
		differs("too few memories could be made twice");
	conclude(ret, "r29_r30_r31_r32_fault");
}

/* What no program makes for itself: the vdso and its data, stack, text. */
static void look_at_own(const char *what, __u64 start, size_t n)
{
	for (unsigned int kernel = 0; kernel < 2; kernel++) {
		struct hmm_diff_run run = {
			.start = start,
			.npages = n,
			.requests = (uintptr_t)ask.pages,
			.ncalls = 2,
		};

		set_call(&first, kernel, HMM_DIFF_KERNEL, HMM_DIFF_SNAPSHOT);
		set_call(&first, !kernel, HMM_DIFF_OURS, HMM_DIFF_SNAPSHOT);
		for (int i = 0; i < 2; i++) {
			run.calls[i] = first.run.calls[i];
			run.calls[i].entries = (uintptr_t)first.entries[i];
		}
		if (ioctl(device, HMM_DIFF_RUN, &run) ||
		    run.calls[0].result || run.calls[1].result) {
			differs("%s: no snapshot", what);
			continue;
		}
		for (size_t i = 0; i < n; i++) {
			__u64 x = first.entries[0][i], y = first.entries[1][i];

			compared++;
			if (x == y ||
			    !differs("page %zu of %zu at %#llx: %s", i,
				     n, start, what))
				continue;
			tell_entry(way_of(&first, 0), x);
			tell_entry(way_of(&first, 1), y);
		}
	}
}

static void test_own(void)
{
	static char maps[16384];
	const size_t page = hmm_page_size();
	__u64 start, end;
	size_t length = 0;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	differences = 0;
	while ((got = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += got;
	close(fd);
	for (char *line = strtok(maps, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%llx-%llx", &start, &end) != 2 ||
		    start >> 47)
			continue;
		/* And the pages before and behind it. */
		start -= page;
		end = end - start > 256 * page ? start + 256 * page : end + page;
		look_at_own(line, start, (end - start) / page);
	}
	ksft_test_result(!differences, "r33_own_mappings\n");
}

static void test_kinds(void)
{
	bool all = true;

	for (int i = 0; i < DIFF_KINDS; i++) {
		ksft_print_msg("%8llu pages of %s: %llu entries\n",
			       diff_machine.built[i],
			       diff_kind_names[i], kind_entries[i]);
		if (diff_machine.built[i] > 2 * DIFF_PAGES &&
		    !kind_entries[i])
			all = false;
	}
	if (diff_machine.no_swap)
		ksft_print_msg("no swap: %s\n", diff_machine.no_swap);
	if (diff_machine.no_hugetlb)
		ksft_print_msg("no hugetlb: %s\n", diff_machine.no_hugetlb);
	if (diff_machine.pkey <= 0)
		ksft_print_msg("no protection keys\n");
	ksft_print_msg("%lu entries were compared\n", compared);
	for (int i = 0; i < DIFF_RULES; i++)
		ksft_print_msg("%8llu x %s\n",
			       diff_rule_used[i],
			       diff_rule_reasons[i]);
	ksft_test_result(all, "every_kind_of_memory_was_compared\n");
}

static size_t choose_seeds(__u64 *seeds, int argc, char **argv)
{
	char line[4096] = "", *word;
	int fd;

	if (argc > 1) {
		seeds[0] = strtoull(argv[1], NULL, 0);
		return 1;
	}
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (read(fd, line, sizeof(line) - 1) < 0)
			line[0] = '\0';
		close(fd);
	}
	word = strstr(line, "hmm.seed=");
	if (word) {
		seeds[0] = strtoull(word + strlen("hmm.seed="), NULL, 0);
		return 1;
	}
	/* Always the same, so that a change is judged by what has passed. */
	seeds[0] = 1;
	seeds[1] = 2;
	return 2;
}

int main(int argc, char **argv)
{
	__u64 seeds[2];
	size_t n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	device = open(HMM_DIFF_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		ksft_exit_skip("no " HMM_DIFF_DEVICE ": is hmm_diff_test.ko loaded?\n");
	diff_machine_open(device);
	if (diff_arena_reserve())
		ksft_exit_fail_msg("no addresses are to be had\n");
	n = choose_seeds(seeds, argc, argv);
	ksft_set_plan(2 * n + 2);
	for (size_t i = 0; i < n; i++) {
		seed = seeds[i];
		test_snapshots();
		test_faults();
	}
	test_own();
	test_kinds();
	diff_machine_close();
	ksft_finished();
}
