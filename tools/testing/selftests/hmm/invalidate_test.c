// SPDX-License-Identifier: GPL-2.0
/*
 * Changes of mappings invalidate exactly the affected entries of the device,
 * and the next command accesses the new content.
 */
#include "hmm_harness.h"

#define NPAGES 16

FIXTURE(invalidate) {
	HMM_FIXTURE_MEMBERS;
	struct hmm_dmirror_stats before;
};

/*
 * The pages contain the pattern of seed 1, and the device has writable entries
 * for all of them.
 */
FIXTURE_SETUP(invalidate)
{
	HMM_SETUP(NPAGES);
	hmm_fill(self->buf, NPAGES, 1, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	ASSERT_EQ(NPAGES, hmm_entries(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->before));
	ASSERT_EQ(NPAGES, self->before.entries);
	memset(self->buf, 0x55, NPAGES * self->page);
}

FIXTURE_TEARDOWN(invalidate)
{
	close(self->fd);
}

/* Checks that an invalidation dropped n entries of the device. */
static void expect_dropped(struct __test_metadata *_metadata, int fd,
			   const struct hmm_dmirror_stats *before, __u64 n)
{
	struct hmm_dmirror_stats after;

	ASSERT_EQ(0, hmm_stats(fd, &after));
	EXPECT_LT(before->invalidations, after.invalidations);
	EXPECT_EQ(before->dropped + n, after.dropped);
	EXPECT_EQ(before->entries - n, after.entries);
}

TEST_F(invalidate, munmap_of_the_middle)
{
	char *hole = self->mem + 4 * self->page;

	ASSERT_EQ(0, munmap(hole, 3 * self->page));
	expect_dropped(_metadata, self->fd, &self->before, 3);
	EXPECT_EQ(0, hmm_entries(self->fd, hole, 3));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, hole, self->buf, 1, NULL));
	EXPECT_EQ(-EFAULT, hmm_write(self->fd, hole, self->buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0x55));
	EXPECT_TRUE(hmm_is_filled(self->mem, 4, 1, 0));
	EXPECT_TRUE(hmm_is_filled(self->mem + 7 * self->page, 9, 1, 7));
}

TEST_F(invalidate, munmap_of_everything)
{
	ASSERT_EQ(0, munmap(self->mem, NPAGES * self->page));
	expect_dropped(_metadata, self->fd, &self->before, NPAGES);
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem, self->buf, NPAGES,
				    NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0x55));
}

TEST_F(invalidate, mremap_moves_the_content_to_a_new_address)
{
	const size_t size = NPAGES * self->page;
	char *to = hmm_map(NPAGES);
	char *moved;

	ASSERT_NE(NULL, to);
	moved = mremap(self->mem, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
		       to);
	ASSERT_EQ(to, moved);
	expect_dropped(_metadata, self->fd, &self->before, NPAGES);
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem, self->buf, 1, NULL));
	EXPECT_EQ(-EFAULT, hmm_write(self->fd, self->mem, self->buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0x55));
	ASSERT_EQ(0, hmm_read(self->fd, to, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, to, NPAGES));
}

TEST_F(invalidate, mprotect_revokes_write_permission)
{
	char *part = self->mem + 8 * self->page;

	ASSERT_EQ(0, mprotect(part, 4 * self->page, PROT_READ));
	expect_dropped(_metadata, self->fd, &self->before, 4);
	EXPECT_EQ(-EPERM, hmm_write(self->fd, part, self->buf, 4, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	ASSERT_EQ(0, hmm_read(self->fd, part, self->buf, 4, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 4, 1, 8));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));

	/* Write permission can be restored. */
	ASSERT_EQ(0, mprotect(part, 4 * self->page, PROT_READ | PROT_WRITE));
	hmm_fill(self->buf, 4, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, part, self->buf, 4, NULL));
	EXPECT_TRUE(hmm_is_filled(part, 4, 2, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

TEST_F(invalidate, mprotect_revokes_read_permission)
{
	ASSERT_EQ(0, mprotect(self->mem, 2 * self->page, PROT_NONE));
	expect_dropped(_metadata, self->fd, &self->before, 2);
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem, self->buf, 2, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0x55));
	ASSERT_EQ(0, mprotect(self->mem, 2 * self->page, PROT_READ));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
}

