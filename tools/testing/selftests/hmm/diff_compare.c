// SPDX-License-Identifier: GPL-2.0
/*
 * One case: the calls on an arena, and the comparison of their entries.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "diff_compare.h"
#include "diff_machine.h"
#include "diff_rules.h"

static const char *const way_names[HMM_DIFF_WAYS] = {
	[HMM_DIFF_OURS] = "ours",
	[HMM_DIFF_OURS_POPULATE] = "ours, populate",
	[HMM_DIFF_OURS_LOCKED] = "ours, locked",
	[HMM_DIFF_OURS_BOUND] = "ours, bound",
	[HMM_DIFF_OURS_COMPACT] = "ours, compact",
	[HMM_DIFF_KERNEL] = "kernel",
};

struct diff_case diff_case;
static struct diff_request *const req = &diff_case.request;

bool diff_report(const char *format, ...)
{
	va_list args;

	if (diff_case.differences++ >= DIFF_REPORTED)
		return false;
	va_start(args, format);
	printf("# seed %llu case %llu: ", diff_case.seed, diff_case.number);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	return true;
}

void diff_print_entry(const char *name, __u64 entry)
{
	printf("#     %-16s %c%c%c%s order %u pfn %#llx\n", name,
	       entry & HMM_DIFF_VALID ? 'V' : '-',
	       entry & HMM_DIFF_WRITE ? 'W' : '-',
	       entry & HMM_DIFF_ERROR ? 'E' : '-',
	       entry & HMM_DIFF_BAD ? " malformed" : "",
	       (unsigned int)(entry >> HMM_DIFF_ORDER_SHIFT) &
	       HMM_DIFF_ORDER_MASK,
	       (entry >> HMM_DIFF_PFN_SHIFT));
}

void diff_report_page(const char *what, size_t i, const char *a, __u64 x,
		      const char *b, __u64 y)
{
	if (!diff_report("%s: page %zu (%zu of [%zu, +%zu)), requested %u: %s",
			 what, req->first + i, i, req->first, req->n,
			 diff_requested(req, i),
			 diff_page_text(req->first + i)))
		return;
	diff_print_entry("before", req->before[req->first + i]);
	diff_print_entry(a, x);
	diff_print_entry(b, y);
}

int diff_make_calls(struct diff_results *results, unsigned int ncalls)
{
	struct hmm_diff_run *run = &results->run;

	run->start = (uintptr_t)diff_page_at(req->first);
	run->npages = req->n;
	run->requests = (uintptr_t)req->pages;
	run->default_flags = req->default_flags;
	run->mask = req->mask;
	run->ncalls = ncalls;
	for (unsigned int i = 0; i < ncalls; i++)
		run->calls[i].entries = (uintptr_t)results->entries[i];
	return ioctl(diff_machine.device, HMM_DIFF_RUN, run) ? -errno : 0;
}

void diff_set_call(struct diff_results *results, unsigned int i,
		   unsigned int way, unsigned int mode)
{
	results->run.calls[i].way = way;
	results->run.calls[i].mode = mode;
}

const char *diff_way_name(const struct diff_results *results, unsigned int i)
{
	return way_names[results->run.calls[i].way];
}

bool diff_is_kernel(const struct diff_results *results, unsigned int i)
{
	return results->run.calls[i].way == HMM_DIFF_KERNEL;
}

int diff_snapshot_arena(__u64 *entries)
{
	struct hmm_diff_run run = {
		.start = (uintptr_t)diff_arena.base,
		.npages = diff_arena.npages,
		.requests = (uintptr_t)req->pages,
		.ncalls = 1,
		.calls[0] = {
			.way = HMM_DIFF_KERNEL,
			.mode = HMM_DIFF_SNAPSHOT,
			.entries = (uintptr_t)entries,
		},
	};
	int ret = ioctl(diff_machine.device, HMM_DIFF_RUN, &run) ? -errno : 0;

	return ret ? ret : run.calls[0].result;
}

void diff_compare(const struct diff_results *results, unsigned int a,
		  unsigned int b, const char *what)
{
	for (size_t i = 0; i < req->n; i++) {
		__u64 x = results->entries[a][i], y = results->entries[b][i];

		diff_case.compared++;
		if (x == y && !(x & HMM_DIFF_BAD))
			continue;
		if (diff_is_kernel(results, b) &&
		    diff_page_explained(req, i, x, y))
			continue;
		if (diff_is_kernel(results, a) &&
		    diff_page_explained(req, i, y, x))
			continue;
		diff_report_page(what, i, diff_way_name(results, a), x,
				 diff_way_name(results, b), y);
	}
}

void diff_count_kinds(const __u64 *entries)
{
	const struct diff_page *page = &diff_arena.pages[req->first];

	for (size_t i = 0; i < req->n; i++)
		if (entries[i])
			diff_case.kind_entries[page[i].kind]++;
}
