// SPDX-License-Identifier: GPL-2.0
/* R36: hugetlb pages of each size: snapshot, fault, sharing and truncation. */
#include <fcntl.h>

#include <linux/userfaultfd.h>

#include "hmm_harness.h"
#include "hmm_hugetlb.h"
#include "hmm_pagemap.h"
#include "hmm_uffd.h"

/*
 * The number of huge pages that a test may use, and of small pages that it
 * checks.
 */
#define NHUGE	4
#define NPART	8

#define SIZE_2M	(2UL << 20)
#define SIZE_1G	(1024UL << 20)

FIXTURE(hugetlb) {
	int fd;
	size_t page;
	size_t size;
	size_t npages;		/* in one huge page */
	char *buf;
};

FIXTURE_SETUP(hugetlb)
{
	const char *why;

	HMM_OPEN_OR_SKIP(self->fd, 0);
	if (hmm_hugetlb_reserve(SIZE_2M, NHUGE, &why))
		SKIP(return, "%s", why);
	self->page = hmm_page_size();
	self->size = SIZE_2M;
	self->npages = self->size / self->page;
	self->buf = hmm_map(NPART);
	ASSERT_NE(NULL, self->buf);
	memset(self->buf, 0x55, NPART * self->page);
}

FIXTURE_TEARDOWN(hugetlb)
{
	close(self->fd);
}

/* The number of pages in a part. The smallest huge page has 16 pages. */
static size_t part_pages(size_t npages)
{
	return npages < 3 * NPART ? npages / 4 : NPART;
}

/* Returns the first page of a part: the beginning, the middle or the end. */
static size_t part(size_t npages, int which)
{
	return which * (npages - part_pages(npages)) / 2;
}

static void snapshot_and_fault(struct __test_metadata *_metadata, int fd,
			       char *buf, size_t size, __u8 level)
{
	char *mem = hmm_map_hugetlb(size, 1, MAP_PRIVATE, -1);
	const size_t page = hmm_page_size(), npages = size / page;
	const size_t n = part_pages(npages);
	struct hmm_dmirror_cmd cmd;

	ASSERT_NE(NULL, mem);
	EXPECT_TRUE(hmm_snapshot_shows(fd, mem, npages, NONE));
	EXPECT_EQ(0, hmm_pagemap_count(mem, 1, HMM_PAGEMAP_PRESENT));

	/* The device faults the page in. */
	ASSERT_EQ(0, hmm_read(fd, mem, buf, n, NULL));
	EXPECT_TRUE(hmm_is_filled_with(buf, n, 0));
	for (int i = 0; i < 3; i++) {
		const size_t at = part(npages, i);

		hmm_fill(buf, n, 1, at);
		ASSERT_EQ(0, hmm_write(fd, mem + at * page,
				       buf, n, &cmd));
		EXPECT_EQ(n, cmd.cpages);
	}
	EXPECT_TRUE(hmm_snapshot_shows(fd, mem, npages,
				       WRITE | level));
	/* A range may begin and end anywhere in the huge page. */
	EXPECT_TRUE(hmm_snapshot_shows(fd, mem + 7 * page, 3,
				       WRITE | level));
	for (int i = 0; i < 3; i++) {
		const size_t at = part(npages, i);

		EXPECT_TRUE(hmm_is_filled(mem + at * page, n, 1, at));
		hmm_fill(mem + at * page, n, 2, at);
		ASSERT_EQ(0, hmm_read(fd, mem + at * page,
				      buf, n, NULL));
		EXPECT_TRUE(hmm_is_filled(buf, n, 2, at));
	}
	EXPECT_EQ(0, hmm_mismatches(fd, mem, npages));

	/* The huge page's protection and mapping can only change as a whole. */
	ASSERT_EQ(0, mprotect(mem, size, PROT_READ));
	EXPECT_EQ(0, hmm_mismatches(fd, mem, npages));
	EXPECT_TRUE(hmm_snapshot_shows(fd, mem, npages,
				       READ | level));
	EXPECT_EQ(-EPERM, hmm_write(fd, mem, buf, 1, NULL));
	ASSERT_EQ(0, munmap(mem, size));
	EXPECT_EQ(0, hmm_entries(fd, mem, npages));
	EXPECT_EQ(-EFAULT, hmm_read(fd, mem, buf, 1, NULL));
}

