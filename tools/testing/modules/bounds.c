// SPDX-License-Identifier: GPL-2.0
/*
 * A range must not be read at addresses for which it receives no invalidations:
 * past the end of the address space (R49), and outside of its interval (R50).
 */
#include <linux/mutex.h>

#include <hmm/range.h>

#include "api.h"

static unsigned long api_task_size(void)
{
	return current->mm->task_size;
}

/* A range of the arena that is not bound yet. */
static struct hmm_mirror_range *api_unbound_range(unsigned long page)
{
	struct hmm_mirror_range *range = api_alloc(sizeof(*range));
	unsigned int i;

	range->pfns = api_alloc(API_RANGE_PAGES * sizeof(*range->pfns));
	for (i = 0; i < API_RANGE_PAGES; i++)
		range->pfns[i] = API_UNTOUCHED;
	range->start = api_addr(page);
	range->end = api_addr(page + API_RANGE_PAGES);
	return range;
}

struct hmm_mirror_range *api_bound_range(struct api_interval *interval,
					 unsigned long page)
{
	struct hmm_mirror_range *range = api_unbound_range(page);

	range->default_flags = HMM_MIRROR_PFN_REQ_FAULT;
	EXPECT_EQ(0, hmm_mirror_range_bind(range, &interval->notifier));
	return range;
}

/*
 * Expect that the functions that read the range, and the one that waits until
 * it is valid, fail with @error and write no entry.
 */
static void api_expect_range_fails(struct hmm_mirror_range *range, int error)
{
	unsigned int i;

	for (i = 0; i < API_RANGE_PAGES; i++)
		range->pfns[i] = API_UNTOUCHED;
	EXPECT_EQ(error, hmm_mirror_range_snapshot(range));
	EXPECT_EQ(error, hmm_mirror_range_fault(range));
	mmap_read_lock(current->mm);
	EXPECT_EQ(error, hmm_mirror_range_fault_locked(range));
	mmap_read_unlock(current->mm);
	EXPECT_EQ(error, hmm_mirror_range_wait_until_valid(range, 0));
	EXPECT_EQ(error, hmm_mirror_range_populate(range, 0));
	/* The entries of an earlier read are not valid either. */
	EXPECT(!hmm_mirror_range_valid(range));
	for (i = 0; i < API_RANGE_PAGES; i++)
		EXPECT_EQ(API_UNTOUCHED, range->pfns[i]);
}

/*
 * Offsets that are added to an address. For any number of page table levels, at
 * least one of them does not change the page table indices.
 */
static const unsigned long api_aliases[] = {
	BIT(47), BIT(48), BIT(52), BIT(56), BIT(57), BIT(63),
};

/* With five levels of page tables, the lower aliases are valid addresses. */
static bool api_is_past_the_end(unsigned long addr)
{
	return addr >= api_task_size();
}

static unsigned long api_start(const struct api_interval *interval)
{
	return hmm_interval_start(&interval->notifier);
}

static void r49_alias_of_a_range(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *all = api_interval_new();
	struct hmm_mirror_range *range, *unbound;
	unsigned int i;

	for (i = 0; i < API_RANGE_PAGES; i++)
		EXPECT_EQ(0, api_write(i));
	EXPECT_EQ(0, hmm_interval_notifier_insert(&all->notifier,
						  &mirror->mirror, 0,
						  ULONG_MAX, &api_ops));
	range = api_bound_range(all, 0);
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));

	for (i = 0; i < ARRAY_SIZE(api_aliases); i++) {
		unsigned long start = api_addr(0) + api_aliases[i];
		unsigned long end = api_addr(API_RANGE_PAGES) + api_aliases[i];

		if (!api_is_past_the_end(start))
			continue;
		unbound = api_unbound_range(0);
		EXPECT_EQ(-EINVAL,
			  hmm_mirror_range_register(unbound, &mirror->mirror,
						    start, end));
		unbound->start = start;
		unbound->end = end;
		EXPECT_EQ(-EINVAL, hmm_mirror_range_bind(unbound,
							 &all->notifier));

		/* A driver may change the addresses of a bound range. */
		range->start = start;
		range->end = end;
		api_expect_range_fails(range, -EINVAL);
	}
	range->start = api_addr(0);
	range->end = api_addr(API_RANGE_PAGES);
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT(hmm_mirror_range_valid(range));
	api_remove(all);
	api_unregister(mirror);
}

