// SPDX-License-Identifier: GPL-2.0
/*
 * The loop around a fault: what a driver that writes its own gets wrong, and
 * hmm_mirror_range_populate() does not.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/unistd.h>

#include <hmm/range.h>

#include "api.h"

#define API_READABLE	HMM_MIRROR_PFN_VALID
#define API_WRITABLE	(HMM_MIRROR_PFN_VALID | HMM_MIRROR_PFN_WRITE)

static struct hmm_mirror_range *api_request(struct api_mirror *mirror,
					    unsigned long page,
					    unsigned long npages,
					    unsigned long flags)
{
	struct hmm_mirror_range *range = api_alloc(sizeof(*range));

	range->pfns = api_alloc(npages * sizeof(*range->pfns));
	range->default_flags = flags;
	EXPECT_EQ(0, hmm_mirror_range_register(range, &mirror->mirror,
					       api_addr(page),
					       api_addr(page + npages)));
	return range;
}

static unsigned long api_rights(const struct hmm_mirror_range *range,
				unsigned long i)
{
	return range->pfns[i] & (API_WRITABLE | HMM_MIRROR_PFN_ERROR);
}

/* The page of zeros: to write to it is to replace it, which invalidates. */
static void api_read_pages(unsigned long page, unsigned long npages)
{
	unsigned long value;

	while (npages--)
		EXPECT_EQ(0, copy_from_user(&value,
					    (void __user *)api_addr(page++),
					    sizeof(value)));
}

/*
 * A fault that itself invalidates has collided. Who faults again without a
 * begin compares with the old sequence, and has collided for ever.
 */
static void r27_begin_is_part_of_the_retry_loop(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range;
	int i;

	api_read_pages(0, 4);
	range = api_request(mirror, 0, 2, HMM_MIRROR_PFN_REQ_WRITE);
	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 1000));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EBUSY, hmm_mirror_range_fault(range));
	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 1000));
	EXPECT_EQ(0, hmm_mirror_range_fault(range));
	EXPECT(hmm_mirror_range_valid(range));
	hmm_mirror_range_unregister(range);

	range = api_request(mirror, 2, 2, HMM_MIRROR_PFN_REQ_WRITE);
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 10000));
	EXPECT(hmm_mirror_range_valid(range));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(API_WRITABLE, api_rights(range, i));
	hmm_mirror_range_unregister(range);
	api_unregister(mirror);
}

/* It gives up when it was told to, and not before. */
static void r28_populate_times_out(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct hmm_mirror_range *range;
	struct api_thread *writer;
	unsigned long before;

	range = api_request(mirror, 0, 2, HMM_MIRROR_PFN_REQ_FAULT);
	writer = api_stop_write(interval, 0);
	before = jiffies;
	EXPECT_EQ(-ETIME, hmm_mirror_range_populate(range, 100));
	EXPECT(time_after_eq(jiffies, before + msecs_to_jiffies(100)));
	EXPECT_EQ(-ETIME, hmm_mirror_range_wait_until_valid(range, 1));
	EXPECT(!api_thread_done(writer));
	api_stop_resume(&interval->stop);
	EXPECT_EQ(0, api_join(writer));
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 10000));
	EXPECT_EQ(API_WRITABLE, api_rights(range, 0));
	hmm_mirror_range_unregister(range);
	api_remove(interval);
	api_unregister(mirror);
}

struct api_populate {
	struct hmm_mirror_range *range;
	/* it has been killed before it begins */
	bool killed;
	int snapshot;
};

static int api_populate_fn(void *arg)
{
	struct api_populate *populate = arg;
	int ret;

	allow_signal(SIGKILL);
	if (populate->killed) {
		EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(populate->range,
							       1000));
		send_sig(SIGKILL, current, 1);
		populate->snapshot = hmm_mirror_range_snapshot(populate->range);
	}
	ret = hmm_mirror_range_populate(populate->range, 0);
	flush_signals(current);
	return ret;
}

