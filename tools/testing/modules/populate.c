// SPDX-License-Identifier: GPL-2.0
/*
 * hmm_mirror_range_populate(): its retry loop, timeout, signals and errors.
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

struct hmm_mirror_range *api_request(struct api_mirror *mirror,
				     unsigned long page, unsigned long npages,
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

/* Map the zero page. A later write replaces it and causes an invalidation. */
static void api_read_pages(unsigned long page, unsigned long npages)
{
	unsigned long value;

	while (npages--)
		EXPECT_EQ(0, copy_from_user(&value,
					    (void __user *)api_addr(page++),
					    sizeof(value)));
}

/*
 * A fault that causes an invalidation collides with it. A retry loop must call
 * hmm_mirror_range_wait_until_valid() again. Otherwise it compares with the old
 * sequence and collides forever.
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

/* populate() fails after its timeout, and not before. */
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
	api_resume_and_join(&interval->stop, writer);
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 10000));
	EXPECT_EQ(API_WRITABLE, api_rights(range, 0));
	hmm_mirror_range_unregister(range);
	api_remove(interval);
	api_unregister(mirror);
}

struct api_populate {
	struct hmm_mirror_range *range;
	/* the thread sends SIGKILL to itself before it reads */
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
	api_resume_and_join(&interval->stop, writer);
	hmm_mirror_range_unregister(populate->range);
	api_remove(interval);
	api_unregister(mirror);
}

/*
 * A killed task reads the range twice. Both reads must stop before page @last.
 */
static void api_expect_killed(struct api_populate *populate, unsigned long last)
{
	populate->killed = true;
	EXPECT_EQ(-EINTR, api_join(api_thread(api_populate_fn, populate)));
	EXPECT_EQ(-EINTR, populate->snapshot);
	EXPECT_EQ(0, api_rights(populate->range, last));
}

/* SIGKILL ends the read of a long range. */
static void r40_killed_during_a_long_read(void)
{
	struct api_populate *populate = api_alloc(sizeof(*populate));
	const unsigned long npages = HMM_API_ARENA_SIZE / PAGE_SIZE;
	struct api_mirror *mirror = api_mirror();

	populate->range = api_request(mirror, 0, npages,
				      HMM_MIRROR_PFN_REQ_FAULT);
	api_expect_killed(populate, npages - 1);
	hmm_mirror_range_unregister(populate->range);
	api_unregister(mirror);
}

/* SIGKILL also ends a read of present pages, which needs no page fault. */
static void r40_killed_while_reading_present_pages(void)
{
	struct api_populate *populate = api_alloc(sizeof(*populate));
	const unsigned long npages = HMM_API_ARENA_SIZE / PAGE_SIZE;
	struct api_mirror *mirror = api_mirror();

	/* Make the last page of the first half accessible. */
	EXPECT_EQ(0, api_syscall(__NR_mprotect, api_addr(npages / 2 - 1),
				 PAGE_SIZE, PROT_READ | PROT_WRITE));
	populate->range = api_request(mirror, 0, npages,
				      HMM_MIRROR_PFN_REQ_FAULT);
	EXPECT_EQ(0, hmm_mirror_range_populate(populate->range, 0));
	EXPECT_EQ(API_READABLE, api_rights(populate->range, npages - 1));
	populate->range->pfns[npages - 1] = 0;
	api_expect_killed(populate, npages - 1);
	hmm_mirror_range_unregister(populate->range);
	api_unregister(mirror);
}

/*
 * A write request for a read-only page fails and does not loop. Write requests
 * for other pages succeed.
 */
