// SPDX-License-Identifier: GPL-2.0
/*
 * Dispatches: the callbacks that run, their order and their number.
 */
#include "api.h"

/*
 * The callback of each overlapping interval runs once, with the bounds of the
 * invalidation.
 */
static void r12_each_is_called_once(void)
{
	struct api_mirror *mirror = api_syncing_mirror();
	struct api_mirror *other = api_syncing_mirror();
	struct api_interval **intervals;
	int i;

	intervals = api_alloc(200 * sizeof(*intervals));
	/* With this many intervals, the walk drops the lock at least once. */
	for (i = 0; i < 200; i++)
		intervals[i] = api_interval(i % 3 ? mirror : other, i, 2);
	EXPECT_EQ(0, api_unmap(10, 100));
	for (i = 0; i < 200; i++) {
		bool overlaps = i >= 9 && i < 110;

		EXPECT_EQ(overlaps, atomic_read(&intervals[i]->calls));
		if (!overlaps)
			continue;
		EXPECT_EQ(api_addr(10), intervals[i]->start);
		EXPECT_EQ(api_addr(110), intervals[i]->end);
	}
	EXPECT_EQ(1, atomic_read(&mirror->syncs));
	EXPECT_EQ(1, atomic_read(&other->syncs));
	for (i = 0; i < 200; i++)
		api_remove(intervals[i]);
	api_unregister(mirror);
	api_unregister(other);
}

/*
 * R14: before the callback of an interval runs, an update moves the interval to
 * an address that the walk has passed. The callback still runs. The callback of
 * an interval that leaves the range does not run.
 */
static void r14_moved_below_the_walk(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 4, 1);
	struct api_interval *moved = api_interval(mirror, 6, 1);
	struct api_interval *away = api_interval(mirror, 7, 1);
	struct api_thread *unmapper;

	api_stop_arm(&blocker->stop);
	unmapper = api_unmap_thread(0, 10);
	api_stop_reached(&blocker->stop);
	EXPECT_EQ(0, atomic_read(&moved->calls));
	EXPECT_EQ(0, api_update(moved, 1, 1));
	EXPECT_EQ(0, api_update(away, 20, 1));
	api_resume_and_join(&blocker->stop, unmapper);
	EXPECT_EQ(1, atomic_read(&moved->calls));
	EXPECT_EQ(0, atomic_read(&away->calls));
	EXPECT_EQ(1, atomic_read(&blocker->calls));
	api_remove(blocker);
	api_remove(moved);
	api_remove(away);
	api_unregister(mirror);
}

/*
 * R14: two intervals move to addresses that the walk has passed. One of them
 * moves again while the callback of the other one runs.
 */
static void r14_moved_below_the_walk_twice(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 4, 1);
	struct api_interval *first = api_interval(mirror, 6, 1);
	struct api_interval *second = api_interval(mirror, 7, 1);
	struct api_thread *unmapper;

	api_stop_arm(&blocker->stop);
	api_stop_arm(&first->stop);
	unmapper = api_unmap_thread(0, 10);
	api_stop_reached(&blocker->stop);
	EXPECT_EQ(0, api_update(first, 2, 1));
	EXPECT_EQ(0, api_update(second, 3, 1));
	api_stop_resume(&blocker->stop);
	api_stop_reached(&first->stop);
	EXPECT_EQ(0, atomic_read(&second->calls));
	EXPECT_EQ(0, api_update(second, 1, 1));
	api_resume_and_join(&first->stop, unmapper);
	EXPECT_EQ(1, atomic_read(&blocker->calls));
	EXPECT_EQ(1, atomic_read(&first->calls));
	EXPECT_EQ(1, atomic_read(&second->calls));
	api_remove(blocker);
	api_remove(first);
	api_remove(second);
	api_unregister(mirror);
}

/**
 * struct api_interval_set - a large number of intervals of one page
 * @intervals: the intervals, spread evenly over API_SET_PAGES pages
 * @updates: number of updates of the interval that api_set_updated() returns
 * @stop: set to stop the updates
 */
struct api_interval_set {
	struct api_set_interval {
		struct hmm_interval_notifier notifier;
		struct api_interval_set *set;
		int calls;
	} *intervals;
	unsigned long updates;
	bool stop;
};

