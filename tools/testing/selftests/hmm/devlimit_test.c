// SPDX-License-Identifier: GPL-2.0
/*
 * R47: the device's memory grows, is exhausted, or cannot be allocated. A step
 * that runs out of memory loses no data and leaks no page.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "hmm_devmem_harness.h"

#define NPAGES 8

#define FAIL_PAGE_ALLOC	"/sys/kernel/debug/fail_page_alloc/"

FIXTURE(devlimit) {
	HMM_DEVMEM_FIXTURE_MEMBERS;
};

#define devlimit_data FIXTURE_DATA(devlimit)

FIXTURE_SETUP(devlimit)
{
	HMM_SETUP_DEVMEM(NPAGES);
}

FIXTURE_TEARDOWN(devlimit)
{
	close(self->fd);
}

TEST_F(devlimit, r47_pages_without_room_stay)
{
	struct hmm_dmirror_cmd cmd;

	ASSERT_EQ(0, hmm_devmem_limit(self->fd, self->used + 3));
	EXPECT_EQ(-ENOENT, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES,
				      &cmd));
	EXPECT_EQ(3, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, 3, 1, 0));
	EXPECT_EQ(3, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used + 3, hmm_devmem_used(self->fd));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	ASSERT_EQ(0, hmm_devmem_limit(self->fd, ~0ULL));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
}

TEST_F(devlimit, r47_grows_on_demand)
{
	struct hmm_dmirror_devmem before, after;
	size_t npages;
	char *mem, *buf;

	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &before));
	ASSERT_LT(0, before.chunks);
	npages = before.capacity - before.used + 1;
	mem = hmm_map(npages);
	buf = hmm_map(npages);
	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, buf);
	memset(mem, 5, npages * self->page);
	ASSERT_EQ(0, hmm_to_dev(self->fd, mem, buf, npages, NULL));
	EXPECT_TRUE(hmm_is_filled_with(buf, npages, 5));
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &after));
	EXPECT_LT(before.chunks, after.chunks);
	EXPECT_LT(before.capacity, after.capacity);
	EXPECT_EQ(before.used + npages, after.used);
	ASSERT_EQ(0, munmap(mem, npages * self->page));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
	ASSERT_EQ(0, hmm_devmem_release(self->fd));
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &after));
	EXPECT_EQ(0, after.capacity);
	EXPECT_EQ(0, after.chunks);
	EXPECT_EQ(after.allocated, after.freed);
}

TEST_F(devlimit, r47_allocation_fails_in_migrate_to_dev)
{
	struct hmm_dmirror_cmd cmd;

	ASSERT_EQ(0, hmm_set_flags(self->fd, HMM_DMIRROR_FLAG_FAIL_ALLOC));
	EXPECT_EQ(-ENOENT, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES,
				      &cmd));
	EXPECT_EQ(0, cmd.cpages);
	EXPECT_EQ(NPAGES - 1, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	/* The reservation of the failed page does not count towards a limit. */
	ASSERT_EQ(0, hmm_devmem_limit(self->fd, self->used + NPAGES));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
}

TEST_F(devlimit, r47_allocation_fails_in_migrate_to_sys)
{
	struct hmm_dmirror_cmd cmd;

	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	ASSERT_EQ(0, hmm_set_flags(self->fd, HMM_DMIRROR_FLAG_FAIL_ALLOC));
	EXPECT_EQ(-ENOMEM, hmm_to_sys(self->fd, self->mem, NPAGES, &cmd));
	EXPECT_EQ(NPAGES - 1, cmd.cpages);
	EXPECT_EQ(1, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used + 1, hmm_devmem_used(self->fd));
	/* A CPU fault whose allocation fails is retried. */
	ASSERT_EQ(0, hmm_set_flags(self->fd, HMM_DMIRROR_FLAG_FAIL_ALLOC));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
}

/*
 * Each allocation of a command fails once: the test makes the nth allocation of
 * this thread fail, with n from 1 until the command makes fewer allocations.
 * The memory of the device does not grow during these commands, because on x86
 * the kernel warns if add_pages() fails.
 */
static int open_fail_nth(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth",
		 (long)syscall(SYS_gettid));
	return open(path, O_RDWR | O_CLOEXEC);
}

static int prepare_injection(void)
{
	static const char *const where[] = { "failslab", "fail_page_alloc" };
	char path[64];
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(where); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose",
			 where[i]);
		ret = hmm_write_file(path, "0");
		snprintf(path, sizeof(path),
			 "/sys/kernel/debug/%s/ignore-gfp-wait", where[i]);
		ret = ret ?: hmm_write_file(path, "N");
	}
	ret = ret ?: hmm_write_file(FAIL_PAGE_ALLOC "min-order", "0");
	/*
	 * Allocations for user memory use __GFP_HIGHMEM on 64-bit systems, too.
	 */
	return ret ?: hmm_write_file(FAIL_PAGE_ALLOC "ignore-gfp-highmem", "N");
}

struct step {
	const char *name;
	unsigned long request;
	/* whether the pages are in the device when the step begins */
	bool in_device;
};

static const struct step steps[] = {
	{ "to the device", HMM_DMIRROR_MIGRATE_TO_DEV, false },
	{ "back to the system", HMM_DMIRROR_MIGRATE_TO_SYS, true },
	{ "release", HMM_DMIRROR_RELEASE, true },
	{ "exclusive", HMM_DMIRROR_EXCLUSIVE, false },
	{ "read in the device", HMM_DMIRROR_READ, true },
	{ "write in the device", HMM_DMIRROR_WRITE, true },
};

/*
 * Returns 1 if the nth allocation failed, 0 if the command made fewer
 * allocations, or -errno.
 */
static int fail_nth(struct __test_metadata *_metadata,
		    devlimit_data *self, const struct step *step,
		    int nth_fd, unsigned int nth)
{
	char text[16];
	int ret, left;

	if (step->in_device)
		EXPECT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES,
					NULL));
	hmm_fill(self->buf, NPAGES, 1, 0);

	snprintf(text, sizeof(text), "%u", nth);
	if (pwrite(nth_fd, text, strlen(text), 0) < 0)
		return -errno;
	ret = hmm_cmd(self->fd, step->request, self->mem, self->buf, NPAGES,
		      NULL);
	memset(text, 0, sizeof(text));
	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0)
		return -errno;
	if (pwrite(nth_fd, "0", 1, 0) < 0)
		return -errno;
	left = atoi(text);

	EXPECT_TRUE(!ret || ret == -ENOMEM || ret == -ENOENT || ret == -EBUSY) {
		TH_LOG("%s, %u: %d", step->name, nth, ret);
	}
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	/* RELEASE would wait forever for a page that a step leaks. */
	ASSERT_EQ(self->used, hmm_devmem_used(self->fd)) {
		TH_LOG("%s, %u", step->name, nth);
	}
	return left == 0;
}

TEST_F(devlimit, r47_every_allocation_fails_once)
{
	int nth_fd = open_fail_nth();

	if (nth_fd < 0)
		SKIP(return, "this kernel has no fault injection (fail-nth)");
	ASSERT_EQ(0, prepare_injection());
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		unsigned int nth = 0;
		int ret;

		do {
			ret = fail_nth(_metadata, self, &steps[i], nth_fd,
				       ++nth);
			ASSERT_LE(0, ret);
		} while (ret && nth < 1000);
		/* The last round had no failure. */
		TH_LOG("%s: %u allocations failed", steps[i].name, nth - 1);
		EXPECT_LT(1, nth);
		EXPECT_GT(1000, nth);
	}
	close(nth_fd);
}

TEST_HARNESS_MAIN
