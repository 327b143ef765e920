// SPDX-License-Identifier: GPL-2.0
/*
 * R44: fork() of a process whose pages are in device memory that the CPU cannot
 * access.
 */
#include "hmm_devmem_harness.h"

#define NPAGES 8

FIXTURE(devfork) {
	HMM_DEVMEM_FIXTURE_MEMBERS;
	struct hmm_completion to_child;
	struct hmm_completion to_parent;
};

#define devfork_data FIXTURE_DATA(devfork)

FIXTURE_SETUP(devfork)
{
	HMM_SETUP_DEVMEM(NPAGES);
	ASSERT_EQ(0, hmm_completion_init(&self->to_child));
	ASSERT_EQ(0, hmm_completion_init(&self->to_parent));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
}

FIXTURE_TEARDOWN(devfork)
{
	close(self->fd);
}

/*
 * Device memory is freed after both processes have accessed their pages or have
 * exited.
 */
static void expect_no_leak(struct __test_metadata *_metadata,
			   devfork_data *self, unsigned int seed)
{
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, seed, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used, hmm_devmem_wait_used(self->fd, self->used));
}

TEST_F(devfork, r44_child_writes_are_private)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (!hmm_is_filled(self->mem, NPAGES, 1, 0))
			_exit(1);
		hmm_fill(self->mem, NPAGES, 2, 0);
		hmm_complete(&self->to_parent);
		hmm_wait_for_completion(&self->to_child);
		_exit(hmm_is_filled(self->mem, NPAGES, 2, 0) ? 0 : 2);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&self->to_parent));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	hmm_complete(&self->to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	expect_no_leak(_metadata, self, 1);
}

/*
 * fork() removes the device's writable entries, so the device's write faults.
 */
TEST_F(devfork, r44_device_breaks_copy_on_write)
{
	struct hmm_dmirror_cmd cmd;
	pid_t pid = hmm_fork_to_verify(&self->to_child, self->mem, NPAGES, 1);

	ASSERT_LE(0, pid);
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	hmm_fill(self->buf, NPAGES, 3, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_LT(0, cmd.faults);
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	hmm_complete(&self->to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	expect_no_leak(_metadata, self, 3);
}

/* A read through the child's own file leaves the pages in device memory. */
TEST_F(devfork, r44_device_reads_shared_device_pages)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		int own = hmm_open(0);

		if (own < 0 ||
		    hmm_pages_in_device(own, self->mem, NPAGES) != NPAGES)
			_exit(1);
		if (hmm_read(own, self->mem, self->buf, NPAGES, NULL) ||
		    !hmm_is_filled(self->buf, NPAGES, 1, 0))
			_exit(2);
		if (hmm_pages_in_device(own, self->mem, NPAGES) != NPAGES)
			_exit(3);
		_exit(hmm_mismatches(own, self->mem, NPAGES) ? 4 : 0);
	}
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used + NPAGES,
		  hmm_devmem_wait_used(self->fd, self->used + NPAGES));
	expect_no_leak(_metadata, self, 1);
}

/* Writes through the child's own file do not change the parent's pages. */
TEST_F(devfork, r44_child_device_is_separate)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		int own = hmm_open(0);

		hmm_fill(self->buf, NPAGES, 4, 0);
		if (own < 0 ||
		    hmm_write(own, self->mem, self->buf, NPAGES, NULL))
			_exit(1);
		if (hmm_to_dev(own, self->mem, self->buf, NPAGES, NULL) ||
		    !hmm_is_filled(self->buf, NPAGES, 4, 0))
			_exit(2);
		_exit(hmm_is_filled(self->mem, NPAGES, 4, 0) ? 0 : 3);
	}
	EXPECT_EQ(0, hmm_wait_exit(pid));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	expect_no_leak(_metadata, self, 1);
}

/* A file that the child inherits migrates the parent's memory. */
TEST_F(devfork, r44_inherited_file_moves_the_parents_memory)
{
	pid_t pid;

	ASSERT_EQ(0, hmm_to_sys(self->fd, self->mem, NPAGES, NULL));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int own = hmm_open(0);

		/* Break copy-on-write for all pages. */
		hmm_fill(self->mem, NPAGES, 5, 0);
		if (own < 0 ||
		    hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL))
			_exit(1);
		if (!hmm_is_filled(self->buf, NPAGES, 1, 0))
			_exit(2);
		if (hmm_pages_in_device(own, self->mem, NPAGES))
			_exit(3);
		_exit(hmm_is_filled(self->mem, NPAGES, 5, 0) ? 0 : 4);
	}
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	expect_no_leak(_metadata, self, 1);
}

/* Shared memory cannot migrate; both processes continue to share the pages. */
TEST_F(devfork, r44_shared_memory_does_not_migrate)
{
	char *shared = hmm_map_shared(NPAGES);
	struct hmm_dmirror_cmd cmd;
	pid_t pid;

	ASSERT_NE(NULL, shared);
	hmm_fill(shared, NPAGES, 6, 0);
	EXPECT_EQ(-ENOENT, hmm_to_dev(self->fd, shared, self->buf, NPAGES,
				      &cmd));
	EXPECT_EQ(0, cmd.cpages);
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int own = hmm_open(0);

		hmm_fill(self->buf, NPAGES, 7, 0);
		_exit(hmm_write(own, shared, self->buf, NPAGES, NULL) ? 1 : 0);
	}
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(shared, NPAGES, 7, 0));
	ASSERT_EQ(0, hmm_read(self->fd, shared, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 7, 0));
	expect_no_leak(_metadata, self, 1);
}

TEST_HARNESS_MAIN
