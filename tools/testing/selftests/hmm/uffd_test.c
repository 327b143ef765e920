// SPDX-License-Identifier: GPL-2.0
/*
 * R38: memory that a userfaultfd handles. A fault of the device sleeps until
 * the handler resolves the fault. The sleeping task does not hold the mmap
 * lock, because the handler may need this lock.
 */
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/userfaultfd.h>

#include "hmm_harness.h"
#include "hmm_pagemap.h"
#include "hmm_uffd.h"

#define NPAGES	8

/*
 * These features were added in 5.19 and 6.6. Older headers do not define them.
 */
#define UFFD_WP_OF_FILES	0x1000
#define UFFD_POISON		0x4000

struct uffd_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};

#define UFFD_POISON_CMD		_IOWR(UFFDIO, 0x08, struct uffd_poison)

FIXTURE(uffd) {
	HMM_FIXTURE_MEMBERS;
	int uffd;
	size_t size;
	char *content;			/* for UFFDIO_COPY */
	struct hmm_access access;
	struct hmm_thread device;	/* runs access */
	struct hmm_thread mapper;	/* acquires the mmap lock for writing */
};

FIXTURE_SETUP(uffd)
{
	HMM_SETUP(NPAGES);
	self->uffd = hmm_uffd_open(0);
	if (self->uffd < 0)
		SKIP(return, "userfaultfd: %s", strerror(-self->uffd));
	self->size = NPAGES * self->page;
	self->content = hmm_map(NPAGES);
	ASSERT_NE(NULL, self->content);
	memset(self->buf, 0x55, self->size);
	hmm_fill(self->content, NPAGES, 1, 0);
	hmm_access_init(&self->access, self->fd, HMM_DMIRROR_READ, self->mem,
			self->buf, NPAGES);
	ASSERT_EQ(0, hmm_thread_create(&self->device, hmm_access_run,
				       &self->access));
	ASSERT_EQ(0, hmm_thread_create(&self->mapper, hmm_take_mmap_lock_run,
				       NULL));
}

FIXTURE_TEARDOWN(uffd)
{
	close(self->fd);
}

/*
 *   device                    mapper                    this thread
 *   READ or WRITE
 *     fault: sends an event
 *       and sleeps
 *                                                       receives the event
 *                             mmap(), munmap()
 *                                                       joins the mapper
 *
 * This thread resolves the fault only after it has joined the mapper. If the
 * device held the mmap lock, the mapper would wait for the device, and the
 * device would wait for this thread.
 */
static void start_and_fault(struct __test_metadata *_metadata, int uffd,
			    struct hmm_thread *device,
			    struct hmm_thread *mapper, char *where,
			    __u64 flags)
{
	__u64 seen = ~0ULL;
	void *addr = NULL;

	hmm_thread_start(device);
	ASSERT_EQ(0, hmm_uffd_wait(uffd, &addr, &seen));
	EXPECT_EQ((void *)where, addr);
	EXPECT_EQ(flags, seen & (UFFD_PAGEFAULT_FLAG_WRITE |
				 UFFD_PAGEFAULT_FLAG_WP |
				 UFFD_PAGEFAULT_FLAG_MINOR));
	ASSERT_EQ(0, hmm_thread_wait_blocked(device));
	hmm_thread_start(mapper);
	ASSERT_EQ(0, hmm_thread_wait_done(mapper, HMM_TIMEOUT_MS));
	EXPECT_EQ(0, hmm_thread_join(mapper));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(device, 1));
}

static int finish(struct hmm_thread *device)
{
	int ret = hmm_thread_wait_done(device, HMM_TIMEOUT_MS);

	return ret ? ret : hmm_thread_join(device);
}

