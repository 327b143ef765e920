// SPDX-License-Identifier: GPL-2.0
/*
 * R44, R45, R47, R48, R65, R67: huge pages and device memory that the CPU
 * cannot access. Newer kernels migrate a huge page as a whole. They split it
 * when only a part is requested, or when the destination has no huge page.
 */
#include <sys/mman.h>

#include "hmm_devmem_harness.h"

FIXTURE(devhuge) {
	HMM_HUGE_FIXTURE_MEMBERS;
	__u8 *prot;
	long used;
};

#define devhuge_data FIXTURE_DATA(devhuge)

FIXTURE_SETUP(devhuge)
{
	int ret;

	HMM_SETUP_HUGE();
	self->prot = (__u8 *)hmm_map(self->npages / self->page + 1);
	ASSERT_NE(NULL, self->prot);
	self->used = hmm_devmem_wait_used(self->fd, 0);
	hmm_fill(self->mem, self->npages, 1, 0);
	ret = hmm_to_dev(self->fd, self->mem, self->buf, self->npages, NULL);
	if (ret == -EOPNOTSUPP)
		SKIP(return, HMM_SKIP_NO_DEVMEM, 0);
	ASSERT_EQ(0, ret);
	ASSERT_TRUE(hmm_is_filled(self->buf, self->npages, 1, 0));
	ASSERT_EQ(self->used + (long)self->npages, hmm_devmem_used(self->fd));
}

FIXTURE_TEARDOWN(devhuge)
{
	close(self->fd);
}

static bool moved_whole(struct __test_metadata *_metadata,
			devhuge_data *self)
{
	size_t whole = 0;

	ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, self->prot,
				  self->npages));
	for (size_t i = 0; i < self->npages; i++) {
		EXPECT_EQ(HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL |
			  HMM_DMIRROR_PROT_WRITE,
			  self->prot[i] & ~HMM_DMIRROR_PROT_PMD);
		whole += !!(self->prot[i] & HMM_DMIRROR_PROT_PMD);
	}
	EXPECT_TRUE(!whole || whole == self->npages);
	return whole;
}

#define SPLIT	"this kernel splits huge pages to migrate them"

static void expect_intact(struct __test_metadata *_metadata,
			  devhuge_data *self, unsigned int seed)
{
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, self->npages,
			      NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, self->npages, seed, 0));
	EXPECT_TRUE(hmm_is_filled(self->mem, self->npages, seed, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
}

TEST_F(devhuge, migrate_to_the_device_and_back)
{
	struct hmm_dmirror_cmd cmd;

	moved_whole(_metadata, self);
	EXPECT_EQ((long)self->npages,
		  hmm_entries(self->fd, self->mem, self->npages));
	hmm_fill(self->buf, self->npages, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, self->npages,
			       &cmd));
	EXPECT_EQ(0, cmd.faults);
	ASSERT_EQ(0, hmm_to_sys(self->fd, self->mem, self->npages, &cmd));
	EXPECT_EQ(self->npages, cmd.cpages);
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
	expect_intact(_metadata, self, 2);
}

TEST_F(devhuge, r45_cpu_accesses_one_page)
{
	self->mem[5 * self->page]++;
	self->mem[5 * self->page]--;
	expect_intact(_metadata, self, 1);
}

TEST_F(devhuge, r45_returns_as_a_huge_page)
{
	if (!moved_whole(_metadata, self))
		SKIP(return, SPLIT);
	EXPECT_TRUE(hmm_is_filled(self->mem + 7 * self->page, 1, 1, 7));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_huge(self->mem));
	expect_intact(_metadata, self, 1);
}

TEST_F(devhuge, r45_part_is_unmapped)
{
	size_t half = self->npages / 2;

	ASSERT_EQ(0, munmap(self->mem + half * self->page, half * self->page));
	/* Splitting a huge page invalidates all of it. */
	EXPECT_GE((long)half, hmm_entries(self->fd, self->mem, self->npages));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, half, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, half, 1, 0));
	EXPECT_TRUE(hmm_is_filled(self->mem, half, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, half));
	ASSERT_EQ(0, munmap(self->mem, half * self->page));
	EXPECT_EQ(self->used, hmm_devmem_wait_used(self->fd, self->used));
}

TEST_F(devhuge, r45_part_is_made_read_only)
{
	size_t half = self->npages / 2;

	ASSERT_EQ(0, mprotect(self->mem, half * self->page, PROT_READ));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	EXPECT_EQ(-EPERM, hmm_write(self->fd, self->mem, self->buf, 1, NULL));
	expect_intact(_metadata, self, 1);
}

TEST_F(devhuge, r44_fork)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(hmm_verify_and_refill(self->mem, self->npages, 1, 3));
	EXPECT_EQ(0, hmm_wait_exit(pid));
	expect_intact(_metadata, self, 1);
}

/* R47: without a free huge page in the system, small pages are allocated. */
TEST_F(devhuge, r47_huge_page_allocation_fails)
{
	struct hmm_dmirror_cmd cmd;

	ASSERT_EQ(0, hmm_to_sys(self->fd, self->mem, self->npages, NULL));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, self->npages,
				NULL));
	if (!moved_whole(_metadata, self))
		SKIP(return, SPLIT);
	ASSERT_EQ(0, hmm_set_flags(self->fd, HMM_DMIRROR_FLAG_FAIL_ALLOC));
	ASSERT_EQ(0, hmm_to_sys(self->fd, self->mem, self->npages, &cmd));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
	EXPECT_FALSE(hmm_is_huge(self->mem));
	expect_intact(_metadata, self, 1);
}

