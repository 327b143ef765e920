// SPDX-License-Identifier: GPL-2.0
/*
 * R33: mappings of drivers. Ordinary pages are usable. A special entry at any
 * level of the page table causes an error, and not an endless loop.
 */
#include <fcntl.h>

#include "../../modules/hmm_special_test.h"
#include "hmm_harness.h"

#define NPAGES	HMM_SPECIAL_PAGES

FIXTURE(special) {
	int fd;
	int file;
	size_t page;
	char *buf;
	__u8 prot[NPAGES];
	struct hmm_access access;
	struct hmm_thread device;	/* runs access */
};

#define special_data FIXTURE_DATA(special)

FIXTURE_SETUP(special)
{
	HMM_OPEN_OR_SKIP(self->fd, 0);
	self->file = open(HMM_SPECIAL_DEVICE, O_RDWR | O_CLOEXEC);
	if (self->file < 0 && errno == ENOENT)
		SKIP(return, "no %s: is hmm_special_test.ko loaded?",
		     HMM_SPECIAL_DEVICE);
	ASSERT_LE(0, self->file);
	self->page = hmm_page_size();
	self->buf = hmm_map(NPAGES);
	ASSERT_NE(NULL, self->buf);
	self->access.fd = self->fd;
	self->access.ptr = self->buf;
	ASSERT_EQ(0, hmm_thread_create(&self->device, hmm_access_run,
				       &self->access));
}

/* A command that loops forever ends when its process is killed. */
FIXTURE_TEARDOWN(special)
{
	close(self->fd);
}

static char *map_kind(int file, unsigned long kind, size_t npages)
{
	void *mem = mmap(NULL, npages * hmm_page_size(),
			 PROT_READ | PROT_WRITE, MAP_SHARED, file,
			 kind << HMM_SPECIAL_SHIFT);

	return mem == MAP_FAILED ? NULL : mem;
}

/* Runs a command in a thread, because it may hang. */
static int access_in_time(struct hmm_thread *device, struct hmm_access *access,
			  unsigned long request, void *addr, size_t npages)
{
	int ret;

	access->request = request;
	access->addr = addr;
	access->npages = npages;
	hmm_thread_start(device);
	ret = hmm_thread_wait_done(device, HMM_TIMEOUT_MS);
	return ret ? ret : hmm_thread_join(device);
}

TEST_F(special, r33_mixedmap_of_ordinary_pages)
{
	char *mem = map_kind(self->file, HMM_SPECIAL_ORDINARY, NPAGES);

	ASSERT_NE(NULL, mem);
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPAGES, WRITE));
	hmm_fill(mem, NPAGES, 1, 0);
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	hmm_fill(self->buf, NPAGES, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(mem, NPAGES, 2, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, NPAGES));
	ASSERT_EQ(0, munmap(mem, NPAGES * self->page));
	EXPECT_EQ(0, hmm_entries(self->fd, mem, NPAGES));
}

static void pfnmap(struct __test_metadata *_metadata, special_data *self,
		   unsigned long request)
{
	struct hmm_access *access = &self->access;
	char *mem = map_kind(self->file, HMM_SPECIAL_PFNMAP, 4);

	ASSERT_NE(NULL, mem);
	mem[0] = 1;
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, 4, ERROR));
	memset(access->ptr, 0x55, 4 * self->page);
	EXPECT_EQ(-EFAULT, access_in_time(&self->device, access, request, mem,
					  4));
	EXPECT_EQ(0, access->cmd.cpages);
	EXPECT_TRUE(hmm_is_filled_with(access->ptr, 4, 0x55));
	EXPECT_EQ(0, hmm_entries(self->fd, mem, 4));
	EXPECT_EQ(1, mem[0]);
}

TEST_F(special, r33_pfnmap_cannot_be_read)
{
	pfnmap(_metadata, self, HMM_DMIRROR_READ);
}

TEST_F(special, r33_pfnmap_cannot_be_written)
{
	pfnmap(_metadata, self, HMM_DMIRROR_WRITE);
}

/* Every other page is special. */
static void mixed(struct __test_metadata *_metadata, special_data *self,
		  unsigned long request)
{
	struct hmm_access *access = &self->access;
	char *mem = map_kind(self->file, HMM_SPECIAL_MIXED, 6);
	const size_t page = self->page;
	__u8 prot[6];

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, hmm_snapshot(self->fd, mem, prot, 6));
	for (int i = 0; i < 6; i++)
		EXPECT_EQ(i % 2 ? ERROR : WRITE, prot[i]);
	for (int i = 0; i < 6; i += 2)
		hmm_fill(mem + i * page, 1, 3, i);

	memset(access->ptr, 0x55, 3 * page);
	EXPECT_EQ(-EFAULT, access_in_time(&self->device, access, request,
					  mem + 2 * page, 3));
	EXPECT_EQ(1, access->cmd.cpages);
	EXPECT_EQ(0, hmm_entries(self->fd, mem + 3 * page, 1));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, 6));
	EXPECT_TRUE(request == HMM_DMIRROR_READ ?
		    hmm_is_filled(access->ptr, 1, 3, 2) :
		    hmm_is_filled_with(mem + 2 * page, 1, 0x55));
	EXPECT_TRUE(hmm_is_filled(mem, 1, 3, 0));
	EXPECT_TRUE(hmm_is_filled(mem + 4 * page, 1, 3, 4));
}

TEST_F(special, r33_special_entries_between_pages_cannot_be_read)
{
	mixed(_metadata, self, HMM_DMIRROR_READ);
}

TEST_F(special, r33_special_entries_between_pages_cannot_be_written)
{
	mixed(_metadata, self, HMM_DMIRROR_WRITE);
}

/* R35: a special huge entry causes an error, too. */
TEST_F(special, r33_special_huge_entry)
{
	const size_t size = hmm_huge_size();
	unsigned char resident;
	char *mem, *huge;
	uintptr_t base;

	if (!size)
		SKIP(return, "this kernel has no transparent huge pages");
	mem = mmap(NULL, 3 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0);
	ASSERT_NE(MAP_FAILED, mem);
	base = ((uintptr_t)mem + size - 1) & ~(size - 1);
	mem = mmap((void *)base, 2 * size, PROT_READ | PROT_WRITE,
		   MAP_FIXED | MAP_SHARED, self->file,
		   HMM_SPECIAL_HUGE << HMM_SPECIAL_SHIFT);
	ASSERT_NE(MAP_FAILED, mem);
	huge = mem + size;
	ASSERT_EQ(0, madvise(mem, 2 * size, MADV_HUGEPAGE));

	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, 1, WRITE));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, huge, 4, NONE));
	EXPECT_EQ(-EFAULT, access_in_time(&self->device, &self->access,
					  HMM_DMIRROR_READ, huge, 1));
	/*
	 * Do not use pagemap: on 6.12 it expects a struct page, which the entry
	 * does not have.
	 */
	ASSERT_EQ(0, mincore(huge, self->page, &resident));
	if (!(resident & 1))
		SKIP(return, "this kernel has no special huge entries");
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, huge, size / self->page,
				       ERROR));
	EXPECT_EQ(0, hmm_entries(self->fd, huge, size / self->page));
}

TEST_HARNESS_MAIN
