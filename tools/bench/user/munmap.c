// SPDX-License-Identifier: GPL-2.0
/*
 * Under -icount, on a kernel that can be preempted everywhere: the longest
 * section without preemption while one munmap invalidates a million intervals.
 */
#include <sys/mman.h>

#include "bench.h"

#define INTERVALS	1000000UL
#define STRIDE		(2 * PAGE)
/* A wakeup takes a third of the period, which leaves the rest for munmap. */
#define PERIOD		10000

static void munmap_work(int fd, int side, void *arg, double *values)
{
	struct hmm_bench_latency latency = { .period = PERIOD };
	struct hmm_bench_intervals intervals = {
		.stride = STRIDE, .length = PAGE,
		.nr = *(unsigned long *)arg,
	};
	size_t length = INTERVALS * STRIDE;
	char *region = map_pages(length);
	__u64 begin;

	(void)side;
	intervals.start = (uintptr_t)region;
	call(fd, HMM_BENCH_INSERT, &intervals);
	*region = 1;

	call(fd, HMM_BENCH_LATENCY, &latency);
	begin = ticks();
	unmap_pages(region, length);
	values[2] = ticks() - begin;
	call(fd, HMM_BENCH_LATENCY_END, &latency);
	values[0] = (double)latency.max - (double)latency.min;
	values[1] = latency.min;
	values[3] = latency.nr;
}

void bench_munmap(void)
{
	unsigned long few = 1, many = INTERVALS;
	struct result r;

	progress("munmap of 1 interval");
	both_sides(&r, 1, munmap_work, &few);
	row("preempt", few, "instructions", r.ours[0], r.kernel[0], "-",
	    "longest stretch with preemption off, munmap of 1 interval");
	progress("a wakeup takes at least %.0f instructions", r.ours[1]);
	progress("munmap of %lu intervals", many);
	both_sides(&r, 1, munmap_work, &many);
	row("preempt", many, "instructions", r.ours[0], r.kernel[0],
	    "<=20000",
	    "longest stretch with preemption off, munmap of %lu intervals",
	    many);
	progress("%.0f and %.0f wakeups during it", r.ours[3], r.kernel[3]);
}
