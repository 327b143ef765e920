// SPDX-License-Identifier: GPL-2.0
/* Reads and writes through the device, and requests that must be refused. */
#include <sys/ioctl.h>

#include "hmm_harness.h"

#define NPAGES 64

FIXTURE(access) {
	HMM_FIXTURE_MEMBERS;
};

FIXTURE_SETUP(access)
{
	HMM_OPEN_OR_SKIP(self->fd, 0);
	self->page = hmm_page_size();
	self->mem = hmm_map(NPAGES);
	ASSERT_NE(NULL, self->mem);
	self->buf = hmm_map(NPAGES + 1);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(access)
{
	close(self->fd);
}

TEST_F(access, device_reads_what_the_cpu_wrote)
{
	struct hmm_dmirror_cmd cmd;

	hmm_fill(self->mem, NPAGES, 1, 0);
	memset(self->buf, 0x55, (NPAGES + 1) * self->page);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_EQ(NPAGES, cmd.cpages);
	EXPECT_LT(0, cmd.faults);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	/* The command writes nothing past the end of its buffer. */
	EXPECT_TRUE(hmm_is_filled_with(self->buf + NPAGES * self->page, 1,
				       0x55));

	/*
	 * The device's entries stay valid, and the next read returns the new
	 * data.
	 */
	hmm_fill(self->mem, NPAGES, 2, 0);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_EQ(NPAGES, cmd.cpages);
	EXPECT_EQ(0, cmd.faults);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 2, 0));
	EXPECT_EQ(NPAGES, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

TEST_F(access, cpu_reads_what_the_device_wrote)
{
	struct hmm_dmirror_cmd cmd;
	char *from = self->mem + 3 * self->page;

	memset(self->mem, 0x33, NPAGES * self->page);
	hmm_fill(self->buf, 7, 3, 0);
	ASSERT_EQ(0, hmm_write(self->fd, from, self->buf, 7, &cmd));
	EXPECT_EQ(7, cmd.cpages);
	EXPECT_LT(0, cmd.faults);
	EXPECT_TRUE(hmm_is_filled(from, 7, 3, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->mem, 3, 0x33));
	EXPECT_TRUE(hmm_is_filled_with(from + 7 * self->page, NPAGES - 10,
				       0x33));

	hmm_fill(self->buf, 7, 4, 0);
	ASSERT_EQ(0, hmm_write(self->fd, from, self->buf, 7, &cmd));
	EXPECT_EQ(0, cmd.faults);
	EXPECT_TRUE(hmm_is_filled(from, 7, 4, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

TEST_F(access, device_writes_to_unpopulated_memory)
{
	hmm_fill(self->buf, NPAGES, 5, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 5, 0));
}

TEST_F(access, buffer_may_be_unaligned)
{
	hmm_fill(self->mem, 5, 6, 0);
	memset(self->buf, 0x55, 6 * self->page);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf + 13, 5, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf + 13, 5, 6, 0));
	EXPECT_EQ(0x55, self->buf[12]);
	EXPECT_EQ(0x55, self->buf[13 + 5 * self->page]);

	hmm_fill(self->buf + 13, 5, 7, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf + 13, 5, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, 5, 7, 0));
}

/* R31: a read request faults in the zero page, although the vma is writable. */
TEST_F(access, read_maps_the_zero_page)
{
	__u8 prot[NPAGES];

	memset(self->buf, 0x55, NPAGES * self->page);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0));
	ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, prot, NPAGES));
	for (int i = 0; i < NPAGES; i++)
		EXPECT_EQ(HMM_DMIRROR_PROT_READ | HMM_DMIRROR_PROT_ZERO,
			  prot[i]);

	/* A write by the device allocates a page. */
	hmm_fill(self->buf, 1, 8, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, 1, 8, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->mem + self->page, NPAGES - 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

/* R29: the command fails instead of retrying forever. */
TEST_F(access, write_to_read_only_memory_is_refused)
{
	struct hmm_dmirror_cmd cmd;

	hmm_fill(self->mem, 4, 9, 0);
	ASSERT_EQ(0, mprotect(self->mem, 4 * self->page, PROT_READ));
	memset(self->buf, 0x55, 4 * self->page);
	EXPECT_EQ(-EPERM, hmm_write(self->fd, self->mem, self->buf, 4, &cmd));
	EXPECT_EQ(0, cmd.cpages);

	/* The write is also refused if the device has read-only entries. */
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, 4, &cmd));
	EXPECT_EQ(4, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, 4, 9, 0));
	memset(self->buf, 0x55, 4 * self->page);
	EXPECT_EQ(-EPERM, hmm_write(self->fd, self->mem, self->buf, 4, &cmd));
	EXPECT_EQ(0, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->mem, 4, 9, 0));
}

TEST_F(access, prot_none_is_refused)
{
	struct hmm_dmirror_cmd cmd;

	hmm_fill(self->mem, 2, 10, 0);
	ASSERT_EQ(0, mprotect(self->mem, 2 * self->page, PROT_NONE));
	memset(self->buf, 0x55, 2 * self->page);
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem, self->buf, 2, &cmd));
	EXPECT_EQ(0, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled_with(self->buf, 2, 0x55));
	EXPECT_NE(0, hmm_write(self->fd, self->mem, self->buf, 2, &cmd));
	EXPECT_EQ(0, cmd.cpages);

	ASSERT_EQ(0, mprotect(self->mem, 2 * self->page, PROT_READ));
	EXPECT_TRUE(hmm_is_filled(self->mem, 2, 10, 0));
}

