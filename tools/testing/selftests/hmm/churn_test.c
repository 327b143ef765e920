// SPDX-License-Identifier: GPL-2.0
/*
 * Mirrors that are created and destroyed at a high rate. This causes races
 * between open, close and exit that stop points cannot force.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "hmm_harness.h"

#define NPAGES		4
#define NTHREADS	4
#define ROUNDS		60
#define PROCESSES	40
#define AT_ONCE		60
#define THOUSANDS	2000

FIXTURE(churn) {
	char *mem;
	long contexts;
};

FIXTURE_SETUP(churn)
{
	HMM_SKIP_WITHOUT_DEVICE(0);
	self->mem = hmm_map(NPAGES);
	ASSERT_NE(NULL, self->mem);
	hmm_fill(self->mem, NPAGES, 1, 0);
	self->contexts = hmm_debugfs_wait_count("contexts", 0);
}

/* R02: no context is leaked. */
FIXTURE_TEARDOWN(churn)
{
	if (self->contexts >= 0)
		EXPECT_EQ(self->contexts,
			  hmm_debugfs_wait_count("contexts", self->contexts));
}

struct opener {
	struct hmm_thread thread;
	char *mem;
	char *buf;
	int unit;
};

/* Returns the first error, or -EIO for wrong content. */
static int open_read_close(void *arg)
{
	struct opener *opener = arg;
	struct hmm_dmirror_stats stats;
	int ret, fd;

	for (int round = 0; round < ROUNDS; round++) {
		fd = hmm_open(opener->unit);
		if (fd < 0)
			return fd;
		memset(opener->buf, 0x55, NPAGES * hmm_page_size());
		ret = hmm_read(fd, opener->mem, opener->buf, NPAGES, NULL);
		if (!ret && !hmm_is_filled(opener->buf, NPAGES, 1, 0))
			ret = -EIO;
		/*
		 * A mirror of a context in teardown would report that it was
		 * released.
		 */
		if (!ret)
			ret = hmm_stats(fd, &stats);
		if (!ret && stats.released)
			ret = -ESRCH;
		close(fd);
		if (ret)
			return ret;
	}
	return 0;
}

/* R01: the last close races with the next open. */
TEST_F(churn, threads_open_and_close_mirrors_of_one_process)
{
	struct opener openers[NTHREADS];
	int fd = hmm_open(1);
	int units = fd < 0 ? 1 : 2;

	if (fd >= 0)
		close(fd);
	for (int i = 0; i < NTHREADS; i++) {
		openers[i].mem = self->mem;
		openers[i].buf = hmm_map(NPAGES);
		openers[i].unit = i % units;
		ASSERT_NE(NULL, openers[i].buf);
		ASSERT_EQ(0, hmm_thread_create(&openers[i].thread,
					       open_read_close, &openers[i]));
	}
	for (int i = 0; i < NTHREADS; i++)
		hmm_thread_start(&openers[i].thread);
	for (int i = 0; i < NTHREADS; i++)
		EXPECT_EQ(0, hmm_thread_join(&openers[i].thread));
}

/*
 * R02, R04, R05: every second process leaves its open file to the test, which
 * closes half of these files while the process exits.
 */
TEST_F(churn, processes_mirror_themselves_and_exit)
{
	char *buf = hmm_map(NPAGES);
	int *shared = hmm_map_shared(1);
	struct hmm_completion ready, end;

	ASSERT_NE(NULL, buf);
	ASSERT_NE(NULL, shared);
	ASSERT_EQ(0, hmm_completion_init(&ready));
	ASSERT_EQ(0, hmm_completion_init(&end));
	for (int i = 0; i < PROCESSES; i++) {
		bool sharing = i & 1, during = i & 2;
		pid_t pid = sharing ? hmm_fork_sharing_files() : hmm_fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			int fd = hmm_open(0);

			*shared = fd;
			hmm_fill(self->mem, NPAGES, 100 + i, 0);
			if (fd < 0 ||
			    hmm_read(fd, self->mem, buf, NPAGES, NULL))
				_exit(1);
			if (!hmm_is_filled(buf, NPAGES, 100 + i, 0))
				_exit(2);
			hmm_complete(&ready);
			hmm_wait_for_completion(&end);
			_exit(0);
		}
		ASSERT_EQ(0, hmm_wait_for_completion(&ready));
		hmm_complete(&end);
		if (sharing && during)
			EXPECT_EQ(0, close(*shared));
		EXPECT_EQ(0, hmm_wait_exit(pid));
		if (sharing && !during) {
			EXPECT_EQ(-ESRCH, hmm_read(*shared, self->mem, buf,
						   NPAGES, NULL));
			EXPECT_EQ(0, close(*shared));
		}
	}
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

