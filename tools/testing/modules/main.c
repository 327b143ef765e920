// SPDX-License-Identifier: GPL-2.0
/*
 * The device of api_test: lists the cases, runs them and returns the results.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "api.h"

/* Header of the memory that api_alloc() returns. */
struct api_memory {
	struct list_head node;
	u64 data[];
};

/**
 * struct api_run - an open file, and the case that runs through it
 * @lock: serializes changes of @memory, @result, @why and @abandoned
 * @result: 0 passed, 1 skipped, -1 failed
 * @why: the reason for @result
 * @memory: memory that the case has allocated
 * @abandoned: a thread that uses the memory may still run
 * @arena: address of the arena
 * @child_mm: mm of the process that called HMM_API_SET_CHILD
 * @child: that process
 * @child_blocked: the child is in HMM_API_BLOCK_CHILD
 * @finished: the case has returned
 * @wq: wait queue of the case, the helper thread and the child
 * @pending: the helper thread has to make the call in @syscall
 * @completed: the helper thread has made that call
 * @syscall: a system call and its result
 */
struct api_run {
	/* serializes changes of the result and the list of memory */
	spinlock_t lock;
	int result;
	char why[sizeof_field(struct hmm_api_run, why)];
	struct list_head memory;
	bool abandoned;
	unsigned long arena;
	struct mm_struct *child_mm;
	struct pid *child;
	bool child_blocked;
	bool finished;
	wait_queue_head_t wq;
	bool pending;
	bool completed;
	struct hmm_api_syscall syscall;
};

/* Only one case runs at a time. */
static DEFINE_MUTEX(api_mutex);
static struct api_run *api_current;

static const struct api_case *const api_tables[] = {
	api_mirror_cases,
	api_exit_cases,
	api_shared_cases,
	api_insert_cases,
	api_find_cases,
	api_find_next_cases,
	api_lifetime_cases,
	api_collision_cases,
	api_reader_cases,
	api_range_cases,
	api_bounds_cases,
	api_removed_cases,
	api_dma_map_cases,
	api_dma_bounds_cases,
	api_dma_iommu_cases,
	api_dirty_cases,
	api_compact_cases,
	api_pgtable_cases,
	api_remote_cases,
	api_populate_cases,
	api_partial_cases,
	api_fault_lock_cases,
	api_faults_cases,
	api_dispatch_cases,
	api_callback_cases,
	api_variant_cases,
	api_stress_cases,
	api_misuse_cases,
	api_dropin_cases,
	api_dropin_range_cases,
	api_wrong_cases,
};

static void api_set_result(int result, const char *why)
{
	struct api_run *run = api_current;

	spin_lock(&run->lock);
	if (run->result >= 0) {
		run->result = result;
		strscpy(run->why, why, sizeof(run->why));
	}
	spin_unlock(&run->lock);
}

bool api_check(bool good, const char *file, int line, const char *fmt, ...)
{
	char what[160], why[sizeof_field(struct hmm_api_run, why)];
	va_list args;

	if (good)
		return true;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	snprintf(why, sizeof(why), "%s:%d: %s", kbasename(file), line, what);
	api_set_result(-1, why);
	return false;
}

bool api_check_equal(long want, long seen, const char *file, int line,
		     const char *what)
{
	return api_check(want == seen, file, line, "%s is %ld, not %ld", what,
			 seen, want);
}

void api_skip(const char *fmt, ...)
{
	char why[sizeof_field(struct hmm_api_run, why)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	api_set_result(1, why);
}

void *api_alloc(size_t size)
{
	struct api_memory *memory;

	memory = kvzalloc(sizeof(*memory) + size, GFP_KERNEL | __GFP_NOFAIL);
	spin_lock(&api_current->lock);
	list_add(&memory->node, &api_current->memory);
	spin_unlock(&api_current->lock);
	return memory->data;
}

void api_free(void *data)
{
	struct api_memory *memory = container_of(data, struct api_memory,
						 data);

	spin_lock(&api_current->lock);
	list_del(&memory->node);
	spin_unlock(&api_current->lock);
	kvfree(memory);
}

void api_abandon(void)
{
	spin_lock(&api_current->lock);
	if (!api_current->abandoned)
		__module_get(THIS_MODULE);
	api_current->abandoned = true;
	spin_unlock(&api_current->lock);
}

unsigned long api_addr(unsigned long number)
{
	return api_current->arena + number * PAGE_SIZE;
}

struct mm_struct *api_child_mm(void)
{
	return api_current->child_mm;
}

void api_child_kill(void)
{
	kill_pid(api_current->child, SIGKILL, 1);
}

/* Returns the pid in the pid namespace of the process that runs the case. */
long api_child_pid(void)
{
	return pid_vnr(api_current->child);
}

void api_syscall_start(long nr, unsigned long arg0, unsigned long arg1,
		       unsigned long arg2)
{
	struct api_run *run = api_current;

	run->syscall = (struct hmm_api_syscall){
		.nr = nr,
		.arg = { arg0, arg1, arg2 },
	};
	run->completed = false;
	/* Pairs with the smp_rmb() in api_next_syscall(). */
	smp_store_release(&run->pending, true);
	wake_up_all(&run->wq);
}

long api_syscall_wait(void)
{
	struct api_run *run = api_current;

	wait_event_timeout(run->wq, READ_ONCE(run->completed), API_TIMEOUT);
	/* Pairs with the release in api_next_syscall(). */
	if (!EXPECT(smp_load_acquire(&run->completed)))
		return -ETIMEDOUT;
	return run->syscall.result;
}

long api_syscall(long nr, unsigned long arg0, unsigned long arg1,
		 unsigned long arg2)
{
	api_syscall_start(nr, arg0, arg1, arg2);
	return api_syscall_wait();
}

/* Store the result of the previous system call, and wait for the next one. */
static long api_next_syscall(struct api_run *run,
			     struct hmm_api_syscall __user *arg)
{
	struct hmm_api_syscall previous;
	int ret;

	if (copy_from_user(&previous, arg, sizeof(previous)))
		return -EFAULT;
	/* In its first call, the helper thread has no result yet. */
	if (previous.nr && !run->completed) {
		run->syscall.result = previous.result;
		/* Pairs with the acquire in api_syscall_wait(). */
		smp_store_release(&run->completed, true);
		wake_up_all(&run->wq);
	}
	ret = wait_event_interruptible(run->wq, READ_ONCE(run->pending));
	if (ret)
		return ret;
	/* Pairs with the release in api_syscall_start(). */
	smp_rmb();
	run->pending = false;
	return copy_to_user(arg, &run->syscall, sizeof(*arg)) ? -EFAULT : 0;
}

static const struct api_case *api_case_at(u32 index)
{
	const struct api_case *test;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(api_tables); i++)
		for (test = api_tables[i]; test->name; test++)
			if (!index--)
				return test;
	return NULL;
}

