// SPDX-License-Identifier: GPL-2.0
/*
 * R35: transparent huge pages: reading, writing, splitting and collapsing
 * them, and the huge zero page.
 */
#include "hmm_harness.h"
#include "hmm_pagemap.h"

#define NPART	8

FIXTURE(thp) {
	HMM_HUGE_FIXTURE_MEMBERS;
};

FIXTURE_SETUP(thp)
{
	HMM_SETUP_HUGE();
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
	/* The device's accesses do not split the page. */
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

/* Checks the pages outside of [hole, hole + n). */
static void rest_is_intact(struct __test_metadata *_metadata, int fd,
			   char *mem, char *buf, size_t npages, size_t hole,
			   size_t n)
{
	const size_t page = hmm_page_size();
	const size_t after = hole + n;

	ASSERT_EQ(0, hmm_read(fd, mem, buf, hole, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, hole, 1, 0));
	ASSERT_EQ(0, hmm_read(fd, mem + after * page, buf, npages - after,
			      NULL));
	EXPECT_TRUE(hmm_is_filled(buf, npages - after, 1, after));
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
	/* A split may remove more entries than those of the part. */
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

/* R44: fork() write-protects the PMD entry. */
TEST_F(thp, device_write_after_fork_does_not_leak_to_the_child)
{
	struct hmm_completion written;
	pid_t pid;

	ASSERT_EQ(0, hmm_completion_init(&written));
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, self->npages,
			       NULL));
	pid = hmm_fork_to_verify(&written, self->mem, self->npages, 1);
	ASSERT_LE(0, pid);
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	hmm_fill(self->buf, 2, 5, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem + 50 * self->page, self->buf,
			       2, NULL));
	hmm_complete(&written);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->mem + 50 * self->page, 2, 5, 0));
	rest_is_intact(_metadata, self->fd, self->mem, self->buf, self->npages,
		       50, 2);
}

/* Small pages that the device maps are collapsed into a huge page. */
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

	/* The device has no entry for the old page frames. */
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

/* R31: mappings share the huge zero page until they are written. */
TEST_F(thp, r31_huge_zero_page)
{
	char *other, *middle = self->mem + self->npages / 2 * self->page;
	const char *why;
	size_t size;
	__u64 frame;

	other = hmm_map_huge(&size, &why);
	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_DONTNEED));
	ASSERT_EQ(0, madvise(other, size, MADV_DONTNEED));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, self->npages,
				       NONE));
	/* The device faults in mem, and the CPU faults in other. */
	memset(self->buf, 0x55, NPART * self->page);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPART, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPART, 0));
	__atomic_load_n(other, __ATOMIC_RELAXED);
	frame = hmm_pfn(other);
	if (!frame || frame != hmm_pfn(self->mem))
		SKIP(return, "this kernel uses no huge zero page");

	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, self->npages,
				       READ | PMD));
	EXPECT_EQ(frame, hmm_pfn(self->mem));
	hmm_fill(self->buf, NPART, 1, 0);
	ASSERT_EQ(0, hmm_write(self->fd, middle, self->buf, NPART, NULL));
	EXPECT_TRUE(hmm_is_filled(middle, NPART, 1, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->mem, self->npages / 2, 0));
	EXPECT_TRUE(hmm_is_filled_with(other, self->npages, 0));
	EXPECT_EQ(frame, hmm_pfn(other));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
}

struct splitter {
	char *mem;
	size_t size;
	int stop;
	unsigned long splits;
	unsigned long collapses;
};

/*
 * Splits the huge page by changing the protection of one page, and collapses it
 * again. Reads and writes are always permitted.
 */
static int split_and_collapse(void *arg)
{
	struct splitter *splitter = arg;
	const size_t page = hmm_page_size();
	char *one = splitter->mem + splitter->size / 2;

	while (!__atomic_load_n(&splitter->stop, __ATOMIC_ACQUIRE)) {
		if (mprotect(one, page, PROT_READ | PROT_WRITE | PROT_EXEC) ||
		    mprotect(one, page, PROT_READ | PROT_WRITE))
			return -errno;
		splitter->splits++;
		if (!madvise(splitter->mem, splitter->size, MADV_COLLAPSE))
			splitter->collapses++;
		else if (errno != EAGAIN && errno != EBUSY && errno != EINVAL)
			return -errno;
		usleep(1000);
	}
	return 0;
}

TEST_F(thp, r35_split_and_collapsed_under_the_walk)
{
	struct splitter splitter = {
		.mem = self->mem,
		.size = self->size,
	};
	char *part = self->mem + self->size / 2 - NPART / 2 * self->page;
	struct hmm_thread thread;
	__u8 *prot;

	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_READ | PROT_WRITE));
	if (madvise(self->mem, self->size, MADV_COLLAPSE))
		SKIP(return, "MADV_COLLAPSE: %s", strerror(errno));
	prot = malloc(self->npages);
	ASSERT_NE(NULL, prot);
	hmm_fill(self->mem, self->npages, 1, 0);
	ASSERT_EQ(0, hmm_thread_create(&thread, split_and_collapse, &splitter));
	hmm_thread_start(&thread);
	for (int round = 2; round < 2000; round++) {
		hmm_fill(self->buf, NPART, round, 0);
		ASSERT_EQ(0, hmm_write(self->fd, part, self->buf, NPART, NULL));
		memset(self->buf, 0x55, NPART * self->page);
		ASSERT_EQ(0, hmm_read(self->fd, part, self->buf, NPART, NULL));
		ASSERT_TRUE(hmm_is_filled(self->buf, NPART, round, 0));
		ASSERT_EQ(0, hmm_mismatches(self->fd, self->mem,
					    self->npages));
		/*
		 * The walk may encounter a huge mapping, small mappings, or a
		 * mapping in transition.
		 */
		ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, prot,
					  self->npages));
		for (size_t i = 0; i < self->npages; i++)
			ASSERT_TRUE(prot[i] == NONE || prot[i] == READ ||
				    prot[i] == WRITE ||
				    prot[i] == (WRITE | PMD));
		if (__atomic_load_n(&splitter.collapses, __ATOMIC_RELAXED) >=
		    20)
			break;
	}
	__atomic_store_n(&splitter.stop, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, hmm_thread_join(&thread));
	EXPECT_LE(20, splitter.collapses);
	EXPECT_LE(20, splitter.splits);
	/* The rest of the huge page is unchanged. */
	EXPECT_TRUE(hmm_is_filled(self->mem, self->npages / 2 - NPART / 2, 1,
				  0));
	EXPECT_TRUE(hmm_is_filled(part + NPART * self->page,
				  self->npages / 2 - NPART / 2, 1,
				  self->npages / 2 + NPART / 2));
}

TEST_HARNESS_MAIN
