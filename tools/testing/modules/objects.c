// SPDX-License-Identifier: GPL-2.0
/*
 * Mirrors and intervals of a driver that counts its callbacks.
 */
#include <linux/sched.h>

#include "api.h"

static bool api_sync(struct hmm_mirror *mirror,
		     const struct mmu_notifier_range *range)
{
	struct api_mirror *ours = container_of(mirror, struct api_mirror,
					       mirror);

	atomic_inc(&ours->syncs);
	api_stop_here(&ours->sync_stop);
	return !ours->refuse;
}

static void api_mirror_release(struct hmm_mirror *mirror)
{
	struct api_mirror *ours = container_of(mirror, struct api_mirror,
					       mirror);

	api_stop_here(&ours->release_stop);
	if (ours->on_release)
		ours->on_release(ours);
	atomic_inc(&ours->releases);
}

const struct hmm_mirror_ops api_mirror_ops = {
	.release = api_mirror_release,
};

const struct hmm_mirror_ops api_syncing_mirror_ops = {
	.sync_cpu_device_pagetables = api_sync,
	.release = api_mirror_release,
};

static bool api_invalidate(struct hmm_interval_notifier *notifier,
			   const struct mmu_notifier_range *range)
{
	struct api_interval *interval =
		container_of(notifier, struct api_interval, notifier);
	bool agreed = !interval->refuse;

	interval->start = range->start;
	interval->end = range->end;
	atomic_inc(&interval->calls);
	api_stop_here(&interval->stop);
	atomic_inc(&interval->returned);
	/* The action may free the interval. */
	if (interval->action)
		interval->action(interval, range);
	return agreed;
}

static void api_invalidate_finish(struct hmm_interval_notifier *notifier,
				  const struct mmu_notifier_range *range)
{
	struct api_interval *interval =
		container_of(notifier, struct api_interval, notifier);

	EXPECT_EQ(interval->start, range->start);
	EXPECT_EQ(interval->end, range->end);
	atomic_inc(&interval->finishes);
	if (interval->on_finish)
		interval->on_finish(interval);
}

static void api_interval_release(struct hmm_interval_notifier *notifier)
{
	struct api_interval *interval =
		container_of(notifier, struct api_interval, notifier);

	EXPECT_EQ(atomic_read(&interval->calls),
		  atomic_read(&interval->returned));
	atomic_inc(&interval->releases);
}

const struct hmm_interval_notifier_ops api_ops = {
	.invalidate = api_invalidate,
	.release = api_interval_release,
};

const struct hmm_interval_notifier_ops api_other_ops = {
	.invalidate = api_invalidate,
	.release = api_interval_release,
};

const struct hmm_interval_notifier_ops api_two_pass_ops = {
	.invalidate_start = api_invalidate,
	.invalidate_finish = api_invalidate_finish,
	.release = api_interval_release,
};

static struct api_mirror *api_mirror_alloc(const struct hmm_mirror_ops *ops)
{
	struct api_mirror *mirror = api_alloc(sizeof(*mirror));

	mirror->mirror.ops = ops;
	return mirror;
}

static struct api_mirror *api_register(struct api_mirror *mirror,
				       struct mm_struct *mm)
{
	EXPECT_EQ(0, hmm_mirror_register(&mirror->mirror, mm));
	return mirror;
}

struct api_mirror *api_mirror_new(void)
{
	return api_mirror_alloc(&api_mirror_ops);
}

struct api_mirror *api_mirror_on(struct mm_struct *mm)
{
	return api_register(api_mirror_new(), mm);
}

struct api_mirror *api_mirror(void)
{
	return api_mirror_on(current->mm);
}

struct api_mirror *api_syncing_mirror_new(void)
{
	return api_mirror_alloc(&api_syncing_mirror_ops);
}

struct api_mirror *api_syncing_mirror_on(struct mm_struct *mm)
{
	return api_register(api_syncing_mirror_new(), mm);
}

struct api_mirror *api_syncing_mirror(void)
{
	return api_syncing_mirror_on(current->mm);
}

void api_unregister(struct api_mirror *mirror)
{
	hmm_mirror_unregister(&mirror->mirror);
}

