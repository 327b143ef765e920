// SPDX-License-Identifier: GPL-2.0
/*
 * Readers of intervals that are removed or inserted again.
 */
#include <hmm/range.h>

#include "api.h"

static struct hmm_mirror_range *
api_populated_range(struct api_interval *interval)
{
	struct hmm_mirror_range *range = api_bound_range(interval, 0);

	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT(hmm_mirror_range_valid(range));
	return range;
}

/*
 * The fast path of remove: no other reference, callback or invalidation exists.
 */
static void r76_interval_is_removed(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 16);
	struct hmm_mirror_range *range = api_populated_range(interval);
	unsigned long seq = api_seq(interval);

	api_remove(interval);
	EXPECT(api_retry(interval, seq));
	EXPECT(!hmm_mirror_range_valid(range));
	EXPECT_EQ(-ENOENT, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(0, range->filled);
	EXPECT_EQ(-ENOENT, hmm_mirror_range_wait_until_valid(range, 0));
	api_unregister(mirror);
}

/*
 * The pages are unmapped, and the interval is inserted again with the same
 * bounds.
 */
static void r76_interval_is_inserted_again(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 16);
	struct hmm_mirror_range *range = api_populated_range(interval);

	api_remove(interval);
	EXPECT_EQ(0, api_unmap(0, API_RANGE_PAGES));
	EXPECT_EQ(0, api_insert_ops(interval, mirror, 0, 16, &api_ops));
	EXPECT(!hmm_mirror_range_valid(range));
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT(hmm_mirror_range_valid(range));
	api_remove(interval);
	api_unregister(mirror);
}

/*
 * Remove does not change the bounds, because a running callback may read them.
 */
static void r77_bounds_stay_during_a_callback(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 16);
	struct api_thread *remover, *writer = api_stop_write(interval, 1);

	remover = api_remove_thread(interval);
	EXPECT(api_thread_blocks(remover));
	EXPECT_EQ(api_addr(0), hmm_interval_start(&interval->notifier));
	EXPECT_EQ(api_addr(16) - 1, hmm_interval_last(&interval->notifier));
	api_stop_resume(&interval->stop);
	EXPECT_EQ(0, api_join(writer));
	EXPECT_EQ(0, api_join(remover));
	api_unregister(mirror);
}

/*
 * A mirror is unregistered before its interval is removed. Another mirror has
 * so many intervals that the walk drops the lock.
 */
static void r78_intervals_left_behind_collide(void)
{
	struct api_mirror *other = api_mirror();
	struct api_mirror *mirror = api_mirror();
	struct api_interval *neighbours[100], *interval;
	struct hmm_mirror_range *range;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(neighbours); i++)
		neighbours[i] = api_interval(other, 0, 16);
	interval = api_interval(mirror, 0, 16);
	range = api_populated_range(interval);
	api_unregister(mirror);
	EXPECT(!hmm_mirror_range_valid(range));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_populate(range, 0));
	for (i = 0; i < ARRAY_SIZE(neighbours); i++) {
		EXPECT_EQ(api_addr(0),
			  hmm_interval_start(&neighbours[i]->notifier));
		api_remove(neighbours[i]);
	}
	api_unregister(other);
}

/*
 * A second registration would insert an interval that is already in the tree.
 */
static void r80_range_is_registered_twice(void)
{
	struct hmm_mirror_range *range = api_alloc(sizeof(*range));
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 16);

	EXPECT_EQ(0, hmm_mirror_range_register(range, &mirror->mirror,
					       api_addr(0), api_addr(1)));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_register(range, &mirror->mirror,
						     api_addr(2),
						     api_addr(3)));
	EXPECT_EQ(-EINVAL, hmm_mirror_range_bind(range, &interval->notifier));
	EXPECT_EQ(api_addr(0), range->start);
	hmm_mirror_range_unregister(range);
	api_remove(interval);
	api_unregister(mirror);
}

const struct api_case api_removed_cases[] = {
	{ "r76_interval_is_removed", r76_interval_is_removed },
	{ "r76_interval_is_inserted_again", r76_interval_is_inserted_again },
	{ "r77_bounds_stay_during_a_callback",
	  r77_bounds_stay_during_a_callback },
	{ "r78_intervals_left_behind_collide",
	  r78_intervals_left_behind_collide,
	  .expect = "unregistered with 1 intervals left|neither registered nor bound" },
	{ "r80_range_is_registered_twice", r80_range_is_registered_twice,
	  .expect = "hmm_mirror range is already registered" },
	{}
};
