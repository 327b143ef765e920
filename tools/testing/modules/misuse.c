// SPDX-License-Identifier: GPL-2.0
/*
 * Driver bugs that the core detects. Each case provokes one or more warnings,
 * and checks that nothing else breaks.
 */
#include <linux/sched.h>

#include <hmm/range.h>

#include "api.h"

static void r06_register_twice(void)
{
	struct api_mirror *mirror = api_syncing_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);

	EXPECT_EQ(-EINVAL, hmm_mirror_register(&mirror->mirror, current->mm));
	/* The first registration is intact. */
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&mirror->syncs));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	api_remove(interval);
	api_unregister(mirror);
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(1, atomic_read(&mirror->syncs));
}

static void r06_unregister_twice(void)
{
	struct api_mirror *mirror = api_syncing_mirror();
	struct api_mirror *witness = api_syncing_mirror();
	struct api_mirror *failed = api_mirror_new();

	api_unregister(mirror);
	api_unregister(mirror);
	EXPECT_EQ(-EINVAL, hmm_mirror_register(&failed->mirror, NULL));
	api_unregister(failed);
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&witness->syncs));
	EXPECT_EQ(0, atomic_read(&mirror->syncs));
	api_unregister(witness);
}

static void r06_not_registered(void)
{
	struct api_mirror *mirror = api_mirror_new();
	struct api_interval *interval = api_interval_new();

	EXPECT_EQ(-EINVAL, api_insert_ops(interval, mirror, 0, 1, &api_ops));
	EXPECT_EQ(NULL, api_find(mirror, 0));
}

/* The mirror is unregistered before its interval is removed. */
static void r06_interval_outlives_its_mirror(void)
{
	struct api_mirror *witness = api_syncing_mirror();
	struct api_mirror *mirror = api_syncing_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct api_interval *foreign = api_interval(witness, 0, 1);

	api_unregister(mirror);
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(0, atomic_read(&interval->calls));
	EXPECT_EQ(1, atomic_read(&foreign->calls));
	EXPECT_EQ(-ENOENT, api_update(interval, 1, 1));
	api_put(interval);
	api_remove(interval);
	EXPECT(api_finds(witness, 0, foreign));
	api_remove(foreign);
	api_unregister(witness);
}

static void r15_put_too_often(void)
{
	struct api_mirror *mirror = api_syncing_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct api_interval *witness = api_interval(mirror, 0, 1);

	api_put(interval);
	EXPECT_EQ(1, atomic_read(&interval->releases));
	/* The case keeps the memory; a driver would have freed it. */
	api_put(interval);
	api_put(interval);
	EXPECT_EQ(1, atomic_read(&interval->releases));
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(0, atomic_read(&interval->calls));
	EXPECT_EQ(1, atomic_read(&witness->calls));
	api_remove(witness);
	api_unregister(mirror);
}

static void r15_remove_twice(void)
{
	struct api_mirror *mirror = api_syncing_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct api_interval *witness = api_interval(mirror, 0, 1);

	api_remove(interval);
	api_remove(interval);
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(0, atomic_read(&interval->calls));
	EXPECT_EQ(0, atomic_read(&interval->releases));
	EXPECT_EQ(1, atomic_read(&witness->calls));
	api_remove(witness);
	api_unregister(mirror);
}

static void api_remove_and_free(struct api_interval *interval,
				const struct mmu_notifier_range *range)
{
	api_remove(interval);
	api_free(interval);
}

static int api_remove_and_free_fn(void *arg)
{
	struct api_mirror *mirror = arg;
	struct api_interval *before = api_interval(mirror, 0, 4);
	struct api_interval *interval = api_interval(mirror, 0, 4);
	struct api_interval *after = api_interval(mirror, 1, 4);
	int ret;

	interval->action = api_remove_and_free;
	ret = api_write(2);
	EXPECT(api_finds(mirror, 0, before));
	EXPECT_EQ(1, atomic_read(&before->calls));
	EXPECT_EQ(1, atomic_read(&after->calls));
	api_remove(before);
	api_remove(after);
	return ret;
}

static void api_remove_started(struct api_interval *interval,
			       const struct mmu_notifier_range *range)
{
	struct api_interval *started = interval->data;

	api_remove(started);
	EXPECT_EQ(0, atomic_read(&started->finishes));
	api_free(started);
}

static int api_remove_started_fn(void *arg)
{
	struct api_mirror *mirror = arg;
	struct api_interval *started = api_interval_new();
	struct api_interval *last = api_interval_new();
	struct api_interval *remover;
	int ret;

	EXPECT_EQ(0, api_insert_ops(started, mirror, 0, 1, &api_two_pass_ops));
	remover = api_interval(mirror, 0, 1);
	EXPECT_EQ(0, api_insert_ops(last, mirror, 0, 1, &api_two_pass_ops));
	remover->data = started;
	remover->action = api_remove_started;
	ret = api_write(0);
	EXPECT_EQ(1, atomic_read(&remover->calls));
	EXPECT_EQ(1, atomic_read(&last->finishes));
	api_remove(remover);
	api_remove(last);
	return ret;
}

/*
 * R25: a callback removes its own interval during an invalidation that has no
 * slot.
 */
static bool api_remove_without_a_slot(struct api_mirror *mirror)
{
	struct api_interval *blockers[API_SLOTS];
	struct api_thread *writers[API_SLOTS], *thread;
	bool removed;
	int i;

	for (i = 0; i < API_SLOTS; i++) {
		blockers[i] = api_interval(mirror, 10 + i, 1);
		writers[i] = api_stop_write(blockers[i], 10 + i);
	}
	thread = api_thread(api_remove_and_free_fn, mirror);
	removed = EXPECT_EQ(0, api_join(thread));
	for (i = 0; i < API_SLOTS; i++) {
		api_resume_and_join(&blockers[i]->stop, writers[i]);
		api_remove(blockers[i]);
	}
	return removed;
}

