// SPDX-License-Identifier: GPL-2.0
/*
 * Under -icount: the cost of intervals, and of invalidations in their presence.
 */
#include <sys/mman.h>

#include "bench.h"

/* Every second page has an interval, so the others overlap no interval. */
#define STRIDE		(2 * PAGE)
#define MADVISES	201
#define CHURNED		1000
#define CHURNS		5

/* Indices of the values. For the first two, no page is present. */
enum { EMPTY_MISS, EMPTY_HIT, MISS, HIT, INSERT, REMOVE };

/* A timer tick in one or two of the rounds does not change the median. */
static double madvise_cost(char *page, bool present)
{
	double cost[MADVISES], empty[MADVISES];
	__u64 begin;
	int i;

	for (i = 0; i < MADVISES; i++) {
		if (present)
			touch(page);
		begin = ticks();
		if (madvise(page, PAGE, MADV_DONTNEED))
			die("madvise");
		cost[i] = ticks() - begin;
		begin = ticks();
		empty[i] = ticks() - begin;
	}
	return median(cost, MADVISES) - median(empty, MADVISES);
}

static void churn(int fd, char *region, unsigned long nr, double *values)
{
	double insert[CHURNS], remove[CHURNS];
	int i;

	for (i = 0; i < CHURNS; i++) {
		struct hmm_bench_intervals arg = {
			.start = (uintptr_t)region + PAGE,
			.stride = nr * STRIDE / CHURNED,
			.length = PAGE,
			.nr = CHURNED,
		};

		call(fd, HMM_BENCH_CHURN, &arg);
		insert[i] = (double)arg.insert / CHURNED;
		remove[i] = (double)arg.remove / CHURNED;
	}
	values[INSERT] = median(insert, CHURNS);
	values[REMOVE] = median(remove, CHURNS);
}

static void intervals_work(int fd, int side, void *arg, double *values)
{
	unsigned long nr = *(unsigned long *)arg;
	size_t length = (nr ? nr : 1) * STRIDE;
	char *region = map_pages(length);
	char *middle = region + nr / 2 * STRIDE;
	struct hmm_bench_intervals intervals = {
		.start = (uintptr_t)region,
		.stride = STRIDE,
		.length = PAGE,
		.nr = nr ? nr : 1,
	};

	(void)side;
	if (madvise(region, length, MADV_NOHUGEPAGE))
		die("madvise");
	/* Even without intervals, let the mm have notifiers. */
	call(fd, nr ? HMM_BENCH_INSERT : HMM_BENCH_CHURN, &intervals);
	values[EMPTY_MISS] = madvise_cost(middle + PAGE, false);
	values[EMPTY_HIT] = madvise_cost(middle, false);
	values[MISS] = madvise_cost(middle + PAGE, true);
	values[HIT] = madvise_cost(middle, true);
	if (nr >= CHURNED)
		churn(fd, region, nr, values);
}

static void madvise_row(const struct result *r, int value, unsigned long nr,
			const char *group, const char *what)
{
	row(group, nr, "instructions", r->ours[value], r->kernel[value],
	    "<=1.03x", "MADV_DONTNEED of %s %lu intervals", what, nr);
}

void bench_intervals(void)
{
	static const struct {
		unsigned long nr;
		int rounds;
	} steps[] = {
		{ 0, 5 }, { 1, 5 }, { 1000, 5 }, { 100000, 3 }, { 1000000, 1 },
	};
	struct result r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		unsigned long nr = steps[i].nr;

		progress("%lu intervals", nr);
		both_sides(&r, steps[i].rounds, intervals_work, &nr);
		madvise_row(&r, EMPTY_MISS, nr, "madvise-empty-miss",
			    "no page, missing");
		madvise_row(&r, MISS, nr, "madvise-miss", "a page, missing");
		if (nr) {
			madvise_row(&r, EMPTY_HIT, nr, "madvise-empty-hit",
				    "no page, hitting 1 of");
			madvise_row(&r, HIT, nr, "madvise-hit",
				    "a page, hitting 1 of");
		}
		if (nr != 1000 && nr != 1000000)
			continue;
		row("insert", nr, "instructions", r.ours[INSERT],
		    r.kernel[INSERT], "<=1x", "insert beside %lu intervals",
		    nr);
		row("remove", nr, "instructions", r.ours[REMOVE],
		    r.kernel[REMOVE], "<=1x", "remove beside %lu intervals",
		    nr);
	}
}
