// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that are allowed in a callback.
 */
#include "api.h"

/**
 * struct api_pair - data of a callback that may use another interval
 * @mirror: the mirror
 * @other: the other interval, or NULL
 * @budget: number of updates that the callback may still make
 */
struct api_pair {
	struct api_mirror *mirror;
	struct api_interval *other;
	int budget;
};

static struct api_pair *api_pair(struct api_mirror *mirror,
				 struct api_interval *other)
{
	struct api_pair *pair = api_alloc(sizeof(*pair));

	pair->mirror = mirror;
	pair->other = other;
	pair->budget = 100;
	return pair;
}

static void api_insert_find_update_put(struct api_interval *interval,
				       const struct mmu_notifier_range *range)
{
	struct api_pair *pair = interval->data;
	struct api_interval *other = pair->other;

	EXPECT_EQ(0, api_insert_ops(other, pair->mirror, 8, 1, &api_ops));
	EXPECT(api_finds(pair->mirror, 8, other));
	EXPECT(api_can_begin(other));
	EXPECT_EQ(0, api_update(other, 0, 2));
	EXPECT(!api_can_begin(other));
	EXPECT(api_finds(pair->mirror, 8, NULL));
	/*
	 * Both intervals start at page 0. Find returns the one that was
	 * inserted or updated first.
	 */
	EXPECT(api_finds(pair->mirror, 0, interval));
	EXPECT_EQ(0, api_update(other, 8, 2));
	EXPECT(api_finds(pair->mirror, 9, other));
	api_put(other);
	EXPECT(api_finds(pair->mirror, 9, NULL));
	EXPECT_EQ(atomic_read(&interval->calls),
		  atomic_read(&other->releases));
}

/* R25: a callback may insert, find, update and put intervals. */
static void r25_insert_find_update_put(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_interval *other = api_interval_new();

	interval->data = api_pair(mirror, other);
	interval->action = api_insert_find_update_put;
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(2, atomic_read(&interval->calls));
	EXPECT_EQ(2, atomic_read(&other->releases));
	api_remove(interval);
	api_unregister(mirror);
}

/* Some drivers split an interval around the part that is unmapped. */
static void api_split(struct api_interval *interval,
		      const struct mmu_notifier_range *range)
{
	struct api_pair *pair = interval->data;

	interval->action = NULL;
	EXPECT_EQ(0, api_insert_ops(pair->other, pair->mirror, 6, 4,
				    &api_ops));
	EXPECT_EQ(0, api_update(interval, 0, 4));
	EXPECT(api_can_begin(interval));
	EXPECT(api_can_begin(pair->other));
}

static void r25_split_around_a_hole(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 10);
	struct api_interval *other = api_interval_new();

	interval->data = api_pair(mirror, other);
	interval->action = api_split;
	EXPECT_EQ(0, api_unmap(4, 2));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT_EQ(0, atomic_read(&other->calls));
	EXPECT(api_finds(mirror, 3, interval));
	EXPECT(api_finds(mirror, 4, NULL));
	EXPECT(api_finds(mirror, 5, NULL));
	EXPECT(api_finds(mirror, 6, other));
	EXPECT_EQ(0, api_unmap(3, 4));
	EXPECT_EQ(2, atomic_read(&interval->calls));
	EXPECT_EQ(1, atomic_read(&other->calls));
	api_remove(interval);
	api_remove(other);
	api_unregister(mirror);
}

static void api_update_self(struct api_interval *interval,
			    const struct mmu_notifier_range *range)
{
	struct api_pair *pair = interval->data;

	/*
	 * Limit the updates, so that the case ends even if the core runs the
	 * callback in a loop.
	 */
	if (pair->budget-- > 0)
		EXPECT_EQ(0, api_update(interval, 0, 2));
}

/*
 * A callback updates its own interval, which still overlaps the invalidation.
 * The invalidation must end.
 */
static void r25_update_itself(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *before = api_interval(mirror, 0, 4);
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_interval *after = api_interval(mirror, 0, 4);
	unsigned long seq = api_seq(interval);

	interval->data = api_pair(mirror, NULL);
	interval->action = api_update_self;
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&before->calls));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT_EQ(1, atomic_read(&after->calls));
	EXPECT(api_retry(interval, seq));
	EXPECT(api_can_begin(interval));
	api_remove(before);
	api_remove(interval);
	api_remove(after);
	api_unregister(mirror);
}

static void api_update_other(struct api_interval *interval,
			     const struct mmu_notifier_range *range)
{
	struct api_pair *pair = interval->data;

	if (pair->budget-- > 0)
		EXPECT_EQ(0, api_update(pair->other, 0, 2));
}

/*
 * Two callbacks update each other's interval. Each callback runs a limited
 * number of times.
 */
