// SPDX-License-Identifier: GPL-2.0
/* R34: KSM merges pages that the device maps, and unmerges them. */
#include "hmm_harness.h"
#include "hmm_pagemap.h"

#define NPAGES	8

#define KSM	"/sys/kernel/mm/ksm/"

/* 0 stops the scan, 1 starts it, 2 stops it and unmerges all pages. */
#define STOP	"0"
#define MERGE	"1"
#define UNMERGE	"2"

FIXTURE(ksm) {
	HMM_FIXTURE_MEMBERS;
	char *twin;	/* the second half of mem, with the same content */
	struct hmm_dmirror_stats before;
	struct hmm_dmirror_stats after;
};

FIXTURE_SETUP(ksm)
{
	HMM_SETUP(2 * NPAGES);
	self->twin = self->mem + NPAGES * self->page;
	if (hmm_write_file(KSM "run", UNMERGE))
		SKIP(return, "this kernel has no KSM");
	ASSERT_EQ(0, hmm_write_file(KSM "sleep_millisecs", "1"));
	ASSERT_EQ(0, hmm_write_file(KSM "pages_to_scan", "1000"));
	hmm_write_file(KSM "smart_scan", "0");
	ASSERT_EQ(0, madvise(self->mem, 2 * NPAGES * self->page,
			     MADV_MERGEABLE));
	hmm_fill(self->mem, NPAGES, 1, 0);
	hmm_fill(self->twin, NPAGES, 1, 0);
	/* Make the device create writable entries for all pages. */
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, 2 * NPAGES,
			       NULL));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->before));
}

FIXTURE_TEARDOWN(ksm)
{
	hmm_write_file(KSM "run", UNMERGE);
	hmm_write_file(KSM "use_zero_pages", "0");
	hmm_write_file(KSM "run", STOP);
	close(self->fd);
}

/* Returns how many pages have the same page frame as their twin. */
static size_t count_merged(const char *mem, const char *twin)
{
	size_t count = 0;

	for (size_t i = 0; i < NPAGES; i++) {
		const size_t at = i * hmm_page_size();
		__u64 frame = hmm_pfn(mem + at);

		count += frame && frame == hmm_pfn(twin + at);
	}
	return count;
}

static size_t merge(const char *mem, const char *twin)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;

	if (hmm_write_file(KSM "run", MERGE))
		return 0;
	while (count_merged(mem, twin) < NPAGES && hmm_now_ms() < end)
		usleep(10000);
	/* Stop the scan, so that KSM merges nothing during the test. */
	hmm_write_file(KSM "run", STOP);
	return count_merged(mem, twin);
}

TEST_F(ksm, r34_merged_pages_are_read)
{
	ASSERT_EQ(NPAGES, merge(self->mem, self->twin));
	ASSERT_EQ(0, hmm_stats(self->fd, &self->after));
	EXPECT_LE(self->before.dropped + 2 * NPAGES, self->after.dropped);
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, 2 * NPAGES));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, 2 * NPAGES, READ));

	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, 2 * NPAGES,
			      NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + NPAGES * self->page, NPAGES, 1,
				  0));
	/* A read by the device does not unmerge the pages. */
	EXPECT_EQ(NPAGES, count_merged(self->mem, self->twin));
}

TEST_F(ksm, r34_device_write_splits_them)
{
	ASSERT_EQ(NPAGES, merge(self->mem, self->twin));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, 2 * NPAGES,
			      NULL));
	hmm_fill(self->buf, 3, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, 3, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, 3, 2, 0));
	EXPECT_TRUE(hmm_is_filled(self->twin, NPAGES, 1, 0));
	EXPECT_EQ(NPAGES - 3, count_merged(self->mem, self->twin));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, 3, WRITE));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->twin, NPAGES, READ));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, 2 * NPAGES));
	ASSERT_EQ(0, hmm_read(self->fd, self->twin, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
}

TEST_F(ksm, r34_cpu_write_splits_them)
{
	ASSERT_EQ(NPAGES, merge(self->mem, self->twin));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, 2 * NPAGES,
			      NULL));
	hmm_fill(self->mem, 3, 3, 0);
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, 2 * NPAGES));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, 2 * NPAGES,
			      NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 3, 3, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + 3 * self->page, NPAGES - 3, 1,
				  3));
	EXPECT_TRUE(hmm_is_filled(self->buf + NPAGES * self->page, NPAGES, 1,
				  0));
}

TEST_F(ksm, r34_unmerge_splits_all)
{
	ASSERT_EQ(NPAGES, merge(self->mem, self->twin));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, 2 * NPAGES,
			      NULL));
	ASSERT_EQ(0, hmm_write_file(KSM "run", UNMERGE));
	EXPECT_EQ(0, count_merged(self->mem, self->twin));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, 2 * NPAGES));
	/* The device reads what the CPU writes to the new pages. */
	hmm_fill(self->mem, NPAGES, 4, 0);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, 2 * NPAGES,
			      NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 4, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + NPAGES * self->page, NPAGES, 1,
				  0));
}

/* KSM replaces pages of zeros with the zero page, without a fault. */
TEST_F(ksm, r34_pages_of_zeros)
{
	if (hmm_write_file(KSM "use_zero_pages", "1"))
		SKIP(return, "KSM cannot use the zero page on this kernel");
	memset(self->mem, 0, 2 * NPAGES * self->page);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, 2 * NPAGES,
			       NULL));
	ASSERT_EQ(NPAGES, merge(self->mem, self->twin));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, 2 * NPAGES));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, 2 * NPAGES, ZERO));
	hmm_fill(self->buf, 2, 5, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, 2, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, 2, 5, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->mem + 2 * self->page,
				       2 * NPAGES - 2, 0));
}

TEST_HARNESS_MAIN