/*
 * R25: a callback removes its own interval. Remove must not wait for this
 * callback, and the walk must continue. Then a callback removes another
 * interval between the two passes of that interval.
 */
static void r25_remove_in_a_callback(void)
{
	struct api_mirror *mirror = api_syncing_mirror();
	struct api_thread *thread;

	thread = api_thread(api_remove_and_free_fn, mirror);
	/*
	 * If remove waits, it never returns, and unregister would hang as well.
	 */
	if (!EXPECT_EQ(0, api_join(thread)))
		return;
	EXPECT(api_is_idle(mirror));
	thread = api_thread(api_remove_started_fn, mirror);
	if (!EXPECT_EQ(0, api_join(thread)))
		return;
	EXPECT(api_is_idle(mirror));
	/*
	 * Unmap the pages, so that the next api_write() causes an invalidation.
	 */
	EXPECT_EQ(0, api_unmap(0, 4));
	if (!api_remove_without_a_slot(mirror))
		return;
	EXPECT(api_is_idle(mirror));
	api_unregister(mirror);
}

/* R22, R23: a blockable invalidation cannot be refused. */
static void r23_refuse_a_blockable_invalidation(void)
{
	struct api_mirror *mirror = api_syncing_mirror();
	struct api_interval *two_pass = api_interval_new();
	struct api_interval *refuser, *after;
	unsigned long seq;

	EXPECT_EQ(0, api_insert_ops(two_pass, mirror, 0, 1,
				    &api_two_pass_ops));
	refuser = api_interval(mirror, 0, 1);
	after = api_interval(mirror, 0, 1);
	refuser->refuse = true;
	seq = api_seq(after);
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&two_pass->calls));
	EXPECT_EQ(1, atomic_read(&two_pass->finishes));
	EXPECT_EQ(1, atomic_read(&refuser->calls));
	EXPECT_EQ(1, atomic_read(&after->calls));
	EXPECT(api_retry(after, seq));
	EXPECT(api_can_begin(refuser));
	EXPECT(api_can_begin(after));
	api_remove(two_pass);
	api_remove(refuser);
	api_remove(after);
	EXPECT(api_is_idle(mirror));
	api_unregister(mirror);
}

/* A range without an interval receives no invalidations. */
static void r62_unbound_range(void)
{
	struct hmm_mirror_range *range = api_alloc(sizeof(*range));
	struct api_mirror *mirror = api_syncing_mirror();
	unsigned long pfn = 0;

	range->pfns = &pfn;
	range->start = api_addr(0);
	range->end = api_addr(1);
	EXPECT_EQ(-EINVAL, hmm_mirror_range_bind(range, NULL));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_wait_until_valid(range, 0));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_snapshot(range));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_fault(range));
	mmap_read_lock(current->mm);
	EXPECT_EQ(-EINVAL, hmm_mirror_range_fault_locked(range));
	mmap_read_unlock(current->mm);
	EXPECT_EQ(-EINVAL, hmm_mirror_range_populate(range, 0));
	EXPECT(!hmm_mirror_range_valid(range));
	hmm_mirror_range_unregister(range);

	/* The functions also fail for a range that has been unregistered. */
	EXPECT_EQ(0, hmm_mirror_range_register(range, &mirror->mirror,
					       api_addr(0), api_addr(1)));
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	hmm_mirror_range_unregister(range);
	EXPECT(!hmm_mirror_range_valid(range));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_populate(range, 0));
	api_unregister(mirror);
	EXPECT_EQ(-EINVAL, hmm_mirror_range_register(range, &mirror->mirror,
						     api_addr(0),
						     api_addr(1)));
}

static void r62_range_without_an_array(void)
{
	struct hmm_mirror_range *range = api_alloc(sizeof(*range));
	struct api_mirror *mirror = api_syncing_mirror();

	EXPECT_EQ(0, hmm_mirror_range_register(range, &mirror->mirror,
					       api_addr(0), api_addr(1)));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 0));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_snapshot(range));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_fault(range));
	hmm_mirror_range_unregister(range);
	api_unregister(mirror);
}

const struct api_case api_misuse_cases[] = {
	{ "r06_register_twice", r06_register_twice,
	  .expect = "hmm_mirror registered twice" },
	{ "r06_unregister_twice", r06_unregister_twice,
	  .expect = "hmm_mirror unregistered, but not registered" },
	{ "r06_not_registered", r06_not_registered,
	  .expect = "(interval|find) for a mirror that is not registered" },
	{ "r06_interval_outlives_its_mirror",
	  r06_interval_outlives_its_mirror,
	  .expect = "unregistered with 1 intervals left|interval outlived its mirror" },
	{ "r15_put_too_often", r15_put_too_often,
	  .expect = "refcount_t: " },
	{ "r15_remove_twice", r15_remove_twice,
	  .expect = "interval removed, but not inserted" },
	{ "r23_refuse_a_blockable_invalidation",
	  r23_refuse_a_blockable_invalidation,
	  .expect = "an interval refused an invalidation that may block" },
	{ "r25_remove_in_a_callback", r25_remove_in_a_callback,
	  .expect = "interval removed in a callback, use hmm_interval_notifier_put()" },
	{ "r62_unbound_range", r62_unbound_range,
	  .expect = "neither registered nor bound|range for a mirror that is not registered" },
	{ "r62_range_without_an_array", r62_range_without_an_array,
	  .expect = "hmm_mirror range read without an array" },
	{}
};
