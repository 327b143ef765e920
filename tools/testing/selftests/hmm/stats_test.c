// SPDX-License-Identifier: GPL-2.0
/*
 * The debugfs file "stats": the counters, compared with those of the device,
 * and the process to which they belong.
 *
 * The rules of collision_test.c about stopped tasks apply.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "hmm_counters.h"
#include "hmm_harness.h"

#define NPAGES		4
#define NWAITS		50

#define BEGUN		HMM_DMIRROR_POINT_BEGUN
#define FAULTED		HMM_DMIRROR_POINT_FAULTED
#define INVALIDATE	HMM_DMIRROR_POINT_INVALIDATE

FIXTURE(stats) {
	HMM_FIXTURE_MEMBERS;
	pid_t pid;
	char line[1024];
	struct hmm_access access;
	struct hmm_madvise advice;
	struct hmm_thread device;	/* runs access */
	struct hmm_thread process;	/* runs advice */
};

#define stats_data FIXTURE_DATA(stats)

FIXTURE_SETUP(stats)
{
	if (access(HMM_STATS, R_OK))
		SKIP(return, "no " HMM_STATS);
	HMM_SETUP_FILLED(NPAGES);
	self->pid = getpid();
	hmm_access_init(&self->access, self->fd, HMM_DMIRROR_READ, self->mem,
			self->buf, NPAGES);
	self->advice = (struct hmm_madvise) {
		.addr = self->mem,
		.length = NPAGES * self->page,
		.advice = MADV_DONTNEED,
	};
	ASSERT_EQ(0, hmm_counters_line(self->pid, self->line,
				       sizeof(self->line)));
	ASSERT_EQ(0, hmm_prefault());
}

FIXTURE_TEARDOWN(stats)
{
	close(self->fd);
}

/*
 * Reads the counters of the device and of the module, until the two belong to
 * the same moment.
 */
static void read_both(struct __test_metadata *_metadata, stats_data *self,
		      struct hmm_dmirror_stats *stats)
{
	struct hmm_dmirror_stats again;

	do {
		ASSERT_EQ(0, hmm_stats(self->fd, stats));
		ASSERT_EQ(0, hmm_counters_line(self->pid, self->line,
					       sizeof(self->line)));
		ASSERT_EQ(0, hmm_stats(self->fd, &again));
	} while (memcmp(stats, &again, sizeof(again)));
}

static long long value(const stats_data *self, const char *key)
{
	return hmm_counters_value(self->line, key);
}

static int start_and_stop(int fd, struct hmm_thread *thread,
			  unsigned int point)
{
	int ret = hmm_stop_at(fd, point);

	if (ret)
		return ret;
	hmm_thread_start(thread);
	return hmm_wait_at(fd, point, HMM_TIMEOUT_MS);
}

static int resume_and_join(int fd, struct hmm_thread *thread,
			   unsigned int point)
{
	int ret = hmm_resume(fd, point);

	if (!ret)
		ret = hmm_thread_wait_done(thread, HMM_TIMEOUT_MS);
	return ret ? ret : hmm_thread_join(thread);
}

/* The file has one interval, whose callback the device counts. */
TEST_F(stats, invalidations_and_callbacks_are_counted)
{
	struct hmm_dmirror_stats before, after;
	long long callbacks, invalidations, hits;

	read_both(_metadata, self, &before);
	EXPECT_EQ(1, value(self, "mirrors"));
	EXPECT_EQ(1, value(self, "intervals"));
	callbacks = value(self, "callbacks");
	invalidations = value(self, "invalidations");
	hits = value(self, "hits");
	EXPECT_EQ((long long)before.invalidations, callbacks);

	for (int i = 0; i < 3; i++) {
		hmm_fill(self->mem, NPAGES, 2, 0);
		ASSERT_EQ(0, madvise(self->mem, NPAGES * self->page,
				     MADV_DONTNEED));
	}
	read_both(_metadata, self, &after);
	EXPECT_EQ((long long)(after.invalidations - before.invalidations),
		  value(self, "callbacks") - callbacks);
	EXPECT_LE(3, value(self, "callbacks") - callbacks);
	/* The interval covers the whole address space. */
	EXPECT_EQ(value(self, "callbacks") - callbacks,
		  value(self, "invalidations") - invalidations);
	EXPECT_EQ(value(self, "callbacks") - callbacks,
		  value(self, "hits") - hits);
	EXPECT_EQ(0, value(self, "refused"));
}

