// SPDX-License-Identifier: GPL-2.0
/*
 * Readers: the cost of read_begin and read_retry, and how long a reader waits.
 *
 * Each side has its own loop, because a call through a pointer would cost as
 * much as the measured functions.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "bench.h"

/* Number of rounds between two reads of the clock */
#define BENCH_BURST	1024

static noinline unsigned long bench_read_ours(struct hmm_interval_notifier *i,
					      unsigned long nr)
{
	unsigned long collisions = 0;

	while (nr--) {
		unsigned long seq = hmm_interval_read_begin(i);

		if (hmm_interval_read_retry(i, seq))
			collisions++;
		barrier();
	}
	return collisions;
}

static noinline unsigned long bench_read_kernel(struct mmu_interval_notifier *i,
						unsigned long nr)
{
	unsigned long collisions = 0;

	while (nr--) {
		unsigned long seq = mmu_interval_read_begin(i);

		if (mmu_interval_read_retry(i, seq))
			collisions++;
		barrier();
	}
	return collisions;
}

static noinline unsigned long bench_read_nothing(unsigned long nr)
{
	while (nr--)
		barrier();
	return 0;
}

static u64 bench_read_burst(struct bench *bench, void *interval,
			    unsigned long nr)
{
	u64 begin = bench_ticks();

	if (bench->side == HMM_BENCH_OURS)
		bench_read_ours(interval, nr);
	else
		bench_read_kernel(interval, nr);
	return bench_ticks() - begin;
}

/* All threads begin and end at the same time. */
static void bench_read_until(struct bench *bench, void *interval,
			     struct hmm_bench_read *arg)
{
	while (ktime_get_ns() < arg->from)
		cpu_relax();
	while (ktime_get_ns() < arg->until) {
		bench_read_burst(bench, interval, BENCH_BURST);
		arg->done += BENCH_BURST;
		cond_resched();
	}
}

/* Each caller has its own interval, in its own cache line. */
int bench_read(struct bench *bench, struct hmm_bench_read *arg)
{
	struct bench_interval *interval;
	u64 begin;
	int ret;

	if (!bench->mm || arg->nr > INT_MAX)
		return -EINVAL;
	interval = kzalloc(sizeof(*interval) + 2 * SMP_CACHE_BYTES, GFP_KERNEL);
	if (!interval)
		return -ENOMEM;
	ret = bench_interval_insert(bench, interval, PAGE_SIZE, PAGE_SIZE);
	if (ret)
		goto out;

	arg->done = arg->nr;
	if (arg->nr) {
		arg->ticks = bench_read_burst(bench, interval, arg->nr);
		begin = bench_ticks();
		bench_read_nothing(arg->nr);
		arg->empty = bench_ticks() - begin;
	} else {
		bench_read_until(bench, interval, arg);
	}
	bench_interval_remove(bench, interval);
out:
	kfree(interval);
	return ret;
}

static unsigned long bench_begin(struct bench *bench, void *interval)
{
	if (bench->side == HMM_BENCH_OURS)
		return hmm_interval_read_begin(interval);
	return mmu_interval_read_begin(interval);
}

static bool bench_collided(struct bench *bench, void *interval,
			   unsigned long seq)
{
	if (bench->side == HMM_BENCH_OURS)
		return hmm_interval_check_retry(interval, seq);
	return mmu_interval_check_retry(interval, seq);
}

/*
 * Reads under the first inserted interval. After each collision a new read
 * begins, and the time until read_begin returns is one sample.
 */
int bench_wait(struct bench *bench, struct hmm_bench_wait *arg)
{
	u32 __user *samples = u64_to_user_ptr(arg->samples);
	void *interval = bench->intervals;
	unsigned long seq;

	if (!interval)
		return -EINVAL;

	seq = bench_begin(bench, interval);
	arg->nr = 0;
	while (arg->nr < arg->max && ktime_get_ns() < arg->until) {
		u64 begin;

		if (signal_pending(current))
			return -EINTR;
		if (!bench_collided(bench, interval, seq)) {
			/* Do not spin: the invalidations need the CPU. */
			usleep_range(20, 40);
			continue;
		}
		begin = ktime_get_ns();
		seq = bench_begin(bench, interval);
		if (put_user((u32)(ktime_get_ns() - begin), samples + arg->nr))
			return -EFAULT;
		arg->nr++;
	}
	return 0;
}