/*
 * A walk of this many intervals takes longer than a time slice on a busy host.
 */
#define API_SET_SIZE	50000
#define API_SET_PAGES	500

/* Returns the interval that another task updates in a loop. */
static struct api_set_interval *api_set_updated(struct api_interval_set *set)
{
	return &set->intervals[API_SET_PAGES / 2];
}

/*
 * The callback of the updated interval waits until the interval has been
 * updated again.
 */
static bool api_set_invalidate(struct hmm_interval_notifier *notifier,
			       const struct mmu_notifier_range *range)
{
	struct api_set_interval *interval =
		container_of(notifier, struct api_set_interval, notifier);
	struct api_interval_set *set = interval->set;
	unsigned long before = READ_ONCE(set->updates);

	interval->calls++;
	if (interval != api_set_updated(set))
		return true;
	/* One update may have begun before the callback, so wait for two. */
	while (READ_ONCE(set->updates) < before + 2 && !READ_ONCE(set->stop))
		cond_resched();
	return true;
}

static const struct hmm_interval_notifier_ops api_set_ops = {
	.invalidate = api_set_invalidate,
};

static unsigned long api_set_addr(int i)
{
	return api_addr(1 + i % API_SET_PAGES);
}

static struct api_interval_set *api_interval_set(struct api_mirror *mirror)
{
	struct api_interval_set *set = api_alloc(sizeof(*set));
	int i;

	set->intervals = api_alloc(API_SET_SIZE * sizeof(*set->intervals));
	for (i = 0; i < API_SET_SIZE; i++) {
		struct hmm_interval_notifier *notifier =
			&set->intervals[i].notifier;

		set->intervals[i].set = set;
		EXPECT_EQ(0, hmm_interval_notifier_insert(notifier,
							  &mirror->mirror,
							  api_set_addr(i),
							  PAGE_SIZE,
							  &api_set_ops));
		cond_resched();
	}
	return set;
}

static int api_update_in_a_loop(void *arg)
{
	struct api_interval_set *set = arg;
	struct hmm_interval_notifier *notifier = &api_set_updated(set)->notifier;

	while (!READ_ONCE(set->stop)) {
		hmm_interval_notifier_update(notifier,
					     api_set_addr(API_SET_PAGES / 2),
					     PAGE_SIZE);
		WRITE_ONCE(set->updates, set->updates + 1);
		cond_resched();
	}
	return 0;
}

/* R52: a dispatch ends although another task updates an interval in a loop. */
static void r52_dispatch_ends_under_updates(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 0, 1);
	struct api_interval_set *set = api_interval_set(mirror);
	struct api_thread *unmapper, *updater;
	int i;

	api_stop_arm(&blocker->stop);
	unmapper = api_unmap_thread(0, 1 + API_SET_PAGES);
	api_stop_reached(&blocker->stop);
	updater = api_thread(api_update_in_a_loop, set);
	while (!api_thread_done(updater) && READ_ONCE(set->updates) < 1000)
		cond_resched();
	api_stop_resume(&blocker->stop);
	/* The updates continue until the dispatch has ended. */
	EXPECT(wait_for_completion_timeout(&unmapper->done, API_TIMEOUT));
	WRITE_ONCE(set->stop, true);
	EXPECT_EQ(0, api_join(updater));
	EXPECT_EQ(0, api_join(unmapper));
	for (i = 0; i < API_SET_SIZE; i++) {
		EXPECT_EQ(1, set->intervals[i].calls);
		hmm_interval_notifier_remove(&set->intervals[i].notifier);
		cond_resched();
	}
	api_remove(blocker);
	EXPECT(api_is_idle(mirror));
	api_unregister(mirror);
}

/*
 * R52: more than HMM_BATCH intervals move to addresses that the walk has
 * passed. Some of them move twice.
 */
