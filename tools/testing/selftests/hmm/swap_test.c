// SPDX-License-Identifier: GPL-2.0
/*
 * R34: swapped pages. A snapshot reports them as absent and does not swap them
 * in; a fault does.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hmm_harness.h"
#include "hmm_pagemap.h"
#include "hmm_swap.h"

#define NPAGES	32

FIXTURE(swap) {
	HMM_FIXTURE_MEMBERS;
	bool on;
};

FIXTURE_SETUP(swap)
{
	const char *why;
	int ret;

	HMM_SETUP_FILLED(NPAGES);
	ret = hmm_swap_on(&why);
	if (ret && why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, ret);
	self->on = true;
}

FIXTURE_TEARDOWN(swap)
{
	close(self->fd);
	if (self->on)
		hmm_swap_off();
}

TEST_F(swap, r34_swapped_pages_are_read)
{
	/* The device's entries are dropped when the pages are swapped out. */
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, NPAGES, NULL));
	ASSERT_EQ(0, hmm_page_out(self->mem, NPAGES));
	ASSERT_EQ(NPAGES, hmm_pagemap_count(self->mem, NPAGES,
					    HMM_PAGEMAP_SWAPPED));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));

	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, NPAGES, NONE));
	EXPECT_EQ(NPAGES, hmm_pagemap_count(self->mem, NPAGES,
					    HMM_PAGEMAP_SWAPPED));

	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(NPAGES, hmm_pagemap_count(self->mem, NPAGES,
					    HMM_PAGEMAP_PRESENT));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

TEST_F(swap, r34_swapped_pages_are_written)
{
	ASSERT_EQ(0, hmm_page_out(self->mem, NPAGES));
	hmm_fill(self->buf, 4, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem + 3 * self->page, self->buf,
			       4, NULL));
	EXPECT_EQ(4, hmm_entries(self->fd, self->mem, NPAGES));
	/* Readahead for one page does not reach the last page. */
	EXPECT_TRUE(hmm_pagemap_entry(self->mem + (NPAGES - 1) * self->page) &
		    HMM_PAGEMAP_SWAPPED);
	/* The pages that the device wrote are swapped out, too. */
	ASSERT_EQ(0, hmm_page_out(self->mem, NPAGES));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, 3, 1, 0));
	EXPECT_TRUE(hmm_is_filled(self->mem + 3 * self->page, 4, 2, 0));
	EXPECT_TRUE(hmm_is_filled(self->mem + 7 * self->page, NPAGES - 7, 1,
				  7));
}

/*
 * R31, R44: parent and child share swapped pages. The device reads them, and
 * its later write does not reach the child.
 */
TEST_F(swap, r31_swapped_pages_stay_shared_with_the_child)
{
	struct hmm_completion written;
	pid_t pid;

	ASSERT_EQ(0, hmm_completion_init(&written));
	/*
	 * Page out before the fork, because MADV_PAGEOUT may skip pages that
	 * two processes map.
	 */
	ASSERT_EQ(0, hmm_page_out(self->mem, NPAGES));
	ASSERT_EQ(NPAGES, hmm_pagemap_count(self->mem, NPAGES,
					    HMM_PAGEMAP_SWAPPED));
	pid = hmm_fork_to_verify(&written, self->mem, NPAGES, 1);
	ASSERT_LE(0, pid);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	hmm_fill(self->buf, NPAGES, 3, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 3, 0));
	hmm_complete(&written);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

TEST_F(swap, r34_swapped_shared_memory_is_read)
{
	char *shared = hmm_map_shared(NPAGES);
	unsigned char resident[NPAGES];
	int left = NPAGES;

	ASSERT_NE(NULL, shared);
	hmm_fill(shared, NPAGES, 4, 0);
	ASSERT_EQ(0, hmm_page_out(shared, NPAGES));
	for (int round = 0; left && round < 100; round++) {
		madvise(shared, NPAGES * self->page, MADV_PAGEOUT);
		ASSERT_EQ(0, mincore(shared, NPAGES * self->page, resident));
		left = 0;
		for (int i = 0; i < NPAGES; i++)
			left += resident[i] & 1;
	}
	EXPECT_EQ(0, left);
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, shared, NPAGES, NONE));
	ASSERT_EQ(0, hmm_read(self->fd, shared, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 4, 0));
}

