// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that holds the mmap lock for writing half of the time.
 *
 * The thread sleeps for the same time with the lock and without it. It uses
 * hardly any CPU time, so the measured task loses time only to the lock. The
 * thread may have to wait for readers of the lock, so it records how long it
 * held the lock.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bench.h"

struct bench_holder {
	struct task_struct *thread;
	struct mm_struct *mm;
	struct completion first;
	u64 begin;
	struct hmm_bench_hold times;
};

static void bench_holder_sleep(u64 ns)
{
	ktime_t time = ns_to_ktime(ns);

	set_current_state(TASK_IDLE);
	/* kthread_stop() may have been called before the state was set. */
	if (!kthread_should_stop())
		schedule_hrtimeout(&time, HRTIMER_MODE_REL);
	__set_current_state(TASK_RUNNING);
}

static int bench_holder_main(void *arg)
{
	struct bench_holder *holder = arg;

	while (!kthread_should_stop()) {
		u64 begin, held;

		mmap_write_lock(holder->mm);
		begin = ktime_get_ns();
		if (!holder->times.nr++) {
			holder->begin = begin;
			complete(&holder->first);
		}
		bench_holder_sleep(holder->times.period);
		held = ktime_get_ns() - begin;
		holder->times.held += held;
		mmap_write_unlock(holder->mm);
		/* The lock may have been held for longer than a period. */
		bench_holder_sleep(held);
	}
	return 0;
}

/* Returns after the thread has acquired the lock for the first time. */
int bench_hold(struct bench *bench, struct hmm_bench_hold *arg)
{
	struct bench_holder *holder;

	if (!bench->mm || bench->holder || !arg->period)
		return -EINVAL;
	holder = kzalloc(sizeof(*holder), GFP_KERNEL);
	if (!holder)
		return -ENOMEM;
	init_completion(&holder->first);
	holder->mm = bench->mm;
	holder->times.period = arg->period;
	holder->thread = kthread_run(bench_holder_main, holder, "hmm_bench");
	if (IS_ERR(holder->thread)) {
		int ret = PTR_ERR(holder->thread);

		kfree(holder);
		return ret;
	}
	wait_for_completion(&holder->first);
	bench->holder = holder;
	return 0;
}

int bench_hold_end(struct bench *bench, struct hmm_bench_hold *arg)
{
	struct bench_holder *holder = bench->holder;

	if (!holder)
		return -EINVAL;
	holder->times.total = ktime_get_ns() - holder->begin;
	kthread_stop(holder->thread);
	*arg = holder->times;
	kfree(holder);
	bench->holder = NULL;
	return 0;
}
