// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own interface on top of hmm_mirror. The cases are written like a
 * driver for that interface: besides the test fixtures in api.h, only the first
 * header is ours.
 */
#include <hmm/dropin/dropin.h>

#include <linux/mmap_lock.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>

#include "api.h"

#define DROPIN_PAGES	4

/**
 * struct dropin_driver - a driver with one interval
 * @notifier: the interval
 * @lock: the update lock
 * @finish: the second pass
 * @passes: the first pass requests the second one
 * @ignore: the callback does not call mmu_interval_set_seq()
 * @calls: callbacks, or first passes
 * @finishes: second passes
 * @releases: callbacks for the exit of the mm
 * @cur_seq: the number that the last callback received
 */
struct dropin_driver {
	struct mmu_interval_notifier notifier;
	struct mutex lock;	/* the update lock */
	struct mmu_interval_notifier_finish finish;
	bool passes;
	bool ignore;
	atomic_t calls;
	atomic_t finishes;
	atomic_t releases;
	unsigned long cur_seq;
};

static bool dropin_invalidate(struct mmu_interval_notifier *notifier,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq)
{
	struct dropin_driver *driver =
		container_of(notifier, struct dropin_driver, notifier);

	if (mmu_notifier_range_blockable(range))
		mutex_lock(&driver->lock);
	else if (!mutex_trylock(&driver->lock))
		return false;
	atomic_inc(&driver->calls);
	if (range->event == MMU_NOTIFY_RELEASE)
		atomic_inc(&driver->releases);
	driver->cur_seq = cur_seq;
	if (!driver->ignore)
		mmu_interval_set_seq(notifier, cur_seq);
	mutex_unlock(&driver->lock);
	return true;
}

static bool dropin_start(struct mmu_interval_notifier *notifier,
			 const struct mmu_notifier_range *range,
			 unsigned long cur_seq,
			 struct mmu_interval_notifier_finish **finish)
{
	struct dropin_driver *driver =
		container_of(notifier, struct dropin_driver, notifier);

	if (!dropin_invalidate(notifier, range, cur_seq))
		return false;
	if (driver->passes)
		*finish = &driver->finish;
	return true;
}

static void dropin_finish(struct mmu_interval_notifier_finish *finish)
{
	struct dropin_driver *driver =
		container_of(finish, struct dropin_driver, finish);

	EXPECT(finish->notifier == &driver->notifier);
	atomic_inc(&driver->finishes);
}

static const struct mmu_interval_notifier_ops dropin_ops = {
	.invalidate = dropin_invalidate,
};

static const struct mmu_interval_notifier_ops dropin_two_pass_ops = {
	.invalidate_start = dropin_start,
	.invalidate_finish = dropin_finish,
};

static struct dropin_driver *
dropin_driver_on(struct mm_struct *mm,
		 const struct mmu_interval_notifier_ops *ops)
{
	struct dropin_driver *driver = api_alloc(sizeof(*driver));

	mutex_init(&driver->lock);
	EXPECT_EQ(0, mmu_interval_notifier_insert(&driver->notifier, mm,
						  api_addr(0),
						  DROPIN_PAGES * PAGE_SIZE,
						  ops));
	return driver;
}

static struct dropin_driver *dropin_driver(void)
{
	return dropin_driver_on(current->mm, &dropin_ops);
}

static void dropin_remove(struct dropin_driver *driver)
{
	mmu_interval_notifier_remove(&driver->notifier);
	driver->notifier.mm = NULL;
}

/* Check whether a reader that began with @seq must retry. */
static bool dropin_retry(struct dropin_driver *driver, unsigned long seq)
{
	bool retry;

	mutex_lock(&driver->lock);
	retry = mmu_interval_read_retry(&driver->notifier, seq);
	mutex_unlock(&driver->lock);
	return retry;
}

/* A reader retries only if the callback has set the sequence. */
static void dropin_ignored_event_disturbs_no_reader(void)
{
	struct dropin_driver *driver = dropin_driver();
	unsigned long seq = mmu_interval_read_begin(&driver->notifier);

	EXPECT(!dropin_retry(driver, seq));
	driver->ignore = true;
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&driver->calls));
	EXPECT(!dropin_retry(driver, seq));

	driver->ignore = false;
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(2, atomic_read(&driver->calls));
	EXPECT(dropin_retry(driver, seq));
	EXPECT(mmu_interval_check_retry(&driver->notifier, seq));
	seq = mmu_interval_read_begin(&driver->notifier);
	EXPECT(!dropin_retry(driver, seq));
	EXPECT_EQ(driver->cur_seq, seq);
	dropin_remove(driver);
}

