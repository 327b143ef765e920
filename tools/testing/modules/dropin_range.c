// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges of the kernel's own interface on top of hmm_mirror.
 */
#include "dropin_driver.h"

#include <linux/mmap_lock.h>

static struct hmm_range *dropin_range(struct dropin_driver *driver,
				      unsigned long flags)
{
	struct hmm_range *range = api_alloc(sizeof(*range));

	range->notifier = &driver->notifier;
	range->start = api_addr(0);
	range->end = api_addr(DROPIN_PAGES);
	range->hmm_pfns = api_alloc(DROPIN_PAGES * sizeof(*range->hmm_pfns));
	range->default_flags = flags;
	return range;
}

/* Drivers for older kernels hold the mmap lock. */
static int dropin_fault(struct hmm_range *range)
{
	int ret;

	range->notifier_seq = mmu_interval_read_begin(range->notifier);
	mmap_read_lock(current->mm);
	ret = hmm_range_fault(range);
	mmap_read_unlock(current->mm);
	return ret;
}

/**
 * struct dropin_fault - data of a fault handler
 * @range: the range that is being read
 * @set: what the handler sets in the second entry, as another thread could
 * @result: what the handler returns, unless FAULT_FLAG_RETRY_NOWAIT is set
 * @page: the page that it maps, if @result is 0
 */
struct dropin_fault {
	struct hmm_range *range;
	unsigned long set;
	vm_fault_t result;
	struct page *page;
};

static vm_fault_t dropin_handle_fault(struct vm_fault *vmf)
{
	struct dropin_fault *fault = vmf->vma->vm_private_data;

	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	if (fault->set)
		WRITE_ONCE(fault->range->hmm_pfns[1], fault->set);
	if (!fault->result) {
		get_page(fault->page);
		vmf->page = fault->page;
	}
	return fault->result;
}

static const struct vm_operations_struct dropin_fault_ops = {
	.fault = dropin_handle_fault,
};

static void dropin_fault_with_lock(void)
{
	struct dropin_driver *driver = dropin_driver();
	struct hmm_range *range = dropin_range(driver, HMM_PFN_REQ_FAULT |
						       HMM_PFN_REQ_WRITE);
	struct dropin_fault fault = { .result = VM_FAULT_SIGBUS };
	int i;

	EXPECT_EQ(0, api_unmap(0, DROPIN_PAGES));
	EXPECT_EQ(0, dropin_fault(range));
	for (i = 0; i < DROPIN_PAGES; i++)
		EXPECT((range->hmm_pfns[i] & HMM_PFN_VALID) &&
		       (range->hmm_pfns[i] & HMM_PFN_WRITE));
	EXPECT(!dropin_retry(driver, range->notifier_seq));

	/* A collision before the read. */
	EXPECT_EQ(0, api_unmap(0, DROPIN_PAGES));
	mmap_read_lock(current->mm);
	EXPECT_EQ(-EBUSY, hmm_range_fault(range));
	mmap_read_unlock(current->mm);

	/* A fault that has to wait does so with the lock, or fails. */
	fault.page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (EXPECT(fault.page) &&
	    api_map_page_with(0, &dropin_fault_ops, &fault)) {
		EXPECT_EQ(-EFAULT, dropin_fault(range));
		fault.result = 0;
		EXPECT_EQ(0, dropin_fault(range));
		EXPECT(hmm_pfn_to_page(range->hmm_pfns[0]) == fault.page);
	}
	EXPECT_EQ(0, api_unmap(0, DROPIN_PAGES));
	if (fault.page)
		put_page(fault.page);

	range->end = range->start;
	EXPECT_EQ(-EINVAL, dropin_fault(range));
	range->end = api_addr(DROPIN_PAGES + 1);
	EXPECT_EQ(-EINVAL, dropin_fault(range));
	dropin_remove(driver);
}

