// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of files on tmpfs, whose pages are shmem, and on ramfs, whose pages
 * are plain page cache.
 */
#include <fcntl.h>
#include <sys/vfs.h>

#include "hmm_harness.h"

#define NPAGES 8

#define HMM_TMPFS_MAGIC 0x01021994
#define HMM_RAMFS_MAGIC 0x858458f6

FIXTURE(file) {
	int fd;
	int file;
	size_t page;
	char *shared;
	char *private;
	char *buf;
};

FIXTURE_VARIANT(file)
{
	const char *folder;
	unsigned int magic;
};

FIXTURE_VARIANT_ADD(file, tmpfs)
{
	.folder = "/tmp",
	.magic = HMM_TMPFS_MAGIC,
};

FIXTURE_VARIANT_ADD(file, ramfs)
{
	.folder = "/mnt/ramfs",
	.magic = HMM_RAMFS_MAGIC,
};

FIXTURE_SETUP(file)
{
	struct statfs fs;
	char path[64];

	HMM_OPEN_OR_SKIP(self->fd, 0);
	if (statfs(variant->folder, &fs) ||
	    (unsigned int)fs.f_type != variant->magic)
		SKIP(return, "%s is not the expected file system",
		     variant->folder);
	snprintf(path, sizeof(path), "%s/hmm-XXXXXX", variant->folder);
	self->file = mkstemp(path);
	ASSERT_LE(0, self->file);
	unlink(path);

	self->page = hmm_page_size();
	self->buf = hmm_map(NPAGES);
	ASSERT_NE(NULL, self->buf);
	hmm_fill(self->buf, NPAGES, 1, 0);
	ASSERT_EQ(NPAGES * self->page,
		  pwrite(self->file, self->buf, NPAGES * self->page, 0));
	self->shared = mmap(NULL, NPAGES * self->page, PROT_READ | PROT_WRITE,
			    MAP_SHARED, self->file, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
	self->private = mmap(NULL, NPAGES * self->page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE, self->file, 0);
	ASSERT_NE(MAP_FAILED, self->private);
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
}

TEST_F(file, device_reads_later_writes_to_the_file)
{
	char *const maps[] = { self->shared, self->private };
	struct hmm_dmirror_cmd cmd;

	for (int i = 0; i < 2; i++) {
		memset(self->buf, 0, NPAGES * self->page);
		ASSERT_EQ(0, hmm_read(self->fd, maps[i], self->buf, NPAGES,
				      &cmd));
		EXPECT_EQ(NPAGES, cmd.cpages);
		EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	}
	/* Copy-on-write has not copied a page of the private mapping yet. */
	hmm_fill(self->buf, NPAGES, 2, 0);
	ASSERT_EQ(NPAGES * self->page,
		  pwrite(self->file, self->buf, NPAGES * self->page, 0));
	for (int i = 0; i < 2; i++) {
		memset(self->buf, 0, NPAGES * self->page);
		ASSERT_EQ(0, hmm_read(self->fd, maps[i], self->buf, NPAGES,
				      NULL));
		EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 2, 0));
		EXPECT_EQ(0, hmm_mismatches(self->fd, maps[i], NPAGES));
	}
}

TEST_F(file, device_write_to_a_shared_mapping_reaches_the_file)
{
	hmm_fill(self->buf, 3, 3, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->shared + 2 * self->page,
			       self->buf, 3, NULL));
	memset(self->buf, 0, NPAGES * self->page);
	ASSERT_EQ(NPAGES * self->page,
		  pread(self->file, self->buf, NPAGES * self->page, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf, 2, 1, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + 2 * self->page, 3, 3, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + 5 * self->page, 3, 1, 5));
	/* The write is also visible in other mappings of the file. */
	EXPECT_TRUE(hmm_is_filled(self->private + 2 * self->page, 3, 3, 0));
}

