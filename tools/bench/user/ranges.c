// SPDX-License-Identifier: GPL-2.0
/*
 * Under -icount: the cost of reading the page tables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"

/*
 * @length: bytes
 * @advice: MADV_HUGEPAGE or MADV_NOHUGEPAGE
 * @touched: bytes from one present page to the next; 0: no page is present
 * @flags: flags of the request
 * @step: bytes per request
 * @pages: the cost is divided by this number of pages
 */
struct range_case {
	const char *name;
	const char *rule;
	size_t length;
	int advice;
	size_t touched;
	unsigned int flags;
	size_t step;
	size_t pages;
};

static void range_work(int fd, int side, void *arg, double *values)
{
	const struct range_case *c = arg;
	char *start = map_aligned(c->length, c->advice);
	struct hmm_bench_intervals guard = {
		.start = (uintptr_t)start,
		.length = c->length, .nr = 1,
	};
	struct hmm_bench_range range = {
		.start = (uintptr_t)start,
		.end = (uintptr_t)start + c->length,
		.flags = c->flags,
		.step = c->step,
	};
	size_t at;

	(void)side;
	for (at = 0; c->touched && at < c->length; at += c->touched)
		start[at] = 1;
	call(fd, HMM_BENCH_INSERT, &guard);
	call(fd, HMM_BENCH_RANGE, &range);
	values[0] = (double)range.ticks / c->pages;
	values[1] = range.valid;
}

/* For comparison with the faults: the CPU touches the same pages. */
static double touch_cost(const struct range_case *c)
{
	char *start = map_aligned(c->length, c->advice);
	__u64 begin = ticks();
	size_t at;

	for (at = 0; at < c->length; at += PAGE)
		touch(start + at);
	begin = ticks() - begin;
	unmap_pages(start, c->length);
	return (double)begin / c->pages;
}

#define MIB	(HUGE / 2)
#define GIB	(1024 * MIB)
#define FAULT	(HMM_BENCH_FAULT | HMM_BENCH_WRITE)
#define COMPACT	HMM_BENCH_COMPACT
#define WORKER	HMM_BENCH_WORKER

static const struct range_case cases[] = {
	{ "snapshot of present 4K pages, per page", "<=20", 256 * MIB,
	  MADV_NOHUGEPAGE, PAGE, 0, 256 * MIB, 65536 },
	{ "snapshot of present 2M pages, per 4K page", "<=3.7", 256 * MIB,
	  MADV_HUGEPAGE, HUGE, 0, 256 * MIB, 65536 },
	{ "compact snapshot of present 2M pages, per 4K page", "<=0.01x",
	  256 * MIB, MADV_HUGEPAGE, HUGE, COMPACT, 256 * MIB, 65536 },
	{ "fault requested, all present, per page", "<=24", 256 * MIB,
	  MADV_NOHUGEPAGE, PAGE, FAULT, 256 * MIB, 65536 },
	{ "snapshot of one present page", "-", PAGE,
	  MADV_NOHUGEPAGE, PAGE, 0, PAGE, 1 },
	{ "64 KiB of present pages requested, per request", "<=0.35x",
	  16 * MIB, MADV_NOHUGEPAGE, PAGE, FAULT, MIB / 16, 256 },
	{ "64 KiB of present pages requested by a worker, per request",
	  "<=0.35x", 16 * MIB, MADV_NOHUGEPAGE, PAGE, FAULT | WORKER,
	  MIB / 16, 256 },
	{ "64 KiB of untouched pages requested, per request", "<=1x",
	  16 * MIB, MADV_NOHUGEPAGE, 0, FAULT, MIB / 16, 256 },
	{ "64 KiB of untouched pages requested by a worker, per request",
	  "<=1x", 16 * MIB, MADV_NOHUGEPAGE, 0, FAULT | WORKER, MIB / 16, 256 },
	{ "fault of untouched 4K pages, per page", "<=1x", 64 * MIB,
	  MADV_NOHUGEPAGE, 0, FAULT, 64 * MIB, 16384 },
	{ "fault of untouched 2M pages, per 4K page", "<=1x", 128 * MIB,
	  MADV_HUGEPAGE, 0, FAULT, 128 * MIB, 32768 },
};

static void range_row(const struct range_case *c, unsigned int x,
		      struct result *r)
{
	progress("%s", c->name);
	both_sides(r, c->length > 256 * MIB ? 1 : 3, range_work, (void *)c);
	/* A comparison is valid only if both sides read the same pages. */
	if (r->ours[1] != r->kernel[1]) {
		fprintf(stderr, "hmm_bench: %s: %.0f and %.0f pages\n",
			c->name, r->ours[1], r->kernel[1]);
		exit(1);
	}
	if (c->flags & HMM_BENCH_FAULT && !c->touched)
		note("touched by the CPU: %.0f", touch_cost(c));
	row("range", x, "instructions", r->ours[0], r->kernel[0], c->rule,
	    "%s", c->name);
}

void bench_ranges(void)
{
	struct result r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		range_row(&cases[i], i, &r);
}

/*
 * With one page in every 2M, each page has its own page table, so the cost of a
 * present page includes 511 empty entries. The other cases have half of the
 * range, or half of the pages in the same range. They show whether the cost
 * depends on the length or on the number of present pages.
 */
static const struct range_case sparse[] = {
	{ "snapshot of 64 GiB, one page in 2M present, per present page", "-",
	  64 * GIB, MADV_NOHUGEPAGE, HUGE, 0, GIB, 32768 },
	{ "snapshot of 32 GiB, one page in 2M present, per present page", "-",
	  32 * GIB, MADV_NOHUGEPAGE, HUGE, 0, GIB, 16384 },
	{ "snapshot of 64 GiB, one page in 4M present, per present page", "-",
	  64 * GIB, MADV_NOHUGEPAGE, 2 * HUGE, 0, GIB, 16384 },
	{ "compact snapshot of 64 GiB, one page in 4M, per present page", "-",
	  64 * GIB, MADV_NOHUGEPAGE, 2 * HUGE, COMPACT, GIB, 16384 },
};

void bench_sparse(void)
{
	struct result r[ARRAY_SIZE(sparse)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sparse); i++)
		range_row(&sparse[i], i + ARRAY_SIZE(cases), &r[i]);
	row("sparse", 0, "x", r[1].ours[0] / r[0].ours[0],
	    r[1].kernel[0] / r[0].kernel[0], "<=1.02",
	    "cost of a present page, 32 GiB compared with 64 GiB");
	note("includes the cost of writing an entry for each page of a hole");
	row("sparse", 1, "x", r[2].ours[0] / r[0].ours[0],
	    r[2].kernel[0] / r[0].kernel[0], "<=1.25",
	    "cost of a present page, one in 4M compared with one in 2M");
}
