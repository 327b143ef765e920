// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that is written for the kernel's own interface: see dropin_driver.h.
 */
#include "dropin_driver.h"

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

const struct mmu_interval_notifier_ops dropin_ops = {
	.invalidate = dropin_invalidate,
};

const struct mmu_interval_notifier_ops dropin_two_pass_ops = {
	.invalidate_start = dropin_start,
	.invalidate_finish = dropin_finish,
};

struct dropin_driver *
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

struct dropin_driver *dropin_driver(void)
{
	return dropin_driver_on(current->mm, &dropin_ops);
}

void dropin_remove(struct dropin_driver *driver)
{
	mmu_interval_notifier_remove(&driver->notifier);
	driver->notifier.mm = NULL;
}

/* Check whether a reader that began with @seq must retry. */
bool dropin_retry(struct dropin_driver *driver, unsigned long seq)
{
	bool retry;

	mutex_lock(&driver->lock);
	retry = mmu_interval_read_retry(&driver->notifier, seq);
	mutex_unlock(&driver->lock);
	return retry;
}