/* With a second file, each invalidation runs two callbacks. */
TEST_F(stats, callbacks_of_two_intervals_are_counted)
{
	int second = hmm_open(0);
	long long callbacks, hits;

	ASSERT_LE(0, second);
	ASSERT_EQ(0, hmm_counters_line(self->pid, self->line,
				       sizeof(self->line)));
	EXPECT_EQ(2, value(self, "mirrors"));
	EXPECT_EQ(2, value(self, "intervals"));
	callbacks = value(self, "callbacks");
	hits = value(self, "hits");
	ASSERT_EQ(0, madvise(self->mem, NPAGES * self->page, MADV_DONTNEED));
	ASSERT_EQ(0, hmm_counters_line(self->pid, self->line,
				       sizeof(self->line)));
	EXPECT_LE(1, value(self, "hits") - hits);
	EXPECT_EQ(2 * (value(self, "hits") - hits),
		  value(self, "callbacks") - callbacks);
	close(second);
}

/* A collision that the driver detects under its update lock. */
TEST_F(stats, collision_after_the_read_is_counted)
{
	struct hmm_dmirror_stats stats;

	ASSERT_EQ(0, hmm_thread_create(&self->device, hmm_access_run,
				       &self->access));
	ASSERT_EQ(0, hmm_prefault());
	ASSERT_EQ(0, start_and_stop(self->fd, &self->device, FAULTED));
	EXPECT_EQ(0, hmm_counter(self->pid, "collisions"));
	ASSERT_EQ(0, madvise(self->mem, NPAGES * self->page, MADV_DONTNEED));
	ASSERT_EQ(0, resume_and_join(self->fd, &self->device, FAULTED));
	read_both(_metadata, self, &stats);
	EXPECT_LE(1, value(self, "collisions"));
	EXPECT_EQ((long long)stats.collisions, value(self, "collisions"));
}

/* A collision that the module detects before it reads. */
TEST_F(stats, collision_before_the_read_is_counted)
{
	struct hmm_dmirror_stats stats;

	ASSERT_EQ(0, hmm_thread_create(&self->device, hmm_access_run,
				       &self->access));
	ASSERT_EQ(0, hmm_prefault());
	ASSERT_EQ(0, start_and_stop(self->fd, &self->device, BEGUN));
	ASSERT_EQ(0, madvise(self->mem, NPAGES * self->page, MADV_DONTNEED));
	ASSERT_EQ(0, resume_and_join(self->fd, &self->device, BEGUN));
	read_both(_metadata, self, &stats);
	EXPECT_LE(1, value(self, "collisions"));
	EXPECT_EQ((long long)stats.collisions, value(self, "collisions"));
}

/* A page that is not present causes one fault, and a present page none. */
TEST_F(stats, faults_are_counted)
{
	char *fresh = hmm_map(NPAGES);
	struct hmm_dmirror_stats stats;
	long long faults;

	ASSERT_NE(NULL, fresh);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	read_both(_metadata, self, &stats);
	EXPECT_EQ(0, value(self, "faults"));

	ASSERT_EQ(0, hmm_write(self->fd, fresh, self->buf, NPAGES, NULL));
	faults = hmm_counter(self->pid, "faults");
	EXPECT_EQ(NPAGES, faults);

	/* Invalidate the device's entries, but keep the pages. */
	ASSERT_EQ(0, mprotect(fresh, NPAGES * self->page, PROT_READ));
	ASSERT_EQ(0, hmm_read(self->fd, fresh, self->buf, NPAGES, NULL));
	EXPECT_EQ(faults, hmm_counter(self->pid, "faults"));
}

