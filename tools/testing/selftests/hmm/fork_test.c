// SPDX-License-Identifier: GPL-2.0
/*
 * R44: a mirror belongs to one process. These tests check the effects of fork()
 * on a mirror, and where the writes by the parent, the child and the device are
 * visible.
 */
#include <sys/prctl.h>

#include "hmm_harness.h"

#define NPAGES 8

FIXTURE(fork) {
	HMM_FIXTURE_MEMBERS;
	char *shared;
	struct hmm_completion to_child;
	struct hmm_completion to_parent;
};

FIXTURE_SETUP(fork)
{
	HMM_SETUP(NPAGES);
	self->shared = hmm_map_shared(NPAGES);
	ASSERT_NE(NULL, self->shared);
	ASSERT_EQ(0, hmm_completion_init(&self->to_child));
	ASSERT_EQ(0, hmm_completion_init(&self->to_parent));

	/* The device has writable entries for all pages before the fork. */
	hmm_fill(self->buf, NPAGES, 1, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	ASSERT_EQ(0, hmm_write(self->fd, self->shared, self->buf, NPAGES,
			       NULL));
	ASSERT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	ASSERT_TRUE(hmm_is_filled(self->shared, NPAGES, 1, 0));
}

FIXTURE_TEARDOWN(fork)
{
	close(self->fd);
}

TEST_F(fork, child_writes_are_private)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		hmm_fill(self->mem, NPAGES, 2, 0);
		hmm_complete(&self->to_parent);
		hmm_wait_for_completion(&self->to_child);
		_exit(hmm_is_filled(self->mem, NPAGES, 2, 0) ? 0 : 1);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&self->to_parent));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	hmm_complete(&self->to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

/* fork() removes the device's writable entries for private memory. */
TEST_F(fork, device_write_does_not_leak_to_the_child)
{
	struct hmm_dmirror_stats stats;
	struct hmm_dmirror_cmd cmd;
	pid_t pid;

	ASSERT_EQ(0, hmm_stats(self->fd, &stats));
	EXPECT_EQ(2 * NPAGES, stats.entries);
	pid = hmm_fork_to_verify(&self->to_child, self->mem, NPAGES, 1);
	ASSERT_LE(0, pid);
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	hmm_fill(self->buf, NPAGES, 3, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_LT(0, cmd.faults);
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 3, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	hmm_complete(&self->to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 3, 0));
}

/* The device has read-only entries when the parent writes. */
TEST_F(fork, device_follows_the_parent_when_the_cpu_breaks_copy_on_write)
{
	pid_t pid = hmm_fork_to_verify(&self->to_child, self->mem, NPAGES, 1);

	ASSERT_LE(0, pid);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	ASSERT_EQ(NPAGES, hmm_entries(self->fd, self->mem, NPAGES));
	hmm_fill(self->mem, NPAGES, 4, 0);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 4, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	hmm_complete(&self->to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

TEST_F(fork, shared_memory_is_the_same_for_child_and_device)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		hmm_fill(self->shared, NPAGES, 5, 0);
		hmm_complete(&self->to_parent);
		hmm_wait_for_completion(&self->to_child);
		_exit(hmm_is_filled(self->shared, NPAGES, 6, 0) ? 0 : 1);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&self->to_parent));
	ASSERT_EQ(0, hmm_read(self->fd, self->shared, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 5, 0));
	hmm_fill(self->buf, NPAGES, 6, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->shared, self->buf, NPAGES,
			       NULL));
	hmm_complete(&self->to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->shared, NPAGES, 6, 0));
}

TEST_F(fork, inherited_file_addresses_the_parent)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		struct hmm_dmirror_cmd cmd;

		/*
		 * The content of the child's mem differs now. Its buf is
		 * private, too.
		 */
		hmm_fill(self->mem, NPAGES, 7, 0);
		if (hmm_read(self->fd, self->mem, self->buf, NPAGES, &cmd) ||
		    cmd.cpages != NPAGES)
			_exit(1);
		if (!hmm_is_filled(self->buf, NPAGES, 1, 0))
			_exit(2);
		hmm_fill(self->buf, NPAGES, 8, 0);
		if (hmm_write(self->fd, self->mem, self->buf, NPAGES, &cmd))
			_exit(3);
		_exit(hmm_is_filled(self->mem, NPAGES, 7, 0) ? 0 : 4);
	}
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 8, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

TEST_F(fork, child_can_mirror_itself)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		int own = hmm_open(0);

		if (own < 0)
			_exit(1);
		hmm_fill(self->buf, NPAGES, 9, 0);
		if (hmm_write(own, self->mem, self->buf, NPAGES, NULL))
			_exit(2);
		if (!hmm_is_filled(self->mem, NPAGES, 9, 0))
			_exit(3);
		_exit(hmm_mismatches(own, self->mem, NPAGES) ? 4 : 0);
	}
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
}

TEST_F(fork, child_exit_does_not_affect_the_mirror)
{
	struct hmm_dmirror_stats stats;
	struct hmm_dmirror_cmd cmd;
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		hmm_wait_for_completion(&self->to_child);
		_exit(0);
	}
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	hmm_complete(&self->to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	ASSERT_EQ(0, hmm_stats(self->fd, &stats));
	EXPECT_EQ(0, stats.released);
	EXPECT_EQ(NPAGES, hmm_entries(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_EQ(0, cmd.faults);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
}

/* R08: the process has exited, and its child uses the inherited file. */
TEST_F(fork, child_that_outlives_the_mirrored_parent_gets_esrch)
{
	pid_t parent, child;

	/* The test reaps the grandchild after its parent has exited. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	parent = hmm_fork();
	ASSERT_LE(0, parent);
	if (!parent) {
		int fd = hmm_open(0);

		if (fd < 0 || hmm_read(fd, self->mem, self->buf, NPAGES, NULL))
			_exit(1);
		child = fork();
		if (child)
			_exit(child < 0 ? 2 : 0);

		/* Wait until the parent has exited. */
		alarm(HMM_TIMEOUT_MS / 1000);
		hmm_wait_for_completion(&self->to_child);
		for (int i = 0; i < 100; i++) {
			struct hmm_dmirror_stats stats;

			if (hmm_read(fd, self->mem, self->buf, NPAGES,
				     NULL) != -ESRCH ||
			    hmm_write(fd, self->mem, self->buf, NPAGES,
				      NULL) != -ESRCH)
				_exit(3);
			if (hmm_stats(fd, &stats) || stats.released != 1 ||
			    stats.entries)
				_exit(4);
		}
		_exit(close(fd) ? 5 : 0);
	}
	EXPECT_EQ(0, hmm_wait_exit(parent));
	hmm_complete(&self->to_child);
	EXPECT_EQ(0, hmm_wait_exit(-1));
}

TEST_HARNESS_MAIN
