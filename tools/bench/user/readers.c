// SPDX-License-Identifier: GPL-2.0
/*
 * Under -icount: the cost of a reader without invalidations, and the sizes of
 * the structures.
 */
#include "bench.h"

#define READS	20000
#define BURSTS	9

static double read_burst(int fd, __u64 nr)
{
	struct hmm_bench_read read = { .nr = nr };

	call(fd, HMM_BENCH_READ, &read);
	return (double)read.ticks - (double)read.empty;
}

/*
 * Subtracts the cost of an empty loop. The difference between a long and a short
 * burst removes the cost that occurs once in each burst. The median removes
 * bursts in which a timer tick occurred.
 */
static void read_work(int fd, int side, void *arg, double *values)
{
	double cost[BURSTS];
	int i;

	(void)side;
	(void)arg;
	for (i = 0; i < BURSTS; i++)
		cost[i] = (read_burst(fd, 2 * READS) - read_burst(fd, READS)) /
			  READS;
	values[0] = median(cost, BURSTS);
}

void bench_read_cost(void)
{
	struct result r;

	progress("readers");
	both_sides(&r, 5, read_work, NULL);
	row("read", 1, "instructions", r.ours[0], r.kernel[0], "<=15",
	    "read_begin + read_retry, idle");
}

static void sizes_work(int fd, int side, void *arg, double *values)
{
	struct hmm_bench_intervals one = {
		.start = PAGE, .stride = PAGE, .length = PAGE, .nr = 1,
	};
	struct hmm_bench_sizes sizes;

	(void)arg;
	call(fd, HMM_BENCH_INSERT, &one);
	call(fd, HMM_BENCH_SIZES, &sizes);
	if (side == HMM_BENCH_OURS) {
		values[0] = sizes.ours_interval;
		values[1] = sizes.ours_mirror;
		values[2] = sizes.ours_range;
	} else {
		values[0] = sizes.kernel_interval;
		values[1] = sizes.kernel_notifier;
		values[2] = sizes.kernel_range;
	}
	values[3] = sizes.shared;
}

void bench_sizes(void)
{
	struct result r;

	both_sides(&r, 1, sizes_work, NULL);
	row("size", 1, "bytes", r.ours[0], r.kernel[0], "-",
	    "an interval (struct mmu_interval_notifier)");
	row("size", 2, "bytes", r.ours[1], r.kernel[1], "-",
	    "a mirror (struct mmu_notifier)");
	row("size", 3, "bytes", r.ours[2], r.kernel[2], "-",
	    "a range, with its own interval (struct hmm_range has none)");
	row("size", 4, "bytes", r.ours[3], r.kernel[3], "-",
	    "allocated for an mm (struct mmu_notifier_subscriptions)");
}
