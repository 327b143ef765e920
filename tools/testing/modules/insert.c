// SPDX-License-Identifier: GPL-2.0
/*
 * Insert and update: arguments and bounds.
 */
#include "api.h"

static int api_insert_at(struct api_interval *interval,
			 struct api_mirror *mirror, unsigned long start,
			 unsigned long length)
{
	return hmm_interval_notifier_insert(&interval->notifier,
					    &mirror->mirror, start, length,
					    &api_ops);
}

struct api_bounds {
	unsigned long start;
	unsigned long length;
	int ret;
};

static const struct api_bounds api_bounds[] = {
	{ 0, 0, -EINVAL },
	{ PAGE_SIZE, 0, -EINVAL },
	{ ULONG_MAX, 0, -EINVAL },
	{ 0, 1, 0 },
	{ PAGE_SIZE + 7, 1, 0 },
	{ ULONG_MAX, 1, -EINVAL },
	{ ULONG_MAX, 2, -EOVERFLOW },
	{ 1, ULONG_MAX, 0 },
	{ 0, ULONG_MAX, 0 },
	{ 2, ULONG_MAX, -EOVERFLOW },
	{ PAGE_SIZE, ULONG_MAX - PAGE_SIZE + 1, 0 },
	{ PAGE_SIZE, ULONG_MAX - PAGE_SIZE + 2, -EOVERFLOW },
};

/* R11: invalid bounds and bounds that wrap are refused. */
static void r11_bounds_of_insert(void)
{
	struct api_mirror *mirror = api_mirror();
	struct hmm_interval_notifier *found;
	struct api_interval *interval;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(api_bounds); i++) {
		const struct api_bounds *bounds = &api_bounds[i];
		unsigned long last = bounds->start + bounds->length - 1;
		int ret;

		interval = api_interval_new();
		ret = api_insert_at(interval, mirror, bounds->start,
				    bounds->length);
		if (!api_check(ret == bounds->ret, __FILE__, __LINE__,
			       "bounds %u: the result is %d, not %d", i, ret,
			       bounds->ret))
			break;
		found = hmm_interval_notifier_find(&mirror->mirror, &api_ops,
						   0, ULONG_MAX);
		if (ret) {
			EXPECT_EQ(NULL, found);
			continue;
		}
		EXPECT_EQ(&interval->notifier, found);
		EXPECT_EQ(bounds->start,
			  hmm_interval_start(&interval->notifier));
		EXPECT_EQ(last, hmm_interval_last(&interval->notifier));
		hmm_interval_notifier_put(found);
		api_remove(interval);
	}
	api_unregister(mirror);
}

static void r11_bounds_of_update(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 5, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(api_bounds); i++) {
		const struct api_bounds *bounds = &api_bounds[i];
		unsigned long start = hmm_interval_start(&interval->notifier);
		unsigned long last = hmm_interval_last(&interval->notifier);
		unsigned long seq = api_seq(interval);
		int ret;

		ret = hmm_interval_notifier_update(&interval->notifier,
						   bounds->start,
						   bounds->length);
		if (!api_check(ret == bounds->ret, __FILE__, __LINE__,
			       "bounds %u: the result is %d, not %d", i, ret,
			       bounds->ret))
			break;
		/* A failed update changes nothing. */
		EXPECT_EQ(!ret, api_retry(interval, seq));
		if (!ret) {
			start = bounds->start;
			last = bounds->start + bounds->length - 1;
		}
		EXPECT_EQ(start, hmm_interval_start(&interval->notifier));
		EXPECT_EQ(last, hmm_interval_last(&interval->notifier));
	}
	api_remove(interval);
	api_unregister(mirror);
}

static bool api_agree(struct hmm_interval_notifier *interval,
		      const struct mmu_notifier_range *range)
{
	return true;
}

static void api_finish(struct hmm_interval_notifier *interval,
		       const struct mmu_notifier_range *range)
{
}