static void r49_alias_of_an_interval(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct api_interval *alias = api_interval_new();
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(api_aliases); i++) {
		unsigned long start = api_addr(0) + api_aliases[i];

		if (!api_is_past_the_end(start))
			continue;
		ret = hmm_interval_notifier_insert(&alias->notifier,
						   &mirror->mirror, start,
						   PAGE_SIZE, &api_ops);
		if (!EXPECT_EQ(-EINVAL, ret) && !ret)
			api_remove(alias);
		EXPECT_EQ(-EINVAL,
			  hmm_interval_notifier_update(&interval->notifier,
						       start, PAGE_SIZE));
		EXPECT_EQ(api_addr(0), api_start(interval));
	}
	api_remove(interval);
	api_unregister(mirror);
}

/* The last page of the address space, and the first page past its end. */
static void r49_end_of_the_address_space(void)
{
	const unsigned long size = api_task_size();
	const unsigned long first = size - API_RANGE_PAGES * PAGE_SIZE;
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval_new();
	struct hmm_mirror_range *range = api_unbound_range(0);

	EXPECT_EQ(0, hmm_interval_notifier_insert(&interval->notifier,
						  &mirror->mirror, size - 1, 1,
						  &api_ops));
	EXPECT_EQ(-EINVAL, hmm_interval_notifier_update(&interval->notifier,
							size, 1));
	EXPECT_EQ(0, hmm_interval_notifier_update(&interval->notifier,
						  size - PAGE_SIZE, SZ_1G));
	range->start = size - PAGE_SIZE;
	range->end = size;
	EXPECT_EQ(0, hmm_mirror_range_bind(range, &interval->notifier));
	range->end = size + PAGE_SIZE;
	EXPECT_EQ(-EINVAL, hmm_mirror_range_bind(range, &interval->notifier));
	range->start = size;
	EXPECT_EQ(-EINVAL, hmm_mirror_range_bind(range, &interval->notifier));
	EXPECT_EQ(0, hmm_mirror_range_register(range, &mirror->mirror,
					       first, size));
	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 0));
	EXPECT_EQ(0, hmm_mirror_range_snapshot(range));
	EXPECT(hmm_mirror_range_valid(range));
	hmm_mirror_range_unregister(range);
	api_remove(interval);
	api_unregister(mirror);
}

/*
 * An interval moves away from its range, covers only a part of the range, and
 * then covers all of it again.
 */
static void r50_interval_leaves_the_range(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 16);
	struct hmm_mirror_range *range = api_bound_range(interval, 4);

	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT(hmm_mirror_range_valid(range));

	EXPECT_EQ(0, api_update(interval, 16, 16));
	EXPECT(!hmm_mirror_range_valid(range));
	api_expect_range_fails(range, -ENOENT);
	/* Leave out the last page of the range, and then the first one. */
	EXPECT_EQ(0, api_update(interval, 0, 4 + API_RANGE_PAGES - 1));
	api_expect_range_fails(range, -ENOENT);
	EXPECT_EQ(0, api_update(interval, 5, 16));
	api_expect_range_fails(range, -ENOENT);

	EXPECT_EQ(0, api_update(interval, 4, API_RANGE_PAGES));
	EXPECT(!hmm_mirror_range_valid(range));
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT(hmm_mirror_range_valid(range));
	EXPECT_EQ(0, api_unmap(4, API_RANGE_PAGES));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT(!hmm_mirror_range_valid(range));
	api_remove(interval);
	api_unregister(mirror);
}

