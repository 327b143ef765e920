// SPDX-License-Identifier: GPL-2.0
/* Results of SNAPSHOT for each kind of page; a snapshot changes nothing. */
#include "hmm_harness.h"
#include "hmm_pagemap.h"

#define NPAGES	16

FIXTURE(snapshot) {
	int fd;
	size_t page;
	char *mem;
	__u8 prot[NPAGES];
};

FIXTURE_SETUP(snapshot)
{
	HMM_OPEN_OR_SKIP(self->fd, 0);
	self->page = hmm_page_size();
	self->mem = hmm_map(NPAGES);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(snapshot)
{
	close(self->fd);
}

static char cpu_reads(const char *addr)
{
	return __atomic_load_n(addr, __ATOMIC_RELAXED);
}

/* R32, R34: pages of six kinds in one range. */
TEST_F(snapshot, each_page_has_its_own_protection)
{
	static const __u8 want[7] = {
		WRITE, NONE, ZERO, READ, ERROR, ERROR, WRITE
	};
	const size_t page = self->page;

	hmm_fill(self->mem, 1, 1, 0);
	/* Page 1 is never accessed. */
	ASSERT_EQ(0, cpu_reads(self->mem + 2 * page));
	hmm_fill(self->mem + 3 * page, 4, 1, 3);
	ASSERT_EQ(0, mprotect(self->mem + 3 * page, page, PROT_READ));
	ASSERT_EQ(0, mprotect(self->mem + 4 * page, page, PROT_NONE));
	ASSERT_EQ(0, munmap(self->mem + 5 * page, page));

	for (int round = 0; round < 2; round++) {
		ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, self->prot, 7));
		for (int i = 0; i < 7; i++)
			EXPECT_EQ(want[i], self->prot[i]);
	}
	/* Ranges of one page give the same results. */
	for (int i = 0; i < 7; i++) {
		ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem + i * page,
					  self->prot, 1));
		EXPECT_EQ(want[i], self->prot[0]) TH_LOG("page %d", i);
	}
}

TEST_F(snapshot, range_without_vmas)
{
	ASSERT_EQ(0, munmap(self->mem, NPAGES * self->page));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, NPAGES, ERROR));
}

TEST_F(snapshot, faults_nothing_in_and_adds_no_entries)
{
	struct hmm_dmirror_stats before, after;
	unsigned char resident[NPAGES];

	ASSERT_EQ(0, hmm_stats(self->fd, &before));
	for (int round = 0; round < 2; round++) {
		ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, self->prot,
					  NPAGES));
		ASSERT_EQ(0, mincore(self->mem, NPAGES * self->page, resident));
		for (int i = 0; i < NPAGES; i++) {
			EXPECT_EQ(NONE, self->prot[i]);
			EXPECT_EQ(0, resident[i] & 1);
			EXPECT_EQ(0, hmm_pfn(self->mem + i * self->page));
		}
	}
	ASSERT_EQ(0, hmm_stats(self->fd, &after));
	EXPECT_EQ(before.faults, after.faults);
	EXPECT_EQ(before.entries, after.entries);
	EXPECT_EQ(before.dropped, after.dropped);
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
}

/* The range exceeds a batch of the walk, a page table and the array of pfns. */
TEST_F(snapshot, alternating_pages_of_a_long_range)
{
	const size_t npages = 3001;
	char *mem = hmm_map(npages);
	__u8 *prot = malloc(npages);
	size_t wrong = 0;

	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, prot);
	for (size_t i = 0; i < npages; i += 3)
		mem[i * self->page] = 1;
	for (size_t i = 1; i < npages; i += 3)
		cpu_reads(mem + i * self->page);
	ASSERT_EQ(0, hmm_snapshot(self->fd, mem, prot, npages));
	for (size_t i = 0; i < npages; i++) {
		const __u8 want[3] = { WRITE, ZERO, NONE };

		if (prot[i] != want[i % 3] && !wrong++)
			TH_LOG("page %zu is %#x, expected %#x", i, prot[i],
			       want[i % 3]);
	}
	EXPECT_EQ(0, wrong);
}