TEST_F(file, device_write_to_a_private_mapping_stays_private)
{
	/*
	 * The device has read-only entries for pages of the page cache, and
	 * must replace them.
	 */
	ASSERT_EQ(0, hmm_read(self->fd, self->private, self->buf, NPAGES,
			      NULL));
	hmm_fill(self->buf, 3, 4, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->private, self->buf, 3, NULL));
	EXPECT_TRUE(hmm_is_filled(self->private, 3, 4, 0));
	EXPECT_TRUE(hmm_is_filled(self->private + 3 * self->page, 5, 1, 3));
	EXPECT_TRUE(hmm_is_filled(self->shared, NPAGES, 1, 0));
	memset(self->buf, 0, NPAGES * self->page);
	ASSERT_EQ(NPAGES * self->page,
		  pread(self->file, self->buf, NPAGES * self->page, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	ASSERT_EQ(0, hmm_read(self->fd, self->private, self->buf, NPAGES,
			      NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 3, 4, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + 3 * self->page, 5, 1, 3));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->private, NPAGES));
}

/* R29: the mapping is of a file that is open for reading only. */
TEST_F(file, device_write_to_a_read_only_mapping_is_refused)
{
	char path[32], *mem;
	int file;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->file);
	file = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, file);
	mem = mmap(NULL, NPAGES * self->page, PROT_READ, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, mem);
	hmm_fill(self->buf, NPAGES, 5, 0);
	EXPECT_EQ(-EPERM, hmm_write(self->fd, mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->shared, NPAGES, 1, 0));
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(-EPERM, hmm_write(self->fd, mem, self->buf, NPAGES, NULL));
}

/* A command returns -EFAULT where an access by the CPU would raise SIGBUS. */
TEST_F(file, no_page_beyond_the_end_of_the_file)
{
	struct hmm_dmirror_cmd cmd;
	const size_t end = 2 * self->page + 100;

	ASSERT_EQ(0, ftruncate(self->file, end));
	ASSERT_EQ(0, hmm_read(self->fd, self->shared, self->buf, 3, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 2, 1, 0));
	/* The rest of the last page is zero. */
	for (size_t i = end; i < 3 * self->page; i++)
		ASSERT_EQ(0, self->buf[i]);

	memset(self->buf, 0x55, NPAGES * self->page);
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->shared, self->buf, 8,
				    &cmd));
	ASSERT_EQ(3, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled_with(self->buf + 3 * self->page, 5, 0x55));
	EXPECT_EQ(-EFAULT, hmm_write(self->fd, self->shared + 3 * self->page,
				     self->buf, 1, &cmd));
	EXPECT_EQ(0, cmd.cpages);
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->private + 7 * self->page,
				    self->buf, 1, NULL));
}

TEST_F(file, truncate_takes_the_pages_from_the_device)
{
	struct hmm_dmirror_stats before, after;

	ASSERT_EQ(0, hmm_read(self->fd, self->shared, self->buf, NPAGES, NULL));
	ASSERT_EQ(0, hmm_stats(self->fd, &before));
	EXPECT_EQ(NPAGES, before.entries);
	ASSERT_EQ(0, ftruncate(self->file, 3 * self->page));
	ASSERT_EQ(0, hmm_stats(self->fd, &after));
	EXPECT_LT(before.invalidations, after.invalidations);
	EXPECT_EQ(before.dropped + 5, after.dropped);
	EXPECT_EQ(3, after.entries);
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->shared, NPAGES));
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->shared + 3 * self->page,
				    self->buf, 1, NULL));

	/* The file grows again and has new pages. */
	ASSERT_EQ(0, ftruncate(self->file, NPAGES * self->page));
	memset(self->buf, 0x55, NPAGES * self->page);
	ASSERT_EQ(0, hmm_read(self->fd, self->shared, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 3, 1, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + 3 * self->page, 5, 0));
}

TEST_F(file, punched_hole_reads_as_zeros)
{
	struct hmm_dmirror_stats before, after;

	ASSERT_EQ(0, hmm_read(self->fd, self->shared, self->buf, NPAGES, NULL));
	ASSERT_EQ(0, hmm_stats(self->fd, &before));
	if (fallocate(self->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      2 * self->page, 3 * self->page)) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		SKIP(return, "%s cannot punch holes", variant->folder);
	}
	ASSERT_EQ(0, hmm_stats(self->fd, &after));
	EXPECT_EQ(before.dropped + 3, after.dropped);
	EXPECT_EQ(NPAGES - 3, after.entries);
	memset(self->buf, 0x55, NPAGES * self->page);
	ASSERT_EQ(0, hmm_read(self->fd, self->shared, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 2, 1, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + 2 * self->page, 3, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + 5 * self->page, 3, 1, 5));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->shared, NPAGES));
}

TEST_HARNESS_MAIN