TEST_F(invalidate, madvise_dontneed_leaves_zeros)
{
	ASSERT_EQ(0, madvise(self->mem, 5 * self->page, MADV_DONTNEED));
	expect_dropped(_metadata, self->fd, &self->before, 5);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, 5, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + 5 * self->page, 11, 1, 5));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

/*
 * After MADV_FREE the CPU's entry is writable but clean. Unless a write of the
 * device makes the page dirty, reclaim discards it.
 */
TEST_F(invalidate, device_write_after_madvise_free_survives_reclaim)
{
	const size_t size = NPAGES * self->page;

	ASSERT_EQ(0, madvise(self->mem, size, MADV_FREE));
	expect_dropped(_metadata, self->fd, &self->before, NPAGES);
	hmm_fill(self->buf, NPAGES, 3, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	if (madvise(self->mem, size, MADV_PAGEOUT))
		SKIP(return, "MADV_PAGEOUT: %s", strerror(errno));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 3, 0));
	memset(self->buf, 0, size);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 3, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

TEST_F(invalidate, new_mapping_over_the_old_one)
{
	char *over = self->mem + 6 * self->page;

	ASSERT_EQ(over, mmap(over, 4 * self->page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	expect_dropped(_metadata, self->fd, &self->before, 4);
	hmm_fill(over, 2, 4, 0);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 6, 1, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + 6 * self->page, 2, 4, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + 8 * self->page, 2, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + 10 * self->page, 6, 1, 10));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

TEST_F(invalidate, shrinking_heap)
{
	struct hmm_dmirror_stats stats;
	size_t to_page = -(uintptr_t)sbrk(0) % self->page;
	char *heap;

	ASSERT_NE((void *)-1, sbrk(to_page));
	heap = sbrk(4 * self->page);
	ASSERT_NE((void *)-1, heap);
	hmm_fill(heap, 4, 5, 0);
	ASSERT_EQ(0, hmm_read(self->fd, heap, self->buf, 4, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 4, 5, 0));
	ASSERT_EQ(0, hmm_stats(self->fd, &stats));
	ASSERT_NE((void *)-1, sbrk(-2 * (intptr_t)self->page));
	expect_dropped(_metadata, self->fd, &stats, 2);
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, heap + 2 * self->page, self->buf,
				    1, NULL));
	ASSERT_EQ(0, hmm_read(self->fd, heap, self->buf, 2, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 2, 5, 0));
}

/*
 * R19: the end of an invalidation is exclusive. An invalidation of the pages
 * directly below and above the device's entries does not remove these entries.
 */
TEST_F(invalidate, entries_next_to_an_invalidation_stay)
{
	struct hmm_dmirror_stats before, after;
	struct hmm_dmirror_cmd cmd;
	char *mem = hmm_map(6);

	ASSERT_NE(NULL, mem);
	hmm_fill(mem, 6, 6, 0);
	ASSERT_EQ(0, hmm_read(self->fd, mem + self->page, self->buf, 4, NULL));
	ASSERT_EQ(0, hmm_stats(self->fd, &before));
	EXPECT_EQ(4, hmm_entries(self->fd, mem, 6));

	ASSERT_EQ(0, madvise(mem, self->page, MADV_DONTNEED));
	ASSERT_EQ(0, madvise(mem + 5 * self->page, self->page, MADV_DONTNEED));
	ASSERT_EQ(0, hmm_stats(self->fd, &after));
	EXPECT_LE(before.invalidations + 2, after.invalidations);
	EXPECT_EQ(before.dropped, after.dropped);
	EXPECT_EQ(before.entries, after.entries);

	memset(self->buf, 0x55, 4 * self->page);
	ASSERT_EQ(0, hmm_read(self->fd, mem + self->page, self->buf, 4, &cmd));
	EXPECT_EQ(0, cmd.faults);
	EXPECT_TRUE(hmm_is_filled(self->buf, 4, 6, 1));

	/* Invalidating one page drops only its entry. */
	ASSERT_EQ(0, madvise(mem + 2 * self->page, self->page, MADV_DONTNEED));
	EXPECT_EQ(1, hmm_entries(self->fd, mem, 2));
	EXPECT_EQ(0, hmm_entries(self->fd, mem + 2 * self->page, 1));
	EXPECT_EQ(2, hmm_entries(self->fd, mem + 3 * self->page, 3));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, 6));
}

TEST_HARNESS_MAIN
