// SPDX-License-Identifier: GPL-2.0
/*
 * Readers that wait for an invalidation: wakeups, timeouts and signals.
 */
#include <linux/sched/signal.h>

#include "api.h"

/**
 * struct api_reader - a thread that calls read_begin
 * @interval: the interval
 * @timeout_ms: timeout; 0 for hmm_interval_read_begin()
 * @killable: the thread allows SIGKILL, which a kernel thread usually ignores
 * @ready: completed when the thread is about to call read_begin
 * @seq: the sequence from read_begin
 */
struct api_reader {
	struct api_interval *interval;
	unsigned int timeout_ms;
	bool killable;
	struct completion ready;
	unsigned long seq;
};

static int api_read_fn(void *arg)
{
	struct api_reader *reader = arg;
	struct hmm_interval_notifier *notifier = &reader->interval->notifier;
	int ret = 0;

	if (reader->killable)
		allow_signal(SIGKILL);
	complete_all(&reader->ready);
	if (reader->timeout_ms || reader->killable)
		ret = hmm_interval_read_begin_timeout(notifier,
						      reader->timeout_ms,
						      &reader->seq);
	else
		reader->seq = hmm_interval_read_begin(notifier);
	if (reader->killable)
		flush_signals(current);
	return ret;
}

static struct api_thread *api_read(struct api_reader *reader,
				   struct api_interval *interval)
{
	struct api_thread *thread;

	reader->interval = interval;
	init_completion(&reader->ready);
	thread = api_thread(api_read_fn, reader);
	EXPECT(wait_for_completion_timeout(&reader->ready, API_TIMEOUT));
	return thread;
}

/* A reader waits until the invalidation ends, and no longer. */
static void api_reader_waits(unsigned int timeout_ms)
{
	struct api_reader *reader = api_alloc(sizeof(*reader));
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_thread *writer = api_stop_write(interval, 0), *thread;

	reader->timeout_ms = timeout_ms;
	thread = api_read(reader, interval);
	EXPECT(api_thread_blocks(thread));
	api_resume_and_join(&interval->stop, thread);
	EXPECT(!api_retry(interval, reader->seq));
	EXPECT_EQ(0, api_join(writer));
	EXPECT(!api_retry(interval, reader->seq));
	api_remove(interval);
	api_unregister(mirror);
}

static void r20_read_begin_waits_for_the_end(void)
{
	api_reader_waits(0);
}

static void r28_wait_ends_before_the_timeout(void)
{
	api_reader_waits(1000 * 1000);
}

/* Eight readers wait, four for each of two invalidations. */
static void r20_every_reader_is_woken(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *intervals[2];
	struct api_reader *readers[8];
	struct api_thread *writers[2], *threads[8];
	int i;

	for (i = 0; i < 2; i++) {
		intervals[i] = api_interval(mirror, i, 1);
		writers[i] = api_stop_write(intervals[i], i);
	}
	for (i = 0; i < 8; i++) {
		readers[i] = api_alloc(sizeof(*readers[i]));
		threads[i] = api_read(readers[i], intervals[i % 2]);
	}
	EXPECT(api_thread_blocks(threads[7]));
	api_stop_resume(&intervals[0]->stop);
	for (i = 0; i < 8; i += 2)
		EXPECT_EQ(0, api_join(threads[i]));
	EXPECT_EQ(0, api_join(writers[0]));
	EXPECT(api_thread_blocks(threads[1]));
	for (i = 1; i < 8; i += 2)
		EXPECT(!api_thread_done(threads[i]));
	api_stop_resume(&intervals[1]->stop);
	for (i = 1; i < 8; i += 2)
		EXPECT_EQ(0, api_join(threads[i]));
	EXPECT_EQ(0, api_join(writers[1]));
	for (i = 0; i < 8; i++)
		EXPECT(!api_retry(intervals[i % 2], readers[i]->seq));
	for (i = 0; i < 2; i++)
		api_remove(intervals[i]);
	api_unregister(mirror);
}

