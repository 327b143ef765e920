// SPDX-License-Identifier: GPL-2.0
/*
 * Device memory that the CPU cannot access: migration to the device and back,
 * release, and exit. devmem_race_test covers races with migrations.
 */
#include <sys/mman.h>

#include "hmm_devmem_harness.h"

#define NPAGES 16

FIXTURE(devmem) {
	HMM_DEVMEM_FIXTURE_MEMBERS;
};

FIXTURE_SETUP(devmem)
{
	HMM_SETUP_DEVMEM(NPAGES);
}

FIXTURE_TEARDOWN(devmem)
{
	close(self->fd);
}

TEST_F(devmem, migrate_to_the_device_and_back)
{
	struct hmm_dmirror_devmem before, after;
	struct hmm_dmirror_cmd cmd;

	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &before));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_EQ(NPAGES, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(NPAGES, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used + NPAGES, hmm_devmem_used(self->fd));
	/* The device accesses its memory in place. */
	hmm_fill(self->buf, NPAGES, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_EQ(0, cmd.faults);
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));

	ASSERT_EQ(0, hmm_to_sys(self->fd, self->mem, NPAGES, &cmd));
	EXPECT_EQ(NPAGES, cmd.cpages);
	EXPECT_EQ(0, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 2, 0));
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &after));
	EXPECT_EQ(NPAGES, after.allocated - before.allocated);
	EXPECT_EQ(NPAGES, after.freed - before.freed);
	/* The device has received at least one callback in each direction. */
	EXPECT_LE(2, after.own - before.own);
}

TEST_F(devmem, cpu_fault_brings_one_page_back)
{
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem + 3 * self->page, 1, 1, 3));
	self->mem[5 * self->page]++;
	EXPECT_EQ(NPAGES - 2, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(NPAGES - 2, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	self->mem[5 * self->page]--;
	EXPECT_INTACT(1);
}

TEST_F(devmem, unpopulated_memory_is_zero)
{
	char *empty = hmm_map(NPAGES);

	ASSERT_NE(NULL, empty);
	ASSERT_EQ(0, hmm_to_dev(self->fd, empty, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0));
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, empty, NPAGES));
	EXPECT_TRUE(hmm_is_filled_with(empty, NPAGES, 0));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
}

/* The device must not get a right to write that the process does not have. */
TEST_F(devmem, read_only_memory_stays_read_only)
{
	size_t size = NPAGES * self->page;

	ASSERT_EQ(0, mprotect(self->mem, size, PROT_READ));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	hmm_fill(self->buf, NPAGES, 2, 0);
	EXPECT_EQ(-EPERM, hmm_write(self->fd, self->mem, self->buf, NPAGES,
				    NULL));
	EXPECT_INTACT(1);
}

/* R37: a device's access migrates the pages of another device to RAM. */
TEST_F(devmem, r37_two_devices_read_and_write_in_turn)
{
	int other = hmm_open(1);

	ASSERT_LE(0, other);
	for (unsigned int seed = 1; seed < 6; seed += 2) {
		ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES,
					NULL));
		EXPECT_EQ(0,
			  hmm_pages_at(other, self->mem, NPAGES,
				       HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE));
		ASSERT_EQ(0, hmm_read(other, self->mem, self->buf, NPAGES,
				      NULL));
		EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, seed, 0));
		EXPECT_EQ(0, hmm_pages_in_device(self->fd, self->mem, NPAGES));
		EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));

		ASSERT_EQ(0, hmm_to_dev(other, self->mem, self->buf, NPAGES,
					NULL));
		hmm_fill(self->buf, NPAGES, seed + 1, 0);
		ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES,
				       NULL));
		EXPECT_EQ(0, hmm_pages_in_device(other, self->mem, NPAGES));
		EXPECT_EQ(0, hmm_mismatches(other, self->mem, NPAGES));
		EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, seed + 1, 0));
		hmm_fill(self->mem, NPAGES, seed + 2, 0);
	}
	close(other);
}

TEST_F(devmem, r45_exit_frees_device_memory)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = hmm_open(0);

		/*
		 * Break copy-on-write, so that only the child maps these pages.
		 */
		hmm_fill(self->mem, NPAGES, 2, 0);
		_exit(hmm_to_dev(fd, self->mem, self->buf, NPAGES, NULL) ||
		      hmm_devmem_used(fd) != self->used + NPAGES);
	}
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_EQ(self->used, hmm_devmem_wait_used(self->fd, self->used));
}

/* R48: RELEASE by one process also migrates the pages of other processes. */
TEST_F(devmem, r48_release_migrates_pages_of_all_processes)
{
	struct hmm_completion to_child, to_parent;
	pid_t pid;

	ASSERT_EQ(0, hmm_completion_init(&to_child));
	ASSERT_EQ(0, hmm_completion_init(&to_parent));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = hmm_open(0);

		if (hmm_to_dev(fd, self->mem, self->buf, NPAGES, NULL))
			_exit(1);
		hmm_complete(&to_parent);
		hmm_wait_for_completion(&to_child);
		if (hmm_pages_in_device(fd, self->mem, NPAGES) ||
		    hmm_entries(fd, self->mem, NPAGES))
			_exit(2);
		_exit(!hmm_is_filled(self->mem, NPAGES, 1, 0) ? 3 : 0);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&to_parent));
	EXPECT_LE(NPAGES, hmm_devmem_used(self->fd));
	EXPECT_EQ(0, hmm_devmem_release(self->fd));
	EXPECT_EQ(0, hmm_devmem_used(self->fd));
	hmm_complete(&to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

/*
 * R48: pages stay in the device after the file is closed, and the CPU can fault
 * them back while the process has no open file of the device.
 */
TEST_F(devmem, r48_memory_outlives_the_file)
{
	size_t half = NPAGES / 2;

	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_TRUE(hmm_is_filled(self->mem, half, 1, 0));
	self->fd = hmm_open(0);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(self->used + NPAGES - half, hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
}

TEST_HARNESS_MAIN
