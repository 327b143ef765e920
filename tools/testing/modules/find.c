// SPDX-License-Identifier: GPL-2.0
/*
 * hmm_interval_notifier_find().
 */
#include "api.h"

/* R13, R14: find returns the overlapping interval with the lowest start. */
static void r14_find_the_lowest(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *low = api_interval(mirror, 2, 8);
	struct api_interval *middle = api_interval(mirror, 4, 1);
	struct api_interval *high = api_interval(mirror, 6, 1);

	EXPECT(api_finds(mirror, 1, NULL));
	EXPECT(api_finds(mirror, 2, low));
	EXPECT(api_finds(mirror, 4, low));
	EXPECT(api_finds(mirror, 6, low));
	EXPECT(api_finds(mirror, 9, low));
	EXPECT(api_finds(mirror, 10, NULL));
	api_remove(low);
	EXPECT(api_finds(mirror, 2, NULL));
	EXPECT(api_finds(mirror, 4, middle));
	EXPECT(api_finds(mirror, 5, NULL));
	EXPECT(api_finds(mirror, 6, high));
	api_remove(middle);
	EXPECT(api_finds(mirror, 4, NULL));
	api_remove(high);
	EXPECT(api_finds(mirror, 6, NULL));
	api_unregister(mirror);
}

/* R14: find returns only intervals with the given mirror and ops. */
static void r14_find_only_own_intervals(void)
{
	struct api_mirror *mirror = api_mirror(), *other = api_mirror();
	struct api_interval *foreign = api_interval(other, 0, 4);
	struct api_interval *otherwise = api_interval_new();
	struct api_interval *bare = api_interval_new();
	struct api_interval *ours = api_interval(mirror, 2, 2);
	struct hmm_interval_notifier *found;

	EXPECT_EQ(0, api_insert_ops(otherwise, mirror, 1, 3, &api_other_ops));
	EXPECT_EQ(0, api_insert_ops(bare, mirror, 1, 3, NULL));
	EXPECT(api_finds(mirror, 3, ours));
	EXPECT(api_finds(mirror, 1, NULL));
	EXPECT(api_finds(other, 3, foreign));
	found = hmm_interval_notifier_find(&mirror->mirror, &api_other_ops,
					   0, ULONG_MAX);
	if (EXPECT_EQ(&otherwise->notifier, found))
		hmm_interval_notifier_put(found);
	found = hmm_interval_notifier_find(&mirror->mirror, NULL, 0,
					   ULONG_MAX);
	if (EXPECT_EQ(&bare->notifier, found))
		hmm_interval_notifier_put(found);
	found = hmm_interval_notifier_find(&other->mirror, &api_other_ops, 0,
					   ULONG_MAX);
	EXPECT_EQ(NULL, found);

	api_remove(foreign);
	EXPECT(api_finds(other, 3, NULL));
	api_remove(ours);
	EXPECT(api_finds(mirror, 3, NULL));
	api_remove(otherwise);
	api_remove(bare);
	api_unregister(mirror);
	api_unregister(other);
}

/* R14: find visits so many intervals that its walk drops the lock. */
static void r14_find_after_a_thousand_others(void)
{
	struct api_mirror *mirror = api_mirror(), *other = api_mirror();
	struct api_interval *ours = api_interval(mirror, 0, 1);
	struct api_interval **others;
	int i;

	others = api_alloc(1000 * sizeof(*others));
	for (i = 0; i < 1000; i++)
		others[i] = api_interval(other, 0, 1);
	/*
	 * The update moves @ours after the other intervals with the same start.
	 */
	EXPECT_EQ(0, api_update(ours, 0, 1));
	EXPECT(api_finds(mirror, 0, ours));
	for (i = 0; i < 1000; i += 2)
		api_put(others[i]);
	EXPECT(api_finds(mirror, 0, ours));
	for (i = 1; i < 1000; i += 2) {
		EXPECT(api_finds(other, 0, others[i]));
		api_remove(others[i]);
	}
	EXPECT(api_finds(other, 0, NULL));
	api_remove(ours);
	api_unregister(mirror);
	api_unregister(other);
}

