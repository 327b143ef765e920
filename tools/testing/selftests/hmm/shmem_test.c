// SPDX-License-Identifier: GPL-2.0
/*
 * Entries for mappings of a memfd, which is shmem: shared, private and sealed
 * mappings, small and huge pages. file_test checks the content of mapped files.
 */
#include <fcntl.h>

#include "hmm_harness.h"
#include "hmm_pagemap.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#define NPAGES	8

FIXTURE(shmem) {
	int fd;
	int file;
	size_t page;
	size_t size;
	char *buf;
};

FIXTURE_SETUP(shmem)
{
	HMM_OPEN_OR_SKIP(self->fd, 0);
	self->page = hmm_page_size();
	self->size = NPAGES * self->page;
	self->buf = hmm_map(NPAGES);
	ASSERT_NE(NULL, self->buf);
	hmm_fill(self->buf, NPAGES, 1, 0);
	self->file = memfd_create("hmm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(self->size, pwrite(self->file, self->buf, self->size, 0));
}

FIXTURE_TEARDOWN(shmem)
{
	close(self->fd);
}

static char *map_file(int file, size_t size, int prot, int flags)
{
	void *mem = mmap(NULL, size, prot, flags, file, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

/* The file has the pages, but no page table maps them. */
TEST_F(shmem, shared_mapping)
{
	char *mem = map_file(self->file, self->size, PROT_READ | PROT_WRITE,
			     MAP_SHARED);
	__u64 frame;

	ASSERT_NE(NULL, mem);
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPAGES, NONE));
	EXPECT_EQ(0, hmm_pagemap_count(mem, NPAGES, HMM_PAGEMAP_PRESENT));
	ASSERT_EQ(0, hmm_write(self->fd, mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPAGES, WRITE));
	frame = hmm_pfn(mem);
	ASSERT_NE(0, frame);

	/* Another mapping of the file maps the same page. */
	mem = map_file(self->file, self->size, PROT_READ | PROT_WRITE,
		       MAP_SHARED);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(frame, hmm_pfn(mem));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, NPAGES));
}

/* R31: a read maps the page of the file, although the vma is writable. */
TEST_F(shmem, r31_private_mapping_is_read_from_the_file)
{
	char *shared = map_file(self->file, self->size, PROT_READ, MAP_SHARED);
	char *mem = map_file(self->file, self->size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE);

	ASSERT_NE(NULL, shared);
	ASSERT_NE(NULL, mem);
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPAGES, NONE));
	ASSERT_EQ(0, hmm_read(self->fd, shared, self->buf, NPAGES, NULL));
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPAGES, READ));
	for (size_t at = 0; at < self->size; at += self->page)
		EXPECT_EQ(hmm_pfn(shared + at), hmm_pfn(mem + at));

	hmm_fill(self->buf, 2, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, mem, self->buf, 2, NULL));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, 2, WRITE));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem + 2 * self->page,
				       NPAGES - 2, READ));
	EXPECT_NE(hmm_pfn(shared), hmm_pfn(mem));
	EXPECT_TRUE(hmm_is_filled(shared, NPAGES, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, NPAGES));
}

/* R29: the seal keeps the shared mapping read-only. */
TEST_F(shmem, r29_sealed_against_writes)
{
	struct hmm_dmirror_cmd cmd;
	char *mem;

	ASSERT_EQ(0, fcntl(self->file, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	mem = map_file(self->file, self->size, PROT_READ, MAP_SHARED);
	ASSERT_NE(NULL, mem);
	EXPECT_EQ(-EPERM, hmm_write(self->fd, mem, self->buf, NPAGES, &cmd));
	EXPECT_EQ(0, cmd.cpages);
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPAGES, READ));
}

/* A read allocates a page in a hole of the file; a snapshot does not. */
TEST_F(shmem, hole_in_a_file)
{
	unsigned char resident[NPAGES];
	char *mem;

	ASSERT_EQ(0, ftruncate(self->file, 0));
	ASSERT_EQ(0, ftruncate(self->file, self->size));
	mem = map_file(self->file, self->size, PROT_READ | PROT_WRITE,
		       MAP_SHARED);
	ASSERT_NE(NULL, mem);
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPAGES, NONE));
	ASSERT_EQ(0, mincore(mem, self->size, resident));
	for (int i = 0; i < NPAGES; i++)
		EXPECT_EQ(0, resident[i] & 1);
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, 2, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, 2, 0));
	ASSERT_EQ(0, mincore(mem, self->size, resident));
	EXPECT_EQ(1, resident[1] & 1);
	EXPECT_EQ(0, resident[2] & 1);
}

/* R35: truncating a file splits its huge page. */
TEST_F(shmem, r35_huge_page_of_a_file)
{
	const size_t size = hmm_huge_size(), npages = size / self->page;
	uintptr_t base;
	char *mem, *buf;

	if (!size)
		SKIP(return, "this kernel has no transparent huge pages");
	hmm_write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
		       "advise");
	ASSERT_EQ(0, ftruncate(self->file, 0));
	ASSERT_EQ(0, ftruncate(self->file, size));
	mem = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0);
	buf = hmm_map(npages);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_NE(NULL, buf);
	base = ((uintptr_t)mem + size - 1) & ~(size - 1);
	mem = mmap((void *)base, size, PROT_READ | PROT_WRITE,
		   MAP_FIXED | MAP_SHARED, self->file, 0);
	ASSERT_NE(MAP_FAILED, mem);
	if (madvise(mem, size, MADV_HUGEPAGE))
		SKIP(return, "madvise(MADV_HUGEPAGE) fails");
	/* The device faults the pages in. */
	hmm_fill(buf, npages, 3, 0);
	ASSERT_EQ(0, hmm_write(self->fd, mem, buf, npages, NULL));
	hmm_fill(mem, npages, 3, 0);
	if (madvise(mem, size, MADV_COLLAPSE))
		SKIP(return, "MADV_COLLAPSE of shmem: %s", strerror(errno));
	__atomic_fetch_or(mem, 0, __ATOMIC_SEQ_CST);
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, npages, WRITE | PMD));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, npages));
	ASSERT_EQ(0, hmm_read(self->fd, mem, buf, npages, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, npages, 3, 0));

	ASSERT_EQ(0, ftruncate(self->file, size / 2));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, npages));
	EXPECT_EQ(0, hmm_entries(self->fd, mem + size / 2, npages / 2));
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, mem + size / 2, buf, 1, NULL));
	ASSERT_EQ(0, hmm_read(self->fd, mem, buf, npages / 2, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, npages / 2, 3, 0));
}

TEST_HARNESS_MAIN
