// SPDX-License-Identifier: GPL-2.0
/*
 * R34: pages with special protection: protection keys, soft-dirty tracking,
 * guard regions, and PROT_NONE of a huge page. A snapshot does not change these
 * pages.
 */
#include <stdio.h>
#include <sys/syscall.h>

#include "hmm_harness.h"
#include "hmm_pagemap.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

#define NPAGES	8

#define CLEAR_REFS	"/proc/self/clear_refs"
/* Values of clear_refs. */
#define REFERENCED	"1"
#define SOFT_DIRTY	"4"

FIXTURE(protect) {
	HMM_FIXTURE_MEMBERS;
	size_t size;
	struct hmm_access access;
	struct hmm_thread device;	/* runs access */
};

FIXTURE_SETUP(protect)
{
	HMM_SETUP_FILLED(NPAGES);
	self->size = NPAGES * self->page;
	self->access = (struct hmm_access) {
		.fd = self->fd,
		.ptr = self->buf,
		.npages = NPAGES,
	};
	ASSERT_EQ(0, hmm_thread_create(&self->device, hmm_access_run,
				       &self->access));
}

FIXTURE_TEARDOWN(protect)
{
	close(self->fd);
}

/* Reads in a thread, because the read may hang. */
static int read_in_time(struct hmm_thread *device, struct hmm_access *access,
			void *addr)
{
	int ret;

	access->request = HMM_DMIRROR_READ;
	access->addr = addr;
	hmm_thread_start(device);
	ret = hmm_thread_wait_done(device, HMM_TIMEOUT_MS);
	return ret ? ret : hmm_thread_join(device);
}

/* Returns the referenced part of the mapping at addr in kB, or -1. */
static long referenced(const void *addr)
{
	unsigned long start, end;
	bool found = false;
	char line[256];
	long kb = -1;
	FILE *file = fopen("/proc/self/smaps", "r");

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			found = (uintptr_t)addr >= start &&
			       (uintptr_t)addr < end;
		else if (found && sscanf(line, "Referenced: %ld", &kb) == 1)
			break;
	}
	fclose(file);
	return kb;
}

/*
 * The snapshot sets neither the accessed nor the dirty bit, and neither copies
 * nor moves a page.
 */
TEST_F(protect, snapshot_leaves_present_pages_as_they_are)
{
	__u64 frames[NPAGES];
	bool tracked = hmm_pagemap_count(self->mem, NPAGES,
					 HMM_PAGEMAP_SOFT_DIRTY) == NPAGES;

	for (int i = 0; i < NPAGES; i++)
		frames[i] = hmm_pfn(self->mem + i * self->page);
	if (tracked)
		ASSERT_EQ(0, hmm_write_file(CLEAR_REFS, SOFT_DIRTY));
	ASSERT_EQ(0, hmm_write_file(CLEAR_REFS, REFERENCED));
	ASSERT_EQ(0, referenced(self->mem));
	/* Soft-dirty tracking has write-protected the pages. */
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, NPAGES,
				       tracked ? READ : WRITE));
	EXPECT_EQ(0, referenced(self->mem));
	EXPECT_EQ(0, hmm_pagemap_count(self->mem, NPAGES,
				       HMM_PAGEMAP_SOFT_DIRTY));
	for (int i = 0; i < NPAGES; i++)
		EXPECT_EQ(frames[i], hmm_pfn(self->mem + i * self->page));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

/* Soft-dirty tracking includes the writes of the device. */
TEST_F(protect, r34_soft_dirty)
{
	char *written = self->mem + 3 * self->page;

	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, NPAGES, NULL));
	if (hmm_pagemap_count(self->mem, NPAGES, HMM_PAGEMAP_SOFT_DIRTY) !=
	    NPAGES)
		SKIP(return, "no soft-dirty bits in this kernel");
	ASSERT_EQ(0, hmm_write_file(CLEAR_REFS, SOFT_DIRTY));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(0, hmm_pagemap_count(self->mem, NPAGES,
				       HMM_PAGEMAP_SOFT_DIRTY));

	hmm_fill(self->buf, 2, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, written, self->buf, 2, NULL));
	EXPECT_EQ(2, hmm_pagemap_count(written, 2, HMM_PAGEMAP_SOFT_DIRTY));
	EXPECT_EQ(2, hmm_pagemap_count(self->mem, NPAGES,
				       HMM_PAGEMAP_SOFT_DIRTY));
	EXPECT_TRUE(hmm_is_filled(written, 2, 2, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

/*
 * Protection keys restrict the CPU accesses of one thread. The device uses the
 * permissions of the vma. A PTE or a PMD entry with a key has extra bits.
 */
TEST_F(protect, r34_protection_key)
{
	int key = syscall(SYS_pkey_alloc, 0, 0);

	if (key < 0)
		SKIP(return, "no protection keys on this machine");
	ASSERT_EQ(0, syscall(SYS_pkey_mprotect, self->mem, self->size,
			     PROT_READ | PROT_WRITE, key));
	__atomic_fetch_or(self->mem, 0, __ATOMIC_SEQ_CST);
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, NPAGES, WRITE));
	ASSERT_EQ(0, read_in_time(&self->device, &self->access, self->mem));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	hmm_fill(self->buf, NPAGES, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 2, 0));
}

