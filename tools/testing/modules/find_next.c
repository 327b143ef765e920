// SPDX-License-Identifier: GPL-2.0
/*
 * hmm_interval_notifier_find_next(). An iteration holds no lock between two
 * calls:
 *
 *	the driver                        another task
 *	----------                        ------------
 *	find_next returns an interval
 *	                                  removes, updates or inserts intervals,
 *	                                  and frees memory
 *	find_next returns the next one
 *
 * The cases make the changes of the other task in the body of the loop, which is
 * at the same point.
 */
#include "api.h"

/* An iteration that does not end is stopped after this number of steps. */
#define FIND_NEXT_MAX	100

/**
 * struct find_next - an iteration over pages 2 to 9
 * @mirror: the mirror
 * @cursor: the position
 * @steps: number of intervals that were returned
 */
struct find_next {
	struct api_mirror *mirror;
	struct hmm_interval_cursor cursor;
	int steps;
};

/* Returns the next interval, or NULL. The caller drops the reference. */
static struct api_interval *find_next_get(struct find_next *iteration)
{
	struct hmm_interval_notifier *notifier;

	notifier = hmm_interval_notifier_find_next(&iteration->mirror->mirror,
						   &api_ops, api_addr(2),
						   api_addr(10) - 1,
						   &iteration->cursor);
	if (!notifier)
		return NULL;
	if (!EXPECT(++iteration->steps < FIND_NEXT_MAX)) {
		hmm_interval_notifier_put(notifier);
		return NULL;
	}
	return container_of(notifier, struct api_interval, notifier);
}

/* Like find_next_get(), but drops the reference. */
static struct api_interval *find_next(struct find_next *iteration)
{
	struct api_interval *interval = find_next_get(iteration);

	if (interval)
		api_put(interval);
	return interval;
}

/* Nested intervals, and intervals with the same start, are not skipped. */
static void find_next_overlapping(void)
{
	struct api_mirror *mirror = api_mirror(), *other = api_mirror();
	struct find_next iteration = { .mirror = mirror };
	struct api_interval *below = api_interval(mirror, 0, 2);
	struct api_interval *late = api_interval(mirror, 9, 9);
	struct api_interval *wide = api_interval(mirror, 0, 20);
	struct api_interval *inner = api_interval(mirror, 2, 1);
	struct api_interval *longer = api_interval(mirror, 4, 12);
	struct api_interval *foreign = api_interval(other, 4, 4);
	struct api_interval *shorter = api_interval(mirror, 4, 1);
	struct api_interval *otherwise = api_interval_new();
	struct api_interval *above = api_interval(mirror, 10, 2);

	EXPECT_EQ(0, api_insert_ops(otherwise, mirror, 5, 1, &api_other_ops));
	EXPECT_EQ(wide, find_next(&iteration));
	EXPECT_EQ(inner, find_next(&iteration));
	EXPECT_EQ(longer, find_next(&iteration));
	EXPECT_EQ(shorter, find_next(&iteration));
	EXPECT_EQ(late, find_next(&iteration));
	EXPECT_EQ(NULL, find_next(&iteration));
	EXPECT_EQ(NULL, find_next(&iteration));

	api_remove(below);
	api_remove(late);
	api_remove(wide);
	api_remove(inner);
	api_remove(longer);
	api_remove(foreign);
	api_remove(shorter);
	api_remove(otherwise);
	api_remove(above);
	/* A mirror without intervals. */
	memset(&iteration.cursor, 0, sizeof(iteration.cursor));
	EXPECT_EQ(NULL, find_next(&iteration));
	api_unregister(mirror);
	api_unregister(other);
}

/* R13: find_next returns a reference. */
static void r13_find_next_holds_a_reference(void)
{
	struct api_mirror *mirror = api_mirror();
	struct find_next iteration = { .mirror = mirror };
	struct api_interval *interval = api_interval(mirror, 2, 1);

	EXPECT_EQ(interval, find_next_get(&iteration));
	api_put(interval);
	EXPECT_EQ(0, atomic_read(&interval->releases));
	EXPECT_EQ(NULL, find_next(&iteration));
	api_put(interval);
	EXPECT_EQ(1, atomic_read(&interval->releases));
	api_unregister(mirror);
}

