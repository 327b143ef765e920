// SPDX-License-Identifier: GPL-2.0
/*
 * A worker reads the page tables of a process. If the kernel does not free page
 * tables by RCU, the worker must use the mm of this process or acquire a lock.
 * If a page is not present, the worker needs the lock of its vma or, before 7.2,
 * the mmap lock.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <uapi/linux/memfd.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include <linux/unistd.h>
#include <linux/workqueue.h>

#include <hmm/range.h>

#include "../../../src/compat/pgtable.h"
#include "../../../src/compat/vma_lock.h"
#include "api.h"

/* A page of the arena for the name of the memfd. */
#define REMOTE_NAME	16

/**
 * struct remote_read - a snapshot or a fault by a worker
 * @work: the work
 * @done: completed when the worker has finished
 * @range: the range to read
 * @mm: the mm that the worker already uses, or NULL
 * @fault: populate the range instead
 * @ret: return value of the read
 */
struct remote_read {
	struct work_struct work;
	struct completion done;
	struct hmm_mirror_range range;
	struct mm_struct *mm;
	bool fault;
	int ret;
};

static void remote_work(struct work_struct *work)
{
	struct remote_read *read = container_of(work, struct remote_read,
						work);

	if (read->mm)
		kthread_use_mm(read->mm);
	if (read->fault)
		read->ret = hmm_mirror_range_populate(&read->range, 0);
	else
		read->ret = hmm_mirror_range_snapshot(&read->range);
	EXPECT(current->mm == read->mm);
	if (read->mm)
		kthread_unuse_mm(read->mm);
	complete_all(&read->done);
}

/*
 * Prepare a range of one present page. Returns the result of
 * hmm_mirror_range_populate().
 */
static int remote_prepare(struct remote_read *read, struct api_mirror *mirror,
			  unsigned long addr)
{
	INIT_WORK(&read->work, remote_work);
	init_completion(&read->done);
	read->range.pfns = api_alloc(sizeof(*read->range.pfns));
	read->range.default_flags = HMM_MIRROR_PFN_REQ_FAULT;
	EXPECT_EQ(0, hmm_mirror_range_register(&read->range, &mirror->mirror,
					       addr, addr + PAGE_SIZE));
	return hmm_mirror_range_populate(&read->range, MSEC_PER_SEC);
}

/* Start the worker, and expect that it waits unless it needs no lock. */
static void remote_start(struct remote_read *read, bool lockless)
{
	read->range.pfns[0] = 0;
	queue_work(system_unbound_wq, &read->work);
	if (lockless)
		EXPECT(wait_for_completion_timeout(&read->done, API_TIMEOUT));
	else
		EXPECT(!wait_for_completion_timeout(&read->done,
						    API_SHORT_WAIT));
}

static void remote_finish(struct remote_read *read)
{
	/* The case has dropped the lock, so the worker returns. */
	flush_work(&read->work);
	EXPECT_EQ(0, read->ret);
	EXPECT(read->range.pfns[0] & HMM_MIRROR_PFN_VALID);
	hmm_mirror_range_unregister(&read->range);
}

/* The worker uses the mm of this process while it reads that of the child. */
static void r55_remote_tables_are_read_with_the_mmap_lock(void)
{
	struct api_mirror *mirror = api_mirror_on(api_child_mm());
	struct remote_read *read = api_alloc(sizeof(*read));

	read->mm = current->mm;
	EXPECT_EQ(0, remote_prepare(read, mirror, api_addr(0)));
	mmap_write_lock(api_child_mm());
	remote_start(read, HMM_PAGE_TABLES_FREED_BY_RCU);
	mmap_write_unlock(api_child_mm());
	remote_finish(read);
	api_unregister(mirror);
}

