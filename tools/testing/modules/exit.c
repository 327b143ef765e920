// SPDX-License-Identifier: GPL-2.0
/*
 * Exit of an mm: the case kills the child process.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include "api.h"

/* Kill the child and wait until its exit has reached the stop point. */
static void api_exit_until(struct api_stop *stop)
{
	api_child_kill();
	api_stop_reached(stop);
}

/*
 * Poll, because a release callback signals an event only if its stop point is
 * armed.
 */
static bool api_wait_for_count(const atomic_t *count, int value)
{
	unsigned long end = jiffies + API_TIMEOUT;

	while (atomic_read(count) != value) {
		if (time_after(jiffies, end))
			return false;
		msleep(20);
	}
	return true;
}

/*
 * After a process has exited, a CPU may hold a lazy reference to its mm until
 * it runs a task with another mm. Therefore run on each CPU.
 */
static bool api_wait_for_last_pin(struct mm_struct *mm)
{
	unsigned long end = jiffies + API_TIMEOUT;
	unsigned int cpu;

	while (atomic_read(&mm->mm_count) != 1) {
		if (time_after(jiffies, end))
			return false;
		for_each_online_cpu(cpu)
			set_cpus_allowed_ptr(current, cpumask_of(cpu));
		set_cpus_allowed_ptr(current, cpu_possible_mask);
		msleep(20);
	}
	return true;
}

/* R03: every callback runs once, with the bounds of the whole address space. */
static void r03_exit_notifies_all(void)
{
	struct api_mirror *mirror = api_mirror_on(api_child_mm());
	struct api_mirror *other = api_mirror_on(api_child_mm());
	struct api_interval *interval = api_interval(mirror, 0, 2);
	struct api_interval *two_pass = api_interval_new();
	unsigned long seq = api_seq(interval);

	EXPECT_EQ(0, api_insert_ops(two_pass, other, 1, 1, &api_two_pass_ops));
	api_stop_arm(&other->release_stop);
	api_exit_until(&other->release_stop);
	/* The callbacks of intervals run before those of mirrors. */
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT_EQ(0, interval->start);
	EXPECT_EQ(ULONG_MAX, interval->end);
	EXPECT_EQ(1, atomic_read(&two_pass->calls));
	EXPECT_EQ(1, atomic_read(&two_pass->finishes));
	EXPECT(api_retry(interval, seq));
	api_stop_resume(&other->release_stop);
	EXPECT(api_wait_for_count(&mirror->releases, 1));
	EXPECT(api_wait_for_count(&other->releases, 1));

	api_remove(interval);
	api_put(two_pass);
	EXPECT_EQ(1, atomic_read(&two_pass->releases));
	api_unregister(mirror);
	api_unregister(other);
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT_EQ(1, atomic_read(&mirror->releases));
	EXPECT_EQ(1, atomic_read(&other->releases));
	/* R02: only the reference of the open file is left. */
	EXPECT(api_wait_for_last_pin(api_child_mm()));
}

/*
 * R03: no end is delivered after the mm has exited, so readers do not wait for
 * one.
 */
static void r03_reader_does_not_wait_after_exit(void)
{
	struct api_mirror *mirror = api_mirror_on(api_child_mm());
	struct api_interval *interval = api_interval(mirror, 0, 2);
	unsigned long seq;

	api_stop_arm(&mirror->release_stop);
	api_exit_until(&mirror->release_stop);
	EXPECT_EQ(0, hmm_interval_read_begin_timeout(&interval->notifier,
						     1000, &seq));
	EXPECT(api_can_begin(interval));
	api_stop_resume(&mirror->release_stop);
	api_remove(interval);
	api_unregister(mirror);
	EXPECT_EQ(1, atomic_read(&mirror->releases));
}

/*
 * R05: a mirror is unregistered while another task runs its release callback.
 */
static void r05_unregister_waits_for_release(void)
{
	struct api_mirror *mirror = api_mirror_on(api_child_mm());
	struct api_thread *unregistering;

	api_stop_arm(&mirror->release_stop);
	api_exit_until(&mirror->release_stop);
	unregistering = api_unregister_thread(mirror);
	EXPECT(api_thread_blocks(unregistering));
	EXPECT_EQ(0, atomic_read(&mirror->releases));
	api_stop_resume(&mirror->release_stop);
	EXPECT_EQ(0, api_join(unregistering));
	EXPECT_EQ(1, atomic_read(&mirror->releases));
	api_free(mirror);
	EXPECT(api_wait_for_last_pin(api_child_mm()));
}

/*
 * R05: a mirror is unregistered during the exit of the mm, before its release
 * callback has run.
 */
static void r05_unregister_before_its_release(void)
{
	/* The release callback of the newest mirror runs first. */
	struct api_mirror *older = api_mirror_on(api_child_mm());
	struct api_mirror *newer = api_mirror_on(api_child_mm());
	struct api_thread *unregistering;
	int releases;

	api_stop_arm(&newer->release_stop);
	api_exit_until(&newer->release_stop);
	unregistering = api_unregister_thread(older);
	EXPECT(api_thread_blocks(unregistering));
	releases = atomic_read(&older->releases);
	api_stop_resume(&newer->release_stop);
	EXPECT_EQ(0, api_join(unregistering));
	EXPECT_EQ(releases, atomic_read(&older->releases));
	api_free(older);
	api_unregister(newer);
	EXPECT_EQ(1, atomic_read(&newer->releases));
}

static void r05_no_release_after_unregister(void)
{
	struct api_mirror *mirror = api_mirror_on(api_child_mm());
	struct api_mirror *witness = api_mirror_on(api_child_mm());

	api_unregister(mirror);
	EXPECT_EQ(0, atomic_read(&mirror->releases));
	api_child_kill();
	EXPECT(api_wait_for_count(&witness->releases, 1));
	EXPECT_EQ(0, atomic_read(&mirror->releases));
	api_unregister(witness);
	EXPECT_EQ(1, atomic_read(&witness->releases));
}