static void r25_update_each_other(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *one = api_interval(mirror, 0, 2);
	struct api_interval *two = api_interval(mirror, 0, 2);

	one->data = api_pair(mirror, two);
	two->data = api_pair(mirror, one);
	one->action = api_update_other;
	two->action = api_update_other;
	EXPECT_EQ(0, api_write(0));
	EXPECT(atomic_read(&two->calls) >= 1);
	/* The updates may cause a few additional callbacks. */
	if (atomic_read(&one->calls) > 4)
		EXPECT_EQ(1, atomic_read(&one->calls));
	api_remove(one);
	api_remove(two);
	api_unregister(mirror);
}

static void api_put_self(struct api_interval *interval,
			 const struct mmu_notifier_range *range)
{
	struct api_pair *pair = interval->data;

	EXPECT(api_finds(pair->mirror, 1, interval));
	api_put(interval);
	EXPECT(api_finds(pair->mirror, 1, NULL));
	EXPECT_EQ(0, atomic_read(&interval->releases));
}

/* R25: a driver puts its interval when the whole mapping is unmapped. */
static void r25_put_itself(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_interval *after = api_interval(mirror, 2, 2);

	interval->data = api_pair(mirror, NULL);
	interval->action = api_put_self;
	EXPECT_EQ(0, api_unmap(0, 4));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT_EQ(1, atomic_read(&interval->releases));
	EXPECT_EQ(1, atomic_read(&after->calls));
	api_free(interval);
	EXPECT_EQ(0, api_unmap(0, 4));
	EXPECT_EQ(2, atomic_read(&after->calls));
	api_remove(after);
	api_unregister(mirror);
}

static void api_put_other(struct api_interval *interval,
			  const struct mmu_notifier_range *range)
{
	struct api_pair *pair = interval->data;

	if (!pair->other)
		return;
	api_put(pair->other);
	/*
	 * No callback of that interval is running, so put has called release.
	 */
	EXPECT_EQ(1, atomic_read(&pair->other->releases));
	api_free(pair->other);
	pair->other = NULL;
}

/* A callback frees the interval whose callback would run next. */
static void r25_put_the_next(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 4);
	struct api_interval *next = api_interval(mirror, 1, 2);
	struct api_interval *last = api_interval(mirror, 2, 2);

	interval->data = api_pair(mirror, next);
	interval->action = api_put_other;
	EXPECT_EQ(0, api_unmap(0, 4));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT_EQ(1, atomic_read(&last->calls));
	api_remove(interval);
	api_remove(last);
	api_unregister(mirror);
}

static void api_put_all(struct api_interval *interval,
			const struct mmu_notifier_range *range)
{
	struct api_pair *pair = interval->data;
	struct api_interval *found;
	int rounds = 0;

	while (rounds++ < 100 && (found = api_find(pair->mirror, 3))) {
		api_put(found);
		api_put(found);
	}
	EXPECT(api_finds(pair->mirror, 3, NULL));
}

/* R15, R25: one callback puts all intervals, including its own. */
static void r25_put_all(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *intervals[20];
	int i;

	for (i = 0; i < 20; i++)
		intervals[i] = api_interval(mirror, i / 8, 4);
	intervals[5]->data = api_pair(mirror, NULL);
	intervals[5]->action = api_put_all;
	EXPECT_EQ(0, api_write(3));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(i <= 5, atomic_read(&intervals[i]->calls));
		EXPECT_EQ(1, atomic_read(&intervals[i]->releases));
		api_free(intervals[i]);
	}
	EXPECT(api_is_idle(mirror));
	api_unregister(mirror);
}

static void api_finish_put(struct api_interval *interval)
{
	api_put(interval);
	EXPECT_EQ(0, atomic_read(&interval->releases));
}

/* The second pass drops the last reference to its own interval. */
static void r25_put_itself_in_the_second_pass(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *intervals[3];
	int i;

	for (i = 0; i < 3; i++) {
		intervals[i] = api_interval_new();
		intervals[i]->on_finish = api_finish_put;
		EXPECT_EQ(0, api_insert_ops(intervals[i], mirror, 0, 1,
					    &api_two_pass_ops));
	}
	EXPECT_EQ(0, api_write(0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, atomic_read(&intervals[i]->finishes));
		EXPECT_EQ(1, atomic_read(&intervals[i]->releases));
		api_free(intervals[i]);
	}
	EXPECT_EQ(0, api_unmap(0, 1));
	api_unregister(mirror);
}

const struct api_case api_callback_cases[] = {
	{ "r25_insert_find_update_put", r25_insert_find_update_put },
	{ "r25_split_around_a_hole", r25_split_around_a_hole },
	{ "r25_update_itself", r25_update_itself },
	{ "r25_update_each_other", r25_update_each_other },
	{ "r25_put_itself", r25_put_itself },
	{ "r25_put_the_next", r25_put_the_next },
	{ "r25_put_all", r25_put_all },
	{ "r25_put_itself_in_the_second_pass",
	  r25_put_itself_in_the_second_pass },
	{}
};
