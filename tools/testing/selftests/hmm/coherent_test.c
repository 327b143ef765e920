// SPDX-License-Identifier: GPL-2.0
/*
 * Coherent device memory, which the CPU can access: pages stay in the device
 * until a command migrates them, and the CPU and all devices access the same
 * bytes.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "hmm_devmem_harness.h"

#define NPAGES 16

#define LOCAL	HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL
#define REMOTE	HMM_DMIRROR_PROT_DEV_COHERENT_REMOTE

FIXTURE(coherent) {
	int fd;
	int other;
	size_t page;
	char *mem;
	char *buf;
	long used;
};

FIXTURE_SETUP(coherent)
{
	self->fd = hmm_open(2);
	if (self->fd == -ENOENT)
		SKIP(return, "no unit 2: see the kernel log of test_hmm.ko");
	ASSERT_LE(0, self->fd);
	self->other = hmm_open(3);
	ASSERT_LE(0, self->other);
	self->page = hmm_page_size();
	self->mem = hmm_map_within_pmd(NPAGES);
	self->buf = hmm_map(NPAGES);
	ASSERT_NE(NULL, self->mem);
	ASSERT_NE(NULL, self->buf);
	self->used = hmm_devmem_wait_used(self->fd, 0);
	hmm_fill(self->mem, NPAGES, 1, 0);
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	ASSERT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	ASSERT_EQ(NPAGES, hmm_pages_at(self->fd, self->mem, NPAGES, LOCAL));
}

FIXTURE_TEARDOWN(coherent)
{
	close(self->fd);
	close(self->other);
}

TEST_F(coherent, cpu_and_devices_see_the_same_bytes)
{
	struct hmm_dmirror_cmd cmd;

	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	hmm_fill(self->mem, NPAGES, 2, 0);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, &cmd));
	/* The CPU's write does not invalidate the device's entries. */
	EXPECT_EQ(0, cmd.faults);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 2, 0));
	hmm_fill(self->buf, NPAGES, 3, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 3, 0));

	ASSERT_EQ(0, hmm_read(self->other, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 3, 0));
	EXPECT_EQ(NPAGES, hmm_pages_at(self->fd, self->mem, NPAGES, LOCAL));
	EXPECT_EQ(NPAGES, hmm_pages_at(self->other, self->mem, NPAGES, REMOTE));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->other, self->mem, NPAGES));
}

TEST_F(coherent, migrate_to_sys_by_the_owner_only)
{
	struct hmm_dmirror_cmd cmd;

	/* Only the device that owns the pages can migrate them. */
	ASSERT_EQ(0, hmm_to_sys(self->other, self->mem, NPAGES, &cmd));
	EXPECT_EQ(0, cmd.cpages);
	EXPECT_EQ(-ENOENT, hmm_to_dev(self->other, self->mem, self->buf, NPAGES,
				      NULL));
	EXPECT_EQ(NPAGES, hmm_pages_at(self->fd, self->mem, NPAGES, LOCAL));

	ASSERT_EQ(0, hmm_to_sys(self->fd, self->mem, NPAGES, &cmd));
	EXPECT_EQ(NPAGES, cmd.cpages);
	EXPECT_EQ(NPAGES, hmm_pages_at(self->fd, self->mem, NPAGES, 0));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

TEST_F(coherent, release_migrates_pages_back)
{
	struct hmm_dmirror_devmem devmem;

	ASSERT_EQ(0, hmm_devmem_release(self->fd));
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &devmem));
	EXPECT_EQ(0, devmem.capacity);
	EXPECT_EQ(0, devmem.used);
	EXPECT_EQ(NPAGES, hmm_pages_at(self->fd, self->mem, NPAGES, 0));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	/* The device can allocate memory again. */
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
}

/* R44: breaking copy-on-write allocates a page of system memory. */
TEST_F(coherent, r44_copy_on_write)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		int own = hmm_open(2);

		if (own < 0 || hmm_pages_at(own, self->mem, NPAGES, LOCAL) !=
		    NPAGES || !hmm_is_filled(self->mem, NPAGES, 1, 0))
			_exit(1);
		hmm_fill(self->mem, NPAGES, 4, 0);
		if (hmm_pages_at(own, self->mem, NPAGES, 0) != NPAGES)
			_exit(2);
		_exit(hmm_is_filled(self->mem, NPAGES, 4, 0) ? 0 : 3);
	}
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(NPAGES, hmm_pages_at(self->fd, self->mem, NPAGES, LOCAL));
}

/* R45: munmap() frees the device's pages. */
TEST_F(coherent, r45_unmapped)
{
	ASSERT_EQ(0, munmap(self->mem, NPAGES / 2 * self->page));
	EXPECT_EQ(self->used + NPAGES / 2, hmm_devmem_used(self->fd));
	EXPECT_EQ(NPAGES / 2, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, munmap(self->mem, NPAGES * self->page));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
}

