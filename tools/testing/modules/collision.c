// SPDX-License-Identifier: GPL-2.0
/*
 * Collisions: which readers must retry, and how long readers wait.
 */
#include <linux/bits.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include <asm/unistd.h>

#include "api.h"

/* A reader before, during and after an invalidation. */
static void r18_reader_collides(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 4);
	struct api_interval *other = api_interval(mirror, 8, 4);
	unsigned long other_seq = api_seq(other);
	unsigned long seq = api_seq(interval);
	struct api_thread *writer;

	EXPECT(!api_retry(interval, seq));
	writer = api_stop_write(interval, 1);
	EXPECT(api_retry(interval, seq));
	EXPECT(!api_can_begin(interval));
	EXPECT(!api_retry(other, other_seq));
	EXPECT(api_can_begin(other));
	api_resume_and_join(&interval->stop, writer);
	/*
	 * R26: a reader that began before the invalidation also collides after
	 * its end.
	 */
	EXPECT(api_retry(interval, seq));
	seq = api_seq(interval);
	EXPECT(!api_retry(interval, seq));
	EXPECT(!api_retry(other, other_seq));
	api_remove(interval);
	api_remove(other);
	api_unregister(mirror);
}

/*
 * R18: two intervals are inserted during an invalidation. It overlaps one of
 * them.
 */
static void r18_insert_in_an_invalidation(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 4, 1);
	struct api_interval *inside, *outside;
	struct api_thread *writer = api_stop_write(blocker, 4);
	unsigned long seq;

	inside = api_interval(mirror, 3, 3);
	outside = api_interval(mirror, 5, 3);
	EXPECT(!api_can_begin(inside));
	EXPECT(api_can_begin(outside));
	seq = api_seq(outside);
	api_resume_and_join(&blocker->stop, writer);
	EXPECT(api_can_begin(inside));
	EXPECT(!api_retry(outside, seq));
	api_remove(blocker);
	api_remove(inside);
	api_remove(outside);
	api_unregister(mirror);
}

/*
 * R18: an update moves an interval into the range of an invalidation and out of
 * it.
 */
static void r18_update_in_an_invalidation(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 4, 1);
	struct api_interval *moved = api_interval(mirror, 8, 2);
	struct api_thread *writer = api_stop_write(blocker, 4);
	unsigned long seq;

	seq = api_seq(moved);
	EXPECT_EQ(0, api_update(moved, 3, 2));
	EXPECT(api_retry(moved, seq));
	EXPECT(!api_can_begin(moved));
	EXPECT_EQ(0, api_update(moved, 5, 2));
	EXPECT(api_can_begin(moved));
	seq = api_seq(moved);
	EXPECT_EQ(0, api_update(moved, 4, 2));
	EXPECT(api_retry(moved, seq));
	EXPECT(!api_can_begin(moved));
	/* While the callback runs, move its interval out of the range. */
	EXPECT(!api_can_begin(blocker));
	EXPECT_EQ(0, api_update(blocker, 9, 1));
	EXPECT(api_can_begin(blocker));
	seq = api_seq(blocker);
	api_resume_and_join(&blocker->stop, writer);
	EXPECT(!api_retry(blocker, seq));
	EXPECT(api_can_begin(moved));
	EXPECT(api_is_idle(mirror));
	api_remove(blocker);
	api_remove(moved);
	api_unregister(mirror);
}

/*
 * Readers collide with every update, even one that does not change the bounds.
 */
static void r18_update_collides(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	unsigned long seq = api_seq(interval);

	EXPECT_EQ(0, api_update(interval, 0, 2));
	EXPECT(api_retry(interval, seq));
	seq = api_seq(interval);
	EXPECT_EQ(0, api_update(interval, 4, 1));
	EXPECT(api_retry(interval, seq));
	seq = api_seq(interval);
	EXPECT(!api_retry(interval, seq));
	api_remove(interval);
	api_unregister(mirror);
}

/* R18: an interval is removed and inserted again during an invalidation. */
static void r18_remove_in_an_invalidation(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 4, 1);
	struct api_interval *removed = api_interval(mirror, 3, 3);
	struct api_thread *writer = api_stop_write(blocker, 4);

	EXPECT(!api_can_begin(removed));
	api_remove(removed);
	EXPECT_EQ(0, api_insert_ops(removed, mirror, 8, 1, &api_ops));
	EXPECT(api_can_begin(removed));
	api_remove(removed);
	EXPECT_EQ(0, api_insert_ops(removed, mirror, 4, 1, &api_ops));
	EXPECT(!api_can_begin(removed));
	api_resume_and_join(&blocker->stop, writer);
	EXPECT(api_can_begin(removed));
	EXPECT(api_is_idle(mirror));
	api_remove(removed);
	api_remove(blocker);
	api_unregister(mirror);
}

/*
 * A reader of an interval that two invalidations overlap waits for both ends.
 */
static void r18_two_invalidations_of_one_interval(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *both = api_interval(mirror, 0, 2);
	struct api_interval *blockers[2];
	struct api_thread *writers[2];
	int i, first;

	for (first = 0; first < 2; first++) {
		for (i = 0; i < 2; i++) {
			blockers[i] = api_interval(mirror, i, 1);
			writers[i] = api_stop_write(blockers[i], i);
		}
		EXPECT(!api_can_begin(both));
		api_resume_and_join(&blockers[first]->stop, writers[first]);
		EXPECT(!api_can_begin(both));
		EXPECT(api_can_begin(blockers[first]));
		EXPECT(!api_can_begin(blockers[!first]));
		api_resume_and_join(&blockers[!first]->stop, writers[!first]);
		EXPECT(api_can_begin(both));
		for (i = 0; i < 2; i++)
			api_remove(blockers[i]);
		EXPECT_EQ(0, api_unmap(0, 2));
	}
	api_remove(both);
	api_unregister(mirror);
}