TEST_F(uffd, r38_missing_pages_are_read)
{
	ASSERT_EQ(0, hmm_uffd_register(self->uffd, self->mem, self->size,
				       UFFDIO_REGISTER_MODE_MISSING));
	/* A snapshot does not fault. */
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, NPAGES, NONE));
	start_and_fault(_metadata, self->uffd, &self->device, &self->mapper,
			self->mem, 0);
	ASSERT_EQ(0, hmm_uffd_copy(self->uffd, self->mem, self->content,
				   self->size));
	ASSERT_EQ(0, finish(&self->device));
	EXPECT_EQ(NPAGES, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

TEST_F(uffd, r38_missing_pages_are_written)
{
	ASSERT_EQ(0, hmm_uffd_register(self->uffd, self->mem, self->size,
				       UFFDIO_REGISTER_MODE_MISSING));
	hmm_fill(self->buf, NPAGES, 2, 0);
	self->access.request = HMM_DMIRROR_WRITE;
	self->access.npages = 3;
	start_and_fault(_metadata, self->uffd, &self->device, &self->mapper,
			self->mem, UFFD_PAGEFAULT_FLAG_WRITE);
	ASSERT_EQ(0, hmm_uffd_copy(self->uffd, self->mem, self->content,
				   self->size));
	ASSERT_EQ(0, finish(&self->device));
	EXPECT_TRUE(hmm_is_filled(self->mem, 3, 2, 0));
	EXPECT_TRUE(hmm_is_filled(self->mem + 3 * self->page, 5, 1, 3));
}

/* Each page faults separately, and earlier pages stay mapped. */
TEST_F(uffd, r38_each_missing_page_faults_separately)
{
	ASSERT_EQ(0, hmm_uffd_register(self->uffd, self->mem, self->size,
				       UFFDIO_REGISTER_MODE_MISSING));
	hmm_thread_start(&self->device);
	for (int i = 0; i < NPAGES; i++) {
		const size_t at = i * self->page;
		void *addr = NULL;

		ASSERT_EQ(0, hmm_uffd_wait(self->uffd, &addr, NULL));
		EXPECT_EQ((void *)(self->mem + at), addr);
		ASSERT_EQ(0, hmm_uffd_copy(self->uffd, self->mem + at,
					   self->content + at, self->page));
	}
	ASSERT_EQ(0, finish(&self->device));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
}

/* The memory is unmapped while the fault waits. */
TEST_F(uffd, r38_munmap_while_a_fault_waits)
{
	ASSERT_EQ(0, hmm_uffd_register(self->uffd, self->mem, self->size,
				       UFFDIO_REGISTER_MODE_MISSING));
	start_and_fault(_metadata, self->uffd, &self->device, &self->mapper,
			self->mem, 0);
	ASSERT_EQ(0, munmap(self->mem, self->size));
	close(self->uffd);
	EXPECT_EQ(-EFAULT, finish(&self->device));
	EXPECT_EQ(0, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0x55));
}

TEST_F(uffd, r38_write_protected_pages)
{
	struct hmm_dmirror_cmd cmd;
	__u64 frame;

	hmm_fill(self->mem, NPAGES, 3, 0);
	/*
	 * The device has writable entries until the pages are write-protected.
	 */
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, NPAGES, NULL));
	ASSERT_EQ(0, hmm_uffd_register(self->uffd, self->mem, self->size,
				       UFFDIO_REGISTER_MODE_WP));
	ASSERT_EQ(0, hmm_uffd_protect(self->uffd, self->mem, self->size, true));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, self->mem, NPAGES, READ));
	frame = hmm_pfn(self->mem);

	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 3, 0));

	hmm_fill(self->buf, NPAGES, 4, 0);
	self->access.request = HMM_DMIRROR_WRITE;
	start_and_fault(_metadata, self->uffd, &self->device, &self->mapper,
			self->mem,
			UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	/* Nothing is written before the fault is resolved. */
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 3, 0));
	ASSERT_EQ(0, hmm_uffd_protect(self->uffd, self->mem, self->size,
				      false));
	ASSERT_EQ(0, finish(&self->device));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 4, 0));
	EXPECT_EQ(frame, hmm_pfn(self->mem));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
}

/* Maps a memfd. If content is NULL, the file has no pages. */
static char *map_memfd(size_t size, const void *content, int *file)
{
	void *mem;

	*file = memfd_create("hmm", MFD_CLOEXEC);
	if (*file < 0 || ftruncate(*file, size))
		return NULL;
	if (content && pwrite(*file, content, size, 0) != (ssize_t)size)
		return NULL;
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
	return mem == MAP_FAILED ? NULL : mem;
}

/* The file has the page, but the handler decides when it is mapped. */
TEST_F(uffd, r38_minor_faults)
{
	int file, uffd = hmm_uffd_open(UFFD_FEATURE_MINOR_SHMEM);
	char *mem = map_memfd(self->size, self->content, &file);

	if (uffd == -EINVAL)
		SKIP(return, "no minor faults for shmem in this kernel");
	ASSERT_LE(0, uffd);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, hmm_uffd_register(uffd, mem, self->size,
				       UFFDIO_REGISTER_MODE_MINOR));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPAGES, NONE));
	self->access.addr = mem;
	start_and_fault(_metadata, uffd, &self->device, &self->mapper, mem,
			UFFD_PAGEFAULT_FLAG_MINOR);
	/* The handler changes the content of the file. */
	hmm_fill(self->content, NPAGES, 5, 0);
	ASSERT_EQ(self->size, pwrite(file, self->content, self->size, 0));
	ASSERT_EQ(0, hmm_uffd_continue(uffd, mem, self->size));
	ASSERT_EQ(0, finish(&self->device));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 5, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, NPAGES));
}