/* Drivers subtract 2 to force a retry, and use LONG_MAX as "never". */
static void dropin_sequence_values(void)
{
	struct dropin_driver *driver = dropin_driver();
	unsigned long seq = mmu_interval_read_begin(&driver->notifier);
	int i;

	EXPECT_EQ(seq, mmu_interval_read_begin(&driver->notifier));
	EXPECT(dropin_retry(driver, seq - 2));
	for (i = 0; i < DROPIN_PAGES; i++) {
		unsigned long next;

		EXPECT_EQ(0, api_write(i));
		next = mmu_interval_read_begin(&driver->notifier);
		/* LONG_MAX is odd. */
		EXPECT_EQ(0, next & 1);
		EXPECT(next - seq >= 2 && seq - next >= 2);
		EXPECT(dropin_retry(driver, next - 2));
		seq = next;
	}
	dropin_remove(driver);

	/* A reader of the old interval must not mistake the new one for it. */
	EXPECT_EQ(0, mmu_interval_notifier_insert(&driver->notifier,
						  current->mm, api_addr(0),
						  PAGE_SIZE, &dropin_ops));
	EXPECT(dropin_retry(driver, seq));
	EXPECT(dropin_retry(driver, 0));
	dropin_remove(driver);
}

/* Drivers read the bounds and the mm, and set the mm to NULL. */
static void dropin_members(void)
{
	struct dropin_driver *driver = dropin_driver();
	struct mmu_interval_notifier *notifier = &driver->notifier;
	struct mmu_interval_notifier unused = {};

	EXPECT(notifier->mm == current->mm);
	EXPECT(notifier->ops == &dropin_ops);
	EXPECT_EQ(api_addr(0), notifier->interval_tree.start);
	EXPECT_EQ(api_addr(DROPIN_PAGES) - 1, notifier->interval_tree.last);
	dropin_remove(driver);

	unused.mm = current->mm;
	EXPECT_EQ(-EOVERFLOW, mmu_interval_notifier_insert(&unused, current->mm,
							   0, 0, &dropin_ops));
	EXPECT_EQ(-EOVERFLOW, mmu_interval_notifier_insert(&unused, current->mm,
							   PAGE_SIZE, ULONG_MAX,
							   &dropin_ops));
	/* Drivers remove an interval that has an mm or bounds. */
	EXPECT(!unused.mm);
	EXPECT_EQ(0, unused.interval_tree.start);
	EXPECT_EQ(0, unused.interval_tree.last);
	EXPECT_EQ(-EINVAL, mmu_interval_notifier_insert(&unused, current->mm,
							1UL << 63, PAGE_SIZE,
							&dropin_ops));
	EXPECT(!unused.mm);
	EXPECT_EQ(0, unused.interval_tree.last);
}

/*
 * A driver prepares the mm, and later inserts an interval with the mmap lock
 * held for reading.
 */
static void dropin_insert_with_read_lock(void)
{
	struct dropin_driver *driver = api_alloc(sizeof(*driver));
	struct mm_struct *mm = current->mm;

	mutex_init(&driver->lock);
	mmap_write_lock(mm);
	EXPECT_EQ(0, __mmu_notifier_register(NULL, mm));
	mmap_write_unlock(mm);

	mmap_read_lock(mm);
	EXPECT_EQ(0, mmu_interval_notifier_insert_locked(&driver->notifier, mm,
							 api_addr(0), PAGE_SIZE,
							 &dropin_ops));
	mmap_read_unlock(mm);
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&driver->calls));
	dropin_remove(driver);
}

/*
 * Some drivers insert an interval for each fault, and remove it with the mmap
 * lock held.
 */
static void dropin_intervals_share_a_mirror(void)
{
	struct dropin_driver *driver = dropin_driver();
	struct hmm_dropin_mirror *mirror = driver->notifier.mirror;
	struct mm_struct *mm = current->mm;
	struct mmu_interval_notifier other;

	EXPECT_EQ(0, mmu_interval_notifier_insert(&other, mm, api_addr(2),
						  PAGE_SIZE, &dropin_ops));
	EXPECT(other.mirror == mirror);
	mmap_write_lock(mm);
	mmu_interval_notifier_remove(&other);
	mmu_interval_notifier_remove(&driver->notifier);
	mmap_write_unlock(mm);

	/* The mirror stays for the next fault. */
	EXPECT_EQ(0, mmu_interval_notifier_insert(&other, mm, api_addr(2),
						  PAGE_SIZE, &dropin_ops));
	EXPECT(other.mirror == mirror);
	mmu_interval_notifier_remove(&other);
}

/**
 * struct dropin_list_notifier - a notifier of the mm beside an interval
 * @notifier: the notifier
 * @driver: the driver
 * @starts: invalidations
 * @late: how often the callback of the interval had not run before
 */