static void r28_populate_is_killed_while_waiting(void)
{
	struct api_populate *populate = api_alloc(sizeof(*populate));
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct api_thread *writer, *thread;

	populate->range = api_request(mirror, 0, 2, HMM_MIRROR_PFN_REQ_FAULT);
	writer = api_stop_write(interval, 0);
	thread = api_thread(api_populate_fn, populate);
	EXPECT(api_thread_blocks(thread));
	send_sig(SIGKILL, thread->task, 1);
	EXPECT_EQ(-EINTR, api_join(thread));
	EXPECT(!api_thread_done(writer));
	api_stop_resume(&interval->stop);
	EXPECT_EQ(0, api_join(writer));
	hmm_mirror_range_unregister(populate->range);
	api_remove(interval);
	api_unregister(mirror);
}

/* Who is killed does not read on to the end of a long range. */
static void r40_killed_during_a_long_read(void)
{
	struct api_populate *populate = api_alloc(sizeof(*populate));
	const unsigned long npages = HMM_API_ARENA_SIZE / PAGE_SIZE;
	struct api_mirror *mirror = api_mirror();

	populate->range = api_request(mirror, 0, npages,
				      HMM_MIRROR_PFN_REQ_FAULT);
	populate->killed = true;
	EXPECT_EQ(-EINTR, api_join(api_thread(api_populate_fn, populate)));
	EXPECT_EQ(-EINTR, populate->snapshot);
	EXPECT_EQ(0, api_rights(populate->range, npages - 1));
	hmm_mirror_range_unregister(populate->range);
	api_unregister(mirror);
}

/* No loop until the vma allows it: an error, for the page that asked. */
static void r29_write_to_a_read_only_vma(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range;

	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(0, api_write(1));
	api_syscall_start(__NR_mprotect, api_addr(0), PAGE_SIZE, PROT_READ);
	EXPECT_EQ(0, api_syscall_wait());

	range = api_request(mirror, 0, 2, HMM_MIRROR_PFN_REQ_WRITE);
	EXPECT_EQ(-EPERM, hmm_mirror_range_populate(range, 0));
	range->default_flags = HMM_MIRROR_PFN_REQ_FAULT;
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(API_READABLE, api_rights(range, 0));
	EXPECT_EQ(API_WRITABLE, api_rights(range, 1));

	/* Asked of the other page only, it is no matter here. */
	range->default_flags = 0;
	range->pfn_flags_mask = HMM_MIRROR_PFN_REQ_WRITE;
	range->pfns[0] = HMM_MIRROR_PFN_REQ_FAULT;
	range->pfns[1] = HMM_MIRROR_PFN_REQ_WRITE;
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	range->pfns[0] = HMM_MIRROR_PFN_REQ_WRITE;
	range->pfns[1] = 0;
	EXPECT_EQ(-EPERM, hmm_mirror_range_populate(range, 0));
	hmm_mirror_range_unregister(range);
	api_unregister(mirror);
	EXPECT_EQ(0, api_unmap(0, 2));
}

/* The vma allows writing; nobody has asked for it. */
static void r31_only_requested_access(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 4);
	struct hmm_mirror_range *range;

	api_read_pages(0, 2);
	range = api_request(mirror, 0, 4, HMM_MIRROR_PFN_REQ_FAULT);
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	/* Those that were there, and those that were not. */
	EXPECT_EQ(API_READABLE, api_rights(range, 0));
	EXPECT_EQ(API_READABLE, api_rights(range, 3));
	EXPECT_EQ(0, atomic_read(&interval->calls));

	range->default_flags = 0;
	range->pfn_flags_mask = HMM_MIRROR_PFN_REQ_WRITE;
	range->pfns[0] = HMM_MIRROR_PFN_REQ_WRITE;
	range->pfns[1] = HMM_MIRROR_PFN_REQ_FAULT;
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(API_WRITABLE, api_rights(range, 0));
	EXPECT_EQ(API_READABLE, api_rights(range, 1));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	hmm_mirror_range_unregister(range);
	api_remove(interval);
	api_unregister(mirror);
}