/*
 * With this many processes, several contexts share a bucket of the hash table.
 * Each process must still use its own context.
 */
TEST_F(churn, many_processes_read_their_own_memory)
{
	char *buf = hmm_map(NPAGES);
	struct hmm_completion ready, end;
	pid_t pids[AT_ONCE];

	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, hmm_completion_init(&ready));
	ASSERT_EQ(0, hmm_completion_init(&end));
	for (int i = 0; i < AT_ONCE; i++) {
		pids[i] = hmm_fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i]) {
			int fd = hmm_open(0);

			hmm_fill(self->mem, NPAGES, 100 + i, 0);
			hmm_complete(&ready);
			hmm_wait_for_completion(&end);
			if (fd < 0 ||
			    hmm_read(fd, self->mem, buf, NPAGES, NULL))
				_exit(1);
			_exit(hmm_is_filled(buf, NPAGES, 100 + i, 0) ? 0 : 2);
		}
		ASSERT_EQ(0, hmm_wait_for_completion(&ready));
	}
	for (int i = 0; i < AT_ONCE; i++)
		hmm_complete(&end);
	for (int i = 0; i < AT_ONCE; i++)
		EXPECT_EQ(0, hmm_wait_exit(pids[i]));
}

/* Each process opens the device and exits with the file still open. */
static void open_and_exit(int processes)
{
	while (processes--) {
		pid_t pid = hmm_fork();

		if (!pid)
			_exit(hmm_open(0) < 0 ? 1 : 0);
		if (pid < 0 || hmm_wait_exit(pid))
			_exit(1);
	}
	_exit(0);
}

/*
 * Returns the number of contexts that debugfs lists, or -1 if the list is
 * missing or malformed.
 */
static long read_contexts(void)
{
	FILE *f = fopen("/sys/kernel/debug/hmm_mirror/contexts", "r");
	unsigned int id, last = 0;
	char line[256];
	long n = 0;

	if (!f)
		return -1;
	while (n >= 0 && fgets(line, sizeof(line), f)) {
		if (line[0] == ' ')
			continue;
		/* No context is listed twice: the numbers increase. */
		if (sscanf(line, "context %u", &id) != 1 || (n && id <= last))
			n = -1;
		else
			n++;
		last = id;
	}
	fclose(f);
	return n;
}

/*
 * R10: the test reads the list of contexts in a loop while thousands of
 * processes add themselves to it and exit.
 */
TEST_F(churn, contexts_are_listed_while_thousands_of_processes_exit)
{
	long seen = 0, reads = 0;
	pid_t pids[4];
	int left = 0;

	if (self->contexts < 0)
		SKIP(return, "no debugfs file hmm_mirror/counts");
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = hmm_fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			open_and_exit(THOUSANDS / ARRAY_SIZE(pids));
		left++;
	}
	while (left) {
		long n = read_contexts();

		ASSERT_LE(0, n);
		ASSERT_LE(0, hmm_debugfs_count("contexts"));
		if (n > seen)
			seen = n;
		reads++;
		for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
			int status;

			if (!pids[i] || waitpid(pids[i], &status, WNOHANG) <= 0)
				continue;
			EXPECT_EQ(0, status);
			pids[i] = 0;
			left--;
		}
	}
	TH_LOG("%d processes, list read %ld times, at most %ld contexts",
	       THOUSANDS, reads, seen);
	EXPECT_LT(0, seen);
	EXPECT_LT(10, reads);
}

/* One process has one mirror, and the test itself has two. */
TEST_F(churn, counts_include_all_processes)
{
	long contexts, mirrors, intervals;
	struct hmm_completion ready, end;
	int fds[2];
	pid_t pid;

	if (self->contexts < 0)
		SKIP(return, "no debugfs file hmm_mirror/counts");
	contexts = hmm_debugfs_count("contexts");
	mirrors = hmm_debugfs_count("mirrors");
	intervals = hmm_debugfs_count("intervals");
	ASSERT_EQ(0, hmm_completion_init(&ready));
	ASSERT_EQ(0, hmm_completion_init(&end));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = hmm_open(0);

		hmm_complete(&ready);
		hmm_wait_for_completion(&end);
		_exit(fd < 0 ? 1 : 0);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&ready));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = hmm_open(0);
		ASSERT_LE(0, fds[i]);
	}
	/* Each open file has one mirror and one interval. */
	EXPECT_EQ(contexts + 2, hmm_debugfs_count("contexts"));
	EXPECT_EQ(contexts + 2, hmm_debugfs_count("pinned_mms"));
	EXPECT_EQ(mirrors + 3, hmm_debugfs_count("mirrors"));
	EXPECT_EQ(intervals + 3, hmm_debugfs_count("intervals"));
	hmm_complete(&end);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

TEST_HARNESS_MAIN