/* Makes a read wait for an invalidation, and resumes both. */
static void wait_once(struct __test_metadata *_metadata, stats_data *self)
{
	ASSERT_EQ(0, hmm_thread_create(&self->device, hmm_access_run,
				       &self->access));
	ASSERT_EQ(0, hmm_thread_create(&self->process, hmm_madvise_run,
				       &self->advice));
	ASSERT_EQ(0, hmm_prefault());
	/* The device must not have an entry left, so that it has to read. */
	ASSERT_EQ(0, madvise(self->mem, NPAGES * self->page, MADV_DONTNEED));
	ASSERT_EQ(0, start_and_stop(self->fd, &self->process, INVALIDATE));
	hmm_thread_start(&self->device);
	ASSERT_EQ(0, hmm_thread_wait_blocked(&self->device));
	EXPECT_EQ(1, hmm_counter(self->pid, "waiting"));
	ASSERT_EQ(0, resume_and_join(self->fd, &self->process, INVALIDATE));
	ASSERT_EQ(0, hmm_thread_wait_done(&self->device, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, hmm_thread_join(&self->device));
	EXPECT_EQ(0, hmm_counter(self->pid, "waiting"));
}

/*
 * Waits until one is shorter than the longest one, because the time of a wait
 * depends on the machine.
 */
TEST_F(stats, waits_are_counted_and_measured)
{
	long long total = 0, longest = 0, last = 1;
	__u64 start = hmm_now_ms();
	int waits = 0;

	EXPECT_EQ(0, hmm_counter(self->pid, "waits"));
	do {
		wait_once(_metadata, self);
		waits++;
		EXPECT_EQ(waits, hmm_counter(self->pid, "waits"));
		last = hmm_counter(self->pid, "waited_ns") - total;
		total += last;
		EXPECT_LT(0, last);
		if (last > longest)
			longest = last;
		EXPECT_EQ(longest, hmm_counter(self->pid, "longest_wait_ns"));
	} while (last == longest && waits < NWAITS);
	EXPECT_GT(longest, last);
	EXPECT_LE(total, (long long)(hmm_now_ms() - start + 1) * 1000000);
}

/* A read that finds no invalidation in progress writes no counter. */
TEST_F(stats, undisturbed_reads_are_not_counted)
{
	static const char *const keys[] = {
		"collisions", "faults", "waits", "waiting", "waited_ns",
		"longest_wait_ns",
	};
	__u8 prot[NPAGES];

	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES,
				      NULL));
		ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, prot, NPAGES));
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		EXPECT_EQ(0, hmm_counter(self->pid, keys[i]))
			TH_LOG("%s", keys[i]);
	}
}

/* A blank, a line feed, a backslash and an escape must not end the name. */
TEST_F(stats, name_is_one_word)
{
	char name[64], state[16];

	ASSERT_EQ(0, prctl(PR_SET_NAME, "a b\n\\\033[2J\x7f="));
	ASSERT_EQ(0, hmm_counters_line(self->pid, self->line,
				       sizeof(self->line)));
	ASSERT_TRUE(hmm_counters_text(self->line, "name", name, sizeof(name)));
	EXPECT_STREQ("a\\040b\\012\\134\\033[2J\\177=", name);
	ASSERT_TRUE(hmm_counters_text(self->line, "state", state,
				      sizeof(state)));
	EXPECT_STREQ("running", state);
	EXPECT_LT(0, value(self, "since_ns"));
}

static bool has_state(pid_t pid, const char *want)
{
	char line[1024], state[16];

	return !hmm_counters_line(pid, line, sizeof(line)) &&
	       hmm_counters_text(line, "state", state, sizeof(state)) &&
	       !strcmp(state, want);
}

/*
 * A file that outlives its process keeps the counters and the name, but neither
 * the process nor, after its close, the mm.
 */