TEST_F(swap, r34_swapped_huge_page_is_read)
{
	size_t size, npages, rest;
	char *mem;

	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	npages = size / self->page;
	rest = npages - NPAGES;
	hmm_fill(mem, npages, 5, 0);
	ASSERT_EQ(0, hmm_write(self->fd, mem, mem, npages, NULL));
	ASSERT_EQ(0, hmm_page_out(mem, npages));
	EXPECT_EQ(0, hmm_entries(self->fd, mem, npages));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, npages, NONE));
	ASSERT_EQ(0, hmm_read(self->fd, mem + rest * self->page, self->buf,
			      NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 5, rest));
	EXPECT_TRUE(hmm_is_filled(mem, npages, 5, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, npages));
}

struct reclaimer {
	char *mem;
	size_t size;
	int stop;
	unsigned long rounds;
};

static int reclaim(void *arg)
{
	struct reclaimer *reclaimer = arg;

	while (!__atomic_load_n(&reclaimer->stop, __ATOMIC_ACQUIRE)) {
		if (madvise(reclaimer->mem, reclaimer->size, MADV_PAGEOUT))
			return -errno;
		reclaimer->rounds++;
		usleep(1000);
	}
	return 0;
}

/*
 * Another thread reclaims pages continuously. Each READ must return the data of
 * the last WRITE.
 */
TEST_F(swap, r34_reclaim_under_the_device)
{
	struct reclaimer reclaimer = {
		.mem = self->mem,
		.size = NPAGES * self->page,
	};
	struct hmm_dmirror_stats stats;
	struct hmm_thread thread;
	int round;

	ASSERT_EQ(0, hmm_thread_create(&thread, reclaim, &reclaimer));
	hmm_thread_start(&thread);
	for (round = 2; round < 1000; round++) {
		hmm_fill(self->buf, NPAGES, round, 0);
		ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES,
				       NULL));
		memset(self->buf, 0x55, NPAGES * self->page);
		ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES,
				      NULL));
		ASSERT_TRUE(hmm_is_filled(self->buf, NPAGES, round, 0));
		ASSERT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
		ASSERT_EQ(0, hmm_stats(self->fd, &stats));
		if (stats.dropped > 20 * NPAGES)
			break;
	}
	__atomic_store_n(&reclaimer.stop, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, hmm_thread_join(&thread));
	TH_LOG("%lu rounds of reclaim, %llu entries dropped", reclaimer.rounds,
	       stats.dropped);
	EXPECT_LT(20 * NPAGES, stats.dropped);
}

struct victim {
	int fd;
	char *mem;
	size_t size;
};

/*
 * Only reclaim may invalidate here, so this function does not call malloc(),
 * which may unmap memory. It disarms the stop point at the end, because an
 * exiting thread discards its stack, which is an invalidation.
 */
static int page_out(void *arg)
{
	struct victim *victim = arg;
	void *addr = victim->mem;
	int node = 0;

	while (hmm_entries(victim->fd, victim->mem, NPAGES)) {
		syscall(SYS_move_pages, 0, 0UL, &addr, &node, &node, 0);
		if (madvise(victim->mem, victim->size, MADV_PAGEOUT))
			return -errno;
	}
	return hmm_resume(victim->fd, HMM_DMIRROR_POINT_INVALIDATE);
}

/*
 * R68: a task in reclaim does not stop in the device's callback and does not
 * consume the stop that the test armed for another task.
 */
TEST_F(swap, r68_reclaim_does_not_stop)
{
	struct victim victim = {
		.fd = self->fd,
		.mem = self->mem,
		.size = NPAGES * self->page,
	};
	struct hmm_thread reclaimer;

	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	ASSERT_EQ(0, hmm_thread_create(&reclaimer, page_out, &victim));
	ASSERT_EQ(0, hmm_prefault());
	ASSERT_EQ(NPAGES, hmm_entries(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_stop_at(self->fd, HMM_DMIRROR_POINT_INVALIDATE));
	hmm_thread_start(&reclaimer);
	while (hmm_thread_wait_done(&reclaimer, 100) == -ETIMEDOUT) {
		int ret = hmm_wait_at(self->fd, HMM_DMIRROR_POINT_INVALIDATE,
				      1);

		EXPECT_EQ(-ETIME, ret);
		if (!ret)
			break;
	}
	EXPECT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_INVALIDATE));
	EXPECT_EQ(0, hmm_thread_join(&reclaimer));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
}

TEST_HARNESS_MAIN
