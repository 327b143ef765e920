// SPDX-License-Identifier: GPL-2.0
/*
 * Intervals of the kernel's own interface on top of hmm_mirror.
 */
#include "dropin_driver.h"

#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>

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
	{ }
};
