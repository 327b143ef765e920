// SPDX-License-Identifier: GPL-2.0
/*
 * How long preemption stays disabled, on kernels that cannot trace it.
 *
 * A SCHED_FIFO thread sleeps until a high-resolution timer wakes it, records
 * how late it is, and sets the timer again, one period later. On one CPU it is
 * late only if the CPU was in a section that cannot be preempted. If a section
 * is longer than the period, the timer expires within one period of the
 * section's beginning, so the result is too short by at most one period. The
 * shortest latency is the cost of the wakeup. This needs a kernel that can be
 * preempted everywhere (preempt=full).
 */
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "bench.h"

static struct task_struct *bench_latency_thread;
static struct hmm_bench_latency bench_latency;

static int bench_latency_main(void *unused)
{
	while (!kthread_should_stop()) {
		ktime_t at = ktime_add_ns(ktime_get(), bench_latency.period);
		ktime_t expires = at;
		u64 late;

		set_current_state(TASK_INTERRUPTIBLE);
		if (schedule_hrtimeout(&expires, HRTIMER_MODE_ABS_HARD))
			continue;
		late = ktime_to_ns(ktime_sub(ktime_get(), at));
		bench_latency.max = max(bench_latency.max, late);
		bench_latency.min = min(bench_latency.min, late);
		bench_latency.nr++;
	}
	return 0;
}

int bench_latency_start(struct hmm_bench_latency *arg)
{
	struct task_struct *thread;

	if (bench_latency_thread || !arg->period)
		return -EINVAL;
	bench_latency = (struct hmm_bench_latency) {
		.period = arg->period,
		.min = U64_MAX,
	};
	thread = kthread_create(bench_latency_main, NULL, "hmm_bench");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	sched_set_fifo(thread);
	bench_latency_thread = thread;
	wake_up_process(thread);
	return 0;
}

int bench_latency_end(struct hmm_bench_latency *arg)
{
	if (!bench_latency_thread)
		return -EINVAL;
	kthread_stop(bench_latency_thread);
	bench_latency_thread = NULL;
	*arg = bench_latency;
	return 0;
}