TEST_F(snapshot, mprotect_revokes_and_restores_write_permission)
{
	const size_t size = 4 * self->page;

	hmm_fill(self->mem, 4, 1, 0);
	ASSERT_EQ(0, mprotect(self->mem, size, PROT_READ));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, 4, READ));

	ASSERT_EQ(0, mprotect(self->mem, size, PROT_READ | PROT_WRITE));
	self->mem[2 * self->page] ^= 1;
	ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, self->prot, 4));
	EXPECT_EQ(WRITE, self->prot[2]);
}

TEST_F(snapshot, fork_makes_only_private_pages_read_only)
{
	char *shared = hmm_map_shared(4);
	struct hmm_completion checked;
	pid_t pid;

	ASSERT_NE(NULL, shared);
	ASSERT_EQ(0, hmm_completion_init(&checked));
	hmm_fill(self->mem, 4, 1, 0);
	hmm_fill(shared, 4, 2, 0);
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, 4, WRITE));

	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		hmm_wait_for_completion(&checked);
		_exit(0);
	}
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, 4, READ));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, shared, 4, WRITE));

	/* A write by the CPU copies one page, which becomes private again. */
	self->mem[self->page] ^= 1;
	ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, self->prot, 4));
	EXPECT_EQ(READ, self->prot[0]);
	EXPECT_EQ(WRITE, self->prot[1]);
	EXPECT_EQ(READ, self->prot[2]);
	EXPECT_EQ(READ, self->prot[3]);
	hmm_complete(&checked);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

/*
 * R31: the device reads in a writable vma. The page remains shared with the
 * child: it has the same frame and is not writable.
 */
TEST_F(snapshot, device_read_does_not_break_copy_on_write)
{
	struct hmm_completion checked;
	__u64 frame;
	char *buf = hmm_map(4);
	pid_t pid;

	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, hmm_completion_init(&checked));
	hmm_fill(self->mem, 4, 1, 0);
	frame = hmm_pfn(self->mem);
	ASSERT_NE(0, frame);
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		hmm_wait_for_completion(&checked);
		_exit(hmm_pfn(self->mem) == frame ? 0 : 1);
	}
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, buf, 4, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, 4, 1, 0));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, 4, READ));
	EXPECT_EQ(frame, hmm_pfn(self->mem));

	/* A write by the device breaks copy-on-write of that page. */
	ASSERT_EQ(0, hmm_write(self->fd, self->mem + self->page, buf, 1, NULL));
	ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, self->prot, 4));
	EXPECT_EQ(READ, self->prot[0]);
	EXPECT_EQ(WRITE, self->prot[1]);
	EXPECT_EQ(READ, self->prot[2]);
	hmm_complete(&checked);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

/*
 * R35: a PMD entry is reported as such, even if the range covers only a part of
 * it.
 */
TEST_F(snapshot, huge_page_is_shown_as_one_until_it_is_split)
{
	size_t size, npages;
	__u8 *prot;
	char *mem;

	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	npages = size / self->page;
	prot = malloc(npages + 2);
	ASSERT_NE(NULL, prot);
	/* Include the inaccessible pages around the huge page. */
	ASSERT_EQ(0, hmm_snapshot(self->fd, mem - self->page, prot,
				  npages + 2));
	EXPECT_EQ(ERROR, prot[0]);
	EXPECT_EQ(ERROR, prot[npages + 1]);
	for (size_t i = 0; i < npages; i++)
		ASSERT_EQ(WRITE | PMD, prot[i + 1]);
	ASSERT_EQ(0, hmm_snapshot(self->fd, mem + 7 * self->page, prot, 3));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(WRITE | PMD, prot[i]);

	ASSERT_EQ(0, mprotect(mem + 5 * self->page, self->page, PROT_READ));
	ASSERT_EQ(0, hmm_snapshot(self->fd, mem, prot, npages));
	for (size_t i = 0; i < npages; i++) {
		ASSERT_EQ(i == 5 ? READ : WRITE, prot[i])
			TH_LOG("page %zu", i);
	}
}

TEST_HARNESS_MAIN