/* Without a request, nothing is faulted in. */
static void dropin_snapshot(void)
{
	struct dropin_driver *driver = dropin_driver();
	struct hmm_range *range = dropin_range(driver, 0);

	EXPECT_EQ(0, api_unmap(0, DROPIN_PAGES));
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(0, dropin_fault(range));
	EXPECT_EQ(0, range->hmm_pfns[0]);
	EXPECT(range->hmm_pfns[1] & HMM_PFN_VALID);
	EXPECT_EQ(0, range->hmm_pfns[2]);
	dropin_remove(driver);
}

/* The request of an entry counts as far as the mask permits. */
static void dropin_requests_of_entries(void)
{
	struct dropin_driver *driver = dropin_driver();
	struct hmm_range *range = dropin_range(driver, 0);

	range->pfn_flags_mask = HMM_PFN_REQ_FAULT;
	range->hmm_pfns[1] = HMM_PFN_REQ_WRITE;
	range->hmm_pfns[2] = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE;
	EXPECT_EQ(0, api_unmap(0, DROPIN_PAGES));
	EXPECT_EQ(0, dropin_fault(range));
	EXPECT_EQ(0, range->hmm_pfns[0]);
	EXPECT_EQ(0, range->hmm_pfns[1]);
	EXPECT(range->hmm_pfns[2] & HMM_PFN_VALID);
	EXPECT(!(range->hmm_pfns[2] & HMM_PFN_WRITE));
	EXPECT_EQ(0, range->hmm_pfns[3]);

	range->pfn_flags_mask |= HMM_PFN_REQ_WRITE;
	range->hmm_pfns[1] = HMM_PFN_REQ_WRITE;
	range->hmm_pfns[3] = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE;
	EXPECT_EQ(0, dropin_fault(range));
	EXPECT_EQ(0, range->hmm_pfns[1]);
	EXPECT(range->hmm_pfns[3] & HMM_PFN_WRITE);
	dropin_remove(driver);
}

/* Other threads use the entries during a read, which stores nothing if it fails. */
static void dropin_entries_survive_an_error(void)
{
	struct dropin_driver *driver = dropin_driver();
	struct hmm_range *range = dropin_range(driver, HMM_PFN_REQ_FAULT);
	struct dropin_fault fault = {
		.range = range,
		.set = HMM_PFN_VALID | 0x123,
		.result = VM_FAULT_SIGBUS,
	};

	range->hmm_pfns[0] = HMM_PFN_VALID | 0x456;
	if (api_map_page_with(3, &dropin_fault_ops, &fault))
		EXPECT_EQ(-EFAULT, hmm_range_fault_unlocked_timeout(range, 0));
	EXPECT_EQ(HMM_PFN_VALID | 0x456, range->hmm_pfns[0]);
	EXPECT_EQ(HMM_PFN_VALID | 0x123, range->hmm_pfns[1]);
	EXPECT_EQ(0, range->hmm_pfns[2]);
	EXPECT_EQ(0, api_unmap(0, DROPIN_PAGES));
	dropin_remove(driver);
}

/* A read does not change the flags of the driver, not even those set meanwhile. */
static void dropin_driver_flags_survive(void)
{
	const unsigned long order = 0x1fUL << HMM_PFN_ORDER_SHIFT;
	const unsigned long sticky = HMM_PFN_FLAGS &
		~(HMM_PFN_VALID | HMM_PFN_WRITE | HMM_PFN_ERROR | order);
	struct dropin_fault fault = { .set = sticky };
	struct dropin_driver *driver;
	struct hmm_range *range;

	if (!sticky) {
		api_skip("this kernel has no flags that a read preserves");
		return;
	}
	driver = dropin_driver();
	range = dropin_range(driver, HMM_PFN_REQ_FAULT);
	range->hmm_pfns[2] = sticky;
	fault.range = range;
	fault.page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (EXPECT(fault.page) &&
	    api_map_page_with(3, &dropin_fault_ops, &fault))
		EXPECT_EQ(0, hmm_range_fault_unlocked_timeout(range, 0));
	EXPECT_EQ(0, range->hmm_pfns[0] & sticky);
	EXPECT_EQ(sticky | HMM_PFN_VALID,
		  range->hmm_pfns[1] & (sticky | HMM_PFN_VALID));
	EXPECT_EQ(sticky | HMM_PFN_VALID,
		  range->hmm_pfns[2] & (sticky | HMM_PFN_VALID));
	EXPECT_EQ(0, api_unmap(0, DROPIN_PAGES));
	if (fault.page)
		put_page(fault.page);
	dropin_remove(driver);
}

