// SPDX-License-Identifier: GPL-2.0
/*
 * The protocol between readers and invalidations. Stop points of the device
 * force each interleaving.
 *
 * A task that is stopped in an invalidation may hold the mmap lock, so a test
 * must not map, allocate or create a thread before it resumes that task. While
 * a task is stopped with the update lock held, the test must not fault: see
 * hmm_prefault().
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

#define collision_data FIXTURE_DATA(collision)

FIXTURE_SETUP(collision)
{
	HMM_SETUP_FILLED(NPAGES);
	hmm_access_init(&self->access, self->fd, HMM_DMIRROR_READ, self->mem,
			self->buf, NPAGES);
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

FIXTURE_TEARDOWN(collision)
{
	close(self->fd);
}

static void start_and_wait_at(struct __test_metadata *_metadata, int fd,
			      struct hmm_thread *thread, unsigned int point)
{
	ASSERT_EQ(0, hmm_stop_at(fd, point));
	hmm_thread_start(thread);
	ASSERT_EQ(0, hmm_wait_at(fd, point, HMM_TIMEOUT_MS));
}

static int resume_and_join(int fd, struct hmm_thread *thread,
			   unsigned int point)
{
	int ret = hmm_resume(fd, point);

	if (!ret)
		ret = hmm_thread_wait_done(thread, HMM_TIMEOUT_MS);
	return ret ? ret : hmm_thread_join(thread);
}

/* Checks that the device has retried and that its entries are up to date. */
static void expect_collision(struct __test_metadata *_metadata,
			     collision_data *self)
{
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->after));
	EXPECT_LE(self->before.collisions + 1, self->after.collisions);
}

/*
 * Makes a read or write that is stopped at a point collide with MADV_DONTNEED,
 * and then fills the memory with new content.
 */
static void race_with_new_memory(struct __test_metadata *_metadata,
				 collision_data *self, unsigned int point)
{
	start_and_wait_at(_metadata, self->fd, &self->device, point);
	ASSERT_EQ(0, madvise(self->mem, NPAGES * self->page, MADV_DONTNEED));
	hmm_fill(self->mem, NPAGES, 2, 0);
	ASSERT_EQ(0, resume_and_join(self->fd, &self->device, point));
}

/*
 * R26, the central race: after the device has read the CPU's page table, an
 * invalidation begins and ends, and new pages are mapped. Only then does the
 * device acquire its update lock. No invalidation is in progress any more, and
 * the old frames may already be reused.
 */
TEST_F(collision, whole_invalidation_between_reading_and_the_update_lock)
{
	race_with_new_memory(_metadata, self, FAULTED);

	EXPECT_EQ(NPAGES, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 2, 0));
	EXPECT_EQ(NPAGES, hmm_entries(self->fd, self->mem, NPAGES));
	expect_collision(_metadata, self);

	/* The device's entries map the new memory. */
	hmm_fill(self->mem, NPAGES, 3, 0);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 3, 0));
}

/* R26: a collision on the last page makes the whole range retry. */
TEST_F(collision, whole_invalidation_of_one_page_of_several)
{
	char *last = self->mem + (NPAGES - 1) * self->page;

	start_and_wait_at(_metadata, self->fd, &self->device, FAULTED);
	ASSERT_EQ(0, madvise(last, self->page, MADV_DONTNEED));
	ASSERT_EQ(0, resume_and_join(self->fd, &self->device, FAULTED));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES - 1, 1, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + (NPAGES - 1) * self->page,
				       1, 0));
	expect_collision(_metadata, self);
}

/* The whole invalidation runs before the device reads the page table. */
TEST_F(collision, whole_invalidation_between_begin_and_reading)
{
	race_with_new_memory(_metadata, self, BEGUN);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 2, 0));
	expect_collision(_metadata, self);
}

/* R26: without a retry, the device would write to a freed page. */
TEST_F(collision, device_write_reaches_the_new_memory)
{
	hmm_fill(self->buf, NPAGES, 4, 0);
	self->access.request = HMM_DMIRROR_WRITE;
	race_with_new_memory(_metadata, self, FAULTED);
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 4, 0));
	expect_collision(_metadata, self);
}

