// SPDX-License-Identifier: GPL-2.0
/*
 * Registering and unregistering mirrors.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "api.h"

/* Expect that a registered mirror receives the invalidations of the mm. */
static void api_expect_notified(struct api_mirror *mirror, unsigned long page)
{
	struct api_interval *interval = api_interval(mirror, page, 1);
	int syncs = atomic_read(&mirror->syncs);
	unsigned long seq = api_seq(interval);

	EXPECT(!api_retry(interval, seq));
	EXPECT_EQ(0, api_unmap(page, 1));
	EXPECT(api_retry(interval, seq));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT_EQ(api_addr(page), interval->start);
	EXPECT_EQ(api_addr(page + 1), interval->end);
	/* Other threads may invalidate their own pages at the same time. */
	EXPECT(atomic_read(&mirror->syncs) > syncs);
	EXPECT(api_can_begin(interval));
	api_remove(interval);
	api_free(interval);
}

#define API_ROUNDS	40

static int api_register_loop(void *arg)
{
	unsigned long page = (unsigned long)arg;
	struct api_mirror *mirror;
	int i;

	for (i = 0; i < API_ROUNDS; i++) {
		mirror = api_syncing_mirror();
		if (!mirror->mirror.context)
			return -EIO;
		api_expect_notified(mirror, page);
		api_unregister(mirror);
		api_free(mirror);
	}
	return 0;
}

/*
 * R01: two threads register and unregister mirrors in a loop. Nothing forces a
 * race, so a run of this case may not detect a bug.
 */
static void r01_register_races_with_unregister(void)
{
	struct api_thread *one = api_thread(api_register_loop, (void *)1);
	struct api_thread *other = api_thread(api_register_loop, (void *)3);

	EXPECT_EQ(0, api_join(one));
	EXPECT_EQ(0, api_join(other));
}

/*
 * Unregister waits for the callbacks of every mm. Therefore a callback that is
 * stopped in the child's mm also blocks an unregister from the mm of the case.
 */
static int api_write_in_child(void *arg)
{
	return api_write((unsigned long)arg);
}

static struct api_thread *api_stop_write_in_child(struct api_interval *interval,
						  unsigned long page)
{
	struct api_thread *thread;

	api_stop_arm(&interval->stop);
	thread = api_thread_in(api_child_mm(), api_write_in_child,
			       (void *)page);
	api_stop_reached(&interval->stop);
	return thread;
}

/*
 * R01: a mirror is registered while unregister has removed the last mirror from
 * the list, but has not yet dropped the context.
 */
static void r01_register_during_unregister(void)
{
	struct api_mirror *in_child = api_syncing_mirror_on(api_child_mm());
	struct api_interval *blocker = api_interval(in_child, 0, 1);
	struct api_mirror *last = api_syncing_mirror(), *next;
	struct api_thread *writer, *unregistering;

	writer = api_stop_write_in_child(blocker, 0);
	unregistering = api_unregister_thread(last);
	EXPECT(api_thread_blocks(unregistering));

	next = api_syncing_mirror();
	api_expect_notified(next, 1);
	api_resume_and_join(&blocker->stop, writer);
	EXPECT_EQ(0, api_join(unregistering));
	api_expect_notified(next, 2);
	api_unregister(next);
	EXPECT_EQ(0, atomic_read(&last->syncs));

	api_remove(blocker);
	api_unregister(in_child);
}

/*
 * R01: a mirror is registered while the notifiers of the last mirror's context
 * are being unregistered. Unregister waits twice. The first stopped callback
 * blocks the wait for callbacks of the mirror. The second callback starts after
 * that wait has begun, so it blocks only the later wait in
 * mmu_notifier_unregister().
 */
