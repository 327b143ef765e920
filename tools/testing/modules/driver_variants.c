// SPDX-License-Identifier: GPL-2.0
/*
 * Differences between real drivers: the order of inserts, the lifetime of an
 * interval, reuse of an object for another mm, the calling task, and refusals.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unistd.h>
#include <linux/workqueue.h>

#include <hmm/range.h>

#include "api.h"

#define API_ORDERED	200

/* Store the position of this callback in the order of all callbacks. */
static void api_record_order(struct api_interval *interval,
			     const struct mmu_notifier_range *range)
{
	struct api_interval *turns = interval->data;

	interval->data = (void *)(long)atomic_inc_return(&turns->calls);
}

/*
 * Callbacks run in the order of addresses, whatever the order of the inserts.
 */
static void api_insert_in_order(unsigned int first, unsigned int step)
{
	struct api_interval *turns = api_alloc(sizeof(*turns));
	struct api_mirror *mirror = api_mirror();
	struct api_interval **intervals;
	unsigned int i, at;

	intervals = api_alloc(API_ORDERED * sizeof(*intervals));
	for (i = 0; i < API_ORDERED; i++) {
		at = (first + i * step) % API_ORDERED;
		intervals[at] = api_interval(mirror, at, 1);
		intervals[at]->action = api_record_order;
		intervals[at]->data = turns;
	}
	EXPECT_EQ(0, api_unmap(10, 150));
	for (i = 0; i < API_ORDERED; i++) {
		if (i < 10 || i >= 160) {
			EXPECT_EQ(0, atomic_read(&intervals[i]->calls));
			continue;
		}
		EXPECT_EQ(1, atomic_read(&intervals[i]->calls));
		EXPECT_EQ(i - 9, (long)intervals[i]->data);
	}
	for (i = 0; i < API_ORDERED; i++)
		api_remove(intervals[i]);
	api_unregister(mirror);
}

static void r12_inserted_in_reverse_order(void)
{
	api_insert_in_order(API_ORDERED - 1, API_ORDERED - 1);
}

static void r12_inserted_in_random_order(void)
{
	/*
	 * The step is coprime to API_ORDERED, so each interval is inserted
	 * once.
	 */
	api_insert_in_order(0, 77);
}

/* A driver's object: the release callback of the interval frees it. */
struct api_object {
	struct hmm_interval_notifier notifier;
	struct api_stop *stop;
	atomic_t *frees;
	bool put_in_callback;
};

static bool api_object_invalidate(struct hmm_interval_notifier *notifier,
				  const struct mmu_notifier_range *range)
{
	struct api_object *object =
		container_of(notifier, struct api_object, notifier);

	api_stop_here(object->stop);
	if (object->put_in_callback)
		hmm_interval_notifier_put(notifier);
	return true;
}

static void api_object_release(struct hmm_interval_notifier *notifier)
{
	struct api_object *object =
		container_of(notifier, struct api_object, notifier);

	atomic_inc(object->frees);
	memset(object, 0x5a, sizeof(*object));
	kfree(object);
}

static const struct hmm_interval_notifier_ops api_object_ops = {
	.invalidate = api_object_invalidate,
	.release = api_object_release,
};

static struct api_object *api_object(struct api_mirror *mirror,
				     struct api_stop *stop, atomic_t *frees)
{
	struct api_object *object;

	object = kzalloc(sizeof(*object), GFP_KERNEL | __GFP_NOFAIL);
	object->stop = stop;
	object->frees = frees;
	EXPECT_EQ(0, hmm_interval_notifier_insert(&object->notifier,
						  &mirror->mirror, api_addr(0),
						  PAGE_SIZE, &api_object_ops));
	return object;
}

/* The callback drops the last reference, with and without other intervals. */
static void r25_release_frees_after_the_callback(void)
{
	struct api_stop *stop = api_alloc(sizeof(*stop));
	atomic_t *frees = api_alloc(sizeof(*frees));
	struct api_mirror *mirror = api_mirror();
	struct api_interval *after;

	api_object(mirror, stop, frees)->put_in_callback = true;
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(frees));

	api_object(mirror, stop, frees)->put_in_callback = true;
	api_object(mirror, stop, frees)->put_in_callback = true;
	after = api_interval(mirror, 0, 1);
	EXPECT_EQ(0, api_unmap(0, 1));
	EXPECT_EQ(3, atomic_read(frees));
	EXPECT_EQ(1, atomic_read(&after->calls));
	api_remove(after);
	api_unregister(mirror);
}