/* R14: find uses the new bounds, at both ends. */
static void r14_find_after_update(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 10, 4);

	EXPECT_EQ(0, api_update(interval, 20, 2));
	EXPECT(api_finds(mirror, 10, NULL));
	EXPECT(api_finds(mirror, 13, NULL));
	EXPECT(api_finds(mirror, 19, NULL));
	EXPECT(api_finds(mirror, 20, interval));
	EXPECT(api_finds(mirror, 21, interval));
	EXPECT(api_finds(mirror, 22, NULL));
	/* Extend it downwards and shrink it at the top. */
	EXPECT_EQ(0, api_update(interval, 18, 3));
	EXPECT(api_finds(mirror, 18, interval));
	EXPECT(api_finds(mirror, 20, interval));
	EXPECT(api_finds(mirror, 21, NULL));
	EXPECT_EQ(0, api_unmap(10, 8));
	EXPECT_EQ(0, api_unmap(21, 8));
	EXPECT_EQ(0, atomic_read(&interval->calls));
	EXPECT_EQ(0, api_unmap(18, 1));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	api_remove(interval);
	api_unregister(mirror);
}

/*
 * R14: the result of find reflects all earlier changes, even during an
 * invalidation.
 */
static void r14_find_in_an_invalidation(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 4, 1);
	struct api_interval *put = api_interval(mirror, 3, 3);
	struct api_interval *removed = api_interval(mirror, 2, 4);
	struct api_interval *moved = api_interval(mirror, 20, 1);
	struct api_interval *inserted;
	struct api_thread *writer = api_stop_write(blocker, 4);

	EXPECT(api_finds(mirror, 4, removed));
	/*
	 * The callback of @removed has returned, so remove does not wait for
	 * the callback of @blocker.
	 */
	api_remove(removed);
	api_free(removed);
	EXPECT(api_finds(mirror, 4, put));
	api_put(put);
	EXPECT(api_finds(mirror, 4, blocker));
	EXPECT(api_finds(mirror, 3, NULL));
	EXPECT_EQ(1, atomic_read(&put->releases));

	inserted = api_interval(mirror, 3, 2);
	EXPECT(api_finds(mirror, 4, inserted));
	EXPECT_EQ(0, api_update(inserted, 30, 1));
	EXPECT(api_finds(mirror, 3, NULL));
	EXPECT(api_finds(mirror, 30, inserted));
	EXPECT_EQ(0, api_update(moved, 1, 9));
	EXPECT(api_finds(mirror, 4, moved));
	EXPECT(api_finds(mirror, 20, NULL));

	/* Put the interval whose callback is stopped. */
	api_put(blocker);
	EXPECT_EQ(0, api_update(moved, 20, 1));
	EXPECT(api_finds(mirror, 4, NULL));
	EXPECT_EQ(0, atomic_read(&blocker->releases));
	api_resume_and_join(&blocker->stop, writer);
	EXPECT_EQ(1, atomic_read(&blocker->releases));

	api_remove(inserted);
	api_remove(moved);
	EXPECT(api_is_idle(mirror));
	api_unregister(mirror);
}

/* R13: an interval stays inserted until its last reference is put. */
static void r13_find_holds_a_reference(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	unsigned long seq = api_seq(interval);

	EXPECT_EQ(interval, api_find(mirror, 0));
	EXPECT_EQ(interval, api_find(mirror, 1));
	api_put(interval);
	EXPECT_EQ(0, atomic_read(&interval->releases));
	/* Two of three references are left. */
	EXPECT(api_finds(mirror, 0, interval));
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT(api_retry(interval, seq));
	EXPECT_EQ(0, api_update(interval, 1, 1));
	api_put(interval);
	EXPECT_EQ(0, atomic_read(&interval->releases));
	EXPECT(api_finds(mirror, 1, interval));
	api_put(interval);
	EXPECT_EQ(1, atomic_read(&interval->releases));
	EXPECT(api_finds(mirror, 1, NULL));
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	api_unregister(mirror);
}

