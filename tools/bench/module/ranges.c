// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots and faults with the functions of either side, including the locks
 * and the loop that the callers of these functions need.
 */
#include <linux/hmm.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "bench.h"

struct bench_work {
	struct work_struct work;
	struct bench *bench;
	struct hmm_bench_range *arg;
	unsigned long *pfns;
	int ret;
};

static int bench_ours_request(struct hmm_mirror_range *range, u64 flags)
{
	int ret;

	do {
		ret = hmm_mirror_range_wait_until_valid(range, 0);
		if (ret)
			return ret;
		if (flags & HMM_BENCH_FAULT)
			ret = hmm_mirror_range_fault(range);
		else
			ret = hmm_mirror_range_snapshot(range);
		if (!ret && !hmm_mirror_range_valid(range))
			ret = -EBUSY;
	} while (ret == -EBUSY && !fatal_signal_pending(current));
	return ret;
}

static int bench_ours_requests(struct bench *bench,
			       struct hmm_bench_range *arg,
			       unsigned long *pfns)
{
	struct hmm_interval_notifier *interval = bench->intervals;
	struct hmm_mirror_range range = {
		.pfns = pfns,
		.flags = arg->flags & HMM_BENCH_COMPACT ?
			 HMM_MIRROR_RANGE_COMPACT : 0,
	};
	u64 at;
	int ret;

	if (arg->flags & HMM_BENCH_FAULT)
		range.default_flags = arg->flags & HMM_BENCH_WRITE ?
				      HMM_MIRROR_PFN_REQ_WRITE :
				      HMM_MIRROR_PFN_REQ_FAULT;
	for (at = arg->start; at < arg->end; at += arg->step) {
		range.start = at;
		range.end = min(at + arg->step, arg->end);
		ret = hmm_mirror_range_bind(&range, interval);
		if (!ret)
			ret = bench_ours_request(&range, arg->flags);
		if (ret)
			return ret;
	}
	return 0;
}

static int bench_kernel_request(struct bench *bench, struct hmm_range *range)
{
	int ret;

	do {
		range->notifier_seq = mmu_interval_read_begin(range->notifier);
		mmap_read_lock(bench->mm);
		ret = hmm_range_fault(range);
		mmap_read_unlock(bench->mm);
		if (!ret && mmu_interval_read_retry(range->notifier,
						    range->notifier_seq))
			ret = -EBUSY;
	} while (ret == -EBUSY && !fatal_signal_pending(current));
	return ret;
}

static int bench_kernel_requests(struct bench *bench,
				 struct hmm_bench_range *arg,
				 unsigned long *pfns)
{
	struct hmm_range range = {
		.notifier = bench->intervals,
		.hmm_pfns = pfns,
	};
	u64 at;
	int ret;

	if (arg->flags & HMM_BENCH_FAULT)
		range.default_flags = arg->flags & HMM_BENCH_WRITE ?
				      HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE :
				      HMM_PFN_REQ_FAULT;
	for (at = arg->start; at < arg->end; at += arg->step) {
		range.start = at;
		range.end = min(at + arg->step, arg->end);
		ret = bench_kernel_request(bench, &range);
		if (ret)
			return ret;
	}
	return 0;
}

/* Number of valid pages in the last request */
static u64 bench_ours_valid(const struct hmm_bench_range *arg,
			    unsigned long *pfns, unsigned long nr)
{
	const struct hmm_mirror_range range = {
		.start = arg->end - (nr << PAGE_SHIFT),
		.end = arg->end,
		.pfns = pfns,
	};
	unsigned long i, next;
	u64 valid = 0;

	for (i = 0; i < nr; i = next) {
		next = i + 1;
		if (arg->flags & HMM_BENCH_COMPACT)
			next = hmm_mirror_range_next(&range, i);
		if (pfns[i] & HMM_MIRROR_PFN_VALID)
			valid += next - i;
	}
	return valid;
}

static u64 bench_kernel_valid(const unsigned long *pfns, unsigned long nr)
{
	unsigned long i;
	u64 valid = 0;

	for (i = 0; i < nr; i++)
		valid += !!(pfns[i] & HMM_PFN_VALID);
	return valid;
}

/* Make all requests, and measure the time. */
static void bench_requests(struct work_struct *work)
{
	struct bench_work *w = container_of(work, struct bench_work, work);
	u64 begin_ns = ktime_get_ns();
	u64 begin = bench_ticks();

	if (w->bench->side == HMM_BENCH_OURS)
		w->ret = bench_ours_requests(w->bench, w->arg, w->pfns);
	else
		w->ret = bench_kernel_requests(w->bench, w->arg, w->pfns);
	w->arg->ticks = bench_ticks() - begin;
	w->arg->ns = ktime_get_ns() - begin_ns;
}

/*
 * The first inserted interval guards the range. All requests write to the same
 * array, which has the size of one request, so only the valid pages of the last
 * request can be counted.
 */
int bench_range(struct bench *bench, struct hmm_bench_range *arg)
{
	struct bench_work work = { .bench = bench, .arg = arg };
	unsigned long nr, *pfns;

	if (!bench->intervals || arg->start >= arg->end || !arg->step ||
	    !PAGE_ALIGNED(arg->start | arg->end | arg->step) ||
	    (arg->end - arg->start > arg->step &&
	     (arg->end - arg->start) % arg->step))
		return -EINVAL;
	nr = min(arg->step, arg->end - arg->start) >> PAGE_SHIFT;
	pfns = kvcalloc(nr, sizeof(*pfns), GFP_KERNEL);
	if (!pfns)
		return -ENOMEM;

	work.pfns = pfns;
	INIT_WORK_ONSTACK(&work.work, bench_requests);
	if (arg->flags & HMM_BENCH_WORKER) {
		queue_work(system_unbound_wq, &work.work);
		flush_work(&work.work);
	} else {
		bench_requests(&work.work);
	}
	destroy_work_on_stack(&work.work);

	arg->valid = bench->side == HMM_BENCH_OURS ?
		     bench_ours_valid(arg, pfns, nr) :
		     bench_kernel_valid(pfns, nr);
	kvfree(pfns);
	return work.ret;
}