/* Another task drops the last reference while the callback runs. */
static void r25_release_frees_during_the_callback(void)
{
	struct api_stop *stop = api_alloc(sizeof(*stop));
	atomic_t *frees = api_alloc(sizeof(*frees));
	struct api_mirror *mirror = api_mirror();
	struct hmm_interval_notifier *found;
	struct api_object *object;
	struct api_thread *writer;

	object = api_object(mirror, stop, frees);
	api_stop_arm(stop);
	writer = api_write_thread(0);
	api_stop_reached(stop);
	found = hmm_interval_notifier_find(&mirror->mirror, &api_object_ops,
					   api_addr(0), api_addr(0));
	EXPECT_EQ(&object->notifier, found);
	hmm_interval_notifier_put(&object->notifier);
	EXPECT_EQ(0, atomic_read(frees));
	hmm_interval_notifier_put(found);
	/* The callback is still running. */
	EXPECT_EQ(0, atomic_read(frees));
	api_stop_resume(stop);
	EXPECT_EQ(0, api_join(writer));
	EXPECT_EQ(1, atomic_read(frees));
	api_unregister(mirror);
}

/* A driver uses the same interval for two processes, one after the other. */
static void r12_interval_reused_on_another_mm(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_mirror *other = api_mirror_on(api_child_mm());
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct hmm_mirror_range *range = api_alloc(sizeof(*range));
	unsigned long pfn = 0, seq;

	range->pfns = &pfn;
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	api_remove(interval);
	EXPECT_EQ(0, api_insert_ops(interval, other, 0, 1, &api_ops));
	seq = api_seq(interval);
	EXPECT_EQ(0, api_unmap(0, 1));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT(!api_retry(interval, seq));
	EXPECT(api_finds(mirror, 0, NULL));
	EXPECT(api_finds(other, 0, interval));

	/* This process has written to the page, but the child has not. */
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(0, hmm_mirror_range_register(range, &mirror->mirror,
					       api_addr(0), api_addr(1)));
	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 0));
	EXPECT_EQ(0, hmm_mirror_range_snapshot(range));
	EXPECT(pfn & HMM_MIRROR_PFN_VALID);
	hmm_mirror_range_unregister(range);
	EXPECT_EQ(0, hmm_mirror_range_register(range, &other->mirror,
					       api_addr(0), api_addr(1)));
	EXPECT(!hmm_mirror_range_valid(range));
	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 0));
	EXPECT_EQ(0, hmm_mirror_range_snapshot(range));
	EXPECT(!(pfn & HMM_MIRROR_PFN_VALID));
	hmm_mirror_range_unregister(range);

	api_remove(interval);
	api_unregister(other);
	api_unregister(mirror);
}

struct api_work {
	struct work_struct work;
	struct hmm_mirror_range *range;
	int ret;
};

static void api_populate_work(struct work_struct *work)
{
	struct api_work *ours = container_of(work, struct api_work, work);

	ours->ret = hmm_mirror_range_populate(ours->range, 0);
}

static int api_populate_in_worker(struct api_work *work)
{
	queue_work(system_unbound_wq, &work->work);
	flush_work(&work->work);
	return work->ret;
}

/*
 * A worker that faults in pages for a device has no mm of its own, and the
 * process may have exited.
 */
static void r08_worker_populates(void)
{
	struct api_mirror *mirror = api_mirror_on(api_child_mm());
	struct api_work *work = api_alloc(sizeof(*work));
	struct hmm_mirror_range *range = api_alloc(sizeof(*range));
	unsigned long *pfns = api_alloc(4 * sizeof(*pfns));
	unsigned int i;

	range->pfns = pfns;
	range->default_flags = HMM_MIRROR_PFN_REQ_WRITE;
	EXPECT_EQ(0, hmm_mirror_range_register(range, &mirror->mirror,
					       api_addr(0), api_addr(4)));
	work->range = range;
	INIT_WORK(&work->work, api_populate_work);
	EXPECT_EQ(0, api_populate_in_worker(work));
	EXPECT(hmm_mirror_range_valid(range));
	for (i = 0; i < 4; i++)
		EXPECT(pfns[i] & HMM_MIRROR_PFN_WRITE);

	api_stop_arm(&mirror->release_stop);
	api_child_kill();
	api_stop_reached(&mirror->release_stop);
	EXPECT(!hmm_mirror_range_valid(range));
	EXPECT_EQ(-ESRCH, api_populate_in_worker(work));
	api_stop_resume(&mirror->release_stop);
	hmm_mirror_range_unregister(range);
	api_unregister(mirror);
}

