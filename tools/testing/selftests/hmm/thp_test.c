// SPDX-License-Identifier: GPL-2.0
/*
 * R35: huge pages read and written through the device, split and collapsed
 * under it.
 */
#include <errno.h>

#include <kselftest_harness.h>

#include "hmm_lib.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

FIXTURE(thp) {
	int fd;
	size_t page;
	size_t size;
	size_t npages;
	char *mem;
	char *buf;
};

FIXTURE_SETUP(thp)
{
	const char *why;

	self->fd = hmm_open(0);
	if (self->fd == -ENOENT)
		SKIP(return, HMM_SKIP_NO_DEVICE, 0);
	ASSERT_LE(0, self->fd);
	self->page = hmm_page_size();
	self->mem = hmm_map_huge(&self->size, &why);
	if (!self->mem)
		SKIP(return, "%s", why);
	self->npages = self->size / self->page;
	self->buf = hmm_map(self->npages);
	ASSERT_NE(NULL, self->buf);
	hmm_fill(self->mem, self->npages, 1, 0);
}

FIXTURE_TEARDOWN(thp)
{
	close(self->fd);
}

TEST_F(thp, device_reads_and_writes_a_huge_page)
{
	struct hmm_dmirror_cmd cmd;

	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, self->npages,
			      &cmd));
	EXPECT_EQ(self->npages, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, self->npages, 1, 0));

	hmm_fill(self->buf, self->npages, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, self->npages,
			       &cmd));
	EXPECT_EQ(self->npages, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->mem, self->npages, 2, 0));
	/* The device's access is no reason to split it. */
	EXPECT_TRUE(hmm_is_huge(self->mem));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
}

TEST_F(thp, part_of_a_huge_page)
{
	const size_t first = 101, n = 7;
	char *part = self->mem + first * self->page;

	memset(self->buf, 0x55, 8 * self->page);
	ASSERT_EQ(0, hmm_read(self->fd, part, self->buf, n, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, n, 1, first));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + n * self->page, 1, 0x55));

	hmm_fill(self->buf, n, 3, 0);
	ASSERT_EQ(0, hmm_write(self->fd, part, self->buf, n, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, first, 1, 0));
	EXPECT_TRUE(hmm_is_filled(part, n, 3, 0));
	EXPECT_TRUE(hmm_is_filled(part + n * self->page,
				  self->npages - first - n, 1, first + n));
	EXPECT_TRUE(hmm_is_huge(self->mem));
}

/* What is left of the content after [hole, hole + n) has changed. */
static void rest_is_intact(struct __test_metadata *_metadata, int fd,
			   char *mem, char *buf, size_t npages, size_t hole,
			   size_t n)
{
	const size_t page = hmm_page_size();
	const size_t behind = hole + n;

	ASSERT_EQ(0, hmm_read(fd, mem, buf, hole, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, hole, 1, 0));
	ASSERT_EQ(0, hmm_read(fd, mem + behind * page, buf, npages - behind,
			      NULL));
	EXPECT_TRUE(hmm_is_filled(buf, npages - behind, 1, behind));
	EXPECT_EQ(0, hmm_mismatches(fd, mem, npages));
}

TEST_F(thp, mprotect_of_a_part_splits_it)
{
	char *part = self->mem + 300 * self->page;

	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, self->npages,
			       NULL));
	ASSERT_EQ(0, mprotect(part, 2 * self->page, PROT_READ));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	hmm_fill(self->buf, 2, 4, 0);
	EXPECT_EQ(-EPERM, hmm_write(self->fd, part, self->buf, 2, NULL));
	ASSERT_EQ(0, hmm_read(self->fd, part, self->buf, 2, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 2, 1, 300));
	rest_is_intact(_metadata, self->fd, self->mem, self->buf, self->npages,
		       300, 2);
	EXPECT_FALSE(hmm_is_huge(part));
}

TEST_F(thp, munmap_of_a_part_splits_it)
{
	struct hmm_dmirror_stats before, after;
	char *part = self->mem + 200 * self->page;

	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, self->npages,
			      NULL));
	ASSERT_EQ(0, hmm_stats(self->fd, &before));
	ASSERT_EQ(0, munmap(part, 3 * self->page));
	ASSERT_EQ(0, hmm_stats(self->fd, &after));
	EXPECT_LT(before.invalidations, after.invalidations);
	/* Splitting may cost the device more than the part itself. */
	EXPECT_LE(before.dropped + 3, after.dropped);
	EXPECT_EQ(0, hmm_entries(self->fd, part, 3));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, part, self->buf, 1, NULL));
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, part + 2 * self->page, self->buf,
				    1, NULL));
	rest_is_intact(_metadata, self->fd, self->mem, self->buf, self->npages,
		       200, 3);
}

TEST_F(thp, madvise_dontneed_of_a_part_leaves_zeros_there)
{
	char *part = self->mem + 400 * self->page;

	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, self->npages,
			      NULL));
	ASSERT_EQ(0, madvise(part, 5 * self->page, MADV_DONTNEED));
	EXPECT_EQ(0, hmm_entries(self->fd, part, 5));
	memset(self->buf, 0x55, 5 * self->page);
	ASSERT_EQ(0, hmm_read(self->fd, part, self->buf, 5, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, 5, 0));
	rest_is_intact(_metadata, self->fd, self->mem, self->buf, self->npages,
		       400, 5);
}

/* R44, with a PMD entry to write-protect. */
TEST_F(thp, device_write_after_fork_does_not_leak_to_the_child)
{
	struct hmm_completion gate;
	pid_t pid;

	ASSERT_EQ(0, hmm_completion_init(&gate));
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, self->npages,
			       NULL));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		hmm_wait_for_completion(&gate);
		_exit(hmm_is_filled(self->mem, self->npages, 1, 0) ?
		      0 : 1);
	}
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	hmm_fill(self->buf, 2, 5, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem + 50 * self->page, self->buf,
			       2, NULL));
	hmm_complete(&gate);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->mem + 50 * self->page, 2, 5, 0));
	rest_is_intact(_metadata, self->fd, self->mem, self->buf, self->npages,
		       50, 2);
}

/* The other way: small pages that the device maps become one huge page. */
TEST_F(thp, collapse_under_the_device)
{
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_NOHUGEPAGE));
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_DONTNEED));
	hmm_fill(self->mem, self->npages, 6, 0);
	ASSERT_FALSE(hmm_is_huge(self->mem));
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, self->npages,
			       NULL));
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_HUGEPAGE));
	if (madvise(self->mem, self->size, MADV_COLLAPSE) ||
	    !hmm_is_huge(self->mem))
		SKIP(return, "MADV_COLLAPSE: %s", strerror(errno));

	/* Not one of the old frames is left in the device. */
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, self->npages,
			      NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, self->npages, 6, 0));
	hmm_fill(self->buf, self->npages, 7, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, self->npages,
			       NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, self->npages, 7, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
}

TEST_HARNESS_MAIN
