// SPDX-License-Identifier: GPL-2.0
/*
 * Faults of random memory, by both implementations.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "diff_build.h"
#include "diff_compare.h"
#include "diff_fault.h"
#include "diff_rules.h"

struct diff_fault_counts diff_fault_counts;

/* The results in the second memory, which is built like the first. */
static struct diff_results second;

/* Short names */
static struct diff_request *const req = &diff_case.request;
static struct diff_results *const first = &diff_case.first;

/* Check that a call that succeeded has satisfied the request for each page. */
static void check_satisfied(const struct diff_results *results, unsigned int a)
{
	for (size_t i = 0; i < req->n; i++) {
		__u64 entry = results->entries[a][i];

		if (diff_satisfied(req, i, entry) && !(entry & HMM_DIFF_BAD))
			continue;
		if (diff_is_kernel(results, a) &&
		    diff_omitted_explained(req, i))
			continue;
		diff_report_page("fault: less than requested", i,
				 diff_way_name(results, a), entry,
				 diff_way_name(results, a + 1),
				 results->entries[a + 1][i]);
	}
}

/* Compare a fault of new memory with the other side's snapshot after it. */
static void check_against_snapshot(const struct diff_results *results)
{
	/* The entries were invalidated before the snapshot. */
	if (results->run.calls[1].changed)
		return;
	/* The kernel's entries are undefined after a fault that failed. */
	if (results->run.calls[0].result && diff_is_kernel(results, 0))
		return;
	for (size_t i = 0; i < req->n; i++) {
		__u64 x = results->entries[0][i], y = results->entries[1][i];

		diff_case.compared++;
		if (x == y || x & HMM_DIFF_UNSET ||
		    diff_later_explained(req, i, x, y))
			continue;
		if (diff_is_kernel(results, 0) ?
		    diff_page_explained(req, i, y, x) :
		    diff_page_explained(req, i, x, y))
			continue;
		diff_report_page("fault, then the other's snapshot", i,
				 diff_way_name(results, 0), x,
				 diff_way_name(results, 1), y);
	}
}

/* Describe each requested page whose kind differs from the previous page's. */
static void print_requested_pages(void)
{
	const struct diff_page *page = &diff_arena.pages[req->first];

	for (size_t i = 0; i < req->n; i++) {
		if (!diff_requested(req, i) ||
		    (i && page[i].kind == page[i - 1].kind))
			continue;
		printf("#     page %zu requested %u: %s\n", req->first + i,
		       diff_requested(req, i), diff_page_text(req->first + i));
	}
}

static void check_result(const struct diff_results *results, unsigned int a)
{
	const struct hmm_diff_call *call = &results->run.calls[a];
	int expected = diff_expected(req);

	if (call->result == expected)
		return;
	if (diff_is_kernel(results, a) ?
	    diff_result_explained(req, call->result) :
	    diff_our_result_explained(req, call->result))
		return;
	if (diff_report("fault %s: %s returns %d, not %d; [%zu, +%zu) default %u mask %u",
			a ? "again" : "of new memory",
			diff_way_name(results, a), call->result, expected,
			req->first, req->n, req->default_flags, req->mask) &&
	    call->result)
		print_requested_pages();
}

/* Check a fault by one side, and then the same fault by the other side. */
static void check_run(const struct diff_results *results)
{
	const struct hmm_diff_call *calls = results->run.calls;

	check_result(results, 0);
	check_result(results, 2);
	check_against_snapshot(results);
	diff_compare(results, 3, 4, "snapshots after the faults");
	if (calls[0].result || calls[2].result)
		return;

	check_satisfied(results, 0);
	check_satisfied(results, 2);
	/* Continue only if the first fault satisfied all requests. */
	for (size_t i = 0; i < req->n; i++)
		if (!diff_satisfied(req, i, results->entries[0][i]))
			return;
	/* In this case the second fault must not have changed the memory. */
	if (calls[2].changed || calls[3].changed || calls[4].changed) {
		diff_report("fault: %s faults pages that %s has faulted in",
			    diff_way_name(results, 2),
			    diff_way_name(results, 0));
		return;
	}
	diff_compare(results, 2, 3, "fault by the other, then a snapshot");
}