static int api_unregister_fn(void *arg)
{
	api_unregister(arg);
	return 0;
}

struct api_thread *api_unregister_thread(struct api_mirror *mirror)
{
	return api_thread(api_unregister_fn, mirror);
}

struct api_interval *api_interval_new(void)
{
	struct api_interval *interval = api_alloc(sizeof(*interval));

	/* Insert must work on memory that the driver has not initialized. */
	memset(&interval->notifier, 0xa5, sizeof(interval->notifier));
	return interval;
}

int api_insert_ops(struct api_interval *interval, struct api_mirror *mirror,
		   unsigned long page, unsigned long npages,
		   const struct hmm_interval_notifier_ops *ops)
{
	return hmm_interval_notifier_insert(&interval->notifier,
					    &mirror->mirror, api_addr(page),
					    npages * PAGE_SIZE, ops);
}

struct api_interval *api_interval(struct api_mirror *mirror,
				  unsigned long page, unsigned long npages)
{
	struct api_interval *interval = api_interval_new();

	EXPECT_EQ(0, api_insert_ops(interval, mirror, page, npages, &api_ops));
	return interval;
}

int api_update(struct api_interval *interval, unsigned long page,
	       unsigned long npages)
{
	return hmm_interval_notifier_update(&interval->notifier,
					    api_addr(page),
					    npages * PAGE_SIZE);
}

void api_remove(struct api_interval *interval)
{
	hmm_interval_notifier_remove(&interval->notifier);
}

static int api_remove_fn(void *arg)
{
	struct api_interval *interval = arg;

	api_remove(interval);
	/* Remove returns after the last callback. */
	EXPECT_EQ(atomic_read(&interval->calls),
		  atomic_read(&interval->returned));
	return 0;
}

struct api_thread *api_remove_thread(struct api_interval *interval)
{
	return api_thread(api_remove_fn, interval);
}

void api_put(struct api_interval *interval)
{
	hmm_interval_notifier_put(&interval->notifier);
}

/*
 * Returns an interval with api_ops that contains the page, or NULL. The caller
 * drops the reference with api_put().
 */
struct api_interval *api_find(struct api_mirror *mirror, unsigned long page)
{
	struct hmm_interval_notifier *notifier;

	notifier = hmm_interval_notifier_find(&mirror->mirror, &api_ops,
					      api_addr(page),
					      api_addr(page + 1) - 1);
	return notifier ? container_of(notifier, struct api_interval,
				       notifier) : NULL;
}

/* Returns true if find returns @interval. Drops the reference. */
bool api_finds(struct api_mirror *mirror, unsigned long page,
	       struct api_interval *interval)
{
	struct api_interval *found = api_find(mirror, page);

	if (found)
		api_put(found);
	return found == interval;
}

struct api_thread *api_stop_write_at(struct api_interval *interval,
				     unsigned long page, const char *file,
				     int line)
{
	struct api_thread *thread;

	api_stop_arm(&interval->stop);
	thread = api_write_thread(page);
	api_stop_reached_at(&interval->stop, file, line);
	return thread;
}

bool api_can_begin(struct api_interval *interval)
{
	unsigned long seq;

	return hmm_interval_read_try_begin(&interval->notifier, &seq);
}

/* The caller must ensure that no invalidation of the interval is in flight. */
unsigned long api_seq(struct api_interval *interval)
{
	unsigned long seq = 0;

	EXPECT(hmm_interval_read_try_begin(&interval->notifier, &seq));
	return seq;
}

bool api_retry(struct api_interval *interval, unsigned long seq)
{
	bool retry = hmm_interval_read_retry(&interval->notifier, seq);

	EXPECT_EQ(retry, hmm_interval_check_retry(&interval->notifier, seq));
	return retry;
}

/* Returns true if no invalidation of the mm is in flight. */
bool api_is_idle(struct api_mirror *mirror)
{
	struct api_interval *all = api_interval_new();
	bool ended;

	EXPECT_EQ(0, hmm_interval_notifier_insert(&all->notifier,
						  &mirror->mirror, 0,
						  ULONG_MAX, NULL));
	ended = api_can_begin(all);
	api_remove(all);
	return ended;
}
