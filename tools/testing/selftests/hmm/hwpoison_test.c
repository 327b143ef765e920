// SPDX-License-Identifier: GPL-2.0
/*
 * R34: memory failure. The device's entry for the page is removed, and a
 * command returns -EFAULT where an access by the CPU would raise SIGBUS. The
 * other pages are not affected.
 */
#include <signal.h>

#include "hmm_harness.h"

#define NPAGES	6
#define BAD	2

/*
 * The kernel sends SIGBUS to tasks that map the page, even if they ignore it.
 */
static void handle_sigbus(int sig)
{
	(void)sig;
}

FIXTURE(hwpoison) {
	HMM_FIXTURE_MEMBERS;
	char *bad;
};

FIXTURE_SETUP(hwpoison)
{
	HMM_SETUP_FILLED(NPAGES);
	self->bad = self->mem + BAD * self->page;
	signal(SIGBUS, handle_sigbus);
}

FIXTURE_TEARDOWN(hwpoison)
{
	close(self->fd);
}

TEST_F(hwpoison, r34_memory_failure_of_a_mapped_page)
{
	struct hmm_dmirror_cmd cmd;
	__u8 prot[NPAGES];

	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, NPAGES, NULL));
	if (madvise(self->bad, self->page, MADV_HWPOISON)) {
		ASSERT_EQ(EINVAL, errno);
		SKIP(return, "this kernel has no memory failure handling");
	}
	EXPECT_EQ(0, hmm_entries(self->fd, self->bad, 1));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, prot, NPAGES));
	for (int i = 0; i < NPAGES; i++)
		EXPECT_EQ(i == BAD ? NONE : WRITE, prot[i]);

	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem, self->buf, NPAGES,
				    &cmd));
	EXPECT_EQ(BAD, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, BAD, 1, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + BAD * self->page,
				       NPAGES - BAD, 0x55));
	EXPECT_EQ(-EFAULT, hmm_write(self->fd, self->bad, self->buf, 1, &cmd));
	EXPECT_EQ(0, cmd.cpages);

	ASSERT_EQ(0, hmm_read(self->fd, self->bad + self->page, self->buf,
			      NPAGES - BAD - 1, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES - BAD - 1, 1, BAD + 1));
	EXPECT_TRUE(hmm_is_filled(self->mem, BAD, 1, 0));

	/* A new page at the same address is usable. */
	ASSERT_EQ(0, madvise(self->bad, self->page, MADV_DONTNEED));
	ASSERT_EQ(0, hmm_read(self->fd, self->bad, self->buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, 1, 0));
}

/* The failure of one small page splits the huge page. */
TEST_F(hwpoison, r34_memory_failure_in_a_huge_page)
{
	size_t size, npages;
	char *mem;
	char *buf;

	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	npages = size / self->page;
	buf = hmm_map(npages);
	ASSERT_NE(NULL, buf);
	hmm_fill(mem, npages, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, mem, mem, npages, NULL));
	if (madvise(mem + 100 * self->page, self->page, MADV_HWPOISON)) {
		ASSERT_EQ(EINVAL, errno);
		SKIP(return, "this kernel has no memory failure handling");
	}
	EXPECT_EQ(0, hmm_entries(self->fd, mem + 100 * self->page, 1));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, npages));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem + 100 * self->page, 1,
				       NONE));
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, mem + 100 * self->page, buf, 1,
				    NULL));
	ASSERT_EQ(0, hmm_read(self->fd, mem, buf, 100, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, 100, 2, 0));
	ASSERT_EQ(0, hmm_read(self->fd, mem + 101 * self->page, buf,
			      npages - 101, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, npages - 101, 2, 101));
}

TEST_HARNESS_MAIN