/* Unregister does not call release. */
static void r05_unregister_does_not_release(void)
{
	struct api_mirror *mirror = api_mirror();
	struct api_mirror *last = api_mirror();

	api_unregister(mirror);
	api_unregister(last);
	EXPECT_EQ(0, atomic_read(&mirror->releases));
	EXPECT_EQ(0, atomic_read(&last->releases));
	EXPECT_EQ(0, atomic_read(&last->syncs));
}

static int api_register_locked_on(struct mm_struct *mm)
{
	struct api_mirror *mirror = api_mirror_new();
	int ret;

	mmap_write_lock(mm);
	ret = hmm_mirror_register_locked(&mirror->mirror, mm);
	mmap_write_unlock(mm);
	return ret;
}

/*
 * R07, R11: register and insert fail after the mm has exited. Register fails
 * whether or not a mirror is still registered.
 */
static void r07_register_after_exit(void)
{
	struct api_mirror *mirror = api_mirror_on(api_child_mm());
	struct api_mirror *late = api_mirror_new();
	struct api_interval *interval = api_interval(mirror, 0, 1);
	struct api_interval *none = api_interval_new();

	api_stop_arm(&mirror->release_stop);
	api_exit_until(&mirror->release_stop);
	EXPECT_EQ(-ESRCH, hmm_mirror_register(&late->mirror, api_child_mm()));
	EXPECT_EQ(-ESRCH, api_insert_ops(none, mirror, 0, 1, &api_ops));
	api_stop_resume(&mirror->release_stop);
	EXPECT(api_wait_for_count(&mirror->releases, 1));
	EXPECT_EQ(-ESRCH, hmm_mirror_register(&late->mirror, api_child_mm()));
	EXPECT_EQ(-ESRCH, api_register_locked_on(api_child_mm()));
	EXPECT_EQ(-ESRCH, api_insert_ops(none, mirror, 0, 1, &api_ops));
	/* R08: an older interval can still be found, updated and removed. */
	EXPECT(api_finds(mirror, 0, interval));
	EXPECT_EQ(0, api_update(interval, 4, 1));
	EXPECT(api_finds(mirror, 4, interval));
	EXPECT(api_finds(mirror, 0, NULL));
	api_remove(interval);
	EXPECT(api_finds(mirror, 4, NULL));
	api_unregister(mirror);

	EXPECT_EQ(-ESRCH, hmm_mirror_register(&late->mirror, api_child_mm()));
	EXPECT_EQ(-ESRCH, api_register_locked_on(api_child_mm()));
	EXPECT_EQ(0, atomic_read(&late->releases));
	EXPECT(api_wait_for_last_pin(api_child_mm()));
}

static void api_put_in_release(struct api_mirror *mirror)
{
	struct api_interval *interval = mirror->data;

	EXPECT(api_finds(mirror, 0, interval));
	api_put(interval);
	EXPECT(api_finds(mirror, 0, NULL));
}

/* Some drivers put their intervals in the release callback. */
static void r05_put_in_release(void)
{
	struct api_mirror *mirror = api_mirror_on(api_child_mm());
	struct api_interval *interval = api_interval(mirror, 0, 1);

	mirror->data = interval;
	mirror->on_release = api_put_in_release;
	api_child_kill();
	EXPECT(api_wait_for_count(&mirror->releases, 1));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT_EQ(1, atomic_read(&interval->releases));
	api_unregister(mirror);
}

static void api_expect_dead(struct api_mirror *mirror)
{
	EXPECT_EQ(api_child_mm(), hmm_mirror_mm(&mirror->mirror));
	EXPECT(!hmm_mirror_mm_is_alive(&mirror->mirror));
}

static void api_expect_dead_in_callback(struct api_interval *interval,
					const struct mmu_notifier_range *range)
{
	api_expect_dead(interval->data);
}

static void mm_is_dead_in_callbacks_of_its_exit(void)
{
	struct api_mirror *mirror = api_mirror_on(api_child_mm());
	struct api_interval *interval = api_interval(mirror, 0, 1);

	EXPECT(hmm_mirror_mm_is_alive(&mirror->mirror));
	interval->action = api_expect_dead_in_callback;
	interval->data = mirror;
	mirror->on_release = api_expect_dead;
	api_child_kill();
	EXPECT(api_wait_for_count(&mirror->releases, 1));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	api_expect_dead(mirror);
	api_remove(interval);
	api_unregister(mirror);
}

const struct api_case api_exit_cases[] = {
	{ "mm_is_dead_in_callbacks_of_its_exit",
	  mm_is_dead_in_callbacks_of_its_exit, HMM_API_CHILD },
	{ "r03_exit_notifies_all", r03_exit_notifies_all, HMM_API_CHILD },
	{ "r03_reader_does_not_wait_after_exit",
	  r03_reader_does_not_wait_after_exit, HMM_API_CHILD },
	{ "r05_unregister_waits_for_release",
	  r05_unregister_waits_for_release, HMM_API_CHILD },
	{ "r05_unregister_before_its_release",
	  r05_unregister_before_its_release, HMM_API_CHILD },
	{ "r05_no_release_after_unregister",
	  r05_no_release_after_unregister, HMM_API_CHILD },
	{ "r05_unregister_does_not_release", r05_unregister_does_not_release },
	{ "r05_put_in_release", r05_put_in_release, HMM_API_CHILD },
	{ "r07_register_after_exit", r07_register_after_exit,
	  HMM_API_CHILD },
	{}
};
