// SPDX-License-Identifier: GPL-2.0
/*
 * Inserts and removes intervals with the functions of either side.
 */
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/vmalloc.h>

#include "bench.h"

/* Both sides use the same addresses in the same order. */
#define BENCH_SEED	20200821

/* The update lock, which the callbacks of a driver acquire */
static DEFINE_SPINLOCK(bench_update);

static bool bench_ours_invalidate(struct hmm_interval_notifier *interval,
				  const struct mmu_notifier_range *range)
{
	spin_lock(&bench_update);
	spin_unlock(&bench_update);
	return true;
}

static const struct hmm_interval_notifier_ops bench_ours_ops = {
	.invalidate = bench_ours_invalidate,
};

static bool bench_kernel_invalidate(struct mmu_interval_notifier *interval,
				    const struct mmu_notifier_range *range,
				    unsigned long seq)
{
	spin_lock(&bench_update);
	mmu_interval_set_seq(interval, seq);
	spin_unlock(&bench_update);
	return true;
}

static const struct mmu_interval_notifier_ops bench_kernel_ops = {
	.invalidate = bench_kernel_invalidate,
};

static size_t bench_interval_size(const struct bench *bench)
{
	return bench->side == HMM_BENCH_OURS ?
	       sizeof(struct hmm_interval_notifier) :
	       sizeof(struct mmu_interval_notifier);
}

static void *bench_interval_at(const struct bench *bench, void *array,
			       unsigned long i)
{
	return array + i * bench_interval_size(bench);
}

int bench_interval_insert(struct bench *bench, void *interval,
			  unsigned long start, unsigned long length)
{
	if (bench->side == HMM_BENCH_OURS)
		return hmm_interval_notifier_insert(interval, &bench->mirror,
						    start, length,
						    &bench_ours_ops);
	return mmu_interval_notifier_insert(interval, bench->mm, start, length,
					    &bench_kernel_ops);
}

void bench_interval_remove(struct bench *bench, void *interval)
{
	if (bench->side == HMM_BENCH_OURS)
		hmm_interval_notifier_remove(interval);
	else
		mmu_interval_notifier_remove(interval);
}

/* The numbers 0 to nr - 1 in a random order, which is always the same */
static u32 *bench_shuffled(unsigned long nr)
{
	u32 *order = vmalloc_array(nr, sizeof(*order));
	struct rnd_state rnd;
	unsigned long i;

	if (!order)
		return NULL;
	prandom_seed_state(&rnd, BENCH_SEED);
	for (i = 0; i < nr; i++) {
		unsigned long j = prandom_u32_state(&rnd) % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	return order;
}

static void bench_remove(struct bench *bench, void *array, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		bench_interval_remove(bench, bench_interval_at(bench, array, i));
		cond_resched();
	}
}

/* Insert all intervals. On failure, no interval stays inserted. */
static int bench_insert_array(struct bench *bench, void *array,
			      const u32 *order,
			      struct hmm_bench_intervals *arg)
{
	unsigned long i;
	u64 begin;
	int ret;

	begin = bench_ticks();
	for (i = 0; i < arg->nr; i++) {
		ret = bench_interval_insert(bench,
					    bench_interval_at(bench, array, i),
					    arg->start + order[i] * arg->stride,
					    arg->length);
		if (ret) {
			bench_remove(bench, array, i);
			return ret;
		}
	}
	arg->insert = bench_ticks() - begin;
	return 0;
}

int bench_insert(struct bench *bench, struct hmm_bench_intervals *arg)
{
	u32 *order;
	int ret;

	if (!bench->mm || bench->intervals || !arg->nr || arg->nr > INT_MAX)
		return -EINVAL;
	order = bench_shuffled(arg->nr);
	bench->intervals = vcalloc(arg->nr, bench_interval_size(bench));
	ret = order && bench->intervals ? 0 : -ENOMEM;
	if (!ret)
		ret = bench_insert_array(bench, bench->intervals, order, arg);
	if (ret) {
		vfree(bench->intervals);
		bench->intervals = NULL;
	} else {
		bench->nr_intervals = arg->nr;
	}
	vfree(order);
	return ret;
}

/* Insert further intervals, and remove them in another order. */
int bench_churn(struct bench *bench, struct hmm_bench_intervals *arg)
{
	unsigned long i;
	void *array;
	u32 *order;
	u64 begin;
	int ret;

	if (!bench->mm || !arg->nr || arg->nr > INT_MAX)
		return -EINVAL;
	order = bench_shuffled(arg->nr);
	array = vcalloc(arg->nr, bench_interval_size(bench));
	ret = order && array ? 0 : -ENOMEM;
	if (!ret)
		ret = bench_insert_array(bench, array, order, arg);
	if (!ret) {
		begin = bench_ticks();
		for (i = 0; i < arg->nr; i++)
			bench_interval_remove(bench,
					      bench_interval_at(bench, array,
								order[i]));
		arg->remove = bench_ticks() - begin;
	}
	vfree(array);
	vfree(order);
	return ret;
}

void bench_remove_all(struct bench *bench)
{
	if (bench->intervals)
		bench_remove(bench, bench->intervals, bench->nr_intervals);
	vfree(bench->intervals);
	bench->intervals = NULL;
	bench->nr_intervals = 0;
}
