// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of Documentation/tracing.rst, and the values that they
 * report. edu_trace_test.c has those of populate and of DMA.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hmm_harness.h"
#include "hmm_trace.h"

#define NPAGES		4

FIXTURE(trace) {
	HMM_FIXTURE_MEMBERS;
	size_t size;
	char text[HMM_TRACE_TEXT];
	struct hmm_access access;
	struct hmm_thread device;
};

/*
 * The trace begins after the memory was mapped, and before the device is
 * opened.
 */
FIXTURE_SETUP(trace)
{
	HMM_SETUP_FILLED(NPAGES);
	close(self->fd);
	HMM_TRACE_OR_SKIP();
	HMM_OPEN_OR_SKIP(self->fd, 0);
	self->size = NPAGES * self->page;
	hmm_access_init(&self->access, self->fd, HMM_DMIRROR_READ, self->mem,
			self->buf, NPAGES);
	ASSERT_EQ(0, hmm_thread_create(&self->device, hmm_access_run,
				       &self->access));
	ASSERT_EQ(0, hmm_prefault());
}

FIXTURE_TEARDOWN(trace)
{
	hmm_trace_stop();
}

/*
 * Let the device read, stop it at @point, and invalidate exactly the pages of
 * the read, which therefore collides once. The device is closed afterwards.
 */
static void collide_at(struct __test_metadata *_metadata,
		       FIXTURE_DATA(trace) * self, unsigned int point)
{
	ASSERT_EQ(0, hmm_stop_at(self->fd, point));
	hmm_thread_start(&self->device);
	ASSERT_EQ(0, hmm_wait_at(self->fd, point, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_DONTNEED));
	ASSERT_EQ(0, hmm_resume(self->fd, point));
	ASSERT_EQ(0, hmm_thread_join(&self->device));
	close(self->fd);
	ASSERT_EQ(0, hmm_trace_stop());
}

/* Returns how many events report the bounds of the memory and then @rest. */
#define COUNT(event, rest)						\
	hmm_trace_count(event, hmm_trace_text(self->text, self->mem,	\
					      NPAGES, rest))

TEST_F(trace, events_report_the_addresses)
{
	collide_at(_metadata, self, HMM_DMIRROR_POINT_FAULTED);

	EXPECT_LT(0, hmm_trace_count("hmm_interval_insert", "start=0x0 "));
	EXPECT_LT(0, hmm_trace_count("hmm_read_begin", "waited_ns="));
	EXPECT_EQ(1, COUNT("hmm_invalidate_start", ""));
	EXPECT_EQ(1, COUNT("hmm_invalidate_end", ""));
	EXPECT_LT(0, hmm_trace_count("hmm_invalidate_start", "hit=1"));
	EXPECT_LT(0, hmm_trace_count("hmm_read_retry", "now="));
	EXPECT_LT(0, hmm_trace_count("hmm_interval_remove", "start=0x0 "));
}

/* The first fault has finished when the range collides. */
TEST_F(trace, faults_and_callbacks_report_bounds_and_result)
{
	collide_at(_metadata, self, HMM_DMIRROR_POINT_FAULTED);

	EXPECT_EQ(2, COUNT("hmm_fault", "ret=0 pages=4 retries=0 "));
	EXPECT_LT(0, hmm_trace_number("hmm_fault", self->text, "ns"));
	EXPECT_EQ(1, COUNT("hmm_callback", "pass=0 accepted=1 "));
}

/* The range has collided before the first fault. */
TEST_F(trace, a_fault_reports_its_error)
{
	collide_at(_metadata, self, HMM_DMIRROR_POINT_BEGUN);

	EXPECT_EQ(1, COUNT("hmm_fault", "ret=-16 pages=0 retries=0 "));
	EXPECT_EQ(1, COUNT("hmm_fault", "ret=0 pages=4 retries=0 "));
}

/* Pages that are not present are in the bounds, but are not counted. */
TEST_F(trace, a_snapshot_reports_the_present_pages)
{
	ASSERT_EQ(0, madvise(self->mem + self->page, self->page,
			     MADV_DONTNEED));
	self->access.request = HMM_DMIRROR_SNAPSHOT;
	ASSERT_EQ(0, hmm_access_run(&self->access));
	ASSERT_EQ(0, hmm_trace_stop());

	EXPECT_EQ(1, COUNT("hmm_snapshot", "ret=0 pages=3 retries=0 "));
	EXPECT_EQ(0, COUNT("hmm_fault", ""));
}

/* A range, its reads and the invalidations of its memory have the same mm. */
TEST_F(trace, events_report_the_same_mm)
{
	char mm[HMM_TRACE_TEXT];

	collide_at(_metadata, self, HMM_DMIRROR_POINT_FAULTED);

	COUNT("hmm_fault", "");
	hmm_trace_field(mm, "hmm_fault", self->text, "mm");
	ASSERT_NE(0, strlen(mm));
	EXPECT_EQ(2, hmm_trace_count("hmm_fault", mm));
	EXPECT_LT(1, hmm_trace_count("hmm_read_begin", mm));
	EXPECT_LT(0, hmm_trace_count("hmm_callback", mm));
	EXPECT_LT(0, hmm_trace_count("hmm_invalidate_start", mm));
}

TEST_HARNESS_MAIN