static void r11_one_of_two_passes(void)
{
	static const struct hmm_interval_notifier_ops only_start = {
		.invalidate_start = api_agree,
	};
	static const struct hmm_interval_notifier_ops only_finish = {
		.invalidate = api_agree,
		.invalidate_finish = api_finish,
	};
	static const struct hmm_interval_notifier_ops none = {};
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval_new();
	unsigned long seq;

	EXPECT_EQ(-EINVAL, api_insert_ops(interval, mirror, 0, 1,
					  &only_start));
	EXPECT_EQ(-EINVAL, api_insert_ops(interval, mirror, 0, 1,
					  &only_finish));
	/* Callbacks are optional. Readers collide without them, too. */
	EXPECT_EQ(0, api_insert_ops(interval, mirror, 0, 1, &none));
	seq = api_seq(interval);
	EXPECT_EQ(0, api_write(0));
	EXPECT(api_retry(interval, seq));
	api_put(interval);
	EXPECT_EQ(0, api_insert_ops(interval, mirror, 1, 1, NULL));
	seq = api_seq(interval);
	EXPECT_EQ(0, api_write(1));
	EXPECT(api_retry(interval, seq));
	api_put(interval);
	api_unregister(mirror);
}

/*
 * 0 is not a valid sequence: a reader that never called read_begin must retry.
 */
static void r11_zero_is_no_sequence(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);

	EXPECT(api_retry(interval, 0));
	EXPECT_EQ(0, api_write(0));
	EXPECT(api_retry(interval, 0));
	api_remove(interval);
	api_unregister(mirror);
}

/* R19: bounds are exact to the byte. */
static void r19_touching_is_no_overlap(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *above = api_interval(mirror, 5, 1);
	struct api_interval *below = api_interval(mirror, 3, 1);
	struct api_interval *last_byte = api_interval_new();
	struct api_interval *first_byte = api_interval_new();
	struct api_interval *around = api_interval(mirror, 3, 3);
	unsigned long above_seq = api_seq(above);
	unsigned long below_seq = api_seq(below);

	EXPECT_EQ(0, api_insert_at(last_byte, mirror, api_addr(5) - 1, 1));
	EXPECT_EQ(0, api_insert_at(first_byte, mirror, api_addr(4), 1));
	EXPECT_EQ(0, api_unmap(4, 1));

	EXPECT_EQ(0, atomic_read(&above->calls));
	EXPECT_EQ(0, atomic_read(&below->calls));
	EXPECT(!api_retry(above, above_seq));
	EXPECT(!api_retry(below, below_seq));
	EXPECT_EQ(1, atomic_read(&last_byte->calls));
	EXPECT_EQ(1, atomic_read(&first_byte->calls));
	EXPECT_EQ(1, atomic_read(&around->calls));
	EXPECT_EQ(api_addr(4), around->start);
	EXPECT_EQ(api_addr(5), around->end);

	EXPECT_EQ(0, api_unmap(5, 1));
	EXPECT_EQ(1, atomic_read(&above->calls));
	EXPECT_EQ(0, atomic_read(&below->calls));
	EXPECT_EQ(1, atomic_read(&last_byte->calls));
	EXPECT(api_retry(above, above_seq));
	EXPECT(!api_retry(below, below_seq));

	api_remove(above);
	api_remove(below);
	api_remove(last_byte);
	api_remove(first_byte);
	api_remove(around);
	api_unregister(mirror);
}

/* R19: the bounds are also exact if no interval overlaps. */
static void r19_touching_only(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *above = api_interval(mirror, 5, 1);
	struct api_interval *below = api_interval(mirror, 3, 1);
	unsigned long above_seq = api_seq(above);
	unsigned long below_seq = api_seq(below);

	EXPECT_EQ(0, api_unmap(4, 1));
	EXPECT_EQ(0, atomic_read(&above->calls));
	EXPECT_EQ(0, atomic_read(&below->calls));
	EXPECT(!api_retry(above, above_seq));
	EXPECT(!api_retry(below, below_seq));
	api_remove(above);
	api_remove(below);
	api_unregister(mirror);
}

