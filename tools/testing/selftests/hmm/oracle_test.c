// SPDX-License-Identifier: GPL-2.0
/*
 * Random changes of memory and random accesses to it, by devices and CPUs. An
 * oracle judges the contents that are read, see oracle_history.h.
 *
 * With one thread, all decisions depend only on the seed, so the same seed
 * repeats the same sequence. With several threads, the decisions also depend on
 * the interleaving of the threads.
 *
 *   HMM_ORACLE_SEED  run this seed only. hmm.seed= on the kernel's command line
 *                    does the same.
 *   HMM_ORACLE_MS    how long a seed may take, in milliseconds
 *
 * Both are environment variables.
 */
#include <kselftest_harness.h>

#include "hmm_random.h"
#include "oracle_access.h"
#include "oracle_change.h"
#include "oracle_child.h"
#include "oracle_reclaim.h"
#include "oracle_report.h"
#include "oracle_setup.h"

/* Number of seeds that run if the user gives no seed. */
#define SEEDS		3
#define ALONE_STEPS	2500
#define ALONE_MS	6000
#define TOGETHER_STEPS	20000
#define TOGETHER_MS	6000

static int do_accesses_and_changes(void *arg)
{
	struct oracle_worker *w = arg;

	oracle_fork(w);
	for (int i = 0; i < ALONE_STEPS && !oracle_stopped(w->oracle) &&
	     hmm_now_ms() < w->oracle->deadline; i++) {
		if (oracle_pick(w, 2))
			oracle_access(w);
		else
			oracle_change(w);
	}
	oracle_restore_all(w);
	oracle_reap_all(w);
	return 0;
}

static int do_accesses(void *arg)
{
	struct oracle_worker *w = arg;

	for (int i = 0; i < TOGETHER_STEPS && !oracle_stopped(w->oracle) &&
	     hmm_now_ms() < w->oracle->deadline; i++)
		oracle_access(w);
	return 0;
}

/* This thread also waits for its children. */
static int do_changes(void *arg)
{
	struct oracle_worker *w = arg;

	/* Fork at least once, even if the time is short. */
	oracle_fork(w);
	for (int i = 0; i < TOGETHER_STEPS && !oracle_stopped(w->oracle) &&
	     hmm_now_ms() < w->oracle->deadline; i++)
		oracle_change(w);
	oracle_end_delays(w);
	oracle_reap_all(w);
	return 0;
}

static int (*const alone[])(void *) = { do_accesses_and_changes };
static int (*const together[])(void *) = {
	do_accesses, do_accesses, do_accesses, do_changes, do_changes,
};

static void show_counts(const struct oracle *oracle)
{
	const unsigned long *count = oracle->count;

	printf("#   %lu device accesses, %lu CPU accesses, %lu refused\n",
	       count[ORACLE_COUNT_DEVICE], count[ORACLE_COUNT_CPU],
	       count[ORACLE_COUNT_REFUSED]);
	printf("#   %lu words judged, %lu reads of a page not judged\n",
	       count[ORACLE_COUNT_WORDS], count[ORACLE_COUNT_UNJUDGED]);
	printf("#   %lu changes, %lu moves, %lu collapses, %lu children\n",
	       count[ORACLE_COUNT_CHANGES], count[ORACLE_COUNT_MOVED],
	       count[ORACLE_COUNT_COLLAPSED], count[ORACLE_COUNT_CHILDREN]);
	printf("#   %ld pages merged at the end; %lu of %lu frames reused\n",
	       oracle_ksm_sharing(), count[ORACLE_COUNT_REUSED],
	       count[ORACLE_COUNT_FRAMES]);
	fflush(stdout);
}

FIXTURE(oracle)
{
	__u64 seed, ms;
	int seeds;
	bool swap, ksm;
};

#define oracle_data FIXTURE_DATA(oracle)

