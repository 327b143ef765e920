// SPDX-License-Identifier: GPL-2.0
/*
 * Lifetime of an interval: remove, put and release.
 */
#include "api.h"

/* R12: an interval is removed while its callback is running. */
static void r12_remove_waits_for_the_callback(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_thread *writer = api_stop_write(interval, 0), *remover;

	remover = api_remove_thread(interval);
	EXPECT(api_thread_blocks(remover));
	EXPECT(api_finds(mirror, 0, NULL));
	api_resume_and_join(&interval->stop, remover);
	EXPECT_EQ(1, atomic_read(&interval->returned));
	/* R17: remove does not call release. */
	EXPECT_EQ(0, atomic_read(&interval->releases));
	api_free(interval);
	EXPECT_EQ(0, api_join(writer));
	EXPECT_EQ(0, api_write(1));
	api_unregister(mirror);
}

/*
 * R12: two invalidations of the interval are in flight. Only one of them is
 * still running the callback.
 */
static void r12_remove_waits_for_every_callback(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_interval *blocker = api_interval(mirror, 1, 1);
	struct api_thread *writers[2], *remover;

	/*
	 * The first write stops in the callback of @interval, the second one in
	 * that of @blocker.
	 */
	writers[0] = api_stop_write(interval, 0);
	writers[1] = api_stop_write(blocker, 1);
	EXPECT_EQ(2, atomic_read(&interval->calls));
	EXPECT_EQ(1, atomic_read(&interval->returned));
	remover = api_remove_thread(interval);
	EXPECT(api_thread_blocks(remover));
	api_stop_resume(&interval->stop);
	/*
	 * The second invalidation is in flight, but its callback of @interval
	 * has returned.
	 */
	EXPECT_EQ(0, api_join(remover));
	api_free(interval);
	EXPECT_EQ(0, api_join(writers[0]));
	EXPECT(!api_thread_done(writers[1]));
	api_resume_and_join(&blocker->stop, writers[1]);
	api_remove(blocker);
	api_unregister(mirror);
}

/* R12: an interval is removed between its two passes. */
static void r12_remove_waits_for_the_second_pass(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *started = api_interval_new();
	struct api_interval *blocker = api_interval_new();
	struct api_thread *writer, *remover;

	EXPECT_EQ(0, api_insert_ops(started, mirror, 0, 2, &api_two_pass_ops));
	EXPECT_EQ(0, api_insert_ops(blocker, mirror, 1, 1, &api_two_pass_ops));
	writer = api_stop_write(blocker, 1);
	EXPECT_EQ(1, atomic_read(&started->returned));
	EXPECT_EQ(0, atomic_read(&started->finishes));
	remover = api_remove_thread(started);
	EXPECT(api_thread_blocks(remover));
	EXPECT_EQ(0, atomic_read(&started->finishes));
	api_resume_and_join(&blocker->stop, remover);
	EXPECT_EQ(1, atomic_read(&started->finishes));
	api_free(started);
	EXPECT_EQ(0, api_join(writer));
	EXPECT_EQ(1, atomic_read(&blocker->finishes));
	api_remove(blocker);
	api_unregister(mirror);
}

/*
 * R12: the callback of an interval does not run if the interval is removed or
 * put before its turn.
 */
static void r12_remove_before_the_callback(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *blocker = api_interval(mirror, 0, 2);
	struct api_interval *removed = api_interval(mirror, 1, 1);
	struct api_interval *put = api_interval(mirror, 1, 1);
	struct api_interval *last = api_interval(mirror, 1, 1);
	struct api_thread *writer = api_stop_write(blocker, 1);

	EXPECT_EQ(0, atomic_read(&removed->calls));
	api_remove(removed);
	EXPECT_EQ(0, atomic_read(&removed->calls));
	api_free(removed);
	api_put(put);
	EXPECT_EQ(0, atomic_read(&put->calls));
	EXPECT_EQ(1, atomic_read(&put->releases));
	api_free(put);
	api_resume_and_join(&blocker->stop, writer);
	EXPECT_EQ(1, atomic_read(&last->calls));
	api_remove(blocker);
	api_remove(last);
	api_unregister(mirror);
}

