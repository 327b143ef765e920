// SPDX-License-Identifier: GPL-2.0
/* R46: exclusive access by the device, which any other access revokes. */
#include <sys/mman.h>

#include "hmm_devmem_harness.h"

#define NPAGES 8

FIXTURE(exclusive) {
	HMM_FIXTURE_MEMBERS;
};

#define exclusive_data FIXTURE_DATA(exclusive)

static int acquire(int fd, void *addr, void *ptr, size_t npages,
		   struct hmm_dmirror_cmd *out)
{
	return hmm_cmd(fd, HMM_DMIRROR_EXCLUSIVE, addr, ptr, npages, out);
}

/* Returns how many pages the device has exclusive access to, or -errno. */
static long exclusive_pages(int fd, void *addr, size_t npages)
{
	struct hmm_dmirror_cmd cmd;
	int ret = hmm_cmd(fd, HMM_DMIRROR_CHECK_EXCLUSIVE, addr, NULL, npages,
			  &cmd);

	/* The errno and the count must agree. */
	if (!ret && !cmd.cpages)
		return 0;
	return ret == -EPERM && cmd.cpages ? (long)cmd.cpages : -EIO;
}

FIXTURE_SETUP(exclusive)
{
	int ret;

	HMM_SETUP(NPAGES);
	hmm_fill(self->mem, NPAGES, 1, 0);
	ret = acquire(self->fd, self->mem, self->buf, NPAGES, NULL);
	if (ret == -EOPNOTSUPP)
		SKIP(return, HMM_SKIP_NO_EXCLUSIVE);
	ASSERT_EQ(0, ret);
	ASSERT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	ASSERT_EQ(NPAGES, exclusive_pages(self->fd, self->mem, NPAGES));
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
	EXPECT_EQ(NPAGES, exclusive_pages(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 2, 0));
	EXPECT_EQ(0, exclusive_pages(self->fd, self->mem, NPAGES));
}

