// SPDX-License-Identifier: GPL-2.0
/*
 * Faulting in pages: the flags of a fault, and the requests.
 */
#include <linux/mm.h>
#include <linux/sched.h>

#include <hmm/range.h>

#include "api.h"

/**
 * struct api_fault_log - a mapping that records its faults
 * @result: return value of the first fault; later faults return VM_FAULT_SIGBUS
 * @calls: number of faults
 * @flags: flags of the first two faults
 */
struct api_fault_log {
	vm_fault_t result;
	unsigned int calls;
	unsigned int flags[2];
};

static vm_fault_t api_log_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct api_fault_log *log = vma->vm_private_data;

	if (log->calls < ARRAY_SIZE(log->flags))
		log->flags[log->calls] = vmf->flags;
	if (log->calls++)
		return VM_FAULT_SIGBUS;
	if (log->result == VM_FAULT_RETRY &&
	    !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		mmap_read_unlock(vma->vm_mm);
	return log->result;
}

static const struct vm_operations_struct api_log_ops = {
	.fault = api_log_fault,
};

/* Map page 0 so that its faults are recorded. */
static struct api_fault_log *api_map_log(vm_fault_t result)
{
	struct api_fault_log *log = api_alloc(sizeof(*log));

	log->result = result;
	api_map_page_with(0, &api_log_ops, log);
	return log;
}

/*
 * A fault handler that has to wait drops the mmap lock only in the first
 * attempt, which it recognizes by the flags.
 */
static void r75_first_fault_may_drop_the_lock(void)
{
	struct api_fault_log *log = api_map_log(VM_FAULT_RETRY);
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range = api_request(mirror, 0, 1,
						     HMM_MIRROR_PFN_REQ_FAULT);

	EXPECT_EQ(-EFAULT, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(2, log->calls);
	EXPECT(fault_flag_allow_retry_first(log->flags[0]));
	EXPECT(log->flags[0] & FAULT_FLAG_KILLABLE);
	EXPECT(log->flags[1] & FAULT_FLAG_TRIED);
	EXPECT(log->flags[1] & FAULT_FLAG_KILLABLE);
	hmm_mirror_range_unregister(range);
	EXPECT_EQ(0, api_unmap(0, 1));
	api_unregister(mirror);
}

/*
 * hmm_mirror_range_fault_locked() must not drop the lock, so no attempt may
 * wait.
 */
static void r75_locked_faults_do_not_wait(void)
{
	struct api_fault_log *log = api_map_log(VM_FAULT_NOPAGE);
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range = api_request(mirror, 0, 1,
						     HMM_MIRROR_PFN_REQ_FAULT);
	unsigned int i;

	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 0));
	mmap_read_lock(current->mm);
	EXPECT_EQ(-EFAULT, hmm_mirror_range_fault_locked(range));
	mmap_read_unlock(current->mm);
	EXPECT_EQ(2, log->calls);
	for (i = 0; i < ARRAY_SIZE(log->flags); i++) {
		EXPECT(fault_flag_allow_retry_first(log->flags[i]));
		EXPECT(log->flags[i] & FAULT_FLAG_RETRY_NOWAIT);
	}
	hmm_mirror_range_unregister(range);
	EXPECT_EQ(0, api_unmap(0, 1));
	api_unregister(mirror);
}

/*
 * A fault that only zeroes a page is a minor fault, because it does not read
 * from a disk.
 */
static void r75_fresh_memory_has_minor_faults(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range = api_request(mirror, 0, 16,
						     HMM_MIRROR_PFN_REQ_FAULT);
	unsigned long major = current->maj_flt, minor = current->min_flt;

	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(major, current->maj_flt);
	EXPECT(current->min_flt > minor);
	hmm_mirror_range_unregister(range);
	api_unregister(mirror);
}

/*
 * A snapshot does not change the requests. It reports both pages as writable,
 * but reading was requested for page 0 and nothing for page 1.
 */
static void r79_snapshot_keeps_the_requests(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_mirror_range *range = api_request(mirror, 0, 2,
						     HMM_MIRROR_PFN_REQ_FAULT);

	range->default_flags = 0;
	range->pfn_flags_mask = HMM_MIRROR_PFN_REQ_WRITE;
	range->pfns[0] = HMM_MIRROR_PFN_REQ_FAULT;
	range->pfns[1] = 0;
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 0));
	EXPECT_EQ(0, hmm_mirror_range_snapshot(range));
	EXPECT(range->pfns[0] & HMM_MIRROR_PFN_WRITE);
	EXPECT(range->pfns[1] & HMM_MIRROR_PFN_WRITE);

	EXPECT_EQ(0, api_unmap(0, 2));
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT(range->pfns[0] & HMM_MIRROR_PFN_VALID);
	EXPECT(!(range->pfns[0] & HMM_MIRROR_PFN_WRITE));
	EXPECT(!(range->pfns[1] & HMM_MIRROR_PFN_VALID));
	hmm_mirror_range_unregister(range);
	api_unregister(mirror);
}

const struct api_case api_faults_cases[] = {
	{ "r75_first_fault_may_drop_the_lock",
	  r75_first_fault_may_drop_the_lock },
	{ "r75_locked_faults_do_not_wait", r75_locked_faults_do_not_wait },
	{ "r75_fresh_memory_has_minor_faults",
	  r75_fresh_memory_has_minor_faults },
	{ "r79_snapshot_keeps_the_requests", r79_snapshot_keeps_the_requests },
	{}
};