/* A driver's mapping whose fault handler succeeds and maps nothing. */
static vm_fault_t api_fault_maps_nothing(struct vm_fault *vmf)
{
	return VM_FAULT_NOPAGE;
}

/* The same for one that has to wait, and drops the lock to do so. */
static vm_fault_t api_fault_waits(struct vm_fault *vmf)
{
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	mmap_read_unlock(vmf->vma->vm_mm);
	return VM_FAULT_RETRY;
}

static const struct vm_operations_struct api_maps_nothing = {
	.fault = api_fault_maps_nothing,
};

static const struct vm_operations_struct api_waits = {
	.fault = api_fault_waits,
};

static int api_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = file->private_data;
	return 0;
}

static const struct file_operations api_mmap_fops = {
	.owner = THIS_MODULE,
	.mmap = api_mmap,
};

/* Map page 1 of the arena with these operations; it is anonymous again later. */
static bool api_map_page_with(const struct vm_operations_struct *ops)
{
	struct file *file;
	unsigned long addr;

	file = anon_inode_getfile("[hmm_api_test]", &api_mmap_fops, (void *)ops,
				  O_RDWR);
	if (!EXPECT(!IS_ERR(file)))
		return false;
	addr = vm_mmap(file, api_addr(1), PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, 0);
	fput(file);
	return EXPECT_EQ(api_addr(1), addr);
}

static int api_populate_no_signal_fn(void *arg)
{
	return hmm_mirror_range_populate(arg, 0);
}

/*
 * Nothing collides and the page never appears. A kernel thread receives no
 * signal that would end the loop.
 */
static void api_populate_ends(const struct vm_operations_struct *ops)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range;
	struct api_thread *thread;
	int ret;

	if (!api_map_page_with(ops))
		goto out;
	range = api_request(mirror, 0, 3, HMM_MIRROR_PFN_REQ_FAULT);
	thread = api_thread(api_populate_no_signal_fn, range);
	/* It stays where it is for ever if this fails, and so does the range. */
	if (!EXPECT_EQ(-EFAULT, api_join(thread)))
		return;
	EXPECT_EQ(-ETIME, hmm_mirror_range_populate(range, 5));

	/* With the lock held throughout it may also have to give up at once. */
	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 1000));
	mmap_read_lock(current->mm);
	ret = hmm_mirror_range_fault_locked(range);
	mmap_read_unlock(current->mm);
	EXPECT_EQ(ops == &api_waits ? -EAGAIN : -EFAULT, ret);

	/* The page can be had as soon as something maps it. */
	EXPECT_EQ(0, api_unmap(1, 1));
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(API_READABLE, api_rights(range, 1));
	hmm_mirror_range_unregister(range);
out:
	api_unregister(mirror);
}

static void r59_fault_that_maps_nothing(void)
{
	api_populate_ends(&api_maps_nothing);
}

static void r59_fault_that_always_waits(void)
{
	api_populate_ends(&api_waits);
}

const struct api_case api_populate_cases[] = {
	{ "r27_begin_is_part_of_the_retry_loop", r27_begin_is_part_of_the_retry_loop },
	{ "r28_populate_times_out", r28_populate_times_out },
	{ "r28_populate_is_killed_while_waiting",
	  r28_populate_is_killed_while_waiting },
	{ "r29_write_to_a_read_only_vma", r29_write_to_a_read_only_vma,
	  HMM_API_HELPER },
	{ "r31_only_requested_access", r31_only_requested_access },
	{ "r40_killed_during_a_long_read", r40_killed_during_a_long_read },
	{ "r59_fault_that_maps_nothing", r59_fault_that_maps_nothing },
	{ "r59_fault_that_always_waits", r59_fault_that_always_waits },
	{}
};
