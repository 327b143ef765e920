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

/**
 * struct api_clip - data of a callback that clips the invalidation
 * @calls: number of callbacks in which the invalidation overlapped the interval
 * @start: first address of the last one, clipped
 * @last: last address of the last one, clipped
 */
struct api_clip {
	int calls;
	unsigned long start;
	unsigned long last;
};

static void api_clip(struct api_interval *interval,
		     const struct mmu_notifier_range *range)
{
	struct api_clip *clip = interval->data;

	clip->calls += hmm_interval_clip(&interval->notifier, range,
					 &clip->start, &clip->last);
}

/*
 * The invalidations of pages 2 to 5: wider than the interval on both sides, at
 * one side, and narrower. The bounds of one interval are not page aligned.
 */
static void clip_to_the_interval(void)
{
	struct api_mirror *mirror = api_mirror();
	static const struct {
		unsigned long start, length, first, last;
	} cases[] = {
		{ 3 * PAGE_SIZE, PAGE_SIZE, 3 * PAGE_SIZE, 4 * PAGE_SIZE - 1 },
		{ 0, 4 * PAGE_SIZE, 2 * PAGE_SIZE, 4 * PAGE_SIZE - 1 },
		{ 5 * PAGE_SIZE, 4 * PAGE_SIZE, 5 * PAGE_SIZE,
		  6 * PAGE_SIZE - 1 },
		{ 0, 9 * PAGE_SIZE, 2 * PAGE_SIZE, 6 * PAGE_SIZE - 1 },
		{ 2 * PAGE_SIZE + 8, 16, 2 * PAGE_SIZE + 8,
		  2 * PAGE_SIZE + 23 },
		/* The interval has one byte in common with the invalidation. */
		{ PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE, 2 * PAGE_SIZE },
		{ 6 * PAGE_SIZE - 1, PAGE_SIZE, 6 * PAGE_SIZE - 1,
		  6 * PAGE_SIZE - 1 },
	};
	struct api_clip clips[ARRAY_SIZE(cases)] = {};
	struct api_interval *intervals[ARRAY_SIZE(cases)];
	unsigned long start;
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start = api_addr(0) + cases[i].start;
		intervals[i] = api_interval_new();
		intervals[i]->action = api_clip;
		intervals[i]->data = &clips[i];
		ret = hmm_interval_notifier_insert(&intervals[i]->notifier,
						   &mirror->mirror, start,
						   cases[i].length, &api_ops);
		EXPECT_EQ(0, ret);
	}
	EXPECT_EQ(0, api_unmap(2, 4));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(1, clips[i].calls);
		EXPECT_EQ(cases[i].first, clips[i].start - api_addr(0));
		EXPECT_EQ(cases[i].last, clips[i].last - api_addr(0));
		api_remove(intervals[i]);
	}
	api_unregister(mirror);
}

/* The whole address space is invalidated, and the interval ends at its top. */
static void clip_at_the_top(void)
{
	const struct mmu_notifier_range range = { .end = ULONG_MAX };
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval_new();
	unsigned long start = 1, last = 1;

	EXPECT_EQ(0, hmm_interval_notifier_insert(&interval->notifier,
						  &mirror->mirror, PAGE_SIZE,
						  -PAGE_SIZE, &api_ops));
	EXPECT_EQ(ULONG_MAX, hmm_interval_last(&interval->notifier));
	EXPECT(hmm_interval_clip(&interval->notifier, &range, &start, &last));
	EXPECT_EQ(PAGE_SIZE, start);
	EXPECT_EQ(ULONG_MAX - 1, last);
	api_remove(interval);
	api_unregister(mirror);
}

static void api_clip_after_update(struct api_interval *interval,
				  const struct mmu_notifier_range *range)
{
	struct api_clip *clip = interval->data;

	EXPECT_EQ(0, api_update(interval, 6, 1));
	api_clip(interval, range);
	EXPECT_EQ(0, api_update(interval, 1, 1));
	api_clip(interval, range);
	EXPECT_EQ(0, clip->calls);
	EXPECT_EQ(7, clip->start);
	EXPECT_EQ(7, clip->last);
}

/* An update moves the interval to the page after and before an invalidation. */
static void clip_after_update(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 2, 4);
	struct api_clip clip = { .start = 7, .last = 7 };

	interval->action = api_clip_after_update;
	interval->data = &clip;
	EXPECT_EQ(0, api_unmap(2, 4));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	api_remove(interval);
	api_unregister(mirror);
}

const struct api_case api_callback_cases[] = {
	{ "clip_to_the_interval", clip_to_the_interval },
	{ "clip_at_the_top", clip_at_the_top },
	{ "clip_after_update", clip_after_update },
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