static void r01_register_during_context_teardown(void)
{
	struct api_mirror *in_child = api_syncing_mirror_on(api_child_mm());
	struct api_interval *first = api_interval(in_child, 0, 1);
	struct api_interval *second = api_interval(in_child, 1, 1);
	struct api_thread *writers[2], *unregistering;
	struct api_mirror *last = api_syncing_mirror(), *next;

	writers[0] = api_stop_write_in_child(first, 0);
	unregistering = api_unregister_thread(last);
	EXPECT(api_thread_blocks(unregistering));
	writers[1] = api_stop_write_in_child(second, 1);
	api_resume_and_join(&first->stop, writers[0]);
	EXPECT(api_thread_blocks(unregistering));

	next = api_syncing_mirror();
	EXPECT(!api_thread_done(unregistering));
	api_expect_notified(next, 2);
	api_resume_and_join(&second->stop, writers[1]);
	EXPECT_EQ(0, api_join(unregistering));
	api_expect_notified(next, 3);
	api_unregister(next);
	EXPECT_EQ(0, atomic_read(&last->syncs));

	api_remove(first);
	api_remove(second);
	api_unregister(in_child);
}

/*
 * R02: each CPU may hold a lazy reference to the mm for a while. The number of
 * rounds exceeds the number of CPUs, so that a leak of one reference per round
 * is detected.
 */
static void api_expect_no_pins(int (*register_in)(struct hmm_mirror *mirror,
						  struct mm_struct *mm))
{
	int before = atomic_read(&current->mm->mm_count);
	int rounds = 2 * num_possible_cpus() + 8;
	int users = atomic_read(&current->mm->mm_users);
	struct api_mirror *mirror;
	int i;

	for (i = 0; i < rounds; i++) {
		mirror = api_syncing_mirror_new();
		EXPECT_EQ(0, register_in(&mirror->mirror, current->mm));
		api_unregister(mirror);
	}
	EXPECT(abs(atomic_read(&current->mm->mm_count) - before) <=
	       (int)num_possible_cpus());
	EXPECT_EQ(users, atomic_read(&current->mm->mm_users));
}

static void r02_unregister_unpins_the_mm(void)
{
	api_expect_no_pins(hmm_mirror_register);
}

static int api_register_locked(struct hmm_mirror *mirror,
			       struct mm_struct *mm)
{
	int ret;

	mmap_write_lock(mm);
	ret = hmm_mirror_register_locked(mirror, mm);
	mmap_write_unlock(mm);
	return ret;
}

static void r02_register_locked_unpins_the_mm(void)
{
	api_expect_no_pins(api_register_locked);
}

static void r02_register_locked_is_notified(void)
{
	struct api_mirror *mirror = api_syncing_mirror_new();

	EXPECT_EQ(0, api_register_locked(&mirror->mirror, current->mm));
	api_expect_notified(mirror, 0);
	api_unregister(mirror);
}

/* R04: the driver unregisters the mirror while its callback runs. */
static void r04_unregister_waits_for_sync(void)
{
	struct api_mirror *mirror = api_syncing_mirror();
	struct api_thread *writer, *unregistering;

	api_stop_arm(&mirror->sync_stop);
	writer = api_write_thread(0);
	api_stop_reached(&mirror->sync_stop);
	unregistering = api_unregister_thread(mirror);
	EXPECT(api_thread_blocks(unregistering));
	api_stop_resume(&mirror->sync_stop);
	EXPECT_EQ(0, api_join(unregistering));
	EXPECT_EQ(1, atomic_read(&mirror->syncs));
	api_free(mirror);
	EXPECT_EQ(0, api_join(writer));
	EXPECT_EQ(0, api_write(1));
}