/* The variant that acquires the lock also begins the read, and repeats it. */
static void dropin_fault_without_lock(void)
{
	struct dropin_driver *driver = dropin_driver();
	struct hmm_range *range = dropin_range(driver, HMM_PFN_REQ_FAULT |
						       HMM_PFN_REQ_WRITE);
	unsigned long seq;

	EXPECT_EQ(0, api_unmap(0, DROPIN_PAGES));
	range->notifier_seq = driver->cur_seq - 2;
	EXPECT_EQ(0, hmm_range_fault_unlocked_timeout(range, API_TIMEOUT));
	EXPECT(!dropin_retry(driver, range->notifier_seq));
	EXPECT(range->hmm_pfns[DROPIN_PAGES - 1] & HMM_PFN_WRITE);

	/* The fault replaces the zero page, which makes the range collide. */
	EXPECT_EQ(0, api_unmap(0, DROPIN_PAGES));
	range->default_flags = HMM_PFN_REQ_FAULT;
	EXPECT_EQ(0, hmm_range_fault_unlocked_timeout(range, 0));
	EXPECT(!(range->hmm_pfns[0] & HMM_PFN_WRITE));
	range->default_flags |= HMM_PFN_REQ_WRITE;
	seq = range->notifier_seq;
	EXPECT_EQ(0, hmm_range_fault_unlocked_timeout(range, 0));
	EXPECT(range->notifier_seq != seq);
	EXPECT(!dropin_retry(driver, range->notifier_seq));
	EXPECT(range->hmm_pfns[0] & HMM_PFN_WRITE);

	range->end = range->start;
	EXPECT_EQ(-EINVAL, hmm_range_fault_unlocked_timeout(range, 0));
	dropin_remove(driver);
}

/* An invalidation that does not end delays a reader until its timeout. */
static void dropin_fault_without_lock_ends(void)
{
	struct dropin_driver *driver = dropin_driver();
	struct hmm_range *range = dropin_range(driver, HMM_PFN_REQ_FAULT);
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct api_thread *writer = api_stop_write(interval, 0);
	unsigned long start = jiffies;

	EXPECT_EQ(-EBUSY, hmm_range_fault_unlocked_timeout(range, HZ / 4));
	EXPECT(time_after_eq(jiffies, start + HZ / 4));
	EXPECT(time_before(jiffies, start + API_TIMEOUT));
	api_resume_and_join(&interval->stop, writer);
	EXPECT_EQ(0, hmm_range_fault_unlocked_timeout(range, 0));
	api_remove(interval);
	api_unregister(mirror);
	dropin_remove(driver);
}

const struct api_case api_dropin_range_cases[] = {
	{ "dropin_fault_with_lock",
	  dropin_fault_with_lock,
	  HMM_API_DEFERRED },
	{ "dropin_snapshot",
	  dropin_snapshot,
	  HMM_API_DEFERRED },
	{ "dropin_requests_of_entries",
	  dropin_requests_of_entries,
	  HMM_API_DEFERRED },
	{ "dropin_entries_survive_an_error",
	  dropin_entries_survive_an_error,
	  HMM_API_DEFERRED },
	{ "dropin_driver_flags_survive",
	  dropin_driver_flags_survive,
	  HMM_API_DEFERRED },
	{ "dropin_fault_without_lock",
	  dropin_fault_without_lock,
	  HMM_API_DEFERRED },
	{ "dropin_fault_without_lock_ends",
	  dropin_fault_without_lock_ends,
	  HMM_API_DEFERRED },
	{ }
};