TEST_F(exclusive, r46_cpu_access_revokes_it)
{
	EXPECT_TRUE(hmm_is_filled(self->mem + self->page, 1, 1, 1));
	EXPECT_EQ(NPAGES - 1, exclusive_pages(self->fd, self->mem, NPAGES));
	self->mem[4 * self->page] ^= 1;
	EXPECT_EQ(NPAGES - 2, exclusive_pages(self->fd, self->mem, NPAGES));
	EXPECT_EQ(NPAGES - 2, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	self->mem[4 * self->page] ^= 1;
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
}

TEST_F(exclusive, r46_mprotect_revokes_it)
{
	ASSERT_EQ(0, mprotect(self->mem, 3 * self->page, PROT_READ));
	EXPECT_EQ(NPAGES - 3, exclusive_pages(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(-EPERM, hmm_write(self->fd, self->mem, self->buf, 1, NULL));
	EXPECT_EQ(-EPERM, acquire(self->fd, self->mem, self->buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

TEST_F(exclusive, r46_fork_revokes_it)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(hmm_verify_and_refill(self->mem, NPAGES, 1, 3));
	EXPECT_EQ(0, exclusive_pages(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	hmm_fill(self->buf, NPAGES, 4, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 4, 0));
}

/* Exclusive access breaks copy-on-write, so the child's pages do not change. */
TEST_F(exclusive, r46_copy_on_write_is_broken_first)
{
	struct hmm_completion to_child;
	pid_t pid;

	ASSERT_EQ(0, hmm_completion_init(&to_child));
	pid = hmm_fork_to_verify(&to_child, self->mem, NPAGES, 1);
	ASSERT_LE(0, pid);
	ASSERT_EQ(0, acquire(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(NPAGES, exclusive_pages(self->fd, self->mem, NPAGES));
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
	ASSERT_EQ(0, acquire(other, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(NPAGES, exclusive_pages(other, self->mem, NPAGES));
	EXPECT_EQ(0, exclusive_pages(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
	hmm_fill(self->buf, NPAGES, 6, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(0, exclusive_pages(other, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(other, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 6, 0));
	close(other);
}

/*
 * A file that has exclusive access may acquire it again. Another file of the
 * same device may acquire it as well, and the first file then loses it.
 */
TEST_F(exclusive, r46_acquired_twice)
{
	int other = hmm_open(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, acquire(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(NPAGES, exclusive_pages(self->fd, self->mem, NPAGES));
	ASSERT_EQ(0, acquire(other, self->mem, self->buf, NPAGES, NULL));
	EXPECT_EQ(NPAGES, exclusive_pages(other, self->mem, NPAGES));
	EXPECT_EQ(0, exclusive_pages(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	close(other);
}

TEST_F(exclusive, exclusive_access_is_refused)
{
	char *shared = hmm_map_shared(1);
	struct hmm_dmirror_cmd cmd;

	ASSERT_NE(NULL, shared);
	*shared = 1;
	EXPECT_EQ(-EBUSY, acquire(self->fd, shared, self->buf, 1, NULL));
	EXPECT_EQ(0, hmm_mismatches(self->fd, shared, 1));
	EXPECT_EQ(0, exclusive_pages(self->fd, shared, 1));
	EXPECT_EQ(1, *shared);

	ASSERT_EQ(0, munmap(self->mem + 4 * self->page, self->page));
	EXPECT_EQ(-EFAULT, acquire(self->fd, self->mem, self->buf, NPAGES,
				   &cmd));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, 4, 1, 0));
}

/*
 * An EXCLUSIVE command that is stopped after the first page was unmapped from
 * the CPU, and before the device has an entry for this page.
 */
struct acquiring {
	struct hmm_thread thread;
	struct hmm_access access;
};

static void stop_acquiring(struct __test_metadata *_metadata,
			   exclusive_data *self, struct acquiring *a)
{
	/*
	 * Revoke exclusive access, so that the command stops at the first page.
	 */
	ASSERT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	hmm_access_init(&a->access, self->fd, HMM_DMIRROR_EXCLUSIVE, self->mem,
			self->buf, NPAGES);
	ASSERT_EQ(0, hmm_thread_create(&a->thread, hmm_access_run, &a->access));
	ASSERT_EQ(0, hmm_prefault());
	ASSERT_EQ(0, hmm_stop_at(self->fd, HMM_DMIRROR_POINT_EXCLUSIVE));
	hmm_thread_start(&a->thread);
	ASSERT_EQ(0, hmm_wait_at(self->fd, HMM_DMIRROR_POINT_EXCLUSIVE, 0));
}

TEST_F(exclusive, r46_dontneed_while_acquiring)
{
	struct acquiring a;

	stop_acquiring(_metadata, self, &a);
	EXPECT_EQ(0, madvise(self->mem, self->page, MADV_DONTNEED));
	EXPECT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_EXCLUSIVE));
	EXPECT_EQ(0, hmm_thread_join(&a.thread));
	/* The device acquired the page that replaced the discarded one. */
	EXPECT_TRUE(hmm_is_filled_with(self->buf, 1, 0));
	EXPECT_TRUE(hmm_is_filled(self->buf + self->page, NPAGES - 1, 1, 1));
	EXPECT_EQ(NPAGES, exclusive_pages(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	hmm_fill(self->buf, 1, 7, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, 1, 7, 0));
}

static int check_first_page(void *mem)
{
	return hmm_is_filled(mem, 1, 1, 0) ? 0 : -EIO;
}

TEST_F(exclusive, r46_cpu_fault_waits_while_acquiring)
{
	struct hmm_thread cpu;
	struct acquiring a;

	ASSERT_EQ(0, hmm_thread_create(&cpu, check_first_page, self->mem));
	stop_acquiring(_metadata, self, &a);
	hmm_thread_start(&cpu);
	EXPECT_EQ(0, hmm_thread_wait_blocked(&cpu));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&cpu, HMM_QUIET_MS));
	EXPECT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_EXCLUSIVE));
	/*
	 * The device may lose the page before it copies the page, and must
	 * detect this.
	 */
	hmm_thread_join(&a.thread);
	EXPECT_EQ(0, hmm_thread_join(&cpu));
	EXPECT_EQ(0, exclusive_pages(self->fd, self->mem, 1));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

TEST_F(exclusive, r46_munmap_while_acquiring)
{
	struct acquiring a;

	stop_acquiring(_metadata, self, &a);
	EXPECT_EQ(0, munmap(self->mem, NPAGES * self->page));
	EXPECT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_EXCLUSIVE));
	EXPECT_EQ(-EFAULT, hmm_thread_join(&a.thread));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
}

TEST_HARNESS_MAIN
