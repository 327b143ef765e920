// SPDX-License-Identifier: GPL-2.0
/*
 * R46: the device has pages for itself, and loses them to whoever else does
 * anything with them.
 */
#include <sys/mman.h>

#include "hmm_devmem_harness.h"

#define NPAGES 8

FIXTURE(exclusive) {
	HMM_FIXTURE_MEMBERS;
};

#define exclusive_data FIXTURE_DATA(exclusive)

static int take(int fd, void *addr, void *ptr, size_t npages,
		struct hmm_dmirror_cmd *out)
{
	return hmm_cmd(fd, HMM_DMIRROR_EXCLUSIVE, addr, ptr, npages, out);
}

/* How many pages the device has for itself, or -errno. */
static long held(int fd, void *addr, size_t npages)
{
	struct hmm_dmirror_cmd cmd;
	int ret = hmm_cmd(fd, HMM_DMIRROR_CHECK_EXCLUSIVE, addr, NULL, npages,
			  &cmd);

	/* The errno must say the same as the number. */
	if (!ret && !cmd.cpages)
		return 0;
	return ret == -EPERM && cmd.cpages ? (long)cmd.cpages : -EIO;
}

FIXTURE_SETUP(exclusive)
{
	int ret;

	HMM_SETUP(NPAGES);
	hmm_fill(self->mem, NPAGES, 1, 0);
	ret = take(self->fd, self->mem, self->buf, NPAGES, NULL);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "no exclusive access: see what test_hmm.ko said at load");
	ASSERT_EQ(0, ret);
	ASSERT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	ASSERT_EQ(NPAGES, held(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

FIXTURE_TEARDOWN(exclusive)
{
	close(self->fd);
}

TEST_F(exclusive, r46_device_writes_and_keeps_it)
{
	struct hmm_dmirror_cmd cmd;

	hmm_fill(self->buf, NPAGES, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_EQ(0, cmd.faults);
	EXPECT_EQ(NPAGES, held(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 2, 0));
	EXPECT_EQ(0, held(self->fd, self->mem, NPAGES));
}

TEST_F(exclusive, r46_cpu_access_revokes_it)
{
	EXPECT_TRUE(hmm_is_filled(self->mem + self->page, 1, 1, 1));
	EXPECT_EQ(NPAGES - 1, held(self->fd, self->mem, NPAGES));
	self->mem[4 * self->page] ^= 1;
	EXPECT_EQ(NPAGES - 2, held(self->fd, self->mem, NPAGES));
	EXPECT_EQ(NPAGES - 2, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	self->mem[4 * self->page] ^= 1;
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
}

TEST_F(exclusive, r46_mprotect_revokes_it)
{
	ASSERT_EQ(0, mprotect(self->mem, 3 * self->page, PROT_READ));
	EXPECT_EQ(NPAGES - 3, held(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(-EPERM, hmm_write(self->fd, self->mem, self->buf, 1, NULL));
	EXPECT_EQ(-EPERM, take(self->fd, self->mem, self->buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

TEST_F(exclusive, r46_fork_revokes_it)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (!hmm_is_filled(self->mem, NPAGES, 1, 0))
			_exit(1);
		hmm_fill(self->mem, NPAGES, 3, 0);
		_exit(hmm_is_filled(self->mem, NPAGES, 3, 0) ? 0 : 2);
	}
	EXPECT_EQ(0, held(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	hmm_fill(self->buf, NPAGES, 4, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 4, 0));
}

/* What others may have is not to be had, and stays as it is. */
TEST_F(exclusive, r46_copy_on_write_is_broken_first)
{
	struct hmm_completion to_child;
	pid_t pid;

	ASSERT_EQ(0, hmm_completion_init(&to_child));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		hmm_wait_for_completion(&to_child);
		_exit(hmm_is_filled(self->mem, NPAGES, 1, 0) ? 0 : 1);
	}
	ASSERT_EQ(0, take(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(NPAGES, held(self->fd, self->mem, NPAGES));
	hmm_fill(self->buf, NPAGES, 5, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	hmm_complete(&to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 5, 0));
}

TEST_F(exclusive, r46_another_device_acquires_it)
{
	int other = hmm_open(1);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, take(other, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(NPAGES, held(other, self->mem, NPAGES));
	EXPECT_EQ(0, held(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
	hmm_fill(self->buf, NPAGES, 6, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(0, held(other, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(other, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 6, 0));
	close(other);
}

/* A file that has it may ask again; so may another of the same device. */
TEST_F(exclusive, r46_acquired_twice)
{
	int other = hmm_open(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, take(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(NPAGES, held(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, take(other, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(NPAGES, held(other, self->mem, NPAGES));
	EXPECT_EQ(0, held(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	close(other);
}

TEST_F(exclusive, exclusive_access_is_refused)
{
	char *shared = hmm_map_shared(1);
	struct hmm_dmirror_cmd cmd;

	ASSERT_NE(NULL, shared);
	*shared = 1;
	EXPECT_EQ(-EBUSY, take(self->fd, shared, self->buf, 1, NULL));
	EXPECT_EQ(0, hmm_mismatches(self->fd, shared, 1));
	EXPECT_EQ(0, held(self->fd, shared, 1));
	EXPECT_EQ(1, *shared);

	ASSERT_EQ(0, munmap(self->mem + 4 * self->page, self->page));
	EXPECT_EQ(-EFAULT, take(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, 4, 1, 0));
}

/* Stopped with the first page taken from the CPU, and not yet the device's. */
struct taking {
	struct hmm_thread taker;
	struct hmm_access access;
};

static void stop_in_the_midst(struct __test_metadata *_metadata,
			      exclusive_data *self, struct taking *t)
{
	/* In the CPU's hands again, so that one point is the first page. */
	ASSERT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	hmm_access_init(&t->access, self->fd, HMM_DMIRROR_EXCLUSIVE, self->mem,
			self->buf, NPAGES);
	ASSERT_EQ(0, hmm_thread_create(&t->taker, hmm_access_run, &t->access));
	ASSERT_EQ(0, hmm_prefault());
	ASSERT_EQ(0, hmm_stop_at(self->fd, HMM_DMIRROR_POINT_EXCLUSIVE));
	hmm_thread_start(&t->taker);
	ASSERT_EQ(0, hmm_wait_at(self->fd, HMM_DMIRROR_POINT_EXCLUSIVE, 0));
}

TEST_F(exclusive, r46_dontneed_while_acquiring)
{
	struct taking t;

	stop_in_the_midst(_metadata, self, &t);
	EXPECT_EQ(0, madvise(self->mem, self->page, MADV_DONTNEED));
	EXPECT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_EXCLUSIVE));
	EXPECT_EQ(0, hmm_thread_join(&t.taker));
	/* What the device got is what the process has there now. */
	EXPECT_TRUE(hmm_is_filled_with(self->buf, 1, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + self->page, NPAGES - 1, 1, 1));
	EXPECT_EQ(NPAGES, held(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	hmm_fill(self->buf, 1, 7, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, 1, 7, 0));
}

static int touch_one(void *mem)
{
	return hmm_is_filled(mem, 1, 1, 0) ? 0 : -EIO;
}

TEST_F(exclusive, r46_cpu_fault_waits_while_acquiring)
{
	struct hmm_thread toucher;
	struct taking t;

	ASSERT_EQ(0, hmm_thread_create(&toucher, touch_one, self->mem));
	stop_in_the_midst(_metadata, self, &t);
	hmm_thread_start(&toucher);
	EXPECT_EQ(0, hmm_thread_wait_blocked(&toucher));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&toucher, HMM_QUIET_MS));
	EXPECT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_EXCLUSIVE));
	/* Lost again before it was read, or not: but known to be. */
	hmm_thread_join(&t.taker);
	EXPECT_EQ(0, hmm_thread_join(&toucher));
	EXPECT_EQ(0, held(self->fd, self->mem, 1));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

TEST_F(exclusive, r46_munmap_while_acquiring)
{
	struct taking t;

	stop_in_the_midst(_metadata, self, &t);
	EXPECT_EQ(0, munmap(self->mem, NPAGES * self->page));
	EXPECT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_EXCLUSIVE));
	EXPECT_EQ(-EFAULT, hmm_thread_join(&t.taker));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
}

TEST_HARNESS_MAIN
