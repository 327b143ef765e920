// SPDX-License-Identifier: GPL-2.0
/*
 * A driver whose files share one mirror per device and mm. The driver guide
 * quotes it.
 */
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "api.h"

/* A device, and the stop points at which a case stops a thread. */
struct shared_device {
	/* protects @processes, and the members users and node of each */
	struct mutex lock;
	struct list_head processes;
	struct api_stop create_stop;
	struct api_stop destroy_stop;
};

/* The mirror of a device and an mm. Each open file has a reference. */
struct shared_process {
	struct shared_device *device;
	struct hmm_mirror mirror;
	struct hmm_interval_notifier interval;
	struct list_head node;
	unsigned int users;
	/* For the cases. */
	atomic_t calls;
};

static bool shared_invalidate(struct hmm_interval_notifier *interval,
			      const struct mmu_notifier_range *range)
{
	struct shared_process *process =
		container_of(interval, struct shared_process, interval);

	atomic_inc(&process->calls);
	return true;
}

static const struct hmm_interval_notifier_ops shared_ops = {
	.invalidate = shared_invalidate,
};

/* The result cannot be found yet, and has one reference. */
static struct shared_process *shared_create(struct shared_device *device,
					    struct mm_struct *mm)
{
	struct shared_process *process;
	int ret;

	process = kzalloc(sizeof(*process), GFP_KERNEL_ACCOUNT);
	if (!process)
		return ERR_PTR(-ENOMEM);
	process->device = device;
	process->users = 1;
	ret = hmm_mirror_register(&process->mirror, mm);
	if (ret)
		goto free;
	ret = hmm_interval_notifier_insert(&process->interval,
					   &process->mirror, 0, ULONG_MAX,
					   &shared_ops);
	if (ret)
		goto unregister;
	api_stop_here(&device->create_stop);
	return process;

unregister:
	hmm_mirror_unregister(&process->mirror);
free:
	kfree(process);
	return ERR_PTR(ret);
}

static void shared_destroy(struct shared_process *process)
{
	api_stop_here(&process->device->destroy_stop);
	hmm_interval_notifier_remove(&process->interval);
	hmm_mirror_unregister(&process->mirror);
	kfree(process);
}

static struct shared_process *shared_find(struct shared_device *device,
					  const struct mm_struct *mm)
{
	struct shared_process *process;

	lockdep_assert_held(&device->lock);
	list_for_each_entry(process, &device->processes, node) {
		/* The mirror pins the mm, so its address is not reused. */
		if (hmm_mirror_mm(&process->mirror) == mm) {
			process->users++;
			return process;
		}
	}
	return NULL;
}

/*
 * Do not hold the lock of the device while the mirror is registered: the mmap
 * lock of a process may be held for a long time, and other processes would wait.
 */
static struct shared_process *shared_get(struct shared_device *device,
					 struct mm_struct *mm)
{
	struct shared_process *process, *new;

	mutex_lock(&device->lock);
	process = shared_find(device, mm);
	mutex_unlock(&device->lock);
	if (process)
		return process;

	new = shared_create(device, mm);
	if (IS_ERR(new))
		return new;
	mutex_lock(&device->lock);
	process = shared_find(device, mm);
	if (!process) {
		list_add(&new->node, &device->processes);
		process = new;
	}
	mutex_unlock(&device->lock);
	/* Another task was faster: use its mirror. */
	if (process != new)
		shared_destroy(new);
	return process;
}

static void shared_put(struct shared_process *process)
{
	struct shared_device *device = process->device;
	bool last;

	mutex_lock(&device->lock);
	last = !--process->users;
	if (last)
		list_del(&process->node);
	mutex_unlock(&device->lock);
	/* This waits for callbacks, so the lock is not held. */
	if (last)
		shared_destroy(process);
}

static struct shared_device *shared_device(void)
{
	struct shared_device *device = api_alloc(sizeof(*device));

	mutex_init(&device->lock);
	INIT_LIST_HEAD(&device->processes);
	return device;
}

static void shared_files_have_one_mirror(void)
{
	struct shared_device *device = shared_device();
	struct shared_device *other = shared_device();
	struct shared_process *process = shared_get(device, current->mm);
	struct shared_process *child = shared_get(device, api_child_mm());
	struct shared_process *foreign = shared_get(other, current->mm);

	if (!EXPECT(!IS_ERR(process) && !IS_ERR(child) && !IS_ERR(foreign)))
		return;
	EXPECT(child != process);
	EXPECT(foreign != process);
	EXPECT_EQ(process, shared_get(device, current->mm));
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&process->calls));
	EXPECT_EQ(0, atomic_read(&child->calls));
	shared_put(process);
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(2, atomic_read(&process->calls));
	shared_put(process);
	EXPECT_EQ(child, shared_get(device, api_child_mm()));
	shared_put(child);
	shared_put(child);
	EXPECT(list_empty(&device->processes));
	shared_put(foreign);
}

static int shared_get_fn(void *arg)
{
	struct shared_process *process = shared_get(arg, current->mm);

	return PTR_ERR_OR_ZERO(process);
}

/* Two tasks find no mirror, and both register one. */
static void shared_get_races_with_get(void)
{
	struct shared_device *device = shared_device();
	struct shared_process *process;
	struct api_thread *slow;

	api_stop_arm(&device->create_stop);
	slow = api_thread(shared_get_fn, device);
	api_stop_reached(&device->create_stop);
	process = shared_get(device, current->mm);
	api_resume_and_join(&device->create_stop, slow);
	EXPECT(list_is_singular(&device->processes));
	EXPECT_EQ(2, process->users);
	shared_put(process);
	if (!list_empty(&device->processes))
		shared_put(list_first_entry(&device->processes,
					    struct shared_process, node));
	EXPECT(list_empty(&device->processes));
}

static int shared_put_fn(void *arg)
{
	shared_put(arg);
	return 0;
}

/* The last put is about to unregister the mirror. The next get has its own. */
static void shared_get_races_with_put(void)
{
	struct shared_device *device = shared_device();
	struct shared_process *old = shared_get(device, current->mm), *process;
	struct api_thread *putting;

	api_stop_arm(&device->destroy_stop);
	putting = api_thread(shared_put_fn, old);
	api_stop_reached(&device->destroy_stop);
	process = shared_get(device, current->mm);
	EXPECT(process != old);
	api_resume_and_join(&device->destroy_stop, putting);
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&process->calls));
	shared_put(process);
	EXPECT(list_empty(&device->processes));
}

const struct api_case api_shared_cases[] = {
	{ "shared_files_have_one_mirror", shared_files_have_one_mirror,
	  HMM_API_CHILD },
	{ "shared_get_races_with_get", shared_get_races_with_get },
	{ "shared_get_races_with_put", shared_get_races_with_put },
	{}
};