/*
 * Returns the level of the entries that map a huge page. On arm64, some sizes are
 * made of several entries at a lower level.
 */
static __u8 level(size_t size)
{
	const size_t page = hmm_page_size(), entries = page / sizeof(__u64);

	if (size < page * entries)
		return 0;
	return size < page * entries * entries ? PMD : PUD;
}

TEST_F(hugetlb, r36_two_megabytes)
{
	snapshot_and_fault(_metadata, self->fd, self->buf, SIZE_2M,
			   level(SIZE_2M));
}

TEST_F(hugetlb, r36_one_gigabyte)
{
	const char *why;

	if (hmm_hugetlb_reserve(SIZE_1G, 1, &why))
		SKIP(return, "%s", why);
	snapshot_and_fault(_metadata, self->fd, self->buf, SIZE_1G,
			   level(SIZE_1G));
}

/* The sizes that arm64 has in addition, with contiguous entries. */
static void contiguous(struct __test_metadata *_metadata, int fd, char *buf,
		       size_t size)
{
	const char *why;

	if (hmm_hugetlb_reserve(size, 1, &why))
		SKIP(return, "%s", why);
	snapshot_and_fault(_metadata, fd, buf, size, level(size));
}

TEST_F(hugetlb, r36_sixty_four_kilobytes)
{
	contiguous(_metadata, self->fd, self->buf, 64UL << 10);
}

TEST_F(hugetlb, r36_thirty_two_megabytes)
{
	contiguous(_metadata, self->fd, self->buf, 32UL << 20);
}

/*
 * R53: a huge page that the process must not access is not returned, even if
 * the page tables are read without the vma.
 */
static void prot_none(struct __test_metadata *_metadata, int fd, char *buf,
		      size_t size)
{
	const size_t npages = size / hmm_page_size();
	struct hmm_dmirror_cmd cmd;
	const char *why;
	char *mem;

	if (hmm_hugetlb_reserve(size, 1, &why))
		SKIP(return, "%s", why);
	mem = hmm_map_hugetlb(size, 1, MAP_PRIVATE, -1);
	ASSERT_NE(NULL, mem);
	hmm_fill(mem, NPART, 1, 0);
	ASSERT_EQ(0, hmm_read(fd, mem, buf, NPART, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, NPART, 1, 0));

	ASSERT_EQ(0, mprotect(mem, size, PROT_NONE));
	memset(buf, 0x55, NPART * hmm_page_size());
	EXPECT_EQ(0, hmm_entries(fd, mem, NPART));
	EXPECT_TRUE(hmm_snapshot_shows(fd, mem, npages, ERROR));
	EXPECT_EQ(-EFAULT, hmm_read(fd, mem, buf, NPART, &cmd));
	EXPECT_EQ(0, cmd.cpages);
	EXPECT_EQ(-EFAULT, hmm_write(fd, mem, buf, NPART, &cmd));
	EXPECT_TRUE(hmm_is_filled_with(buf, NPART, 0x55));

	ASSERT_EQ(0, mprotect(mem, size, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, hmm_read(fd, mem, buf, NPART, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, NPART, 1, 0));
	ASSERT_EQ(0, munmap(mem, size));
}

TEST_F(hugetlb, r53_prot_none_of_two_megabytes)
{
	prot_none(_metadata, self->fd, self->buf, SIZE_2M);
}

TEST_F(hugetlb, r53_prot_none_of_one_gigabyte)
{
	prot_none(_metadata, self->fd, self->buf, SIZE_1G);
}

/* R31: parent and child share the page until the device writes. */
TEST_F(hugetlb, r31_read_does_not_break_copy_on_write)
{
	struct hmm_completion checked;
	__u64 frame;
	char *mem;
	pid_t pid;

	mem = hmm_map_hugetlb(self->size, 1, MAP_PRIVATE, -1);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, hmm_completion_init(&checked));
	hmm_fill(mem, NPART, 3, 0);
	frame = hmm_pfn(mem);
	ASSERT_NE(0, frame);
	pid = hmm_fork_to_verify(&checked, mem, NPART, 3);
	ASSERT_LE(0, pid);
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPART, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPART, 3, 0));
	EXPECT_EQ(frame, hmm_pfn(mem));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, self->npages,
				       READ | level(self->size)));

	hmm_fill(self->buf, NPART, 4, 0);
	ASSERT_EQ(0, hmm_write(self->fd, mem, self->buf, NPART, NULL));
	EXPECT_NE(frame, hmm_pfn(mem));
	EXPECT_TRUE(hmm_is_filled(mem, NPART, 4, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, self->npages));
	hmm_complete(&checked);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