/*
 * R20: readers collide even if the sequence wraps, because they only compare it
 * for equality.
 */
static void r20_sequence_wraps(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 8);
	unsigned long seqs[6];
	int i, j;

	/*
	 * It is safe to write the sequence directly, because no invalidation is
	 * in flight and no other thread reads it.
	 */
	WRITE_ONCE(interval->notifier.seq, ULONG_MAX - 2);
	for (i = 0; i < 6; i++) {
		seqs[i] = api_seq(interval);
		EXPECT(!api_retry(interval, seqs[i]));
		for (j = 0; j < i; j++)
			EXPECT(api_retry(interval, seqs[j]));
		EXPECT_EQ(0, api_write(i));
	}
	for (j = 0; j < 6; j++)
		EXPECT(api_retry(interval, seqs[j]));
	/* Readers also collide if the sequences differ in one bit or by one. */
	seqs[0] = api_seq(interval);
	WRITE_ONCE(interval->notifier.seq, seqs[0] + BIT(32));
	EXPECT(api_retry(interval, seqs[0]));
	WRITE_ONCE(interval->notifier.seq, seqs[0] + BIT(63));
	EXPECT(api_retry(interval, seqs[0]));
	WRITE_ONCE(interval->notifier.seq, seqs[0] - 1);
	EXPECT(api_retry(interval, seqs[0]));
	EXPECT_EQ(6, atomic_read(&interval->calls));
	api_remove(interval);
	api_unregister(mirror);
}

/**
 * struct api_nesting - record of nested invalidations
 * @task: the task of the first invalidation
 * @nested: the same task has started a second invalidation
 * @inner_start: first address of the second invalidation
 * @inner_end: first address past the end of the second invalidation
 */
struct api_nesting {
	struct task_struct *task;
	bool nested;
	unsigned long inner_start;
	unsigned long inner_end;
};

static void api_record_nesting(struct api_interval *interval,
			       const struct mmu_notifier_range *range)
{
	struct api_nesting *nest = interval->data;

	EXPECT(!api_can_begin(interval));
	if (!nest->task) {
		nest->task = current;
	} else if (nest->task == current) {
		nest->nested = true;
		nest->inner_start = range->start;
		nest->inner_end = range->end;
	}
}

/*
 * R24: MADV_DONTNEED of one small page starts an invalidation, during which the
 * kernel splits the huge page. The split starts a second, nested invalidation.
 */
static void r24_nested_in_one_thread(void)
{
	const unsigned long huge = HMM_API_ARENA_SIZE / 2 / PAGE_SIZE;
	const unsigned long end = 2 * huge;
	struct api_nesting *nest = api_alloc(sizeof(*nest));
	struct api_mirror *mirror = api_mirror();
	struct api_interval *page, *whole, *below;
	unsigned long seq;

	/*
	 * Do not read the page first. Before 6.13, the write would split the
	 * huge zero page.
	 */
	if (api_syscall(__NR_madvise, api_addr(huge), HMM_API_ARENA_SIZE / 2,
			MADV_HUGEPAGE) ||
	    put_user(1UL, (unsigned long __user *)api_addr(huge))) {
		api_skip("this kernel has no transparent huge pages");
		goto out;
	}
	page = api_interval(mirror, huge + 3, 1);
	whole = api_interval(mirror, huge, huge);
	below = api_interval(mirror, 0, huge);
	seq = api_seq(below);
	whole->data = nest;
	whole->action = api_record_nesting;
	EXPECT_EQ(0, api_syscall(__NR_madvise, api_addr(huge + 3), PAGE_SIZE,
				 MADV_DONTNEED));
	if (nest->nested) {
		EXPECT_EQ(2, atomic_read(&whole->calls));
		EXPECT_EQ(2, atomic_read(&page->calls));
		EXPECT_EQ(api_addr(huge), nest->inner_start);
		EXPECT_EQ(api_addr(end), nest->inner_end);
		EXPECT_EQ(0, atomic_read(&below->calls));
		EXPECT(!api_retry(below, seq));
	} else {
		EXPECT_EQ(1, atomic_read(&whole->calls));
		api_skip("the invalidation did not split a huge page");
	}
	EXPECT(api_can_begin(page));
	EXPECT(api_can_begin(whole));
	EXPECT(api_is_idle(mirror));
	api_remove(page);
	api_remove(whole);
	api_remove(below);
out:
	api_unregister(mirror);
}

const struct api_case api_collision_cases[] = {
	{ "r18_reader_collides", r18_reader_collides },
	{ "r18_insert_in_an_invalidation", r18_insert_in_an_invalidation },
	{ "r18_update_in_an_invalidation", r18_update_in_an_invalidation },
	{ "r18_update_collides", r18_update_collides },
	{ "r18_remove_in_an_invalidation", r18_remove_in_an_invalidation },
	{ "r18_two_invalidations_of_one_interval",
	  r18_two_invalidations_of_one_interval },
	{ "r20_sequence_wraps", r20_sequence_wraps },
	{ "r24_nested_in_one_thread", r24_nested_in_one_thread,
	  HMM_API_HELPER },
	{}
};