/*
 * R32: cpages counts the completed pages; the rest of the buffer is unchanged.
 */
TEST_F(access, hole_ends_a_command)
{
	struct hmm_dmirror_cmd cmd;
	char *hole = self->mem + 4 * self->page;

	hmm_fill(self->mem, 8, 11, 0);
	ASSERT_EQ(0, munmap(hole, self->page));
	memset(self->buf, 0x55, 9 * self->page);
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem, self->buf, 8, &cmd));
	ASSERT_EQ(4, cmd.cpages);
	EXPECT_EQ(1, cmd.faults);
	EXPECT_TRUE(hmm_is_filled(self->buf, 4, 11, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + 4 * self->page, 5, 0x55));

	EXPECT_EQ(-EFAULT, hmm_read(self->fd, hole, self->buf, 1, &cmd));
	EXPECT_EQ(0, cmd.cpages);
	EXPECT_EQ(-EFAULT, hmm_write(self->fd, hole, self->buf, 1, &cmd));
	EXPECT_EQ(0, cmd.cpages);

	ASSERT_EQ(0, hmm_read(self->fd, hole + self->page, self->buf, 3, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 3, 11, 5));
}

/* R32: the vma of each page determines whether the page can be written. */
TEST_F(access, two_vmas_with_different_rights_in_one_command)
{
	struct hmm_dmirror_cmd cmd;
	char *second = self->mem + 4 * self->page;

	hmm_fill(self->mem, 8, 12, 0);
	ASSERT_EQ(0, mprotect(second, 4 * self->page, PROT_READ));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, 8, &cmd));
	EXPECT_EQ(8, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, 8, 12, 0));

	hmm_fill(self->buf, 8, 13, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, 4, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, 4, 13, 0));
	EXPECT_TRUE(hmm_is_filled(second, 4, 12, 4));

	hmm_fill(self->buf, 8, 14, 0);
	EXPECT_EQ(-EPERM, hmm_write(self->fd, self->mem, self->buf, 8, &cmd));
	ASSERT_EQ(4, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->mem, 4, 14, 0));
	EXPECT_TRUE(hmm_is_filled(second, 4, 12, 4));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

/* Each device and each open file has its own page table. */
static void two_files(struct __test_metadata *_metadata, int fd, int other,
		      char *mem, char *buf)
{
	const size_t page = hmm_page_size();
	struct hmm_dmirror_stats before[2], after[2];
	struct hmm_dmirror_cmd cmd;

	hmm_fill(buf, 8, 15, 0);
	ASSERT_EQ(0, hmm_write(fd, mem, buf, 8, &cmd));
	EXPECT_EQ(0, hmm_entries(other, mem, 8));
	memset(buf, 0x55, 8 * page);
	ASSERT_EQ(0, hmm_read(other, mem, buf, 8, &cmd));
	EXPECT_LT(0, cmd.faults);
	EXPECT_TRUE(hmm_is_filled(buf, 8, 15, 0));

	/* One invalidation removes the entries of both files. */
	ASSERT_EQ(0, hmm_stats(fd, &before[0]));
	ASSERT_EQ(0, hmm_stats(other, &before[1]));
	EXPECT_EQ(8, before[0].entries);
	EXPECT_EQ(8, before[1].entries);
	ASSERT_EQ(0, madvise(mem, 4 * page, MADV_DONTNEED));
	ASSERT_EQ(0, hmm_stats(fd, &after[0]));
	ASSERT_EQ(0, hmm_stats(other, &after[1]));
	for (int i = 0; i < 2; i++) {
		EXPECT_LT(before[i].invalidations, after[i].invalidations);
		EXPECT_EQ(before[i].dropped + 4, after[i].dropped);
		EXPECT_EQ(4, after[i].entries);
	}
	ASSERT_EQ(0, hmm_read(fd, mem, buf, 8, NULL));
	EXPECT_TRUE(hmm_is_filled_with(buf, 4, 0));
	EXPECT_TRUE(hmm_is_filled(buf + 4 * page, 4, 15, 4));
	ASSERT_EQ(0, hmm_read(other, mem, buf, 8, NULL));
	EXPECT_TRUE(hmm_is_filled_with(buf, 4, 0));
	EXPECT_TRUE(hmm_is_filled(buf + 4 * page, 4, 15, 4));

	/* Closing one file does not affect the other. */
	ASSERT_EQ(0, close(other));
	ASSERT_EQ(0, hmm_read(fd, mem, buf, 8, &cmd));
	EXPECT_EQ(0, cmd.faults);
	EXPECT_TRUE(hmm_is_filled_with(buf, 4, 0));
	EXPECT_EQ(0, hmm_mismatches(fd, mem, 8));
}

TEST_F(access, two_devices_mirror_one_process)
{
	int other;

	HMM_OPEN_OR_SKIP(other, 1);
	two_files(_metadata, self->fd, other, self->mem, self->buf);
}

TEST_F(access, two_open_files_of_one_device_are_two_mirrors)
{
	int other = hmm_open(0);

	ASSERT_LE(0, other);
	two_files(_metadata, self->fd, other, self->mem, self->buf);
}

TEST_HARNESS_MAIN