/* R15: the interval that was returned last, and others, are put and freed. */
static void r15_find_next_while_intervals_leave(void)
{
	struct api_mirror *mirror = api_mirror();
	struct find_next iteration = { .mirror = mirror };
	struct api_interval *intervals[8];
	int i;

	/* Pairs with the same start. */
	for (i = 0; i < 8; i++)
		intervals[i] = api_interval(mirror, 2 + i / 2, 4);
	EXPECT_EQ(intervals[0], find_next(&iteration));
	api_remove(intervals[0]);
	api_free(intervals[0]);
	EXPECT_EQ(intervals[1], find_next(&iteration));
	api_put(intervals[1]);
	api_free(intervals[1]);
	api_remove(intervals[2]);
	EXPECT_EQ(intervals[3], find_next(&iteration));
	api_remove(intervals[3]);
	api_free(intervals[3]);
	EXPECT_EQ(intervals[4], find_next(&iteration));
	for (i = 4; i < 7; i++)
		api_remove(intervals[i]);
	EXPECT_EQ(intervals[7], find_next(&iteration));
	EXPECT_EQ(NULL, find_next(&iteration));
	api_remove(intervals[7]);
	api_unregister(mirror);
}

/*
 * R15: the iteration ends although the driver resizes each interval, and inserts
 * a new one after it.
 */
static void r15_find_next_ends_despite_updates(void)
{
	struct api_mirror *mirror = api_mirror();
	struct find_next iteration = { .mirror = mirror };
	struct api_interval *intervals[4], *inserted[4];
	int i;

	for (i = 0; i < 4; i++)
		intervals[i] = api_interval(mirror, 2 + i / 2, 3);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(intervals[i], find_next(&iteration));
		/* Keep the start of one, and move the other one upwards. */
		EXPECT_EQ(0, api_update(intervals[i], 2 + i / 2 + i % 2 * 4, 2));
		inserted[i] = api_interval(mirror, 4 + i, 1);
	}
	EXPECT_EQ(NULL, find_next(&iteration));
	for (i = 0; i < 4; i++) {
		api_remove(intervals[i]);
		api_remove(inserted[i]);
	}
	api_unregister(mirror);
}

/* An update of an interval that was returned does not hide others. */
static void r14_find_next_after_an_update(void)
{
	struct api_mirror *mirror = api_mirror();
	struct find_next iteration = { .mirror = mirror };
	struct api_interval *low = api_interval(mirror, 2, 1);
	struct api_interval *middle = api_interval(mirror, 4, 1);
	struct api_interval *high = api_interval(mirror, 6, 1);

	EXPECT_EQ(low, find_next(&iteration));
	EXPECT_EQ(0, api_update(low, 9, 1));
	EXPECT_EQ(middle, find_next(&iteration));
	EXPECT_EQ(0, api_update(middle, 2, 1));
	EXPECT_EQ(high, find_next(&iteration));
	EXPECT_EQ(NULL, find_next(&iteration));
	api_remove(low);
	api_remove(middle);
	api_remove(high);
	api_unregister(mirror);
}

/* R14: one call visits so many intervals that it drops the lock. */
static void r14_find_next_after_a_thousand_others(void)
{
	struct api_mirror *mirror = api_mirror(), *other = api_mirror();
	struct find_next iteration = { .mirror = mirror };
	struct api_interval *first = api_interval(mirror, 2, 1);
	struct api_interval **others, *second;
	int i;

	others = api_alloc(1000 * sizeof(*others));
	for (i = 0; i < 1000; i++)
		others[i] = api_interval(other, 2, 1);
	second = api_interval(mirror, 2, 1);
	EXPECT_EQ(first, find_next(&iteration));
	EXPECT_EQ(second, find_next(&iteration));
	EXPECT_EQ(NULL, find_next(&iteration));
	for (i = 0; i < 1000; i++)
		api_remove(others[i]);
	api_remove(first);
	api_remove(second);
	api_unregister(mirror);
	api_unregister(other);
}

const struct api_case api_find_next_cases[] = {
	{ "find_next_overlapping", find_next_overlapping },
	{ "r13_find_next_holds_a_reference", r13_find_next_holds_a_reference },
	{ "r14_find_next_after_an_update", r14_find_next_after_an_update },
	{ "r14_find_next_after_a_thousand_others",
	  r14_find_next_after_a_thousand_others },
	{ "r15_find_next_while_intervals_leave",
	  r15_find_next_while_intervals_leave },
	{ "r15_find_next_ends_despite_updates",
	  r15_find_next_ends_despite_updates },
	{}
};
