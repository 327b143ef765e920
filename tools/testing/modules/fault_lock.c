// SPDX-License-Identifier: GPL-2.0
/*
 * The mmap lock while hmm_mirror_range_fault() and
 * hmm_mirror_range_fault_locked() fault in pages.
 *
 * userfaultfd makes a fault wait until the case resolves it.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/userfaultfd_k.h>
#include <linux/unistd.h>

#include <hmm/range.h>

#include "api.h"

/* A page of the arena for the arguments of system calls. */
#define API_ARGS_PAGE	16

static long api_user_ioctl(int fd, unsigned int cmd, const void *arg,
			   size_t size)
{
	unsigned long user = api_addr(API_ARGS_PAGE);

	if (copy_to_user((void __user *)user, arg, size))
		return -EFAULT;
	return api_syscall(__NR_ioctl, fd, cmd, user);
}

/* Make faults on one page wait. Returns a userfaultfd or an error. */
static int api_block_faults(unsigned long page)
{
	struct uffdio_register reg = {
		.range = { .start = api_addr(page), .len = PAGE_SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	long fd;

	fd = api_syscall(__NR_userfaultfd, 0, 0, 0);
	if (fd < 0)
		return fd;
	if (!EXPECT_EQ(0, api_user_ioctl(fd, UFFDIO_API, &api, sizeof(api))) ||
	    !EXPECT_EQ(0, api_user_ioctl(fd, UFFDIO_REGISTER, &reg,
					 sizeof(reg)))) {
		api_syscall(__NR_close, fd, 0, 0);
		return -EIO;	/* the case has failed */
	}
	return fd;
}

static void api_resolve_fault(int fd, unsigned long page)
{
	struct uffdio_zeropage zero = {
		.range = { .start = api_addr(page), .len = PAGE_SIZE },
	};

	EXPECT_EQ(0, api_user_ioctl(fd, UFFDIO_ZEROPAGE, &zero, sizeof(zero)));
}

/* Returns true if no task holds the mmap lock. */
static bool api_lock_is_free(void)
{
	struct rw_semaphore *lock = &current->mm->mmap_lock;

	if (!down_write_trylock(lock))
		return false;
	up_write(lock);
	return true;
}

static int api_fault_in(struct hmm_mirror_range *range, bool locked)
{
	int ret = hmm_mirror_range_wait_until_valid(range, MSEC_PER_SEC);

	if (ret)
		return ret;
	return locked ? hmm_mirror_range_fault_locked(range) :
			hmm_mirror_range_fault(range);
}

static int api_fault_in_fn(void *range)
{
	return api_fault_in(range, false);
}

static void fault_locked_keeps_the_lock(void)
{
	struct hmm_mirror_range range = {
		.default_flags = HMM_MIRROR_PFN_REQ_FAULT,
	};
	struct mm_struct *mm = current->mm;
	struct api_mirror *mirror = api_mirror();
	unsigned long pfns[2] = {};
	int fd, ret;

	EXPECT_EQ(0, api_unmap(0, 2));
	range.pfns = pfns;
	EXPECT_EQ(0, hmm_mirror_range_register(&range, &mirror->mirror,
					       api_addr(0), api_addr(2)));

	/* These faults do not wait. */
	mmap_read_lock(mm);
	ret = api_fault_in(&range, true);
	EXPECT_EQ(0, ret);
	EXPECT(!api_lock_is_free());
	mmap_read_unlock(mm);
	EXPECT(pfns[0] & HMM_MIRROR_PFN_VALID);

	EXPECT_EQ(0, api_unmap(0, 2));
	fd = api_block_faults(1);
	if (fd < 0) {
		api_skip("userfaultfd is not available: %d", fd);
		goto out;
	}

	mmap_read_lock(mm);
	ret = api_fault_in(&range, true);
	EXPECT_EQ(-EAGAIN, ret);
	EXPECT(!api_lock_is_free());
	mmap_read_unlock(mm);

	api_resolve_fault(fd, 1);
	mmap_read_lock(mm);
	EXPECT_EQ(0, api_fault_in(&range, true));
	mmap_read_unlock(mm);
	EXPECT(pfns[1] & HMM_MIRROR_PFN_VALID);
	api_syscall(__NR_close, fd, 0, 0);
out:
	hmm_mirror_range_unregister(&range);
	api_unregister(mirror);
	EXPECT_EQ(0, api_unmap(0, 2));
}

/*
 * R38: while the fault waits, another task can acquire the mmap lock for
 * writing. The fault succeeds after the case has resolved it.
 */
static void r38_fault_waits_without_the_lock(void)
{
	struct hmm_mirror_range range = {
		.default_flags = HMM_MIRROR_PFN_REQ_FAULT,
	};
	struct api_mirror *mirror = api_mirror();
	struct api_thread *thread;
	unsigned long pfns[2] = {};
	int fd;

	EXPECT_EQ(0, api_unmap(0, 2));
	fd = api_block_faults(1);
	if (fd < 0) {
		api_skip("userfaultfd is not available: %d", fd);
		api_unregister(mirror);
		return;
	}
	range.pfns = pfns;
	EXPECT_EQ(0, hmm_mirror_range_register(&range, &mirror->mirror,
					       api_addr(0), api_addr(2)));
	thread = api_thread(api_fault_in_fn, &range);
	EXPECT(api_thread_blocks(thread));
	EXPECT(api_lock_is_free());
	EXPECT(!api_thread_done(thread));
	EXPECT_EQ(0, pfns[1]);

	api_resolve_fault(fd, 1);
	EXPECT_EQ(0, api_join(thread));
	EXPECT(pfns[0] & HMM_MIRROR_PFN_VALID);
	EXPECT(pfns[1] & HMM_MIRROR_PFN_VALID);

	hmm_mirror_range_unregister(&range);
	api_syscall(__NR_close, fd, 0, 0);
	api_unregister(mirror);
	EXPECT_EQ(0, api_unmap(0, 2));
}

const struct api_case api_fault_lock_cases[] = {
	{ "fault_locked_keeps_the_lock", fault_locked_keeps_the_lock,
	  HMM_API_HELPER },
	{ "r38_fault_waits_without_the_lock",
	  r38_fault_waits_without_the_lock, HMM_API_HELPER },
	{}
};