/*
 * R65: an unpopulated huge range migrates to a device that has room for only a
 * part of it. With SELECT_COMPOUND, the kernel collects the range as one huge
 * entry, which the driver must not migrate to small pages. The driver must
 * therefore make the kernel collect single pages.
 */
TEST_F(devhuge, r65_room_for_part_of_a_huge_hole)
{
	struct hmm_dmirror_cmd cmd;
	const size_t room = 100;

	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_DONTNEED));
	ASSERT_EQ(self->used, hmm_devmem_wait_used(self->fd, self->used));
	ASSERT_EQ(0, hmm_devmem_limit(self->fd, self->used + room));
	EXPECT_EQ(-ENOENT, hmm_to_dev(self->fd, self->mem, self->buf,
				      self->npages, &cmd));
	EXPECT_EQ(room, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled_with(self->buf, room, 0));
	EXPECT_EQ(room, hmm_pages_in_device(self->fd, self->mem, 256));
	EXPECT_EQ(self->used + (long)room, hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_filled_with(self->mem, self->npages, 0));
	hmm_fill(self->mem, self->npages, 4, 0);
	expect_intact(_metadata, self, 4);
}

/* The device has room, but its allocation of a huge page fails. */
TEST_F(devhuge, huge_hole_migrates_as_small_pages)
{
	ASSERT_EQ(0, madvise(self->mem, self->size, MADV_DONTNEED));
	ASSERT_EQ(0, hmm_set_flags(self->fd, HMM_DMIRROR_FLAG_FAIL_ALLOC));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, self->npages,
				NULL));
	EXPECT_EQ(self->used + (long)self->npages, hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, self->npages, 0));
	hmm_fill(self->buf, self->npages, 4, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, self->npages,
			       NULL));
	expect_intact(_metadata, self, 4);
}

/*
 * Forks a child that shares the huge page and accesses it after go completes.
 */
static pid_t fork_sharer(struct __test_metadata *_metadata, devhuge_data *self,
			 struct hmm_completion *go)
{
	pid_t pid;

	ASSERT_EQ(0, hmm_completion_init(go));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		hmm_wait_for_completion(go);
		_exit(hmm_verify_and_refill(self->mem, self->npages, 1, 3));
	}
	return pid;
}

/* R65: a huge page that another process also maps migrates as small pages. */
TEST_F(devhuge, r65_room_for_part_of_a_shared_huge_page)
{
	struct hmm_completion go;
	pid_t pid;

	ASSERT_EQ(0, hmm_to_sys(self->fd, self->mem, self->npages, NULL));
	pid = fork_sharer(_metadata, self, &go);
	ASSERT_EQ(0, hmm_devmem_limit(self->fd, self->used + 100));
	EXPECT_EQ(-ENOENT, hmm_to_dev(self->fd, self->mem, self->buf,
				      self->npages, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 100, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	ASSERT_EQ(0, hmm_complete(&go));
	EXPECT_EQ(0, hmm_wait_exit(pid));
	expect_intact(_metadata, self, 1);
}

/*
 * R65: a shared huge page migrates back as small pages if the system has no
 * free huge page.
 */
TEST_F(devhuge, r65_shared_huge_page_returns_as_small_pages)
{
	struct hmm_completion go;
	pid_t pid = fork_sharer(_metadata, self, &go);

	ASSERT_EQ(0, hmm_set_flags(self->fd, HMM_DMIRROR_FLAG_NO_HUGE));
	ASSERT_EQ(0, hmm_to_sys(self->fd, self->mem, self->npages, NULL));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
	EXPECT_FALSE(hmm_is_huge(self->mem));
	ASSERT_EQ(0, hmm_complete(&go));
	EXPECT_EQ(0, hmm_wait_exit(pid));
	expect_intact(_metadata, self, 1);
}

/*
 * R67: RELEASE migrates pages by page frame. In such a migration, the kernel
 * cannot split a huge page, so the page must migrate as a whole even if the
 * system has no free huge page.
 */
TEST_F(devhuge, r67_release_without_a_huge_page)
{
	ASSERT_EQ(0, hmm_set_flags(self->fd, HMM_DMIRROR_FLAG_NO_HUGE));
	ASSERT_EQ(0, hmm_devmem_release(self->fd));
	EXPECT_EQ(0, hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_filled(self->mem, self->npages, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	hmm_fill(self->mem, self->npages, 5, 0);
	ASSERT_EQ(0, hmm_set_flags(self->fd, 0));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, self->npages,
				NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, self->npages, 5, 0));
	ASSERT_EQ(0, hmm_devmem_release(self->fd));
	EXPECT_EQ(0, hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_filled(self->mem, self->npages, 5, 0));
}

/* R67: a CPU fault succeeds although the system has no free huge page. */
TEST_F(devhuge, r67_cpu_fault_without_a_huge_page)
{
	struct hmm_completion go;
	pid_t pid = fork_sharer(_metadata, self, &go);

	ASSERT_EQ(0, hmm_set_flags(self->fd, HMM_DMIRROR_FLAG_NO_HUGE));
	EXPECT_TRUE(hmm_is_filled(self->mem + 5 * self->page, 1, 1, 5));
	EXPECT_EQ(self->used + (long)self->npages - 1,
		  hmm_devmem_used(self->fd));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, self->npages));
	ASSERT_EQ(0, hmm_complete(&go));
	EXPECT_EQ(0, hmm_wait_exit(pid));
	expect_intact(_metadata, self, 1);
}

TEST_F(devhuge, r48_release)
{
	ASSERT_EQ(0, hmm_devmem_release(self->fd));
	EXPECT_EQ(0, hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_filled(self->mem, self->npages, 1, 0));
}

TEST_HARNESS_MAIN