/*
 * R34: a marker in place of an absent page means that the page is
 * write-protected.
 */
TEST_F(uffd, r34_write_protect_markers)
{
	int file, uffd = hmm_uffd_open(UFFD_WP_OF_FILES);
	char *mem = map_memfd(self->size, self->content, &file);

	if (uffd == -EINVAL)
		SKIP(return, "no write-protect markers in this kernel");
	ASSERT_LE(0, uffd);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, hmm_uffd_register(uffd, mem, self->size,
				       UFFDIO_REGISTER_MODE_WP));
	ASSERT_EQ(0, hmm_uffd_protect(uffd, mem, self->size, true));
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPAGES, NONE));

	ASSERT_EQ(0, hmm_read(self->fd, mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	/* The fault replaces the marker with a write-protected page. */
	EXPECT_TRUE(hmm_snapshot_shows(self->fd, mem, NPAGES, READ));

	hmm_fill(self->buf, NPAGES, 6, 0);
	self->access.request = HMM_DMIRROR_WRITE;
	self->access.addr = mem;
	start_and_fault(_metadata, uffd, &self->device, &self->mapper, mem,
			UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	ASSERT_EQ(0, hmm_uffd_protect(uffd, mem, self->size, false));
	ASSERT_EQ(0, finish(&self->device));
	EXPECT_TRUE(hmm_is_filled(mem, NPAGES, 6, 0));
}

/* R34: a poison marker means that the page must not be used. */
TEST_F(uffd, r34_poison_markers)
{
	int uffd = hmm_uffd_open(UFFD_POISON);
	struct uffd_poison poison = {
		.range = {
			.start = (uintptr_t)self->mem + 2 * self->page,
			.len = self->page,
		},
	};
	__u8 prot[4];

	if (uffd == -EINVAL)
		SKIP(return, "no poison markers in this kernel");
	ASSERT_LE(0, uffd);
	hmm_fill(self->mem, 2, 7, 0);
	hmm_fill(self->mem + 3 * self->page, 1, 7, 3);
	ASSERT_EQ(0, hmm_uffd_register(uffd, self->mem, self->size,
				       UFFDIO_REGISTER_MODE_MISSING));
	ASSERT_EQ(0, ioctl(uffd, UFFD_POISON_CMD, &poison));
	ASSERT_EQ(0, hmm_snapshot(self->fd, self->mem, prot, 4));
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(i == 2 ? NONE : WRITE, prot[i]);

	self->access.npages = 4;
	hmm_thread_start(&self->device);
	EXPECT_EQ(-EFAULT, finish(&self->device));
	EXPECT_EQ(2, self->access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, 2, 7, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + 2 * self->page, 2, 0x55));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem + 3 * self->page, self->buf,
			      1, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 1, 7, 3));
}

/* The process is killed while its fault waits for a handler. */
TEST_F(uffd, r38_killed_while_a_fault_waits)
{
	int *shared = hmm_map_shared(1);
	pid_t pid;
	int fd;

	ASSERT_NE(NULL, shared);
	*shared = -1;
	/*
	 * The test and the child share file descriptors, so the test can
	 * receive the fault of the child.
	 */
	pid = hmm_fork_sharing_files();
	ASSERT_LE(0, pid);
	if (!pid) {
		int uffd = hmm_uffd_open(0);

		fd = hmm_open(0);
		if (uffd < 0 || fd < 0 ||
		    hmm_uffd_register(uffd, self->mem, self->size,
				      UFFDIO_REGISTER_MODE_MISSING))
			_exit(1);
		__atomic_store_n(shared, uffd, __ATOMIC_RELEASE);
		hmm_read(fd, self->mem, self->buf, 1, NULL);
		_exit(2);
	}
	while (__atomic_load_n(shared, __ATOMIC_ACQUIRE) < 0)
		sched_yield();
	ASSERT_EQ(0, hmm_uffd_wait(*shared, NULL, NULL));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, hmm_wait_exit(pid));
}

TEST_HARNESS_MAIN