#ifdef __NR_process_mrelease
/* Reclaim the memory of the dying child with non-blockable invalidations. */
static long api_reap_child(void)
{
	long pidfd, ret;

	pidfd = api_syscall(__NR_pidfd_open, api_child_pid(), 0, 0);
	if (pidfd < 0)
		return pidfd;
	ret = api_syscall(__NR_process_mrelease, pidfd, 0, 0);
	EXPECT_EQ(0, api_syscall(__NR_close, pidfd, 0, 0));
	return ret;
}

/*
 * One of several first passes refuses. The intervals before it also run their
 * second pass. The callbacks of the intervals after it do not run. No
 * invalidation stays in flight.
 */
static void r23_two_passes_with_a_refusal(void)
{
	struct api_mirror *mirror = api_mirror_on(api_child_mm());
	struct api_interval *agrees = api_interval_new();
	struct api_interval *refuses = api_interval_new();
	struct api_interval *after = api_interval_new();
	unsigned long seq;

	EXPECT_EQ(0, api_insert_ops(agrees, mirror, 0, 1, &api_two_pass_ops));
	EXPECT_EQ(0, api_insert_ops(refuses, mirror, 0, 1, &api_two_pass_ops));
	EXPECT_EQ(0, api_insert_ops(after, mirror, 0, 1, &api_two_pass_ops));
	refuses->refuse = true;
	seq = api_seq(after);
	api_child_kill();
	if (!EXPECT_EQ(-EAGAIN, api_reap_child()))
		goto out;
	EXPECT_EQ(1, atomic_read(&agrees->calls));
	EXPECT_EQ(1, atomic_read(&agrees->finishes));
	EXPECT_EQ(1, atomic_read(&refuses->calls));
	EXPECT_EQ(0, atomic_read(&refuses->finishes));
	EXPECT_EQ(0, atomic_read(&after->calls));
	/* Readers of @after collide nevertheless. */
	EXPECT(api_retry(after, seq));
	EXPECT(api_can_begin(agrees));
	EXPECT(api_can_begin(refuses));
	EXPECT(api_can_begin(after));
	EXPECT(api_is_idle(mirror));

	refuses->refuse = false;
	EXPECT_EQ(0, api_reap_child());
	EXPECT_EQ(2, atomic_read(&agrees->finishes));
	EXPECT_EQ(1, atomic_read(&refuses->finishes));
	EXPECT_EQ(1, atomic_read(&after->finishes));
	EXPECT(api_is_idle(mirror));
out:
	api_remove(agrees);
	api_remove(refuses);
	api_remove(after);
	api_unregister(mirror);
}

/*
 * The sync callback of a mirror refuses. The callbacks of its intervals do not
 * run.
 */
static void r22_mirror_refuses(void)
{
	struct api_mirror *mirror = api_syncing_mirror_on(api_child_mm());
	struct api_interval *interval = api_interval(mirror, 0, 1);
	unsigned long seq = api_seq(interval);

	mirror->refuse = true;
	api_child_kill();
	if (!EXPECT_EQ(-EAGAIN, api_reap_child()))
		goto out;
	EXPECT(atomic_read(&mirror->syncs) > 0);
	EXPECT_EQ(0, atomic_read(&interval->calls));
	EXPECT(api_retry(interval, seq));
	EXPECT(api_is_idle(mirror));
	mirror->refuse = false;
	EXPECT_EQ(0, api_reap_child());
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT(api_is_idle(mirror));
out:
	api_remove(interval);
	api_unregister(mirror);
}
#else
static void r23_two_passes_with_a_refusal(void)
{
	api_skip("this kernel has no process_mrelease()");
}

static void r22_mirror_refuses(void)
{
	api_skip("this kernel has no process_mrelease()");
}
#endif

const struct api_case api_variant_cases[] = {
	{ "r12_inserted_in_reverse_order", r12_inserted_in_reverse_order },
	{ "r12_inserted_in_random_order", r12_inserted_in_random_order },
	{ "r25_release_frees_after_the_callback",
	  r25_release_frees_after_the_callback },
	{ "r25_release_frees_during_the_callback",
	  r25_release_frees_during_the_callback },
	{ "r12_interval_reused_on_another_mm",
	  r12_interval_reused_on_another_mm, HMM_API_CHILD },
	{ "r08_worker_populates", r08_worker_populates, HMM_API_CHILD },
	{ "r23_two_passes_with_a_refusal", r23_two_passes_with_a_refusal,
	  HMM_API_CHILD | HMM_API_UNKILLABLE | HMM_API_HELPER },
	{ "r22_mirror_refuses", r22_mirror_refuses,
	  HMM_API_CHILD | HMM_API_UNKILLABLE | HMM_API_HELPER },
	{}
};