/* R21: a reader does not wait for an invalidation that does not overlap. */
static void r21_reader_waits_only_for_overlaps(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 0, 1);
	struct api_interval *interval = api_interval(mirror, 1, 1);
	struct api_thread *writer;
	unsigned long seq;

	/*
	 * This invalidation uses the slot that the next invalidation gets, so
	 * the interval has a stale bit for the slot.
	 */
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	writer = api_stop_write(blocker, 0);
	EXPECT(api_can_begin(interval));
	EXPECT_EQ(0, hmm_interval_read_begin_timeout(&interval->notifier,
						     1000, &seq));
	EXPECT(!api_retry(interval, seq));
	seq = hmm_interval_read_begin(&interval->notifier);
	EXPECT(!api_retry(interval, seq));
	EXPECT(!api_thread_done(writer));
	api_resume_and_join(&blocker->stop, writer);
	EXPECT(!api_retry(interval, seq));
	api_remove(blocker);
	api_remove(interval);
	api_unregister(mirror);
}

/* R18: the interval of a waiting reader moves out of the invalidated range. */
static void r21_reader_of_a_moved_interval(void)
{
	struct api_reader *reader = api_alloc(sizeof(*reader));
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 0, 1);
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_thread *writer = api_stop_write(blocker, 0), *thread;

	thread = api_read(reader, interval);
	EXPECT(api_thread_blocks(thread));
	EXPECT_EQ(0, api_update(interval, 4, 2));
	EXPECT(api_can_begin(interval));
	/* The reader may return now or at the end of the invalidation. */
	api_resume_and_join(&blocker->stop, writer);
	EXPECT_EQ(0, api_join(thread));
	EXPECT(!api_retry(interval, reader->seq));
	api_remove(blocker);
	api_remove(interval);
	api_unregister(mirror);
}

/* R28: hmm_interval_read_begin_timeout() fails after the timeout. */
static void r28_timeout(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_thread *writer = api_stop_write(interval, 0);
	unsigned long before = jiffies, seq;

	EXPECT_EQ(-ETIME, hmm_interval_read_begin_timeout(&interval->notifier,
							  100, &seq));
	EXPECT(time_after_eq(jiffies, before + msecs_to_jiffies(100)));
	EXPECT_EQ(-ETIME, hmm_interval_read_begin_timeout(&interval->notifier,
							  1, &seq));
	EXPECT(!hmm_interval_read_try_begin(&interval->notifier, &seq));
	EXPECT(!api_thread_done(writer));
	api_resume_and_join(&interval->stop, writer);
	EXPECT_EQ(0, hmm_interval_read_begin_timeout(&interval->notifier, 1,
						     &seq));
	EXPECT(!api_retry(interval, seq));
	api_remove(interval);
	api_unregister(mirror);
}

static void api_kill_a_reader(unsigned int timeout_ms)
{
	struct api_reader *reader = api_alloc(sizeof(*reader));
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_thread *writer = api_stop_write(interval, 0), *thread;

	reader->timeout_ms = timeout_ms;
	reader->killable = true;
	thread = api_read(reader, interval);
	EXPECT(api_thread_blocks(thread));
	send_sig(SIGKILL, thread->task, 1);
	EXPECT_EQ(-EINTR, api_join(thread));
	EXPECT(!api_thread_done(writer));
	api_resume_and_join(&interval->stop, writer);
	EXPECT(api_can_begin(interval));
	api_remove(interval);
	api_unregister(mirror);
}

/* R28: SIGKILL ends the wait. */
static void r28_killed_with_a_timeout(void)
{
	api_kill_a_reader(1000 * 1000);
}

static void r28_killed_without_a_timeout(void)
{
	api_kill_a_reader(0);
}

const struct api_case api_reader_cases[] = {
	{ "r20_read_begin_waits_for_the_end",
	  r20_read_begin_waits_for_the_end },
	{ "r20_every_reader_is_woken", r20_every_reader_is_woken },
	{ "r21_reader_waits_only_for_overlaps",
	  r21_reader_waits_only_for_overlaps },
	{ "r21_reader_of_a_moved_interval", r21_reader_of_a_moved_interval },
	{ "r28_timeout", r28_timeout },
	{ "r28_wait_ends_before_the_timeout",
	  r28_wait_ends_before_the_timeout },
	{ "r28_killed_with_a_timeout", r28_killed_with_a_timeout },
	{ "r28_killed_without_a_timeout", r28_killed_without_a_timeout },
	{}
};
