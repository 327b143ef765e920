// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of populate and of DMA mappings, with a driver that uses
 * both. trace_test.c has the other tracepoints.
 */
#include "edu_harness.h"
#include "hmm_trace.h"
#include "hmm_uffd.h"

#include <linux/userfaultfd.h>

#define BLOCKED_MS	50

/* Returns how many events report @n pages at @mem and then @rest. */
static int count(const char *event, const void *mem, size_t n, const char *rest)
{
	char text[HMM_TRACE_TEXT];

	return hmm_trace_count(event, hmm_trace_text(text, mem, n, rest));
}

TEST_F(edu, dma_events_report_pages_and_runs)
{
	const size_t length = NPAGES * self->page;

	REGISTER_BOTH();
	HMM_TRACE_OR_SKIP();
	ASSERT_EQ(0, edu_copy(self->fd, self->dst, self->src, length));
	ASSERT_EQ(0, madvise(self->src + self->page, self->page,
			     MADV_DONTNEED));
	ASSERT_EQ(0, hmm_trace_stop());

	EXPECT_EQ(1, count("hmm_populate", self->src, NPAGES,
			   "ret=0 pages=4 retries=0 "));
	EXPECT_EQ(1, count("hmm_dma_map", self->src, NPAGES,
			   "ret=0 pages=4 runs=4 "));
	EXPECT_EQ(1, count("hmm_dma_map", self->dst, NPAGES,
			   "ret=0 pages=4 runs=4 "));
	EXPECT_EQ(1, count("hmm_dma_unmap", self->src + self->page, 1,
			   "pages=1 runs=1 "));
	EXPECT_EQ(1, hmm_trace_count("hmm_dma_unmap", ""));
}

/* The bounds of the unmap are those of all pages that were mapped together. */
TEST_F(edu, a_huge_page_is_one_run)
{
	size_t size;
	char *mem;

	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	hmm_fill(mem, NPAGES, 3, 0);
	ASSERT_EQ(0, edu_register(self->fd, mem, size / self->page, 0));
	ASSERT_EQ(0, edu_register(self->fd, self->dst, NPAGES, HMM_EDU_WRITE));
	HMM_TRACE_OR_SKIP();
	ASSERT_EQ(0, edu_copy(self->fd, self->dst, mem, NPAGES * self->page));
	ASSERT_EQ(0, edu_unregister(self->fd, mem));
	ASSERT_EQ(0, hmm_trace_stop());

	EXPECT_EQ(1, count("hmm_dma_map", mem, NPAGES, "ret=0 pages=4 runs=1 "));
	EXPECT_EQ(1, count("hmm_dma_unmap", mem, NPAGES, "pages=4 runs=1 "));
}

/* The driver asks only for pages that can be read, and maps them for writing. */
TEST_F(edu, a_failed_map_reports_its_error)
{
	char *mem = hmm_map(1);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, edu_register(self->fd, self->src, NPAGES, 0));
	ASSERT_EQ(0, edu_register(self->fd, mem, 1,
				  HMM_EDU_WRITE | HMM_EDU_TEST_REQ_READ));
	HMM_TRACE_OR_SKIP();
	EXPECT_EQ(-EPERM, edu_copy(self->fd, mem, self->src, CHUNK));
	ASSERT_EQ(0, hmm_trace_stop());

	EXPECT_EQ(1, count("hmm_dma_map", mem, 1, "ret=-1 pages=0 runs=0 "));
}

static int copy_all(void *arg)
{
	struct edu_job *job = arg;

	return edu_copy(job->fd, job->dst, job->src, NPAGES * hmm_page_size());
}

/*
 * The fault of the third page sleeps until this test copies the page. Meanwhile
 * the first page is invalidated, so the range must be read again.
 */
TEST_F(edu, populate_reports_collisions_and_time)
{
	struct edu_job job = EDU_JOB;
	struct hmm_thread device;
	char text[HMM_TRACE_TEXT];
	char *mem = hmm_map(NPAGES);
	void *third = mem + 2 * self->page, *addr;
	int uffd = hmm_uffd_open(0);

	if (uffd < 0)
		SKIP(return, "userfaultfd: %s", strerror(-uffd));
	ASSERT_NE(NULL, mem);
	hmm_fill(mem, 2, 1, 0);
	ASSERT_EQ(0, hmm_uffd_register(uffd, third, self->page,
				       UFFDIO_REGISTER_MODE_MISSING));
	job.src = mem;
	ASSERT_EQ(0, edu_register(self->fd, mem, NPAGES, 0));
	ASSERT_EQ(0, edu_register(self->fd, self->dst, NPAGES, HMM_EDU_WRITE));
	ASSERT_EQ(0, hmm_thread_create(&device, copy_all, &job));
	HMM_TRACE_OR_SKIP();
	hmm_thread_start(&device);
	ASSERT_EQ(0, hmm_uffd_wait(uffd, &addr, NULL));
	EXPECT_EQ(third, addr);
	ASSERT_EQ(0, madvise(mem, self->page, MADV_DONTNEED));
	usleep(BLOCKED_MS * 1000);
	ASSERT_EQ(0, hmm_uffd_copy(uffd, third, self->src, self->page));
	ASSERT_EQ(0, hmm_thread_join(&device));
	ASSERT_EQ(0, hmm_trace_stop());

	EXPECT_EQ(1, count("hmm_fault", mem, NPAGES,
			   "ret=-16 pages=0 retries=0 "));
	EXPECT_EQ(1, count("hmm_fault", mem, NPAGES,
			   "ret=0 pages=4 retries=0 "));
	hmm_trace_text(text, mem, NPAGES, "ret=0 pages=4 retries=1 ");
	EXPECT_EQ(1, hmm_trace_count("hmm_populate", text));
	EXPECT_LE(BLOCKED_MS * 1000000, hmm_trace_number("hmm_populate", text,
							 "ns"));
	close(uffd);
}

TEST_HARNESS_MAIN