static long api_list(struct hmm_api_case __user *arg)
{
	const struct api_case *test;
	struct hmm_api_case info = {};

	if (get_user(info.index, &arg->index))
		return -EFAULT;
	test = api_case_at(info.index);
	if (!test)
		return -ENOENT;
	info.flags = test->flags;
	strscpy(info.name, test->name, sizeof(info.name));
	strscpy(info.expect, test->expect ?: "", sizeof(info.expect));
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static void api_run_case(struct api_run *run, const struct api_case *test)
{
	struct api_memory *memory, *next;

	run->result = 0;
	run->why[0] = '\0';
	INIT_LIST_HEAD(&run->memory);
	api_current = run;
	test->run();
	WRITE_ONCE(run->finished, true);
	wake_up_all(&run->wq);
	/* A thread that did not end may still use the memory and the file. */
	if (run->abandoned)
		return;
	list_for_each_entry_safe(memory, next, &run->memory, node)
		kvfree(memory);
	api_current = NULL;
}

static long api_run(struct api_run *run, struct hmm_api_run __user *arg)
{
	const struct api_case *test;
	struct hmm_api_run info;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	test = api_case_at(info.index);
	if (!test)
		return -ENOENT;
	if (info.arena & (HMM_API_ARENA_SIZE / 2 - 1))
		return -EINVAL;
	if (test->flags & HMM_API_CHILD && !run->child_mm)
		return -ENXIO;
	if (test->flags & HMM_API_UNKILLABLE &&
	    wait_event_killable(run->wq, READ_ONCE(run->child_blocked)))
		return -EINTR;
	if (mutex_lock_killable(&api_mutex))
		return -EINTR;
	if (api_current) {
		mutex_unlock(&api_mutex);
		return -EBUSY;
	}
	run->arena = info.arena;
	api_run_case(run, test);
	info.result = run->result;
	memcpy(info.why, run->why, sizeof(info.why));
	mutex_unlock(&api_mutex);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long api_set_child(struct api_run *run)
{
	if (run->child_mm)
		return -EBUSY;
	mmgrab(current->mm);
	run->child = get_task_pid(current, PIDTYPE_TGID);
	run->child_mm = current->mm;
	return 0;
}

/*
 * Block the child until the case has ended. A child that the case kills is
 * dying, but cannot exit until then.
 */
static long api_block_child(struct api_run *run)
{
	WRITE_ONCE(run->child_blocked, true);
	wake_up_all(&run->wq);
	wait_event(run->wq, READ_ONCE(run->finished));
	return 0;
}

static int api_open(struct inode *inode, struct file *file)
{
	struct api_run *run = kzalloc(sizeof(*run), GFP_KERNEL);

	if (!run)
		return -ENOMEM;
	spin_lock_init(&run->lock);
	init_waitqueue_head(&run->wq);
	file->private_data = run;
	return 0;
}

static int api_release(struct inode *inode, struct file *file)
{
	struct api_run *run = file->private_data;

	if (run->abandoned)
		return 0;
	if (run->child_mm)
		mmdrop(run->child_mm);
	put_pid(run->child);
	kfree(run);
	return 0;
}

static long api_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct api_run *run = file->private_data;

	switch (cmd) {
	case HMM_API_CASE:
		return api_list((void __user *)arg);
	case HMM_API_RUN:
		return api_run(run, (void __user *)arg);
	case HMM_API_SET_CHILD:
		return api_set_child(run);
	case HMM_API_SYSCALL:
		return api_next_syscall(run, (void __user *)arg);
	case HMM_API_BLOCK_CHILD:
		return api_block_child(run);
	}
	return -ENOTTY;
}

static const struct file_operations api_fops = {
	.owner = THIS_MODULE,
	.open = api_open,
	.release = api_release,
	.unlocked_ioctl = api_ioctl,
};

static struct miscdevice api_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hmm_api_test",
	.fops = &api_fops,
	.mode = 0600,
};
module_misc_device(api_device);

MODULE_DESCRIPTION("Tests of the mirror and interval API inside the kernel");
MODULE_LICENSE("GPL");