TEST_F(stats, exited_process_keeps_its_name_and_is_not_kept_alive)
{
	long contexts = hmm_debugfs_count("contexts");
	int *shared = hmm_map_shared(1);
	char line[1024], name[64], byte;
	struct hmm_completion ready, end;
	int reader;
	pid_t pid;

	ASSERT_NE(NULL, shared);
	ASSERT_EQ(0, hmm_completion_init(&ready));
	ASSERT_EQ(0, hmm_completion_init(&end));
	pid = hmm_fork_sharing_files();
	ASSERT_LE(0, pid);
	if (!pid) {
		prctl(PR_SET_NAME, "mirrored");
		*shared = hmm_open(0);
		madvise(self->mem, self->page, MADV_DONTNEED);
		hmm_complete(&ready);
		hmm_wait_for_completion(&end);
		_exit(0);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&ready));
	ASSERT_LE(0, *shared);
	EXPECT_TRUE(has_state(pid, "running"));

	/* Stop in the middle of a read of the file. */
	reader = open(HMM_STATS, O_RDONLY);
	ASSERT_LE(0, reader);
	ASSERT_EQ(1, read(reader, &byte, 1));

	hmm_complete(&end);
	ASSERT_EQ(0, hmm_wait_exit(pid));
	EXPECT_EQ(-1, kill(pid, 0));
	EXPECT_EQ(ESRCH, errno);
	ASSERT_EQ(0, hmm_counters_line(pid, line, sizeof(line)));
	EXPECT_TRUE(has_state(pid, "exited"));
	ASSERT_TRUE(hmm_counters_text(line, "name", name, sizeof(name)));
	EXPECT_STREQ("mirrored", name);
	EXPECT_EQ(1, hmm_counters_value(line, "mirrors"));
	EXPECT_LE(1, hmm_counters_value(line, "callbacks"));

	close(*shared);
	EXPECT_EQ(contexts, hmm_debugfs_wait_count("pinned_mms", contexts));
	EXPECT_EQ(-ENOENT, hmm_counters_line(pid, line, sizeof(line)));
	close(reader);
}

struct sharer {
	int fd;
	struct hmm_completion ready;
	struct hmm_completion end;
};

static int open_and_exit(void *arg)
{
	struct sharer *sharer = arg;

	sharer->fd = hmm_open(0);
	_exit(0);
}

static int outlive(void *arg)
{
	struct sharer *sharer = arg;

	hmm_complete(&sharer->ready);
	hmm_wait_for_completion(&sharer->end);
	_exit(0);
}

#define STACK_SIZE	(64 << 10)

/*
 * The parent has the mm for longer than a child that shares it only until it
 * executes a program.
 */
TEST_F(stats, mm_of_a_vfork_child_belongs_to_the_parent)
{
	char *stack = malloc(STACK_SIZE);
	struct sharer *sharer = malloc(sizeof(*sharer));
	char line[1024];
	pid_t pid;

	ASSERT_NE(NULL, stack);
	ASSERT_NE(NULL, sharer);
	/* The next file is the first one of the mm. */
	close(self->fd);
	EXPECT_EQ(0, hmm_debugfs_wait_count("contexts", 0));
	pid = clone(open_and_exit, stack + STACK_SIZE,
		    CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, sharer);
	ASSERT_LE(0, pid);
	ASSERT_EQ(0, hmm_wait_exit(pid));
	ASSERT_LE(0, sharer->fd);
	EXPECT_EQ(-ENOENT, hmm_counters_line(pid, line, sizeof(line)));
	EXPECT_TRUE(has_state(self->pid, "running"));
	self->fd = sharer->fd;
}

/* The process that was mirrored exits, but another one still uses its mm. */
TEST_F(stats, mm_without_its_process_is_detached)
{
	struct sharer *sharer = hmm_map_shared(1);
	char *stack = malloc(STACK_SIZE);
	char line[1024];
	pid_t pid;

	ASSERT_NE(NULL, stack);
	ASSERT_NE(NULL, sharer);
	ASSERT_EQ(0, hmm_completion_init(&sharer->ready));
	ASSERT_EQ(0, hmm_completion_init(&sharer->end));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (hmm_open(0) < 0 ||
		    clone(outlive, stack + STACK_SIZE, CLONE_VM, sharer) < 0)
			_exit(1);
		hmm_wait_for_completion(&sharer->ready);
		_exit(0);
	}
	ASSERT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(has_state(pid, "detached"));
	hmm_complete(&sharer->end);
	EXPECT_EQ(1, hmm_debugfs_wait_count("contexts", 1));
	EXPECT_EQ(-ENOENT, hmm_counters_line(pid, line, sizeof(line)));
}

TEST_HARNESS_MAIN