/* R47: the memory of the device is exhausted. */
TEST_F(coherent, r47_exhausted)
{
	struct hmm_dmirror_devmem devmem;
	struct hmm_dmirror_cmd cmd;
	size_t npages;
	char *all, *buf;

	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &devmem));
	npages = devmem.capacity - devmem.used;
	ASSERT_LT(0, npages);
	all = hmm_map(npages + 1);
	buf = hmm_map(npages + 1);
	ASSERT_NE(NULL, all);
	ASSERT_NE(NULL, buf);
	memset(all, 9, (npages + 1) * self->page);
	EXPECT_EQ(-ENOENT, hmm_to_dev(self->fd, all, buf, npages + 1, &cmd));
	EXPECT_EQ(npages, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled_with(buf, npages, 9));
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &devmem));
	EXPECT_EQ(devmem.capacity, devmem.used);
	EXPECT_TRUE(hmm_is_filled_with(all, npages + 1, 9));
	/* After one page has migrated back, another page fits. */
	ASSERT_EQ(0, hmm_to_sys(self->fd, all, 1, NULL));
	EXPECT_EQ(0, hmm_to_dev(self->fd, all + npages * self->page, buf, 1,
				NULL));
	EXPECT_TRUE(hmm_is_filled_with(all, npages + 1, 9));
	ASSERT_EQ(0, munmap(all, (npages + 1) * self->page));
	EXPECT_EQ(self->used + NPAGES, hmm_devmem_used(self->fd));
}

/* R46: exclusive access to pages in the device is possible, too. */
TEST_F(coherent, r46_exclusive_access)
{
	int ret = hmm_cmd(self->fd, HMM_DMIRROR_EXCLUSIVE, self->mem, self->buf,
			  NPAGES, NULL);

	if (ret == -EOPNOTSUPP)
		SKIP(return, HMM_SKIP_NO_EXCLUSIVE);
	ASSERT_EQ(0, ret);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	hmm_fill(self->buf, NPAGES, 5, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 5, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

/*
 * R66: a huge page migrates to the device, then one page of it migrates to the
 * system and back, and then half of the range is unmapped. No kernel can split
 * a huge page in coherent memory, so the huge page must migrate as small pages.
 */
TEST_F(coherent, r66_part_of_a_huge_range)
{
	size_t size, npages, half;
	char *mem, *buf;
	__u8 *prot;

	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	npages = size / self->page;
	half = size / 2;
	buf = hmm_map(npages);
	prot = (__u8 *)hmm_map(npages / self->page + 1);
	ASSERT_NE(NULL, buf);
	ASSERT_NE(NULL, prot);
	hmm_fill(mem, npages, 6, 0);
	ASSERT_EQ(0, hmm_to_dev(self->fd, mem, buf, npages, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, npages, 6, 0));
	EXPECT_EQ(self->used + NPAGES + (long)npages,
		  hmm_devmem_used(self->fd));
	ASSERT_EQ(0, hmm_snapshot(self->fd, mem, prot, npages));
	for (size_t i = 0; i < npages; i++)
		EXPECT_EQ(LOCAL | HMM_DMIRROR_PROT_WRITE, prot[i]);

	/* Migrate one page in each direction. */
	EXPECT_EQ(-ENOENT, hmm_to_dev(self->other, mem + self->page, buf, 1,
				      NULL));
	ASSERT_EQ(0, hmm_to_sys(self->fd, mem + self->page, 1, NULL));
	EXPECT_EQ(self->used + NPAGES + (long)npages - 1,
		  hmm_devmem_used(self->fd));
	ASSERT_EQ(0, hmm_to_dev(self->fd, mem + self->page, buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled(mem, npages, 6, 0));

	ASSERT_EQ(0, munmap(mem + half, half));
	EXPECT_EQ(self->used + NPAGES + (long)npages / 2,
		  hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_filled(mem, npages / 2, 6, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, npages));
	ASSERT_EQ(0, munmap(mem, half));
	EXPECT_EQ(self->used + NPAGES, hmm_devmem_used(self->fd));

	/* Migrate an unpopulated range of the same size. */
	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	ASSERT_EQ(0, madvise(mem, size, MADV_DONTNEED));
	ASSERT_EQ(0, hmm_to_dev(self->fd, mem, buf, npages, NULL));
	ASSERT_EQ(0, hmm_to_dev(self->fd, mem, buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled_with(mem, npages, 0));
	ASSERT_EQ(0, hmm_to_sys(self->fd, mem, 1, NULL));
	ASSERT_EQ(0, munmap(mem, size));
	EXPECT_EQ(self->used + NPAGES, hmm_devmem_used(self->fd));
}

/*
 * R67: a pipe holds a reference to a page. RELEASE logs that it waits, and
 * returns after the pipe has been read.
 */
TEST_F(coherent, r67_release_and_a_page_in_a_pipe)
{
	struct iovec iov = { .iov_base = self->mem, .iov_len = self->page };
	struct hmm_thread releaser;
	struct hmm_access release;
	int fds[2], log, ret;

	log = hmm_kmsg_open();
	ASSERT_LE(0, log);
	ASSERT_EQ(0, pipe(fds));
	hmm_access_init(&release, self->fd, HMM_DMIRROR_RELEASE, NULL, NULL, 0);
	ASSERT_EQ(0, hmm_thread_create(&releaser, hmm_access_run, &release));
	ASSERT_EQ((ssize_t)self->page, vmsplice(fds[1], &iov, 1, 0));
	hmm_thread_start(&releaser);
	ret = hmm_kmsg_wait(log, "hmm_dmirror2 waits for 1 page",
			    HMM_TIMEOUT_MS);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&releaser, 0));
	ASSERT_EQ((ssize_t)self->page, read(fds[0], self->buf, self->page));
	EXPECT_TRUE(hmm_is_filled(self->buf, 1, 1, 0));
	EXPECT_EQ(0, hmm_thread_wait_done(&releaser, HMM_TIMEOUT_MS));
	EXPECT_EQ(0, hmm_thread_join(&releaser));
	EXPECT_EQ(0, hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	close(log);
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