TEST_F(protect, r34_protection_key_of_a_huge_page)
{
	int key = syscall(SYS_pkey_alloc, 0, 0);
	size_t size;
	char *mem;

	if (key < 0)
		SKIP(return, "no protection keys on this machine");
	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	hmm_fill(mem, size / self->page, 3, 0);
	ASSERT_EQ(0, syscall(SYS_pkey_mprotect, mem, size,
			     PROT_READ | PROT_WRITE, key));
	/* The first write makes the entry writable again. */
	__atomic_fetch_or(mem, 0, __ATOMIC_SEQ_CST);
	ASSERT_TRUE(hmm_is_huge(mem));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, size / self->page,
				       WRITE | PMD));
	ASSERT_EQ(0, read_in_time(&self->device, &self->access, mem));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 3, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, size / self->page));
}

TEST_F(protect, r34_prot_none_of_a_huge_page)
{
	struct hmm_dmirror_cmd cmd;
	size_t size, npages;
	char *mem;
	__u64 frame;

	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	npages = size / self->page;
	hmm_fill(mem, npages, 4, 0);
	frame = hmm_pfn(mem);
	ASSERT_EQ(0, hmm_write(self->fd, mem, mem, NPAGES, NULL));
	ASSERT_EQ(0, mprotect(mem, size, PROT_NONE));
	EXPECT_EQ(0, hmm_entries(self->fd, mem, npages));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, npages, ERROR));
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, mem, self->buf, 1, &cmd));
	EXPECT_EQ(0, cmd.cpages);
	EXPECT_EQ(-EFAULT, hmm_write(self->fd, mem, self->buf, 1, &cmd));
	ASSERT_EQ(0, mprotect(mem, size, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 4, 0));
	EXPECT_EQ(frame, hmm_pfn(mem));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, npages));
}

/* Returns true if the CPU can read the byte at addr in user mode. */
static bool is_readable(const void *addr)
{
	int ends[2];
	ssize_t n;

	if (pipe(ends))
		return false;
	n = write(ends[1], addr, 1);
	close(ends[0]);
	close(ends[1]);
	return n == 1;
}

/*
 * R53: memory that user mode can execute but not read. arm64 has page table
 * entries for it, and x86 uses a protection key.
 */
TEST_F(protect, r53_execute_only_memory)
{
	struct hmm_dmirror_cmd cmd;

	ASSERT_TRUE(is_readable(self->mem));
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_EXEC));
	if (is_readable(self->mem))
		SKIP(return, "execute-only memory is readable on this machine");
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, NPAGES, ERROR));
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem, self->buf, NPAGES,
				    &cmd));
	EXPECT_EQ(0, cmd.cpages);
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, mprotect(self->mem, self->size, PROT_READ));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
}

/* A guard region within one vma. */
TEST_F(protect, r34_guard_region)
{
	char *guard = self->mem + 3 * self->page;
	struct hmm_dmirror_cmd cmd;
	__u8 prot[NPAGES];

	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, NPAGES, NULL));
	if (madvise(guard, 2 * self->page, MADV_GUARD_INSTALL)) {
		ASSERT_EQ(EINVAL, errno);
		SKIP(return, "no guard regions in this kernel");
	}
	EXPECT_EQ(0, hmm_entries(self->fd, guard, 2));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, prot, NPAGES));
	for (int i = 0; i < NPAGES; i++)
		EXPECT_EQ(i == 3 || i == 4 ? NONE : WRITE, prot[i]);
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem, self->buf, NPAGES,
				    &cmd));
	EXPECT_EQ(3, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, 3, 1, 0));
	EXPECT_EQ(-EFAULT, hmm_write(self->fd, guard, self->buf, 1, &cmd));
	ASSERT_EQ(0, hmm_read(self->fd, guard + 2 * self->page, self->buf, 3,
			      NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 3, 1, 5));

	ASSERT_EQ(0, madvise(guard, 2 * self->page, MADV_GUARD_REMOVE));
	ASSERT_EQ(0, hmm_read(self->fd, guard, self->buf, 2, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, 2, 0));
}

TEST_HARNESS_MAIN
