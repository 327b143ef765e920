// SPDX-License-Identifier: GPL-2.0
/*
 * The protocol between readers and invalidations. Each interleaving is made
 * by stopping the device where it matters; none is hoped for.
 *
 * While a task is stopped in an invalidation it holds the mmap lock, so
 * nothing between there and GO_ON may map, allocate or make a thread; and
 * while one is stopped with the update lock, nothing may fault: hmm_prefault().
 */
#include "hmm_harness.h"

#define NPAGES		4

#define BEGUN		HMM_DMIRROR_POINT_BEGUN
#define FAULTED		HMM_DMIRROR_POINT_FAULTED
#define INVALIDATE	HMM_DMIRROR_POINT_INVALIDATE
#define LOCKED		HMM_DMIRROR_POINT_LOCKED

FIXTURE(collision) {
	HMM_FIXTURE_MEMBERS;
	struct hmm_access access;
	struct hmm_madvise advice;
	struct hmm_thread device;	/* runs access */
	struct hmm_thread process;	/* runs advice */
	struct hmm_dmirror_stats before;
	struct hmm_dmirror_stats after;
};

FIXTURE_SETUP(collision)
{
	HMM_SETUP_FILLED(NPAGES);
	self->access = (struct hmm_access) {
		.fd = self->fd,
		.request = HMM_DMIRROR_READ,
		.addr = self->mem,
		.ptr = self->buf,
		.npages = NPAGES,
	};
	self->advice = (struct hmm_madvise) {
		.addr = self->mem,
		.length = NPAGES * self->page,
		.advice = MADV_DONTNEED,
	};
	ASSERT_EQ(0, hmm_thread_create(&self->device, hmm_access_run,
				       &self->access));
	ASSERT_EQ(0, hmm_thread_create(&self->process, hmm_madvise_run,
				       &self->advice));
	ASSERT_EQ(0, hmm_prefault());
	ASSERT_EQ(0, hmm_stats(self->fd, &self->before));
}

/* A thread that is still stopped ends with the process. */
FIXTURE_TEARDOWN(collision)
{
	close(self->fd);
}

static void start_and_stop(struct __test_metadata *_metadata, int fd,
			   struct hmm_thread *thread, unsigned int point)
{
	ASSERT_EQ(0, hmm_stop_at(fd, point));
	hmm_thread_start(thread);
	ASSERT_EQ(0, hmm_wait_at(fd, point, HMM_TIMEOUT_MS));
}

static int go_on_and_end(int fd, struct hmm_thread *thread, unsigned int point)
{
	int ret = hmm_resume(fd, point);

	if (!ret)
		ret = hmm_thread_wait_done(thread, HMM_TIMEOUT_MS);
	return ret ? ret : hmm_thread_join(thread);
}

/*
 * R26, the one that must be there: the device has read the CPU's page tables;
 * an invalidation begins, ends, and new pages come; only then does the device
 * take its lock. No flag tells it any more. The old frames are somebody
 * else's by now.
 */
TEST_F(collision, whole_invalidation_between_reading_and_the_update_lock)
{
	start_and_stop(_metadata, self->fd, &self->device, FAULTED);
	ASSERT_EQ(0, madvise(self->mem, NPAGES * self->page, MADV_DONTNEED));
	hmm_fill(self->mem, NPAGES, 2, 0);
	ASSERT_EQ(0, go_on_and_end(self->fd, &self->device, FAULTED));

	EXPECT_EQ(NPAGES, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 2, 0));
	EXPECT_EQ(NPAGES, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->after));
	EXPECT_LE(self->before.collisions + 1, self->after.collisions);

	/* What the device has is the new memory, also for the next access. */
	hmm_fill(self->mem, NPAGES, 3, 0);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 3, 0));
}

/* R26, for the last page only: one collision is enough for all. */
TEST_F(collision, whole_invalidation_of_one_page_of_several)
{
	char *last = self->mem + (NPAGES - 1) * self->page;

	start_and_stop(_metadata, self->fd, &self->device, FAULTED);
	ASSERT_EQ(0, madvise(last, self->page, MADV_DONTNEED));
	ASSERT_EQ(0, go_on_and_end(self->fd, &self->device, FAULTED));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES - 1, 1, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + (NPAGES - 1) * self->page,
				       1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->after));
	EXPECT_LE(self->before.collisions + 1, self->after.collisions);
}

/* The same, with the page tables not yet read. */
TEST_F(collision, whole_invalidation_between_begin_and_reading)
{
	start_and_stop(_metadata, self->fd, &self->device, BEGUN);
	ASSERT_EQ(0, madvise(self->mem, NPAGES * self->page, MADV_DONTNEED));
	hmm_fill(self->mem, NPAGES, 2, 0);
	ASSERT_EQ(0, go_on_and_end(self->fd, &self->device, BEGUN));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 2, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->after));
	EXPECT_LE(self->before.collisions + 1, self->after.collisions);
}

/* R26: the device would write to memory that is no longer the process's. */
TEST_F(collision, device_write_reaches_the_new_memory)
{
	hmm_fill(self->buf, NPAGES, 4, 0);
	self->access.request = HMM_DMIRROR_WRITE;
	start_and_stop(_metadata, self->fd, &self->device, FAULTED);
	ASSERT_EQ(0, madvise(self->mem, NPAGES * self->page, MADV_DONTNEED));
	hmm_fill(self->mem, NPAGES, 2, 0);
	ASSERT_EQ(0, go_on_and_end(self->fd, &self->device, FAULTED));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 4, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->after));
	EXPECT_LE(self->before.collisions + 1, self->after.collisions);
}