/* A range collides if its interval moves away and back. */
static void r50_interval_leaves_and_returns(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 16);
	struct hmm_mirror_range *range = api_bound_range(interval, 4);

	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ(0, api_update(interval, 16, 16));
	EXPECT_EQ(0, api_update(interval, 0, 16));
	EXPECT(!hmm_mirror_range_valid(range));

	EXPECT_EQ(0, hmm_mirror_range_wait_until_valid(range, 0));
	EXPECT_EQ(0, api_update(interval, 16, 16));
	EXPECT_EQ(0, api_update(interval, 0, 16));
	EXPECT_EQ(-EBUSY, hmm_mirror_range_snapshot(range));
	EXPECT_EQ(-EBUSY, hmm_mirror_range_fault(range));
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT(hmm_mirror_range_valid(range));
	api_remove(interval);
	api_unregister(mirror);
}

struct api_mover {
	struct api_interval *interval;
	/* the update lock: held for updates and to check the range */
	struct mutex lock;
	bool stop;
};

static int api_move_fn(void *arg)
{
	struct api_mover *mover = arg;
	unsigned long n;

	for (n = 0; !READ_ONCE(mover->stop); n++) {
		mutex_lock(&mover->lock);
		EXPECT_EQ(0, api_update(mover->interval, n % 2 ? 0 : 16, 16));
		mutex_unlock(&mover->lock);
		cond_resched();
	}
	return 0;
}

/* A range that is valid under the update lock is within its interval. */
static void r50_interval_moves_in_a_loop(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_mover *mover = api_alloc(sizeof(*mover));
	unsigned int tries, valid = 0, refused = 0;
	struct hmm_mirror_range *range;
	struct api_thread *thread;

	mutex_init(&mover->lock);
	mover->interval = api_interval(mirror, 0, 16);
	range = api_bound_range(mover->interval, 4);
	thread = api_thread(api_move_fn, mover);
	for (tries = 0; tries < 4000; tries++) {
		int ret = hmm_mirror_range_populate(range, 0);

		if (ret == -ENOENT)
			refused++;
		else
			EXPECT_EQ(0, ret);
		mutex_lock(&mover->lock);
		if (!ret && hmm_mirror_range_valid(range)) {
			EXPECT_EQ(api_addr(0),
				  api_start(mover->interval));
			valid++;
		}
		mutex_unlock(&mover->lock);
	}
	WRITE_ONCE(mover->stop, true);
	EXPECT_EQ(0, api_join(thread));
	pr_debug("%u valid, %u refused\n", valid, refused);

	EXPECT_EQ(0, api_update(mover->interval, 0, 16));
	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT(hmm_mirror_range_valid(range));
	api_remove(mover->interval);
	api_unregister(mirror);
}

/*
 * A reference from find keeps the memory of an interval valid, but does not
 * keep the interval inserted. An interval that is being removed receives no
 * invalidations.
 */
static void r50_interval_is_removed_while_found(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 16);
	struct hmm_mirror_range *range = api_bound_range(interval, 4);
	struct hmm_mirror_range *late = api_unbound_range(4);
	struct api_thread *remover;
	unsigned long seq = api_seq(interval);

	EXPECT_EQ(0, hmm_mirror_range_populate(range, 0));
	EXPECT_EQ((long)interval, (long)api_find(mirror, 5));
	remover = api_remove_thread(interval);
	EXPECT(api_thread_blocks(remover));
	EXPECT(!api_finds(mirror, 5, interval));

	EXPECT(api_retry(interval, seq));
	EXPECT(!hmm_mirror_range_valid(range));
	api_expect_range_fails(range, -ENOENT);
	EXPECT_EQ(-EINVAL, hmm_mirror_range_bind(late, &interval->notifier));
	api_put(interval);
	EXPECT_EQ(0, api_join(remover));
	api_unregister(mirror);
}

const struct api_case api_bounds_cases[] = {
	{ "r49_alias_of_a_range", r49_alias_of_a_range },
	{ "r49_alias_of_an_interval", r49_alias_of_an_interval },
	{ "r49_end_of_the_address_space", r49_end_of_the_address_space },
	{ "r50_interval_leaves_the_range", r50_interval_leaves_the_range },
	{ "r50_interval_leaves_and_returns", r50_interval_leaves_and_returns },
	{ "r50_interval_moves_in_a_loop", r50_interval_moves_in_a_loop },
	{ "r50_interval_is_removed_while_found",
	  r50_interval_is_removed_while_found },
	{}
};