/* R04: one of three mirrors is unregistered while its callback runs. */
static void r04_unregister_one_of_three(void)
{
	struct api_mirror *mirrors[3];
	struct api_thread *writer, *unregistering;
	int i;

	for (i = 0; i < 3; i++)
		mirrors[i] = api_syncing_mirror();
	api_stop_arm(&mirrors[1]->sync_stop);
	writer = api_write_thread(0);
	api_stop_reached(&mirrors[1]->sync_stop);
	unregistering = api_unregister_thread(mirrors[1]);
	EXPECT(api_thread_blocks(unregistering));
	api_stop_resume(&mirrors[1]->sync_stop);
	EXPECT_EQ(0, api_join(unregistering));
	EXPECT_EQ(0, api_join(writer));
	api_free(mirrors[1]);
	/* The walk of the mirrors continued after the removal. */
	EXPECT_EQ(1, atomic_read(&mirrors[0]->syncs));
	EXPECT_EQ(1, atomic_read(&mirrors[2]->syncs));
	EXPECT_EQ(0, api_write(1));
	EXPECT_EQ(2, atomic_read(&mirrors[0]->syncs));
	EXPECT_EQ(2, atomic_read(&mirrors[2]->syncs));
	api_unregister(mirrors[0]);
	EXPECT_EQ(0, api_write(2));
	EXPECT_EQ(2, atomic_read(&mirrors[0]->syncs));
	EXPECT_EQ(3, atomic_read(&mirrors[2]->syncs));
	api_unregister(mirrors[2]);
}

/* A mirror can be registered again after unregister. */
static void r06_register_again_after_unregister(void)
{
	struct api_mirror *mirror = api_syncing_mirror();

	api_expect_notified(mirror, 0);
	api_unregister(mirror);
	EXPECT_EQ(0, hmm_mirror_register(&mirror->mirror, current->mm));
	api_expect_notified(mirror, 1);
	api_unregister(mirror);
}

static void r07_register_arguments(void)
{
	struct api_mirror *mirror = api_syncing_mirror_new();

	EXPECT_EQ(-EINVAL, hmm_mirror_register(NULL, current->mm));
	EXPECT_EQ(-EINVAL, hmm_mirror_register(&mirror->mirror, NULL));
	EXPECT_EQ(-EINVAL, hmm_mirror_register_locked(&mirror->mirror, NULL));
	EXPECT_EQ(-EINVAL, api_register_locked(NULL, current->mm));
	/* A failed register does not change the mirror. */
	EXPECT_EQ(0, hmm_mirror_register(&mirror->mirror, current->mm));
	api_expect_notified(mirror, 0);
	api_unregister(mirror);
}

/* The ops of a mirror are optional. */
static void r62_mirror_without_ops(void)
{
	struct api_mirror *mirror = api_syncing_mirror_new();
	struct api_mirror *witness = api_syncing_mirror();
	struct api_interval *interval;

	mirror->mirror.ops = NULL;
	EXPECT_EQ(0, hmm_mirror_register(&mirror->mirror, current->mm));
	interval = api_interval(mirror, 0, 1);
	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(1, atomic_read(&interval->calls));
	EXPECT_EQ(1, atomic_read(&witness->syncs));
	api_remove(interval);
	api_unregister(mirror);
	EXPECT_EQ(0, api_register_locked(&mirror->mirror, current->mm));
	EXPECT_EQ(0, api_write(1));
	api_unregister(mirror);
	api_unregister(witness);
}

/* The mm exits while a mirror without ops is registered. */
static void r62_mirror_without_ops_at_exit(void)
{
	struct api_mirror *mirror = api_syncing_mirror_new();
	struct api_mirror *witness;

	mirror->mirror.ops = NULL;
	EXPECT_EQ(0, hmm_mirror_register(&mirror->mirror, api_child_mm()));
	witness = api_syncing_mirror_on(api_child_mm());
	api_stop_arm(&witness->release_stop);
	api_child_kill();
	api_stop_reached(&witness->release_stop);
	api_stop_resume(&witness->release_stop);
	api_unregister(witness);
	api_unregister(mirror);
	EXPECT_EQ(1, atomic_read(&witness->releases));
}

/**
 * struct api_signalled - a thread that registers with a signal pending
 * @mirror: the mirror
 * @signal: the signal
 * @locked: call hmm_mirror_register_locked()
 * @still: the signal was still pending after the call
 */
struct api_signalled {
	struct api_mirror *mirror;
	int signal;
	bool locked;
	bool still;
};