/* R26, R29: a right that is lost meanwhile is not used. */
TEST_F(collision, device_write_after_write_permission_is_revoked)
{
	hmm_fill(self->buf, NPAGES, 4, 0);
	self->access.request = HMM_DMIRROR_WRITE;
	start_and_stop(_metadata, self->fd, &self->device, FAULTED);
	ASSERT_EQ(0, mprotect(self->mem, NPAGES * self->page, PROT_READ));
	EXPECT_EQ(-EPERM, go_on_and_end(self->fd, &self->device, FAULTED));
	EXPECT_EQ(0, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

TEST_F(collision, memory_unmapped_before_the_update_lock)
{
	start_and_stop(_metadata, self->fd, &self->device, FAULTED);
	ASSERT_EQ(0, munmap(self->mem, NPAGES * self->page));
	EXPECT_EQ(-EFAULT, go_on_and_end(self->fd, &self->device, FAULTED));
	EXPECT_EQ(0, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0x55));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
}

/*
 * An invalidation is in its callback, so the pages are still there to be
 * read. A reader that begins now waits for its end; if it did not, it would
 * return what is about to go.
 */
TEST_F(collision, reader_waits_for_an_invalidation_in_progress)
{
	start_and_stop(_metadata, self->fd, &self->process, INVALIDATE);
	ASSERT_EQ(0, hmm_stop_at(self->fd, BEGUN));
	hmm_thread_start(&self->device);
	ASSERT_EQ(0, hmm_thread_wait_blocked(&self->device));
	EXPECT_EQ(-ETIME, hmm_wait_at(self->fd, BEGUN, HMM_QUIET_MS));

	ASSERT_EQ(0, go_on_and_end(self->fd, &self->process, INVALIDATE));
	ASSERT_EQ(0, hmm_wait_at(self->fd, BEGUN, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, go_on_and_end(self->fd, &self->device, BEGUN));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

/*
 * R21: SNAPSHOT has an interval of its own that covers just its pages. It
 * does not wait for an invalidation of others, and it does for one of its.
 */
TEST_F(collision, reader_does_not_wait_for_an_invalidation_elsewhere)
{
	__u8 prot[NPAGES] = { 0 }, *const last = &prot[NPAGES - 1];

	self->advice.length = (NPAGES - 1) * self->page;
	self->access.request = HMM_DMIRROR_SNAPSHOT;
	self->access.ptr = prot;
	start_and_stop(_metadata, self->fd, &self->process, INVALIDATE);

	/* The end is exclusive, R19: the next page is elsewhere. */
	ASSERT_EQ(0, hmm_snapshot(self->fd,
				  self->mem + (NPAGES - 1) * self->page,
				  last, 1));
	EXPECT_EQ(HMM_DMIRROR_PROT_WRITE, *last);
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&self->process, 1));

	hmm_thread_start(&self->device);
	ASSERT_EQ(0, hmm_thread_wait_blocked(&self->device));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&self->device,
						   HMM_QUIET_MS));
	ASSERT_EQ(0, go_on_and_end(self->fd, &self->process, INVALIDATE));
	ASSERT_EQ(0, hmm_thread_wait_done(&self->device, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, hmm_thread_join(&self->device));
	for (int i = 0; i < NPAGES - 1; i++)
		EXPECT_EQ(HMM_DMIRROR_PROT_NONE, prot[i]);
	EXPECT_EQ(HMM_DMIRROR_PROT_WRITE, *last);
}

/* The other order: the device has its lock, and the process has to wait. */
TEST_F(collision, invalidation_waits_for_the_update_lock)
{
	/* The device has the entries, so what stops below is the copying. */
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	memset(self->buf, 0x55, NPAGES * self->page);
	ASSERT_EQ(0, hmm_stats(self->fd, &self->before));

	start_and_stop(_metadata, self->fd, &self->device, LOCKED);
	hmm_thread_start(&self->process);
	ASSERT_EQ(0, hmm_thread_wait_blocked(&self->process));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&self->process,
						   HMM_QUIET_MS));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->after));
	EXPECT_EQ(self->before.dropped, self->after.dropped);

	ASSERT_EQ(0, go_on_and_end(self->fd, &self->device, LOCKED));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	ASSERT_EQ(0, hmm_thread_wait_done(&self->process, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, hmm_thread_join(&self->process));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->after));
	EXPECT_EQ(self->before.dropped + NPAGES, self->after.dropped);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

/*
 * A command over a hole does what lies before it. The page before it was
 * programmed, then the hole was met; before the device gets to the page, it
 * is invalidated. The error is the hole's, and the page is fetched once more.
 */
TEST_F(collision, page_before_a_hole_is_invalidated)
{
	self->access.npages = 2;
	ASSERT_EQ(0, munmap(self->mem + self->page, self->page));
	start_and_stop(_metadata, self->fd, &self->device, FAULTED);
	ASSERT_EQ(0, hmm_stop_at(self->fd, BEGUN));
	ASSERT_EQ(0, hmm_resume(self->fd, FAULTED));
	/* It has begun to fetch the page that is not there. */
	ASSERT_EQ(0, hmm_wait_at(self->fd, BEGUN, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, madvise(self->mem, self->page, MADV_DONTNEED));
	hmm_fill(self->mem, 1, 2, 0);
	ASSERT_EQ(-EFAULT, go_on_and_end(self->fd, &self->device, BEGUN));

	EXPECT_EQ(1, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, 1, 2, 0));
}

TEST_HARNESS_MAIN