static void r52_all_moved_intervals_are_called_once(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 200, 1);
	struct api_interval *away, *into, *inserted, *put;
	struct api_interval **moved;
	struct api_thread *unmapper;
	int i;

	moved = api_alloc(150 * sizeof(*moved));
	for (i = 0; i < 150; i++)
		moved[i] = api_interval(mirror, 201 + i, 1);
	away = api_interval(mirror, 210, 1);
	put = api_interval(mirror, 211, 1);
	into = api_interval(mirror, 450, 1);
	api_stop_arm(&blocker->stop);
	unmapper = api_unmap_thread(0, 400);
	api_stop_reached(&blocker->stop);
	for (i = 0; i < 150; i++) {
		EXPECT_EQ(0, api_update(moved[i], 149 - i, 1));
		if (i % 3 == 0)
			EXPECT_EQ(0, api_update(moved[i], i, 1));
	}
	EXPECT_EQ(0, api_update(away, 450, 1));
	EXPECT_EQ(0, api_update(put, 10, 1));
	api_put(put);
	EXPECT_EQ(1, atomic_read(&put->releases));
	api_free(put);
	/*
	 * The device has mapped no page of the range through these two
	 * intervals, so their callbacks need not run. Their readers must wait.
	 */
	EXPECT_EQ(0, api_update(into, 11, 1));
	inserted = api_interval(mirror, 300, 1);
	EXPECT_EQ(0, api_update(inserted, 12, 1));
	EXPECT(!api_can_begin(into));
	EXPECT(!api_can_begin(inserted));
	api_resume_and_join(&blocker->stop, unmapper);

	EXPECT_EQ(1, atomic_read(&blocker->calls));
	EXPECT_EQ(0, atomic_read(&away->calls));
	EXPECT_EQ(0, atomic_read(&inserted->calls));
	EXPECT(atomic_read(&into->calls) <= 1);
	for (i = 0; i < 150; i++) {
		EXPECT_EQ(1, atomic_read(&moved[i]->calls));
		api_remove(moved[i]);
	}
	api_remove(blocker);
	api_remove(away);
	api_remove(into);
	api_remove(inserted);
	EXPECT(api_is_idle(mirror));
	api_unregister(mirror);
}

/*
 * R52: an interval moves to an address that the walks of two dispatches have
 * passed. Each dispatch must run its callback, even if the other dispatch has
 * already run it.
 */
static void r52_moved_under_two_dispatches(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blockers[2], *moved;
	struct api_thread *writers[2];
	int i;

	blockers[0] = api_interval(mirror, 4, 1);
	blockers[1] = api_interval(mirror, 3, 3);
	moved = api_interval(mirror, 4, 6);
	for (i = 0; i < 2; i++) {
		api_stop_arm(&blockers[i]->stop);
		writers[i] = api_write_thread(4 + i);
		api_stop_reached(&blockers[i]->stop);
	}
	EXPECT_EQ(0, atomic_read(&moved->calls));
	EXPECT_EQ(0, api_update(moved, 1, 9));
	api_resume_and_join(&blockers[0]->stop, writers[0]);
	EXPECT_EQ(1, atomic_read(&moved->calls));
	api_resume_and_join(&blockers[1]->stop, writers[1]);
	EXPECT_EQ(2, atomic_read(&moved->calls));
	for (i = 0; i < 2; i++)
		api_remove(blockers[i]);
	api_remove(moved);
	EXPECT(api_is_idle(mirror));
	api_unregister(mirror);
}

/*
 * The walk continues after an interval was updated or put during its callback.
 */
static void r14_walk_continues_after_update(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *intervals[3], *last, *beyond;
	struct api_thread *unmapper;
	int i;

	for (i = 0; i < 3; i++) {
		intervals[i] = api_interval(mirror, 4, 1);
		api_stop_arm(&intervals[i]->stop);
	}
	last = api_interval(mirror, 5, 1);
	api_stop_arm(&last->stop);
	beyond = api_interval(mirror, 10, 1);
	unmapper = api_unmap_thread(0, 10);

	api_stop_reached(&intervals[0]->stop);
	EXPECT_EQ(0, api_update(intervals[0], 30, 1));
	api_stop_resume(&intervals[0]->stop);
	api_stop_reached(&intervals[1]->stop);
	api_put(intervals[1]);
	api_stop_resume(&intervals[1]->stop);
	api_stop_reached(&intervals[2]->stop);
	EXPECT_EQ(0, api_update(intervals[2], 40, 1));
	api_stop_resume(&intervals[2]->stop);
	/*
	 * The walk must end after this callback and not continue with @beyond.
	 */
	api_stop_reached(&last->stop);
	EXPECT_EQ(0, api_update(last, 50, 1));
	api_resume_and_join(&last->stop, unmapper);

	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, atomic_read(&intervals[i]->calls));
	EXPECT_EQ(1, atomic_read(&last->calls));
	EXPECT_EQ(0, atomic_read(&beyond->calls));
	EXPECT_EQ(1, atomic_read(&intervals[1]->releases));
	api_remove(intervals[0]);
	api_remove(intervals[2]);
	api_remove(last);
	api_remove(beyond);
	api_unregister(mirror);
}