/* R17: remove does not call release, even if the interval has this callback. */
static void r17_remove_never_releases(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);

	EXPECT_EQ(0, api_write(0));
	api_remove(interval);
	hmm_mirror_synchronize();
	EXPECT_EQ(0, atomic_read(&interval->releases));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	/* The memory can be used again. */
	EXPECT_EQ(0, api_insert_ops(interval, mirror, 1, 1, &api_ops));
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(2, atomic_read(&interval->calls));
	api_put(interval);
	EXPECT_EQ(1, atomic_read(&interval->releases));
	api_unregister(mirror);
}

/* R15: put does not wait. Release runs after the callback has returned. */
static void r15_put_in_an_invalidation(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_thread *writer;

	EXPECT_EQ(interval, api_find(mirror, 0));
	writer = api_stop_write(interval, 0);
	api_put(interval);
	EXPECT(api_finds(mirror, 0, interval));
	api_put(interval);
	EXPECT(api_finds(mirror, 0, NULL));
	EXPECT_EQ(0, atomic_read(&interval->releases));
	EXPECT(!api_thread_done(writer));
	api_resume_and_join(&interval->stop, writer);
	EXPECT_EQ(1, atomic_read(&interval->releases));
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	api_unregister(mirror);
}

/*
 * R15: intervals are put between the two passes. The second pass still runs,
 * and then release.
 */
static void r15_put_between_the_passes(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *started = api_interval_new();
	struct api_interval *blocker = api_interval_new();
	struct api_thread *writer;

	EXPECT_EQ(0, api_insert_ops(started, mirror, 0, 2, &api_two_pass_ops));
	EXPECT_EQ(0, api_insert_ops(blocker, mirror, 1, 1, &api_two_pass_ops));
	writer = api_stop_write(blocker, 1);
	api_put(started);
	api_put(blocker);
	EXPECT_EQ(0, atomic_read(&started->releases));
	EXPECT_EQ(0, atomic_read(&blocker->releases));
	api_resume_and_join(&blocker->stop, writer);
	EXPECT_EQ(1, atomic_read(&started->finishes));
	EXPECT_EQ(1, atomic_read(&blocker->finishes));
	EXPECT_EQ(1, atomic_read(&started->releases));
	EXPECT_EQ(1, atomic_read(&blocker->releases));
	api_unregister(mirror);
}

static int api_synchronize_fn(void *arg)
{
	struct api_interval *interval = arg;

	hmm_mirror_synchronize();
	return atomic_read(&interval->releases);
}

/* R09: a module can be unloaded after hmm_mirror_synchronize(). */
static void r09_synchronize_waits_for_release(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct api_thread *writer = api_stop_write(interval, 0), *waiter;

	api_put(interval);
	waiter = api_thread(api_synchronize_fn, interval);
	EXPECT(api_thread_blocks(waiter));
	EXPECT_EQ(0, atomic_read(&interval->releases));
	api_stop_resume(&interval->stop);
	EXPECT_EQ(1, api_join(waiter));
	api_free(interval);
	EXPECT_EQ(0, api_join(writer));
	api_unregister(mirror);
}

/* R09: unregister waits for release callbacks, too. */
static void r09_unregister_waits_for_release(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct api_thread *writer = api_stop_write(interval, 0), *unregistering;

	api_put(interval);
	unregistering = api_unregister_thread(mirror);
	EXPECT(api_thread_blocks(unregistering));
	api_resume_and_join(&interval->stop, unregistering);
	EXPECT_EQ(1, atomic_read(&interval->releases));
	api_free(interval);
	api_free(mirror);
	EXPECT_EQ(0, api_join(writer));
}

const struct api_case api_lifetime_cases[] = {
	{ "r09_synchronize_waits_for_release",
	  r09_synchronize_waits_for_release },
	{ "r09_unregister_waits_for_release",
	  r09_unregister_waits_for_release },
	{ "r12_remove_waits_for_the_callback",
	  r12_remove_waits_for_the_callback },
	{ "r12_remove_waits_for_every_callback",
	  r12_remove_waits_for_every_callback },
	{ "r12_remove_waits_for_the_second_pass",
	  r12_remove_waits_for_the_second_pass },
	{ "r12_remove_before_the_callback", r12_remove_before_the_callback },
	{ "r15_put_in_an_invalidation", r15_put_in_an_invalidation },
	{ "r15_put_between_the_passes", r15_put_between_the_passes },
	{ "r17_remove_never_releases", r17_remove_never_releases },
	{}
};