static int api_register_signalled(void *arg)
{
	struct api_signalled *signalled = arg;
	struct hmm_mirror *mirror = &signalled->mirror->mirror;
	int ret;

	allow_signal(signalled->signal);
	send_sig(signalled->signal, current, 1);
	EXPECT(signal_pending(current));
	if (signalled->locked)
		ret = api_register_locked(mirror, current->mm);
	else
		ret = hmm_mirror_register(mirror, current->mm);
	signalled->still = signal_pending(current);
	flush_signals(current);
	return ret;
}

/* R58: the mm has no mirror yet, so this call registers the mmu notifiers. */
static void api_signalled(int signal, bool locked, int want)
{
	struct api_signalled *signalled = api_alloc(sizeof(*signalled));
	struct api_mirror *mirror = api_syncing_mirror_new();

	signalled->mirror = mirror;
	signalled->signal = signal;
	signalled->locked = locked;
	EXPECT_EQ(want, api_join(api_thread(api_register_signalled,
					    signalled)));
	EXPECT(signalled->still);
	/*
	 * The calling thread has no signal pending, so its register succeeds.
	 */
	if (!mirror->mirror.context &&
	    !EXPECT_EQ(0, hmm_mirror_register(&mirror->mirror, current->mm)))
		return;
	api_expect_notified(mirror, 2);
	api_unregister(mirror);
}

static void r58_register_with_a_signal_pending(void)
{
	api_signalled(SIGUSR1, false, 0);
}

static void r58_register_locked_with_a_signal_pending(void)
{
	api_signalled(SIGUSR1, true, 0);
}

static void r58_register_is_killed(void)
{
	api_signalled(SIGKILL, false, -EINTR);
}

static void mm_of_a_mirror(void)
{
	struct api_mirror *mirror = api_mirror_new();

	EXPECT_EQ(NULL, hmm_mirror_mm(&mirror->mirror));
	EXPECT(!hmm_mirror_mm_is_alive(&mirror->mirror));
	EXPECT_EQ(0, hmm_mirror_register(&mirror->mirror, current->mm));
	EXPECT_EQ(current->mm, hmm_mirror_mm(&mirror->mirror));
	EXPECT(hmm_mirror_mm_is_alive(&mirror->mirror));
	api_unregister(mirror);
	EXPECT_EQ(NULL, hmm_mirror_mm(&mirror->mirror));
	EXPECT(!hmm_mirror_mm_is_alive(&mirror->mirror));
}

const struct api_case api_mirror_cases[] = {
	{ "mm_of_a_mirror", mm_of_a_mirror },
	{ "r01_register_races_with_unregister",
	  r01_register_races_with_unregister },
	{ "r01_register_during_unregister",
	  r01_register_during_unregister, HMM_API_CHILD },
	{ "r01_register_during_context_teardown",
	  r01_register_during_context_teardown, HMM_API_CHILD },
	{ "r02_unregister_unpins_the_mm", r02_unregister_unpins_the_mm },
	{ "r02_register_locked_unpins_the_mm",
	  r02_register_locked_unpins_the_mm },
	{ "r02_register_locked_is_notified", r02_register_locked_is_notified },
	{ "r04_unregister_waits_for_sync", r04_unregister_waits_for_sync },
	{ "r04_unregister_one_of_three", r04_unregister_one_of_three },
	{ "r06_register_again_after_unregister",
	  r06_register_again_after_unregister },
	{ "r07_register_arguments", r07_register_arguments },
	{ "r58_register_with_a_signal_pending",
	  r58_register_with_a_signal_pending },
	{ "r58_register_locked_with_a_signal_pending",
	  r58_register_locked_with_a_signal_pending },
	{ "r58_register_is_killed", r58_register_is_killed },
	{ "r62_mirror_without_ops", r62_mirror_without_ops },
	{ "r62_mirror_without_ops_at_exit", r62_mirror_without_ops_at_exit,
	  HMM_API_CHILD },
	{}
};