/*
 * The callback of an interval that is inserted during a dispatch need not run.
 */
static void r25_insert_during_the_walk(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 4, 1);
	struct api_interval *ahead, *below;
	struct api_thread *unmapper;

	api_stop_arm(&blocker->stop);
	unmapper = api_unmap_thread(0, 10);
	api_stop_reached(&blocker->stop);
	ahead = api_interval(mirror, 6, 1);
	below = api_interval(mirror, 2, 1);
	EXPECT(!api_can_begin(ahead));
	EXPECT(!api_can_begin(below));
	api_resume_and_join(&blocker->stop, unmapper);
	EXPECT(atomic_read(&ahead->calls) <= 1);
	EXPECT(atomic_read(&below->calls) <= 1);
	EXPECT(api_can_begin(ahead));
	EXPECT(api_can_begin(below));
	api_remove(blocker);
	api_remove(ahead);
	api_remove(below);
	api_unregister(mirror);
}

/**
 * struct api_passes - intervals that are invalidated together
 * @intervals: the intervals
 * @count: number of @intervals
 * @early: number of first passes that had not run when a second pass ran
 */
struct api_passes {
	struct api_interval **intervals;
	int count;
	int early;
};

static void api_count_early(struct api_interval *interval)
{
	struct api_passes *passes = interval->data;
	int i;

	for (i = 0; i < passes->count; i++)
		passes->early += !atomic_read(&passes->intervals[i]->returned);
}

/* R23: all first passes run before any second pass. */
static void api_two_passes(int count)
{
	struct api_passes *passes = api_alloc(sizeof(*passes));
	struct api_mirror *mirror = api_mirror(), *other = api_mirror();
	struct api_interval *interval, *one_pass;
	int i;

	passes->count = count;
	passes->intervals = api_alloc(count * sizeof(interval));
	one_pass = api_interval(mirror, 0, count);
	for (i = 0; i < count; i++) {
		interval = api_interval_new();
		interval->data = passes;
		interval->on_finish = api_count_early;
		passes->intervals[i] = interval;
		EXPECT_EQ(0, api_insert_ops(interval, i % 2 ? mirror : other,
					    i, 1, &api_two_pass_ops));
	}
	EXPECT_EQ(0, api_unmap(0, count));
	EXPECT_EQ(0, passes->early);
	EXPECT_EQ(1, atomic_read(&one_pass->calls));
	EXPECT_EQ(0, atomic_read(&one_pass->finishes));
	for (i = 0; i < count; i++) {
		interval = passes->intervals[i];
		EXPECT_EQ(1, atomic_read(&interval->calls));
		EXPECT_EQ(1, atomic_read(&interval->finishes));
		api_remove(interval);
	}
	api_remove(one_pass);
	api_unregister(mirror);
	api_unregister(other);
}

static void r23_two_passes(void)
{
	api_two_passes(2);
}

static void r23_two_passes_of_hundreds(void)
{
	api_two_passes(500);
}

const struct api_case api_dispatch_cases[] = {
	{ "r12_each_is_called_once", r12_each_is_called_once },
	{ "r14_moved_below_the_walk", r14_moved_below_the_walk },
	{ "r14_moved_below_the_walk_twice",
	  r14_moved_below_the_walk_twice },
	{ "r14_walk_continues_after_update", r14_walk_continues_after_update },
	{ "r23_two_passes", r23_two_passes },
	{ "r23_two_passes_of_hundreds", r23_two_passes_of_hundreds },
	{ "r25_insert_during_the_walk", r25_insert_during_the_walk },
	{ "r52_dispatch_ends_under_updates",
	  r52_dispatch_ends_under_updates },
	{ "r52_all_moved_intervals_are_called_once",
	  r52_all_moved_intervals_are_called_once },
	{ "r52_moved_under_two_dispatches", r52_moved_under_two_dispatches },
	{}
};