/* The two memories have different page frames. */
static bool equal_but_frame(__u64 x, __u64 y)
{
	const __u64 mask = (1ULL << HMM_DIFF_PFN_SHIFT) - 1;

	return (x & mask) == (y & mask);
}

static void compare_memories(void)
{
	if (first->run.calls[0].result || second.run.calls[0].result)
		return;
	for (size_t i = 0; i < req->n; i++) {
		__u64 x = first->entries[1][i], y = second.entries[1][i];

		diff_case.compared++;
		if (!equal_but_frame(x, y) &&
		    !diff_page_explained(req, i, y, x) &&
		    !diff_fault_explained(req, i) &&
		    !diff_around_explained(req, i, x, y))
			diff_report_page("two new memories after a fault", i,
					 diff_way_name(first, 0), x,
					 diff_way_name(&second, 0), y);
	}
}

static int fault_new(struct diff_results *results, unsigned int one,
		     unsigned int other, __u64 *before)
{
	int ret = diff_snapshot_arena(before);

	diff_set_call(results, 0, one, HMM_DIFF_FAULT);
	diff_set_call(results, 1, other, HMM_DIFF_SNAPSHOT);
	diff_set_call(results, 2, other, HMM_DIFF_FAULT);
	diff_set_call(results, 3, one, HMM_DIFF_SNAPSHOT);
	diff_set_call(results, 4, other, HMM_DIFF_SNAPSHOT);
	return ret ? ret : diff_make_calls(results, DIFF_CALLS);
}

/* Choose a request. Returns the call of this module that makes it. */
static unsigned int choose_request(void)
{
	struct diff_random *rnd = &diff_case.random;
	unsigned int way;

	diff_choose_range(req, rnd);
	diff_choose_flags(req, rnd);
	switch (diff_between(rnd, 0, 5)) {
	case 0: case 1: case 2:
		diff_drop_impossible(req);
		break;
	case 3:
		diff_drop_impossible(req);
		diff_request_unwritable(req, rnd);
		break;
	case 4:
		diff_request_one_part(req, rnd);
		break;
	}
	way = diff_choose_way(req, rnd, true);
	if (way == HMM_DIFF_OURS_COMPACT)
		req->mask = 0;
	for (size_t i = 0; i < req->n; i++)
		if (((req->pages[i] & req->mask) | req->default_flags) ==
		    HMM_DIFF_REQ_WRITE)
			diff_rule_used[DIFF_RULE_WRITE_ALONE]++;
	return way;
}

static void count_result(int result)
{
	if (!result)
		diff_fault_counts.succeeded++;
	else if (result == -EPERM)
		diff_fault_counts.not_permitted++;
	else
		diff_fault_counts.failed++;
}

int diff_fault_case(void)
{
	static __u64 before[DIFF_PAGES];
	unsigned int way;
	bool same = true;
	int ret;

	ret = diff_arena_build(diff_case.seed, diff_case.number, false);
	diff_seed(&diff_case.random, ~diff_case.seed, diff_case.number);
	way = choose_request();

	if (!ret)
		ret = fault_new(first, way, HMM_DIFF_KERNEL,
				req->before);
	if (!ret)
		check_run(first);
	diff_arena_drop();
	if (!ret)
		ret = diff_arena_build(diff_case.seed, diff_case.number, false);
	if (!ret)
		ret = fault_new(&second, HMM_DIFF_KERNEL, way, before);
	if (!ret) {
		for (size_t i = 0; i < diff_arena.npages && same; i++)
			same = equal_but_frame(before[i], req->before[i]);
		check_run(&second);
		if (same)
			compare_memories();
		else
			diff_fault_counts.unequal++;
		diff_count_kinds(second.entries[1]);
		count_result(first->run.calls[0].result);
	}
	diff_arena_drop();
	return ret;
}
