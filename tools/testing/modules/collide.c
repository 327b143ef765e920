// SPDX-License-Identifier: GPL-2.0
/*
 * Which readers collide, and for how long.
 */
#include <linux/bits.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include <asm/unistd.h>

#include "api.h"

/* The plain case: before, in the midst, after; once per invalidation. */
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
	api_stop_resume(&interval->stop);
	EXPECT_EQ(0, api_join(writer));
	/* R26: gone is not forgotten. */
	EXPECT(api_retry(interval, seq));
	seq = api_seq(interval);
	EXPECT(!api_retry(interval, seq));
	EXPECT(!api_retry(other, other_seq));
	api_remove(interval);
	api_remove(other);
	api_unregister(mirror);
}

/* R18: in the midst of an invalidation of its new bounds. */
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
	api_stop_resume(&blocker->stop);
	EXPECT_EQ(0, api_join(writer));
	EXPECT(api_can_begin(inside));
	EXPECT(!api_retry(outside, seq));
	api_remove(blocker);
	api_remove(inside);
	api_remove(outside);
	api_unregister(mirror);
}

/* R18: moved into it, and out of it again; sequences tell each time. */
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
	/* One that is invalidated moves away. */
	EXPECT(!api_can_begin(blocker));
	EXPECT_EQ(0, api_update(blocker, 9, 1));
	EXPECT(api_can_begin(blocker));
	seq = api_seq(blocker);
	api_stop_resume(&blocker->stop);
	EXPECT_EQ(0, api_join(writer));
	EXPECT(!api_retry(blocker, seq));
	EXPECT(api_can_begin(moved));
	EXPECT(api_is_idle(mirror));
	api_remove(blocker);
	api_remove(moved);
	api_unregister(mirror);
}

/* Every update collides its readers, also one that changes nothing. */
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

/* R18: what overlaps the end of an invalidation is not what did its start. */
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
	api_stop_resume(&blocker->stop);
	EXPECT_EQ(0, api_join(writer));
	EXPECT(api_can_begin(removed));
	EXPECT(api_is_idle(mirror));
	api_remove(removed);
	api_remove(blocker);
	api_unregister(mirror);
}

/* Two at once on one interval: it is free when both have ended. */
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
		api_stop_resume(&blockers[first]->stop);
		EXPECT_EQ(0, api_join(writers[first]));
		EXPECT(!api_can_begin(both));
		EXPECT(api_can_begin(blockers[first]));
		EXPECT(!api_can_begin(blockers[!first]));
		api_stop_resume(&blockers[!first]->stop);
		EXPECT_EQ(0, api_join(writers[!first]));
		EXPECT(api_can_begin(both));
		for (i = 0; i < 2; i++)
			api_remove(blockers[i]);
		EXPECT_EQ(0, api_unmap(0, 2));
	}
	api_remove(both);
	api_unregister(mirror);
}

/* R20: the sequence wraps; only equality means anything. */
static void r20_sequence_wraps(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 8);
	unsigned long seqs[6];
	int i, j;

	/* Nothing is in progress, and nobody else reads. */
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
	/* However far away, also when half of the bits are the same. */
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
 * struct api_nesting - what the callback saw of nested invalidations
 * @task: of the first
 * @deep: another came, in the same task
 * @inner_start: that one's
 * @inner_end: likewise
 */
struct api_nesting {
	struct task_struct *task;
	bool deep;
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
		nest->deep = true;
		nest->inner_start = range->start;
		nest->inner_end = range->end;
	}
}

/*
 * R24: to give back one small page, the kernel splits a huge one in the midst
 * of that invalidation, which is another one.
 */
static void r24_nested_in_one_thread(void)
{
	const unsigned long huge = HMM_API_ARENA_SIZE / 2 / PAGE_SIZE;
	const unsigned long end = 2 * huge;
	struct api_nesting *nest = api_alloc(sizeof(*nest));
	struct api_mirror *mirror = api_mirror();
	struct api_interval *page, *whole, *before;
	unsigned long seq;

	api_syscall_start(__NR_madvise, api_addr(huge), HMM_API_ARENA_SIZE / 2,
			  MADV_HUGEPAGE);
	/* Not read before: the huge page of zeros would be split by it. */
	if (api_syscall_wait() ||
	    put_user(1UL, (unsigned long __user *)api_addr(huge))) {
		api_skip("this kernel has no transparent huge pages");
		goto out;
	}
	page = api_interval(mirror, huge + 3, 1);
	whole = api_interval(mirror, huge, huge);
	before = api_interval(mirror, 0, huge);
	seq = api_seq(before);
	whole->data = nest;
	whole->action = api_record_nesting;
	api_syscall_start(__NR_madvise, api_addr(huge + 3), PAGE_SIZE,
			  MADV_DONTNEED);
	EXPECT_EQ(0, api_syscall_wait());
	if (nest->deep) {
		EXPECT_EQ(2, atomic_read(&whole->calls));
		EXPECT_EQ(2, atomic_read(&page->calls));
		EXPECT_EQ(api_addr(huge), nest->inner_start);
		EXPECT_EQ(api_addr(end), nest->inner_end);
		EXPECT_EQ(0, atomic_read(&before->calls));
		EXPECT(!api_retry(before, seq));
	} else {
		EXPECT_EQ(1, atomic_read(&whole->calls));
		api_skip("no huge page was to be had, so none was split");
	}
	EXPECT(api_can_begin(page));
	EXPECT(api_can_begin(whole));
	EXPECT(api_is_idle(mirror));
	api_remove(page);
	api_remove(whole);
	api_remove(before);
out:
	api_unregister(mirror);
}

const struct api_case api_collide_cases[] = {
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
