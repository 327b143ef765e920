// SPDX-License-Identifier: GPL-2.0
/*
 * Many invalidations at the same time, and many one after the other.
 */
#include <linux/sched.h>

#include "api.h"

/**
 * struct api_unmapper - a thread that unmaps and maps pages in a loop
 * @page: the first page
 * @stop: stop the loop
 * @rounds: number of unmaps
 */
struct api_unmapper {
	unsigned long page;
	bool stop;
	unsigned long rounds;
};

static int api_unmap_in_a_loop(void *arg)
{
	struct api_unmapper *unmapper = arg;
	int ret = 0;

	while (!ret && !READ_ONCE(unmapper->stop)) {
		ret = api_unmap(unmapper->page, 8);
		WRITE_ONCE(unmapper->rounds, unmapper->rounds + 1);
		cond_resched();
	}
	return ret;
}

static struct api_unmapper *api_unmapper(unsigned long page)
{
	struct api_unmapper *unmapper = api_alloc(sizeof(*unmapper));

	unmapper->page = page;
	return unmapper;
}

/* R21: unrelated invalidations do not delay readers or inserts. */
static void r21_unrelated_invalidations(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 100, 4);
	struct api_interval *hit = api_interval(mirror, 0, 40);
	struct api_unmapper *unmappers[2];
	struct api_thread *threads[2];
	unsigned long seq, end;
	int i;

	for (i = 0; i < 2; i++) {
		unmappers[i] = api_unmapper(20 * i);
		threads[i] = api_thread(api_unmap_in_a_loop, unmappers[i]);
	}
	end = jiffies + API_TIMEOUT;
	while ((READ_ONCE(unmappers[0]->rounds) < 5 ||
		READ_ONCE(unmappers[1]->rounds) < 5) &&
	       time_before(jiffies, end))
		cond_resched();

	for (i = 0; i < 200; i++) {
		struct api_interval *late;

		EXPECT_EQ(0, hmm_interval_read_begin_timeout(&interval->notifier,
							     5000, &seq));
		EXPECT(!api_retry(interval, seq));
		late = api_interval(mirror, 101 + i % 8, 1);
		EXPECT(api_can_begin(late));
		EXPECT_EQ(0, hmm_interval_read_begin_timeout(&hit->notifier,
							     10000, &seq));
		EXPECT(!api_retry(interval, api_seq(interval)));
		api_remove(late);
		api_free(late);
		cond_resched();
	}
	EXPECT_EQ(0, atomic_read(&interval->calls));
	for (i = 0; i < 2; i++) {
		WRITE_ONCE(unmappers[i]->stop, true);
		EXPECT_EQ(0, api_join(threads[i]));
	}
	/*
	 * Each round causes one invalidation, because mapping new memory causes
	 * none.
	 */
	EXPECT_EQ(unmappers[0]->rounds + unmappers[1]->rounds,
		  atomic_read(&hit->calls));
	api_remove(interval);
	api_remove(hit);
	EXPECT(api_is_idle(mirror));
	api_unregister(mirror);
}

/**
 * struct api_mover - a thread that moves an interval during its callback
 * @interval: the interval
 * @called: completed by the callback to request a move
 * @moved: completed when the thread has moved the interval
 * @budget: number of moves that are left, so that the case ends
 * @stop: stop the thread
 */
struct api_mover {
	struct api_interval *interval;
	struct completion called;
	struct completion moved;
	int budget;
	bool stop;
};

static int api_move_when_called(void *arg)
{
	struct api_mover *mover = arg;
	unsigned long page = 0;

	for (;;) {
		wait_for_completion_timeout(&mover->called, HZ);
		if (READ_ONCE(mover->stop))
			return 0;
		if (mover->budget-- <= 0)
			continue;
		/* Move the interval up and down alternately. */
		page ^= 4;
		EXPECT_EQ(0, api_update(mover->interval, page, 6));
		complete(&mover->moved);
	}
}

static void api_request_move(struct api_interval *interval,
			     const struct mmu_notifier_range *range)
{
	struct api_mover *mover = interval->data;

	if (READ_ONCE(mover->budget) <= 0)
		return;
	complete(&mover->called);
	EXPECT(wait_for_completion_timeout(&mover->moved, API_TIMEOUT));
}

/*
 * R15: an unmap ends although an interval moves during each of its callbacks.
 */
static void r15_updates_in_a_loop(void)
{
	struct api_mover *mover = api_alloc(sizeof(*mover));
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 6);
	struct api_thread *thread;

	init_completion(&mover->called);
	init_completion(&mover->moved);
	mover->budget = 100;
	mover->interval = interval;
	interval->data = mover;
	interval->action = api_request_move;
	thread = api_thread(api_move_when_called, mover);
	EXPECT_EQ(0, api_unmap(0, 10));
	EXPECT(atomic_read(&interval->calls) >= 1);
	EXPECT(atomic_read(&interval->calls) <= 4);
	WRITE_ONCE(mover->stop, true);
	complete(&mover->called);
	EXPECT_EQ(0, api_join(thread));
	api_remove(interval);
	EXPECT(api_is_idle(mirror));
	api_unregister(mirror);
}

/* Number of invalidations in flight, larger than the number of slots. */
#define API_OVERFLOW	(API_SLOTS + 8)

static int api_read_begin_fn(void *arg)
{
	struct api_interval *interval = arg;
	unsigned long seq = hmm_interval_read_begin(&interval->notifier);

	return api_retry(interval, seq);
}

static void api_resume_some(struct api_interval **intervals,
			    struct api_thread **writers, int from, int to)
{
	int i;