/*
 * R13, R17: remove unlinks the interval and waits until the reference is
 * dropped.
 */
static void r13_remove_waits_for_a_reference(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_thread *remover;
	unsigned long end;

	EXPECT_EQ(interval, api_find(mirror, 0));
	remover = api_remove_thread(interval);
	/* Once find returns NULL, the other thread is in remove. */
	end = jiffies + API_TIMEOUT;
	while (!api_finds(mirror, 0, NULL) && time_before(jiffies, end))
		cond_resched();
	EXPECT(api_finds(mirror, 0, NULL));
	EXPECT(api_thread_blocks(remover));
	/* The reference keeps only the memory valid. */
	EXPECT_EQ(-ENOENT, api_update(interval, 0, 1));
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(0, atomic_read(&interval->calls));
	api_put(interval);
	EXPECT_EQ(0, api_join(remover));
	EXPECT_EQ(0, atomic_read(&interval->releases));
	api_unregister(mirror);
}

/* R15: a driver drops all intervals of a range with find and put in a loop. */
static void r15_find_and_put_ends(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *intervals[10], *found;
	int i, rounds = 0;

	for (i = 0; i < 10; i++)
		intervals[i] = api_interval(mirror, i % 4, 2);
	while (rounds < 100 && (found = api_find(mirror, 2))) {
		rounds++;
		/* Drop the reference from find and the owner's reference. */
		api_put(found);
		api_put(found);
	}
	EXPECT(api_finds(mirror, 2, NULL));
	for (i = 0; i < 10; i++) {
		bool overlaps = i % 4 == 1 || i % 4 == 2;

		rounds -= overlaps;
		EXPECT_EQ(overlaps, atomic_read(&intervals[i]->releases));
		if (!overlaps)
			api_remove(intervals[i]);
	}
	EXPECT_EQ(0, rounds);
	api_unregister(mirror);
}

/* R15: the loop also ends during an invalidation of all the intervals. */
static void r15_find_and_put_in_an_invalidation(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *intervals[10], *found;
	struct api_thread *writer;
	int i, rounds = 0;

	for (i = 0; i < 10; i++)
		intervals[i] = api_interval(mirror, i, 11 - i);
	/* The callbacks run in the order of the start addresses. */
	writer = api_stop_write(intervals[4], 10);
	for (i = 0; i < 1000; i++)
		EXPECT(api_finds(mirror, 10, intervals[0]));
	while (rounds < 100 && (found = api_find(mirror, 10))) {
		EXPECT_EQ(rounds < 10 ? intervals[rounds] : NULL, found);
		rounds++;
		api_put(found);
		api_put(found);
	}
	EXPECT_EQ(10, rounds);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(i != 4, atomic_read(&intervals[i]->releases));
	api_resume_and_join(&intervals[4]->stop, writer);
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(1, atomic_read(&intervals[i]->releases));
		EXPECT_EQ(i <= 4, atomic_read(&intervals[i]->calls));
	}
	api_unregister(mirror);
}

const struct api_case api_find_cases[] = {
	{ "r13_find_holds_a_reference", r13_find_holds_a_reference },
	{ "r13_remove_waits_for_a_reference",
	  r13_remove_waits_for_a_reference },
	{ "r14_find_the_lowest", r14_find_the_lowest },
	{ "r14_find_only_own_intervals", r14_find_only_own_intervals },
	{ "r14_find_after_a_thousand_others",
	  r14_find_after_a_thousand_others },
	{ "r14_find_after_update", r14_find_after_update },
	{ "r14_find_in_an_invalidation", r14_find_in_an_invalidation },
	{ "r15_find_and_put_ends", r15_find_and_put_ends },
	{ "r15_find_and_put_in_an_invalidation",
	  r15_find_and_put_in_an_invalidation },
	{}
};