static int make_file(size_t size, unsigned int count)
{
	int shift = __builtin_ctzl(size);
	int file = memfd_create("hmm", MFD_CLOEXEC | MFD_HUGETLB |
				shift << MAP_HUGE_SHIFT);

	if (file >= 0 && ftruncate(file, count * size)) {
		close(file);
		return -1;
	}
	return file;
}

TEST_F(hugetlb, r36_truncated_and_punched)
{
	struct hmm_dmirror_cmd cmd;
	size_t npages;
	char *mem, *second;
	int file;

	file = make_file(self->size, 3);
	ASSERT_LE(0, file);
	mem = hmm_map_hugetlb(self->size, 3, MAP_SHARED, file);
	ASSERT_NE(NULL, mem);
	npages = 3 * self->npages;
	second = mem + self->size;
	for (int i = 0; i < 3; i++) {
		hmm_fill(self->buf, NPART, 5, i * self->npages);
		ASSERT_EQ(0, hmm_write(self->fd, mem + i * self->size,
				       self->buf, NPART, &cmd));
	}
	EXPECT_EQ(3 * NPART, hmm_entries(self->fd, mem, npages));

	ASSERT_EQ(0, fallocate(file, FALLOC_FL_PUNCH_HOLE |
			       FALLOC_FL_KEEP_SIZE, self->size, self->size));
	EXPECT_EQ(2 * NPART, hmm_entries(self->fd, mem, npages));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, second, self->npages, NONE));
	ASSERT_EQ(0, hmm_read(self->fd, second, self->buf, NPART, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPART, 0));

	ASSERT_EQ(0, ftruncate(file, self->size));
	EXPECT_EQ(NPART, hmm_entries(self->fd, mem, npages));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, second, 2 * self->npages,
				       NONE));
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, second, self->buf, 1, NULL));
	EXPECT_EQ(-EFAULT, hmm_write(self->fd, second, self->buf, 1, NULL));
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPART, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPART, 5, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, npages));
}

/* The fault fails instead of being retried forever. */
TEST_F(hugetlb, r36_no_page_left)
{
	const char *knob =
		"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";
	long available = hmm_read_long(knob);
	char *mem;

	mem = hmm_map_hugetlb(self->size, available + 1,
			      MAP_PRIVATE | MAP_NORESERVE, -1);
	ASSERT_NE(NULL, mem);
	for (long i = 0; i < available; i++)
		mem[i * self->size] = 1;
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, mem + available * self->size,
				    self->buf, 1, NULL));
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, 1, NULL));
	EXPECT_EQ(1, self->buf[0]);
}

/*
 * R36: two processes map a gigabyte of a file, so they may share a page table.
 * Both mirrors stay consistent with this table, and a change in one process
 * does not affect the mirror of the other.
 */