	for (i = from; i < to; i++)
		api_resume_and_join(&intervals[i]->stop, writers[i]);
}

/*
 * The core treats an invalidation without a slot as overlapping every interval.
 * Until it ends, it may delay readers of unrelated pages. Readers of its own
 * pages must wait.
 */
static void api_overflow(bool overflow_first)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *untouched = api_interval(mirror, 100, 1);
	struct api_interval *intervals[API_OVERFLOW], *late, *moved;
	struct api_thread *writers[API_OVERFLOW], *reader;
	unsigned long seq = api_seq(untouched);
	int i;

	moved = api_interval(mirror, 101, 1);
	for (i = 0; i < API_OVERFLOW; i++)
		intervals[i] = api_interval(mirror, i, 1);
	for (i = 0; i < API_OVERFLOW; i++) {
		if (i <= API_SLOTS)
			EXPECT(api_can_begin(untouched));
		writers[i] = api_stop_write(intervals[i], i);
		EXPECT(!api_can_begin(intervals[i]));
	}
	for (i = 0; i < API_OVERFLOW; i++)
		EXPECT(!api_can_begin(intervals[i]));
	/*
	 * R18: an interval is inserted at a page of an invalidation without a
	 * slot, and another one is moved to it. Their readers must wait, too.
	 */
	late = api_interval(mirror, API_OVERFLOW - 1, 1);
	EXPECT(!api_can_begin(late));
	EXPECT_EQ(0, api_update(moved, API_OVERFLOW - 1, 4));
	EXPECT(!api_can_begin(moved));
	reader = api_thread(api_read_begin_fn, intervals[API_OVERFLOW - 1]);
	EXPECT(api_thread_blocks(reader));
	EXPECT(!api_retry(untouched, seq));

	if (overflow_first) {
		api_resume_some(intervals, writers, API_SLOTS, API_OVERFLOW);
		EXPECT_EQ(0, api_join(reader));
		EXPECT(api_can_begin(intervals[API_OVERFLOW - 1]));
		EXPECT(!api_can_begin(intervals[0]));
		EXPECT(!api_can_begin(intervals[API_SLOTS - 1]));
	} else {
		api_resume_some(intervals, writers, 0, API_SLOTS);
		EXPECT(!api_can_begin(intervals[API_OVERFLOW - 1]));
		EXPECT(!api_can_begin(late));
		EXPECT(api_thread_blocks(reader));
		/* Slots are free again, and a new invalidation gets one. */
		EXPECT_EQ(0, api_update(untouched, 200, 1));
		seq = READ_ONCE(untouched->notifier.seq);
		writers[0] = api_stop_write(untouched, 200);
		api_resume_some(intervals, writers, API_SLOTS, API_OVERFLOW);
		EXPECT_EQ(0, api_join(reader));
		EXPECT(!api_can_begin(untouched));
		EXPECT(api_retry(untouched, seq));
	}
	EXPECT(api_can_begin(late));
	EXPECT(api_can_begin(moved));
	if (overflow_first) {
		EXPECT(api_can_begin(untouched));
		EXPECT(!api_retry(untouched, seq));
		api_resume_some(intervals, writers, 0, API_SLOTS);
	} else {
		api_resume_some(&untouched, writers, 0, 1);
	}
	EXPECT_EQ(!overflow_first, atomic_read(&untouched->calls));
	EXPECT(api_can_begin(untouched));
	EXPECT(api_is_idle(mirror));
	for (i = 0; i < API_OVERFLOW; i++) {
		EXPECT(api_can_begin(intervals[i]));
		EXPECT_EQ(1, atomic_read(&intervals[i]->calls));
		api_remove(intervals[i]);
	}
	EXPECT(atomic_read(&late->calls) <= 1);
	api_remove(untouched);
	api_remove(late);
	api_remove(moved);
	api_unregister(mirror);
}

static void r18_more_in_flight_than_slots(void)
{
	api_overflow(true);
}

static void r18_slots_end_first(void)
{
	api_overflow(false);
}

/* R12: remove an interval whose invalidation has no slot. */
static void r12_remove_without_a_slot(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *intervals[API_OVERFLOW];
	struct api_thread *writers[API_OVERFLOW], *remover;
	int i;

	for (i = 0; i < API_OVERFLOW; i++) {
		intervals[i] = api_interval(mirror, i, 1);
		writers[i] = api_stop_write(intervals[i], i);
	}
	remover = api_remove_thread(intervals[API_OVERFLOW - 1]);
	EXPECT(api_thread_blocks(remover));
	api_resume_some(intervals, writers, API_OVERFLOW - 1, API_OVERFLOW);
	EXPECT_EQ(0, api_join(remover));
	api_free(intervals[API_OVERFLOW - 1]);
	/* End the other invalidations in reverse order. */
	for (i = API_OVERFLOW - 2; i >= 0; i--) {
		api_resume_some(intervals, writers, i, i + 1);
		api_remove(intervals[i]);
	}
	EXPECT(api_is_idle(mirror));
	api_unregister(mirror);
}

const struct api_case api_stress_cases[] = {
	{ "r12_remove_without_a_slot",
	  r12_remove_without_a_slot },
	{ "r15_updates_in_a_loop", r15_updates_in_a_loop },
	{ "r18_more_in_flight_than_slots",
	  r18_more_in_flight_than_slots },
	{ "r18_slots_end_first", r18_slots_end_first },
	{ "r21_unrelated_invalidations", r21_unrelated_invalidations },
	{}
};