/* R26, R29: the retry detects that the pages are now read-only. */
TEST_F(collision, device_write_after_write_permission_is_revoked)
{
	hmm_fill(self->buf, NPAGES, 4, 0);
	self->access.request = HMM_DMIRROR_WRITE;
	start_and_wait_at(_metadata, self->fd, &self->device, FAULTED);
	ASSERT_EQ(0, mprotect(self->mem, NPAGES * self->page, PROT_READ));
	EXPECT_EQ(-EPERM, resume_and_join(self->fd, &self->device, FAULTED));
	EXPECT_EQ(0, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

TEST_F(collision, memory_unmapped_before_the_update_lock)
{
	start_and_wait_at(_metadata, self->fd, &self->device, FAULTED);
	ASSERT_EQ(0, munmap(self->mem, NPAGES * self->page));
	EXPECT_EQ(-EFAULT, resume_and_join(self->fd, &self->device, FAULTED));
	EXPECT_EQ(0, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0x55));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
}

/*
 * While an invalidation is in its callback, the pages are still mapped. A new
 * reader must wait for the end of the invalidation; otherwise it would return
 * pages that are about to be unmapped.
 */
TEST_F(collision, reader_waits_for_an_invalidation_in_progress)
{
	start_and_wait_at(_metadata, self->fd, &self->process, INVALIDATE);
	ASSERT_EQ(0, hmm_stop_at(self->fd, BEGUN));
	hmm_thread_start(&self->device);
	ASSERT_EQ(0, hmm_thread_wait_blocked(&self->device));
	EXPECT_EQ(-ETIME, hmm_wait_at(self->fd, BEGUN, HMM_QUIET_MS));

	ASSERT_EQ(0, resume_and_join(self->fd, &self->process, INVALIDATE));
	ASSERT_EQ(0, hmm_wait_at(self->fd, BEGUN, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, resume_and_join(self->fd, &self->device, BEGUN));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

/*
 * R21: the interval of SNAPSHOT covers only the pages of the command. SNAPSHOT
 * waits for an invalidation of these pages, and not for an invalidation of
 * other pages.
 */
TEST_F(collision, reader_does_not_wait_for_an_invalidation_elsewhere)
{
	__u8 prot[NPAGES] = { 0 }, *const last = &prot[NPAGES - 1];

	self->advice.length = (NPAGES - 1) * self->page;
	self->access.request = HMM_DMIRROR_SNAPSHOT;
	self->access.ptr = prot;
	start_and_wait_at(_metadata, self->fd, &self->process, INVALIDATE);

	/* R19: the end is exclusive, so the next page is not invalidated. */
	ASSERT_EQ(0, hmm_snapshot(self->fd,
				  self->mem + (NPAGES - 1) * self->page,
				  last, 1));
	EXPECT_EQ(HMM_DMIRROR_PROT_WRITE, *last);
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&self->process, 1));

	hmm_thread_start(&self->device);
	ASSERT_EQ(0, hmm_thread_wait_blocked(&self->device));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&self->device,
						   HMM_QUIET_MS));
	ASSERT_EQ(0, resume_and_join(self->fd, &self->process, INVALIDATE));
	ASSERT_EQ(0, hmm_thread_wait_done(&self->device, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, hmm_thread_join(&self->device));
	for (int i = 0; i < NPAGES - 1; i++)
		EXPECT_EQ(HMM_DMIRROR_PROT_NONE, prot[i]);
	EXPECT_EQ(HMM_DMIRROR_PROT_WRITE, *last);
}

/* The device holds the update lock, and the invalidation waits for it. */
TEST_F(collision, invalidation_waits_for_the_update_lock)
{
	/*
	 * After this read, the device has entries for all pages. It therefore
	 * stops at LOCKED just before it copies.
	 */
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	memset(self->buf, 0x55, NPAGES * self->page);
	ASSERT_EQ(0, hmm_stats(self->fd, &self->before));

	start_and_wait_at(_metadata, self->fd, &self->device, LOCKED);
	hmm_thread_start(&self->process);
	ASSERT_EQ(0, hmm_thread_wait_blocked(&self->process));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&self->process,
						   HMM_QUIET_MS));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->after));
	EXPECT_EQ(self->before.dropped, self->after.dropped);

	ASSERT_EQ(0, resume_and_join(self->fd, &self->device, LOCKED));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	ASSERT_EQ(0, hmm_thread_wait_done(&self->process, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, hmm_thread_join(&self->process));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->after));
	EXPECT_EQ(self->before.dropped + NPAGES, self->after.dropped);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

/* The device faults in this number of pages at once. */
#define BATCH	256

/*
 * A command completes the pages below a hole. Here, the device has entries for
 * the pages below the hole, but one is invalidated before the device copies it.
 * The device faults the page in again, copies all pages, and returns the error
 * of the hole.
 */
TEST_F(collision, page_before_a_hole_is_invalidated)
{
	char *mem = hmm_map(BATCH + 1), *buf = hmm_map(BATCH + 1);

	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, buf);
	hmm_fill(mem, BATCH, 1, 0);
	self->access.addr = mem;
	self->access.ptr = buf;
	self->access.npages = BATCH + 1;
	ASSERT_EQ(0, munmap(mem + BATCH * self->page, self->page));
	start_and_wait_at(_metadata, self->fd, &self->device, FAULTED);
	ASSERT_EQ(0, hmm_stop_at(self->fd, BEGUN));
	ASSERT_EQ(0, hmm_resume(self->fd, FAULTED));
	/* The device has begun to read the missing page. */
	ASSERT_EQ(0, hmm_wait_at(self->fd, BEGUN, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, madvise(mem, self->page, MADV_DONTNEED));
	hmm_fill(mem, 1, 2, 0);
	ASSERT_EQ(-EFAULT, resume_and_join(self->fd, &self->device, BEGUN));

	EXPECT_EQ(BATCH, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(buf, 1, 2, 0));
	EXPECT_TRUE(hmm_is_filled(buf + self->page, BATCH - 1, 1, 1));
}

TEST_HARNESS_MAIN
