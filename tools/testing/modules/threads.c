// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel threads, stop points and invalidations.
 */
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>

#include "api.h"

void api_stop_arm(struct api_stop *stop)
{
	init_completion(&stop->reached);
	init_completion(&stop->resume);
	/* Pairs with the xchg() in api_stop_here(). */
	smp_store_release(&stop->armed, true);
}

/* Only the first thread that reaches an armed stop point stops. */
void api_stop_here(struct api_stop *stop)
{
	if (!xchg(&stop->armed, false))
		return;
	complete_all(&stop->reached);
	EXPECT(wait_for_completion_timeout(&stop->resume, API_TIMEOUT));
}

bool api_stop_reached_at(struct api_stop *stop, const char *file, int line)
{
	return api_check(wait_for_completion_timeout(&stop->reached,
						     API_TIMEOUT),
			 file, line, "no thread has reached the stop point");
}

void api_stop_resume(struct api_stop *stop)
{
	complete_all(&stop->resume);
}

static int api_thread_main(void *data)
{
	struct api_thread *thread = data;

	complete_all(&thread->entered);
	kthread_use_mm(thread->mm);
	thread->ret = thread->fn(thread->arg);
	kthread_unuse_mm(thread->mm);
	mmput(thread->mm);
	complete_all(&thread->done);

	/* Wait for kthread_stop(): module code must not run after an unload. */
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

struct api_thread *api_thread_in(struct mm_struct *mm, int (*fn)(void *arg),
				 void *arg)
{
	struct api_thread *thread = api_alloc(sizeof(*thread));

	init_completion(&thread->entered);
	init_completion(&thread->done);
	thread->fn = fn;
	thread->arg = arg;
	thread->mm = mm;
	if (!EXPECT(mmget_not_zero(mm)))
		return thread;
	thread->task = kthread_run(api_thread_main, thread, "hmm_api");
	if (!EXPECT(!IS_ERR(thread->task))) {
		thread->task = NULL;
		mmput(mm);
		return thread;
	}
	EXPECT(wait_for_completion_timeout(&thread->entered, API_TIMEOUT));
	return thread;
}

struct api_thread *api_thread(int (*fn)(void *arg), void *arg)
{
	return api_thread_in(current->mm, fn, arg);
}

/*
 * Returns true if the function of the thread does not return within a short
 * time.
 */
bool api_thread_blocks(struct api_thread *thread)
{
	return !wait_for_completion_timeout(&thread->done, API_SHORT_WAIT);
}

bool api_thread_done(struct api_thread *thread)
{
	return completion_done(&thread->done);
}

int api_join_at(struct api_thread *thread, const char *file, int line)
{
	if (!thread->task)
		return -ENOMEM;
	if (!api_check(wait_for_completion_timeout(&thread->done, API_TIMEOUT),
		       file, line, "%ps does not return", thread->fn)) {
		api_abandon();
		return -ETIMEDOUT;
	}
	kthread_stop(thread->task);
	return thread->ret;
}

/* Resume the thread at the stop point, and expect that @thread returns 0. */
void api_resume_and_join_at(struct api_stop *stop, struct api_thread *thread,
			    const char *file, int line)
{
	api_stop_resume(stop);
	api_check_equal(0, api_join_at(thread, file, line), file, line,
			"api_join(thread)");
}

int api_write(unsigned long page)
{
	unsigned long __user *address = (void __user *)api_addr(page);
	unsigned long value;

	if (get_user(value, address) || put_user(value + 1, address))
		return -EFAULT;
	return 0;
}

int api_unmap(unsigned long page, unsigned long npages)
{
	unsigned long address = api_addr(page), length = npages * PAGE_SIZE;
	unsigned long mapped;
	int ret;

	ret = vm_munmap(address, length);
	if (ret)
		return ret;
	mapped = vm_mmap(NULL, address, length, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	return mapped == address ? 0 : -ENOMEM;
}

static int api_write_fn(void *arg)
{
	return api_write((unsigned long)arg);
}

struct api_thread *api_write_thread(unsigned long page)
{
	return api_thread(api_write_fn, (void *)page);
}

/* Each number fits in 16 bits, because the arena has 1024 pages. */
static int api_unmap_fn(void *arg)
{
	unsigned long what = (unsigned long)arg;

	return api_unmap(what >> 16, what & 0xffff);
}

struct api_thread *api_unmap_thread(unsigned long page, unsigned long npages)
{
	return api_thread(api_unmap_fn, (void *)(page << 16 | npages));
}
