// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of Documentation/tracing.rst, and the addresses that they
 * report.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hmm_harness.h"

#define TRACING		"/sys/kernel/tracing/"
#define NPAGES		4

/* Returns how many lines of the trace contain both strings. */
static int lines_with(const char *event, const char *field)
{
	FILE *f = fopen(TRACING "trace", "r");
	char line[512];
	int n = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		n += strstr(line, event) && strstr(line, field);
	fclose(f);
	return n;
}

TEST(events_report_the_addresses)
{
	char *mem = hmm_map(NPAGES), *buf = hmm_map(NPAGES);
	struct hmm_access access = {
		.request = HMM_DMIRROR_READ,
		.addr = mem,
		.ptr = buf,
		.npages = NPAGES,
	};
	struct hmm_thread device;
	char bounds[64];
	int fd;

	if (hmm_write_file(TRACING "events/hmm_mirror/enable", "0"))
		SKIP(return, "no " TRACING "events/hmm_mirror");
	HMM_SKIP_WITHOUT_DEVICE(0);
	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, buf);
	hmm_fill(mem, NPAGES, 1, 0);
	snprintf(bounds, sizeof(bounds), "start=%#lx end=%#lx",
		 (unsigned long)mem,
		 (unsigned long)mem + NPAGES * hmm_page_size());

	ASSERT_EQ(0, hmm_write_file(TRACING "trace", ""));
	ASSERT_EQ(0, hmm_write_file(TRACING "events/hmm_mirror/enable", "1"));
	fd = hmm_open(0);
	ASSERT_LE(0, fd);
	access.fd = fd;
	ASSERT_EQ(0, hmm_thread_create(&device, hmm_access_run, &access));
	ASSERT_EQ(0, hmm_prefault());

	/*
	 * Make a read collide once, with an invalidation of exactly its pages.
	 */
	ASSERT_EQ(0, hmm_stop_at(fd, HMM_DMIRROR_POINT_FAULTED));
	hmm_thread_start(&device);
	ASSERT_EQ(0, hmm_wait_at(fd, HMM_DMIRROR_POINT_FAULTED,
				 HMM_TIMEOUT_MS));
	ASSERT_EQ(0, madvise(mem, NPAGES * hmm_page_size(), MADV_DONTNEED));
	ASSERT_EQ(0, hmm_resume(fd, HMM_DMIRROR_POINT_FAULTED));
	ASSERT_EQ(0, hmm_thread_join(&device));
	close(fd);
	ASSERT_EQ(0, hmm_write_file(TRACING "events/hmm_mirror/enable", "0"));

	EXPECT_LT(0, lines_with("hmm_interval_insert:", "start=0x0 "));
	EXPECT_LT(0, lines_with("hmm_read_begin:", "waited_ns="));
	EXPECT_EQ(1, lines_with("hmm_invalidate_start:", bounds));
	EXPECT_EQ(1, lines_with("hmm_invalidate_end:", bounds));
	EXPECT_LT(0, lines_with("hmm_invalidate_start:", "hit=1"));
	EXPECT_LT(0, lines_with("hmm_read_retry:", "now="));
	EXPECT_LT(0, lines_with("hmm_interval_remove:", "start=0x0 "));
	ASSERT_EQ(0, hmm_write_file(TRACING "trace", ""));
}

TEST_HARNESS_MAIN