static void r29_write_to_a_read_only_vma(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range;

	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(0, api_syscall(__NR_mprotect, api_addr(0), PAGE_SIZE,
				 PROT_READ));

	range = api_request(mirror, 0, 2, HMM_MIRROR_PFN_REQ_WRITE);
	EXPECT_EQ(-EPERM, hmm_mirror_range_populate(range, 0));
	range->default_flags = HMM_MIRROR_PFN_REQ_FAULT;
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(API_READABLE, api_rights(range, 0));
	EXPECT_EQ(API_WRITABLE, api_rights(range, 1));

	/* A write request for the writable page succeeds. */
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

/* The vma allows writing, but the range does not request it. */
static void r31_only_requested_access(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 4);
	struct hmm_mirror_range *range;

	api_read_pages(0, 2);
	range = api_request(mirror, 0, 4, HMM_MIRROR_PFN_REQ_FAULT);
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	/* Page 0 was present before, and page 3 was not. */
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

/*
 * A range without a request. The entries of the array are no requests, because
 * pfn_flags_mask is 0. Page 2 has no vma.
 */
static void no_request_faults_nothing(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range = api_request(mirror, 0, 3, 0);

	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(0, vm_munmap(api_addr(2), PAGE_SIZE));
	range->pfns[1] = HMM_MIRROR_PFN_REQ_WRITE;
	range->pfns[2] = HMM_MIRROR_PFN_REQ_WRITE;
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(API_WRITABLE, api_rights(range, 0));
	EXPECT_EQ(0, api_rights(range, 1));
	EXPECT_EQ(HMM_MIRROR_PFN_ERROR, api_rights(range, 2));
	EXPECT(hmm_mirror_range_valid(range));
	hmm_mirror_range_unregister(range);
	api_unregister(mirror);
	EXPECT_EQ(0, api_unmap(0, 3));
}

/* A fault handler that returns success and maps no page. */
static vm_fault_t api_fault_maps_nothing(struct vm_fault *vmf)
{
	return VM_FAULT_NOPAGE;
}

/*
 * A fault handler that always returns VM_FAULT_RETRY. It drops the mmap lock
 * unless FAULT_FLAG_RETRY_NOWAIT is set.
 */
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

/**
 * struct api_mapping - the arguments of api_map_page_with()
 * @ops: the operations of the vma
 * @data: its vm_private_data
 */
struct api_mapping {
	const struct vm_operations_struct *ops;
	void *data;
};

static int api_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct api_mapping *mapping = file->private_data;

	vma->vm_ops = mapping->ops;
	vma->vm_private_data = mapping->data;
	return 0;
}

static const struct file_operations api_mmap_fops = {
	.owner = THIS_MODULE,
	.mmap = api_mmap,
};

bool api_map_page_with(unsigned long page,
		       const struct vm_operations_struct *ops, void *data)
{
	struct api_mapping mapping = { .ops = ops, .data = data };
	struct file *file;
	unsigned long addr;

	file = anon_inode_getfile("[hmm_api_test]", &api_mmap_fops, &mapping,
				  O_RDWR);
	if (!EXPECT(!IS_ERR(file)))
		return false;
	addr = vm_mmap(file, api_addr(page), PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, 0);
	/* The vma has its own copies of @ops and @data. */
	file->private_data = NULL;
	fput(file);
	return EXPECT_EQ(api_addr(page), addr);
}

static int api_populate_no_signal_fn(void *arg)
{
	return hmm_mirror_range_populate(arg, 0);
}

/*
 * The range does not collide, but its second page is never mapped. The loop
 * must end without a signal, because kernel threads ignore signals by default.
 */
static void api_populate_ends(const struct vm_operations_struct *ops)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range;
	struct api_thread *thread;
	int ret;

	if (!api_map_page_with(1, ops, NULL))
		goto out;
	range = api_request(mirror, 0, 3, HMM_MIRROR_PFN_REQ_FAULT);
	thread = api_thread(api_populate_no_signal_fn, range);
	/* If this check fails, the thread may still use the range. */
	if (!EXPECT_EQ(-EFAULT, api_join(thread)))
		return;
	EXPECT_EQ(-ETIME, hmm_mirror_range_populate(range, 5));

	/* With the lock held, a fault that would have to drop it fails. */
	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 1000));
	mmap_read_lock(current->mm);
	ret = hmm_mirror_range_fault_locked(range);
	mmap_read_unlock(current->mm);
	EXPECT_EQ(ops == &api_waits ? -EAGAIN : -EFAULT, ret);

	/* Once a page can be mapped there, populate() succeeds. */
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
	{ "no_request_faults_nothing", no_request_faults_nothing },
	{ "r27_begin_is_part_of_the_retry_loop",
	  r27_begin_is_part_of_the_retry_loop },
	{ "r28_populate_times_out", r28_populate_times_out },
	{ "r28_populate_is_killed_while_waiting",
	  r28_populate_is_killed_while_waiting },
	{ "r29_write_to_a_read_only_vma", r29_write_to_a_read_only_vma,
	  HMM_API_HELPER },
	{ "r31_only_requested_access", r31_only_requested_access },
	{ "r40_killed_during_a_long_read", r40_killed_during_a_long_read },
	{ "r40_killed_while_reading_present_pages",
	  r40_killed_while_reading_present_pages, HMM_API_HELPER },
	{ "r59_fault_that_maps_nothing", r59_fault_that_maps_nothing },
	{ "r59_fault_that_always_waits", r59_fault_that_always_waits },
	{}
};
