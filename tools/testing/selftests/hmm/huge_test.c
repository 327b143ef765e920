// SPDX-License-Identifier: GPL-2.0
/*
 * R35: huge pages that nobody has written to yet, and huge pages that become
 * small and huge again while the device walks. What the device does with one
 * that stays, thp_test looks at.
 */
#include <errno.h>

#include <kselftest_harness.h>

#include "hmm_lib.h"
#include "hmm_pagemap.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define NPART	8

#define NONE	HMM_DMIRROR_PROT_NONE
#define READ	HMM_DMIRROR_PROT_READ
#define WRITE	HMM_DMIRROR_PROT_WRITE
#define PMD	HMM_DMIRROR_PROT_PMD

FIXTURE(huge) {
	int fd;
	size_t page;
	size_t size;
	size_t npages;
	char *mem;
	char *buf;
};

FIXTURE_SETUP(huge)
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
}

FIXTURE_TEARDOWN(huge)
{
	close(self->fd);
}

/* R31: the huge page of zeros is everybody's, until somebody writes. */
TEST_F(huge, r31_huge_zero_page)
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
	/* The device is the first to touch the one, the CPU the other. */
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

/* Another protection for one page splits it, and does not keep anybody out. */
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

TEST_F(huge, r35_split_and_collapsed_under_the_walk)
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
		/* Whatever it meets is one of the two, or on its way. */
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
	/* And all around it. */
	EXPECT_TRUE(hmm_is_filled(self->mem, self->npages / 2 - NPART / 2, 1,
				  0));
	EXPECT_TRUE(hmm_is_filled(part + NPART * self->page,
				  self->npages / 2 - NPART / 2, 1,
				  self->npages / 2 + NPART / 2));
}

TEST_HARNESS_MAIN