/* A worker without an mm uses that of the process instead of the lock. */
static void r63_worker_does_not_need_the_mmap_lock(void)
{
	struct api_mirror *mirror = api_mirror();
	struct remote_read *read = api_alloc(sizeof(*read));

	EXPECT_EQ(0, remote_prepare(read, mirror, api_addr(0)));
	mmap_write_lock(current->mm);
	remote_start(read, HMM_PAGE_TABLES_FREED_AFTER_IPI ||
		     HMM_PAGE_TABLES_FREED_BY_RCU);
	mmap_write_unlock(current->mm);
	remote_finish(read);
	api_unregister(mirror);
}

/* A page that is not present is faulted in under the lock of its vma. */
static void r63_worker_faults_without_the_mmap_lock(void)
{
	struct api_mirror *mirror = api_mirror();
	struct remote_read *read = api_alloc(sizeof(*read));

	EXPECT_EQ(0, api_write(0));
	EXPECT_EQ(0, remote_prepare(read, mirror, api_addr(0)));
	/* The first fault allocated the anon_vma, which needs the mmap lock. */
	EXPECT_EQ(0, api_syscall(__NR_madvise, api_addr(0), PAGE_SIZE,
				 MADV_DONTNEED));
	read->range.default_flags = HMM_MIRROR_PFN_REQ_WRITE;
	read->fault = true;
	mmap_write_lock(current->mm);
	remote_start(read, HMM_HAS_VMA_LOCK);
	mmap_write_unlock(current->mm);
	remote_finish(read);
	api_unregister(mirror);
}

/* Map a shared hugetlb page. Returns its file or an error. */
static struct file *remote_map_hugetlb(unsigned long *addr)
{
	static const char name[] = "r55";
	unsigned long user = api_addr(REMOTE_NAME);
	struct file *file;
	long fd;

	if (copy_to_user((void __user *)user, name, sizeof(name)))
		return ERR_PTR(-EFAULT);
	fd = api_syscall(__NR_memfd_create, user, MFD_HUGETLB, 0);
	if (fd < 0)
		return ERR_PTR(fd);
	EXPECT_EQ(0, api_syscall(__NR_ftruncate, fd, PMD_SIZE, 0));
	file = fget(fd);
	if (!file)
		return ERR_PTR(-EBADF);
	*addr = vm_mmap(file, 0, PMD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			0);
	if (IS_ERR_VALUE(*addr)) {
		fput(file);
		return ERR_PTR(*addr);
	}
	return file;
}

/*
 * Processes can share page tables of hugetlb pages. truncate() unshares them
 * without the mmap lock of either process.
 */
static void r55_shared_hugetlb_tables_are_read_with_the_i_mmap_lock(void)
{
	struct api_mirror *mirror = api_mirror();
	struct remote_read *read = api_alloc(sizeof(*read));
	unsigned long addr;
	struct file *file;
	int ret;

	file = remote_map_hugetlb(&addr);
	if (IS_ERR(file)) {
		api_skip("no hugetlb page can be mapped: %ld", PTR_ERR(file));
		goto out;
	}
	ret = remote_prepare(read, mirror, addr);
	if (ret) {
		api_skip("no hugetlb page is available: %d", ret);
		hmm_mirror_range_unregister(&read->range);
	} else {
		i_mmap_lock_write(file->f_mapping);
		remote_start(read, HMM_PAGE_TABLES_FREED_BY_RCU);
		i_mmap_unlock_write(file->f_mapping);
		remote_finish(read);
	}
	vm_munmap(addr, PMD_SIZE);
	fput(file);
out:
	api_unregister(mirror);
}

const struct api_case api_remote_cases[] = {
	{ "r55_remote_tables_are_read_with_the_mmap_lock",
	  r55_remote_tables_are_read_with_the_mmap_lock, HMM_API_CHILD },
	{ "r63_worker_does_not_need_the_mmap_lock",
	  r63_worker_does_not_need_the_mmap_lock },
	{ "r63_worker_faults_without_the_mmap_lock",
	  r63_worker_faults_without_the_mmap_lock, HMM_API_HELPER },
	{ "r55_shared_hugetlb_tables_are_read_with_the_i_mmap_lock",
	  r55_shared_hugetlb_tables_are_read_with_the_i_mmap_lock,
	  HMM_API_HELPER },
	{}
};