FIXTURE_SETUP(oracle)
{
	const char *why = "", *ms = getenv("HMM_ORACLE_MS");
	int fd = hmm_open(0);

	if (fd == -ENOENT)
		SKIP(return, HMM_SKIP_NO_DEVICE, 0);
	ASSERT_LE(0, fd);
	close(fd);
	self->seeds = 1;
	self->ms = ms ? strtoull(ms, NULL, 0) : 0;
	if (!hmm_given_seed(getenv("HMM_ORACLE_SEED"), &self->seed)) {
		self->seed = oracle_random_seed();
		self->seeds = SEEDS;
	}
	self->ksm = oracle_ksm_on();
	if (!self->ksm)
		printf("# KSM is not tested: it cannot be enabled\n");
	self->swap = oracle_swap_on(&why);
	if (!self->swap)
		printf("# swap is not tested: %s\n", why);
	fflush(stdout);
	oracle_start();
}

FIXTURE_TEARDOWN(oracle)
{
	oracle_swap_off();
	if (self->ksm)
		oracle_ksm_off();
}

static void run_threads(struct oracle *oracle, int (*const jobs[])(void *),
			unsigned int njobs)
{
	struct oracle_worker *w = oracle->worker;
	unsigned int made;

	for (made = 0; made < njobs; made++)
		if (hmm_thread_create(&w[made].thread, jobs[made], &w[made]))
			break;
	if (made != njobs)
		oracle_fail(oracle, NULL, 0, 0, "cannot create the threads");
	for (unsigned int i = 0; i < made; i++)
		hmm_thread_start(&w[i].thread);
	for (unsigned int i = 0; i < made; i++)
		hmm_thread_join(&w[i].thread);
	/* Use an additional worker, whose memory and log are unused so far. */
	oracle_restore_all(&w[njobs]);
	if (!oracle_stopped(oracle))
		oracle_finish(&w[njobs]);
}

static void run(struct __test_metadata *_metadata, oracle_data *self,
		__u64 seed, int (*const jobs[])(void *), unsigned int njobs,
		__u64 ms)
{
	struct oracle *oracle;

	printf("# seed %llu\n", seed);
	fflush(stdout);
	oracle = oracle_new(seed, njobs == 1, njobs + 1);
	ASSERT_NE(NULL, oracle);
	oracle->swap = self->swap;
	oracle->ksm = self->ksm;
	for (int i = 0; i < 2; i++) {
		oracle->fd[i] = hmm_open(i);
		ASSERT_LE(0, oracle->fd[i]);
	}
	oracle->deadline = hmm_now_ms() + ms;
	run_threads(oracle, jobs, njobs);
	show_counts(oracle);
	if (oracle_stopped(oracle))
		oracle_report(oracle);
	ASSERT_STREQ("", oracle->failure);
	/* Expect some accesses and changes. A slow machine makes few. */
	EXPECT_LT(0, oracle->count[ORACLE_COUNT_DEVICE]);
	if (oracle->count[ORACLE_COUNT_CHANGES] > 200)
		EXPECT_LT(0, oracle->count[ORACLE_COUNT_REFUSED]);
	EXPECT_LT(0, oracle->count[ORACLE_COUNT_CHILDREN]);
	EXPECT_LT(0, oracle->count[ORACLE_COUNT_WORDS]);
	if (oracle->alone)
		EXPECT_EQ(0, oracle->count[ORACLE_COUNT_UNJUDGED]);
	/* Some of the poison must be in frames that the arena has lost. */
	if (oracle->alone && oracle->count[ORACLE_COUNT_FRAMES] > 50)
		EXPECT_LT(0, oracle->count[ORACLE_COUNT_REUSED]);
	oracle_free(oracle);
}

/* Later seeds depend on the first, and each of them can be replayed alone. */
static __u64 next_seed(__u64 seed)
{
	return (seed * 6364136223846793005ULL + 1442695040888963407ULL) >> 32;
}

TEST_F(oracle, one_thread_and_the_devices_by_turns)
{
	__u64 seed = self->seed;

	for (int i = 0; i < self->seeds; i++, seed = next_seed(seed))
		run(_metadata, self, seed, alone, ARRAY_SIZE(alone),
		    self->ms ? self->ms : ALONE_MS);
}

TEST_F(oracle, processes_and_devices_all_at_once)
{
	__u64 seed = self->seed;

	for (int i = 0; i < self->seeds; i++, seed = next_seed(seed))
		run(_metadata, self, seed, together, ARRAY_SIZE(together),
		    self->ms ? self->ms : TOGETHER_MS);
}

TEST_HARNESS_MAIN
