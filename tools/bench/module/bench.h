/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Internal declarations of hmm_bench.ko.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/timex.h>

#include <hmm/range.h>

#include "hmm_bench.h"

/* One interval of either side */
struct bench_interval {
	union {
		struct hmm_interval_notifier ours;
		struct mmu_interval_notifier kernel;
	};
};

/**
 * struct bench - an open file
 * @lock: serializes changes of the members; HMM_BENCH_READ, _WAIT and
 *        _RANGE run without it
 * @mm: mm of the process that chose a side; NULL until a side is chosen
 * @side: HMM_BENCH_OURS or HMM_BENCH_KERNEL
 * @mirror: mirror of our side
 * @intervals: array of intervals that HMM_BENCH_INSERT inserted
 * @nr_intervals: number of these intervals
 * @holder: thread that holds the mmap lock, between HMM_BENCH_HOLD and
 *          HMM_BENCH_HOLD_END
 */
struct bench {
	struct mutex lock;	/* see above */
	struct mm_struct *mm;
	int side;
	struct hmm_mirror mirror;
	void *intervals;
	unsigned long nr_intervals;
	struct bench_holder *holder;
};

/*
 * Under -icount, each instruction advances the time stamp counter by one. In
 * other modes, no reported figure is in ticks.
 */
static inline u64 bench_ticks(void)
{
	return get_cycles();
}

/* intervals.c */
int bench_interval_insert(struct bench *bench, void *interval,
			  unsigned long start, unsigned long length);
void bench_interval_remove(struct bench *bench, void *interval);
int bench_insert(struct bench *bench, struct hmm_bench_intervals *arg);
int bench_churn(struct bench *bench, struct hmm_bench_intervals *arg);
void bench_remove_all(struct bench *bench);

/* readers.c */
int bench_read(struct bench *bench, struct hmm_bench_read *arg);
int bench_wait(struct bench *bench, struct hmm_bench_wait *arg);

/* ranges.c */
int bench_range(struct bench *bench, struct hmm_bench_range *arg);

/* holder.c */
int bench_hold(struct bench *bench, struct hmm_bench_hold *arg);
int bench_hold_end(struct bench *bench, struct hmm_bench_hold *arg);

/* latency.c */
int bench_latency_start(struct hmm_bench_latency *arg);
int bench_latency_end(struct hmm_bench_latency *arg);

#endif /* _BENCH_H */