TEST_F(hugetlb, r36_shared_page_table)
{
	const size_t length = SIZE_1G;
	struct hmm_completion to_child, to_parent;
	uintptr_t base;
	char *mem;
	pid_t pid;
	int file;

	file = make_file(self->size, length / self->size);
	ASSERT_LE(0, file);
	mem = mmap(NULL, 2 * length, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	base = ((uintptr_t)mem + length - 1) & ~(length - 1);
	mem = mmap((void *)base, length, PROT_READ | PROT_WRITE,
		   MAP_FIXED | MAP_SHARED | MAP_NORESERVE, file, 0);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, hmm_completion_init(&to_child));
	ASSERT_EQ(0, hmm_completion_init(&to_parent));
	hmm_fill(mem, NPART, 6, 0);
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPART, NULL));

	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = hmm_open(0);

		if (fd < 0 || hmm_read(fd, mem, self->buf, NPART, NULL) ||
		    !hmm_is_filled(self->buf, NPART, 6, 0))
			_exit(1);
		hmm_fill(self->buf, NPART, 7, 0);
		if (hmm_write(fd, mem, self->buf, NPART, NULL))
			_exit(2);
		hmm_complete(&to_parent);
		hmm_wait_for_completion(&to_child);
		if (mprotect(mem, length, PROT_READ) ||
		    hmm_mismatches(fd, mem, self->npages) ||
		    hmm_write(fd, mem, self->buf, 1, NULL) != -EPERM ||
		    munmap(mem, length) || hmm_entries(fd, mem, NPART))
			_exit(3);
		_exit(0);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&to_parent));
	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPART, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPART, 7, 0));
	hmm_complete(&to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, self->npages));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPART,
				       WRITE | level(self->size)));
	hmm_fill(self->buf, NPART, 8, 0);
	ASSERT_EQ(0, hmm_write(self->fd, mem, self->buf, NPART, NULL));
	EXPECT_TRUE(hmm_is_filled(mem, NPART, 8, 0));
}

/* R38: a hugetlb fault does not hold the mmap lock while it sleeps. */
TEST_F(hugetlb, r36_fault_sleeps_without_any_lock)
{
	struct hmm_access access = {
		.fd = self->fd,
		.request = HMM_DMIRROR_READ,
		.ptr = self->buf,
		.npages = NPART,
	};
	struct hmm_thread device, mapper;
	int uffd = hmm_uffd_open(UFFD_FEATURE_MISSING_HUGETLBFS);
	char *mem, *from;
	void *addr;

	if (uffd < 0)
		SKIP(return, "no userfaultfd for hugetlb in this kernel");
	mem = hmm_map_hugetlb(self->size, 1, MAP_PRIVATE, -1);
	from = hmm_map_hugetlb(self->size, 1, MAP_PRIVATE, -1);
	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, from);
	hmm_fill(from, NPART, 9, 0);
	ASSERT_EQ(0, hmm_uffd_register(uffd, mem, self->size,
				       UFFDIO_REGISTER_MODE_MISSING));
	access.addr = mem;
	ASSERT_EQ(0, hmm_thread_create(&device, hmm_access_run, &access));
	ASSERT_EQ(0, hmm_thread_create(&mapper, hmm_take_mmap_lock_run, NULL));
	hmm_thread_start(&device);
	ASSERT_EQ(0, hmm_uffd_wait(uffd, &addr, NULL));
	EXPECT_EQ((void *)mem, addr);
	hmm_thread_start(&mapper);
	ASSERT_EQ(0, hmm_thread_wait_done(&mapper, HMM_TIMEOUT_MS));
	EXPECT_EQ(0, hmm_thread_join(&mapper));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&device, 1));
	ASSERT_EQ(0, hmm_uffd_copy(uffd, mem, from, self->size));
	ASSERT_EQ(0, hmm_thread_wait_done(&device, HMM_TIMEOUT_MS));
	EXPECT_EQ(0, hmm_thread_join(&device));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPART, 9, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, self->npages));
}

TEST_HARNESS_MAIN