/* The bounds of an invalidation in flight are exact to the byte, too. */
static void r19_touching_an_invalidation_in_flight(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 4, 1);
	struct api_interval *first_byte = api_interval_new();
	struct api_interval *last_byte = api_interval_new();
	struct api_interval *below = api_interval_new();
	struct api_interval *above = api_interval_new();
	struct api_thread *writer = api_stop_write(blocker, 4);

	EXPECT_EQ(0, api_insert_at(below, mirror, api_addr(4) - 1, 1));
	EXPECT_EQ(0, api_insert_at(first_byte, mirror, api_addr(4), 1));
	EXPECT_EQ(0, api_insert_at(last_byte, mirror, api_addr(5) - 1, 1));
	EXPECT_EQ(0, api_insert_at(above, mirror, api_addr(5), 1));
	EXPECT(api_can_begin(below));
	EXPECT(!api_can_begin(first_byte));
	EXPECT(!api_can_begin(last_byte));
	EXPECT(api_can_begin(above));
	api_resume_and_join(&blocker->stop, writer);
	EXPECT(api_can_begin(first_byte));
	EXPECT(api_can_begin(last_byte));

	api_remove(blocker);
	api_remove(below);
	api_remove(first_byte);
	api_remove(last_byte);
	api_remove(above);
	api_unregister(mirror);
}

/* R16, R14: an update fails after put and after remove. */
static void r16_update_after_put_or_remove(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *put = api_interval(mirror, 0, 1);
	struct api_interval *removed = api_interval(mirror, 1, 1);

	api_put(put);
	api_remove(removed);
	EXPECT_EQ(-ENOENT, api_update(put, 2, 1));
	EXPECT_EQ(-ENOENT, api_update(removed, 2, 1));
	EXPECT(api_finds(mirror, 0, NULL));
	EXPECT(api_finds(mirror, 1, NULL));
	EXPECT(api_finds(mirror, 2, NULL));
	EXPECT_EQ(0, api_unmap(0, 3));
	EXPECT_EQ(0, atomic_read(&put->calls));
	EXPECT_EQ(0, atomic_read(&removed->calls));
	EXPECT_EQ(1, atomic_read(&put->releases));
	api_unregister(mirror);
}

/*
 * R16: an update after put also fails while a callback of the interval is
 * running.
 */
static void r16_update_after_put_in_an_invalidation(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct api_thread *writer = api_stop_write(interval, 0);

	api_put(interval);
	EXPECT_EQ(-ENOENT, api_update(interval, 0, 2));
	EXPECT(api_finds(mirror, 0, NULL));
	EXPECT_EQ(0, atomic_read(&interval->releases));
	api_resume_and_join(&interval->stop, writer);
	EXPECT_EQ(1, atomic_read(&interval->releases));
	EXPECT_EQ(0, api_unmap(0, 2));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	api_unregister(mirror);
}

const struct api_case api_insert_cases[] = {
	{ "r11_bounds_of_insert", r11_bounds_of_insert },
	{ "r11_bounds_of_update", r11_bounds_of_update },
	{ "r11_one_of_two_passes", r11_one_of_two_passes },
	{ "r11_zero_is_no_sequence", r11_zero_is_no_sequence },
	{ "r16_update_after_put_or_remove", r16_update_after_put_or_remove },
	{ "r16_update_after_put_in_an_invalidation",
	  r16_update_after_put_in_an_invalidation },
	{ "r19_touching_is_no_overlap", r19_touching_is_no_overlap },
	{ "r19_touching_only", r19_touching_only },
	{ "r19_touching_an_invalidation_in_flight",
	  r19_touching_an_invalidation_in_flight },
	{}
};