struct dropin_list_notifier {
	struct mmu_notifier notifier;
	struct dropin_driver *driver;
	int starts;
	int late;
};

static int dropin_list_start(struct mmu_notifier *notifier,
			     const struct mmu_notifier_range *range)
{
	struct dropin_list_notifier *list =
		container_of(notifier, struct dropin_list_notifier, notifier);

	if (range->end <= api_addr(0) || range->start >= api_addr(DROPIN_PAGES))
		return 0;
	list->starts++;
	if (atomic_read(&list->driver->calls) != list->starts)
		list->late++;
	return 0;
}

static const struct mmu_notifier_ops dropin_list_ops = {
	.invalidate_range_start = dropin_list_start,
};

/* The callback of an interval runs before that of a list notifier. */
static void dropin_interval_is_called_first(void)
{
	struct dropin_list_notifier *list = api_alloc(sizeof(*list));
	struct dropin_list_notifier *late = api_alloc(sizeof(*late));
	struct mm_struct *mm = current->mm;
	struct dropin_driver *driver;

	list->notifier.ops = &dropin_list_ops;
	mmap_write_lock(mm);
	EXPECT_EQ(0, __mmu_notifier_register(&list->notifier, mm));
	mmap_write_unlock(mm);
	driver = dropin_driver();
	list->driver = driver;

	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, list->starts);
	EXPECT_EQ(0, list->late);

	/* This one would be called before the interval. */
	late->notifier.ops = &dropin_list_ops;
	mmap_write_lock(mm);
	EXPECT_EQ(-EBUSY, __mmu_notifier_register(&late->notifier, mm));
	mmap_write_unlock(mm);
	mmu_notifier_unregister(&list->notifier, mm);
	dropin_remove(driver);
}

/* The second pass runs only if the first one has requested it. */
static void dropin_two_passes(void)
{
	struct dropin_driver *driver = dropin_driver_on(current->mm,
							&dropin_two_pass_ops);
	unsigned long seq = mmu_interval_read_begin(&driver->notifier);

	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&driver->calls));
	EXPECT_EQ(0, atomic_read(&driver->finishes));
	EXPECT(dropin_retry(driver, seq));
	driver->passes = true;
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(0, api_write(2));
	EXPECT_EQ(3, atomic_read(&driver->calls));
	EXPECT_EQ(2, atomic_read(&driver->finishes));
	dropin_remove(driver);
}

static bool dropin_wait_for(atomic_t *count, int value)
{
	unsigned long deadline = jiffies + API_TIMEOUT;

	while (atomic_read(count) < value && time_before(jiffies, deadline))
		schedule_timeout_uninterruptible(1);
	return atomic_read(count) == value;
}

/* An exit is one more invalidation, with one pass or with two. */
static void dropin_exit_is_an_invalidation(void)
{
	struct mm_struct *mm = api_child_mm();
	struct dropin_driver *one = dropin_driver_on(mm, &dropin_ops);
	struct dropin_driver *two = dropin_driver_on(mm, &dropin_two_pass_ops);
	struct mmu_interval_notifier late;

	two->passes = true;
	api_child_kill();
	EXPECT(dropin_wait_for(&one->releases, 1));
	EXPECT(dropin_wait_for(&two->releases, 1));
	EXPECT(dropin_wait_for(&two->finishes, atomic_read(&two->calls)));
	EXPECT(one->notifier.mm == mm);
	EXPECT_EQ(-ESRCH, mmu_interval_notifier_insert(&late, mm, api_addr(0),
						       PAGE_SIZE, &dropin_ops));
	dropin_remove(one);
	dropin_remove(two);
}

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

const struct api_case api_dropin_cases[] = {
	{ "dropin_ignored_event_disturbs_no_reader",
	  dropin_ignored_event_disturbs_no_reader,
	  HMM_API_DEFERRED },
	{ "dropin_sequence_values",
	  dropin_sequence_values,
	  HMM_API_DEFERRED },
	{ "dropin_members",
	  dropin_members,
	  HMM_API_DEFERRED },
	{ "dropin_insert_with_read_lock",
	  dropin_insert_with_read_lock,
	  HMM_API_DEFERRED },
	{ "dropin_intervals_share_a_mirror",
	  dropin_intervals_share_a_mirror,
	  HMM_API_DEFERRED },
	{ "dropin_interval_is_called_first",
	  dropin_interval_is_called_first,
	  HMM_API_DEFERRED },
	{ "dropin_two_passes",
	  dropin_two_passes,
	  HMM_API_DEFERRED },
	{ "dropin_exit_is_an_invalidation",
	  dropin_exit_is_an_invalidation,
	  HMM_API_DEFERRED | HMM_API_CHILD },
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
