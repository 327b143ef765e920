// SPDX-License-Identifier: GPL-2.0
/*
 * DMA while the process changes its memory, forks and exits, and while the
 * device is unbound.
 */
#include <signal.h>

#include "edu_harness.h"

/*
 * A DMA takes 100 ms. A test retries if the DMA ended before the test's next
 * step.
 */
#define TRIES		20

/*
 * An invalidation returns only after the DMA has ended and the mapping is
 * removed.
 */
TEST_F(edu, invalidation_waits_for_the_dma)
{
	struct edu_job job = EDU_JOB;
	struct hmm_edu_test_stats before, after;
	struct hmm_thread thread;
	int i;

	REGISTER_BOTH();
	for (i = 0; i < TRIES; i++) {
		before = edu_stats(self->watch);
		ASSERT_EQ(0, hmm_thread_create(&thread, edu_job_run, &job));
		hmm_thread_start(&thread);
		/* A copy consists of two DMAs. The second one writes to dst. */
		ASSERT_EQ(0, edu_wait_started(self->watch,
					      before.started + 2));
		ASSERT_EQ(0, madvise(self->dst, self->page, MADV_DONTNEED));
		after = edu_stats(self->watch);
		EXPECT_EQ(0, after.busy);
		EXPECT_EQ(1, after.mappings);
		ASSERT_EQ(0, hmm_thread_join(&thread));
		EXPECT_TRUE(hmm_is_filled_with(self->dst, 1, 0));
		if (after.waited > before.waited)
			break;
	}
	/* If all tries were too slow, nothing was tested. */
	EXPECT_GT(TRIES, i);
}

/*
 * R56: a small page of a huge page is invalidated. The device maps it together
 * with the pages around it, so the invalidation waits for a DMA to any of them.
 */
TEST_F(edu, r56_dma_to_the_same_huge_page)
{
	struct hmm_edu_test_stats before, after;
	struct edu_job job = { .fd = self->fd };
	struct hmm_thread thread;
	size_t size;
	char *mem;
	int i;

	for (i = 0; i < TRIES; i++) {
		HMM_MAP_HUGE_OR_SKIP(mem, &size);
		job.src = mem + size / 2;
		job.dst = mem;
		ASSERT_EQ(0, edu_register(self->fd, mem, size / self->page,
					  HMM_EDU_WRITE));
		/*
		 * The copy creates two mappings of four pages each: one for the
		 * source, and one for the destination.
		 */
		ASSERT_EQ(0, edu_copy(self->fd, mem, mem + size / 2,
				      NPAGES * self->page));
		hmm_fill(mem + size / 2, 1, 7, 0);
		before = edu_stats(self->watch);
		ASSERT_EQ(2, before.mappings);
		ASSERT_EQ(0, hmm_thread_create(&thread, edu_job_run, &job));
		hmm_thread_start(&thread);
		ASSERT_EQ(0, edu_wait_started(self->watch,
					      before.started + 2));
		ASSERT_EQ(0, madvise(mem + self->page, self->page,
				     MADV_DONTNEED));
		after = edu_stats(self->watch);
		EXPECT_EQ(0, after.busy);
		ASSERT_EQ(0, hmm_thread_join(&thread));
		EXPECT_EQ(0, memcmp(mem, mem + size / 2, CHUNK));
		ASSERT_EQ(0, edu_unregister(self->fd, mem));
		ASSERT_EQ(0, munmap(mem, size));
		if (after.waited > before.waited)
			break;
	}
	EXPECT_GT(TRIES, i);
}

/*
 * Runs in a child, whose memory the device maps. Changes the memory after go
 * completes.
 */
static void change_memory(struct hmm_completion *ready,
			  struct hmm_completion *go,
			  struct hmm_completion *done)
{
	char *src, *dst;
	int fd = edu_map_and_register(&src, &dst);
	pid_t pid;

	if (fd < 0 || edu_copy(fd, dst, src, CHUNK) || hmm_complete(ready) ||
	    hmm_wait_for_completion(go))
		_exit(1);
	if (madvise(dst, hmm_page_size(), MADV_DONTNEED))
		_exit(2);
	pid = hmm_fork();
	if (!pid)
		_exit(0);
	if (hmm_wait_exit(pid) || munmap(src, hmm_page_size()))
		_exit(3);
	_exit(hmm_complete(done) ? 4 : 0);
}

/*
 * R70: while one process waits in a callback for its DMA, memory of another
 * process and other pages of the same process can be invalidated.
 */
TEST_F(edu, r70_no_other_task_waits_for_a_dma)
{
	struct edu_job job = EDU_JOB;
	struct hmm_madvise advice = {
		.addr = self->src,
		.length = self->page,
		.advice = MADV_DONTNEED,
	};
	struct hmm_thread copy, waiter;
	struct hmm_edu_test_stats at;
	struct hmm_completion ready, go, done;
	pid_t pid;

	ASSERT_EQ(0, hmm_completion_init(&ready));
	ASSERT_EQ(0, hmm_completion_init(&go));
	ASSERT_EQ(0, hmm_completion_init(&done));
	ASSERT_EQ(0, hmm_thread_create(&copy, edu_job_run, &job));
	ASSERT_EQ(0, hmm_thread_create(&waiter, hmm_madvise_run, &advice));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid)
		change_memory(&ready, &go, &done);
	ASSERT_EQ(0, hmm_wait_for_completion(&ready));
	REGISTER_BOTH();
	ASSERT_EQ(0, edu_copy(self->fd, self->dst, self->src, CHUNK));
	ASSERT_EQ(0, hmm_prefault());

	at = edu_stats(self->watch);
	ASSERT_EQ(0, edu_fault(self->watch, HMM_EDU_FAULT_LOST_IRQ, 0));
	hmm_thread_start(&copy);
	ASSERT_EQ(0, edu_wait_started(self->watch, at.started + 1));
	hmm_thread_start(&waiter);
	while (edu_stats(self->watch).waited == at.waited)
		usleep(1000);
	ASSERT_EQ(0, hmm_complete(&go));
	EXPECT_EQ(0, hmm_wait_for_completion(&done));
	EXPECT_EQ(0, madvise(self->dst, self->page, MADV_DONTNEED));
	/* The DMA is still in flight, and the callback still waits. */
	EXPECT_EQ(1, edu_stats(self->watch).busy);
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&waiter, 1));

	while (edu_stats(self->watch).busy &&
	       edu_stats(self->watch).started == at.started + 1) {
		ASSERT_EQ(0, edu_fault(self->watch, HMM_EDU_FAULT_SPURIOUS_IRQ,
				       0));
		usleep(1000);
	}
	EXPECT_EQ(0, hmm_thread_join(&waiter));
	EXPECT_EQ(0, hmm_thread_join(&copy));
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

/*
 * R73: registering a mirror acquires the mmap lock for writing, and all misc
 * devices are opened under one lock. Therefore open() does not register the
 * mirror. The first ioctl registers one for the process that calls it.
 */
TEST_F(edu, r73_open_does_not_register_a_mirror)
{
	const long mirrors = hmm_debugfs_count("mirrors");
	pid_t pid;
	int fd;

	ASSERT_LE(0, mirrors);
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(mirrors, hmm_debugfs_count("mirrors"));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(edu_register(fd, self->src, NPAGES, 0) ? 1 : 0);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_EQ(mirrors + 1, hmm_debugfs_count("mirrors"));
	EXPECT_EQ(-EPERM, edu_register(fd, self->src, NPAGES, 0));
	close(fd);
	EXPECT_EQ(mirrors, hmm_debugfs_count("mirrors"));
}

/*
 * R44: the device writes to the pages of the parent, not to those of the
 * child, and the child cannot use the file of the parent.
 */
TEST_F(edu, r44_fork_keeps_the_memory_of_the_child)
{
	struct hmm_completion copied;
	pid_t pid;

	REGISTER_BOTH();
	ASSERT_EQ(0, edu_copy(self->fd, self->dst + self->page, self->src,
			      CHUNK));
	ASSERT_EQ(0, hmm_completion_init(&copied));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (hmm_wait_for_completion(&copied))
			_exit(1);
		if (!hmm_is_filled(self->dst, 1, 2, 0))
			_exit(2);
		if (edu_copy(self->fd, self->dst, self->src, CHUNK) != -EPERM)
			_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, edu_copy(self->fd, self->dst, self->src, CHUNK));
	EXPECT_EQ(0, memcmp(self->dst, self->src, CHUNK));
	hmm_complete(&copied);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

static void copy_until_killed(int *shared, struct hmm_completion *ready)
{
	char *src, *dst;

	*shared = edu_map_and_register(&src, &dst);
	if (*shared < 0 || hmm_complete(ready))
		_exit(1);
	while (!edu_copy(*shared, dst, src, CHUNK))
		;
	_exit(2);
}

/*
 * The process exits while a DMA accesses its memory, and its file stays open.
 * The memory is freed only after the DMA.
 */
TEST_F(edu, exit_waits_for_the_dma)
{
	struct hmm_edu_test_stats before, after;
	int *shared = hmm_map_shared(1);
	struct hmm_completion ready;
	pid_t pid;
	int i;

	ASSERT_NE(NULL, shared);
	ASSERT_EQ(0, hmm_completion_init(&ready));
	for (i = 0; i < TRIES; i++) {
		before = edu_stats(self->watch);
		pid = hmm_fork_sharing_files();
		ASSERT_LE(0, pid);
		if (!pid)
			copy_until_killed(shared, &ready);
		ASSERT_EQ(0, hmm_wait_for_completion(&ready));
		ASSERT_EQ(0, edu_wait_started(self->watch,
					      before.started + 1));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(-SIGKILL, hmm_wait_exit(pid));
		after = edu_stats(self->watch);
		EXPECT_EQ(0, after.busy);
		EXPECT_EQ(0, after.mappings);
		EXPECT_EQ(2, after.buffers);
		close(*shared);
		if (after.waited > before.waited)
			break;
	}
	EXPECT_GT(TRIES, i);
}

/* Argument of change_mappings(), which runs until stop is set. */
struct changes {
	char *src;
	char *dst;
	bool stop;
};

static int change_mappings(void *arg)
{
	struct changes *changes = arg;
	size_t page = hmm_page_size();
	unsigned int seed = 1;

	while (!__atomic_load_n(&changes->stop, __ATOMIC_RELAXED)) {
		size_t at = rand_r(&seed) % NPAGES * page;
		char *mem = rand_r(&seed) % 2 ? changes->src : changes->dst;

		/* None of these operations changes the content of a page. */
		switch (rand_r(&seed) % 3) {
		case 0:
			madvise(mem + at, page, MADV_DONTNEED);
			break;
		case 1:
			mprotect(mem + at, page, PROT_READ);
			mprotect(mem + at, page, PROT_READ | PROT_WRITE);
			break;
		case 2:
			hmm_write_file("/proc/sys/vm/compact_memory", "1");
			break;
		}
		usleep(rand_r(&seed) % 30000);
	}
	return 0;
}

/*
 * Pages are replaced between copies. During a copy, pages are unmapped, migrate
 * and change their protection. Each page has its own content, and a replaced
 * page stays in the file, so a copy from or to a wrong page is detected.
 */
TEST_F(edu, copies_are_correct_while_mappings_change)
{
	const size_t length = NPAGES * self->page, nfile = 16;
	struct changes changes = { .src = self->src, .dst = self->dst };
	__u64 end = hmm_now_ms() + 8000;
	int copies = 0, refused = 0, ret, file;
	unsigned int seed = 2, i, from, to;
	struct hmm_thread thread;
	char *content, *want;

	file = memfd_create("edu", MFD_CLOEXEC);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, 2 * nfile * self->page));
	content = mmap(NULL, 2 * nfile * self->page, PROT_READ | PROT_WRITE,
		       MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, content);
	hmm_fill(content, 2 * nfile, 5, 0);
	want = malloc(2 * nfile * self->page);
	ASSERT_NE(NULL, want);
	memcpy(want, content, 2 * nfile * self->page);

	/*
	 * src maps pages of the first half of the file, and dst of the second.
	 */
	ASSERT_NE(MAP_FAILED, mmap(self->src, length, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, file, 0));
	ASSERT_NE(MAP_FAILED, mmap(self->dst, length, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, file,
				   nfile * self->page));
	REGISTER_BOTH();
	ASSERT_EQ(0, hmm_thread_create(&thread, change_mappings, &changes));
	hmm_thread_start(&thread);

	while (hmm_now_ms() < end) {
		i = rand_r(&seed) % NPAGES;
		from = rand_r(&seed) % nfile;
		to = nfile + rand_r(&seed) % nfile;
		ASSERT_NE(MAP_FAILED, mmap(self->src + i * self->page,
					   self->page, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_FIXED, file,
					   from * self->page));
		ASSERT_NE(MAP_FAILED, mmap(self->dst + i * self->page,
					   self->page, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_FIXED, file,
					   to * self->page));
		do {
			ret = edu_copy(self->fd, self->dst + i * self->page,
				       self->src + i * self->page, CHUNK);
			refused += ret == -EPERM;
		} while (ret == -EPERM);
		ASSERT_EQ(0, ret);
		copies++;
		memcpy(want + to * self->page, want + from * self->page, CHUNK);
		ASSERT_EQ(0, memcmp(want, content, 2 * nfile * self->page));
	}
	__atomic_store_n(&changes.stop, true, __ATOMIC_RELAXED);
	EXPECT_EQ(0, hmm_thread_join(&thread));
	TH_LOG("%d copies, %d refused while read-only", copies, refused);
	EXPECT_LT(0, copies);
	free(want);
}

/* The device is unbound during a copy, and bound again. */
TEST_F(edu, unbind_during_a_copy)
{
	struct edu_job job = EDU_JOB;
	struct hmm_thread thread;
	__u64 started;
	char name[256];
	bool traced;
	int ret;

	ASSERT_EQ(0, edu_name(name, sizeof(name)));
	REGISTER_BOTH();
	ASSERT_EQ(0, hmm_thread_create(&thread, edu_job_run, &job));
	traced = !iommu_trace("1");
	started = edu_stats(self->watch).started;
	hmm_thread_start(&thread);
	ASSERT_EQ(0, edu_wait_started(self->watch, started + 1));
	EXPECT_EQ(0, hmm_write_file(DRIVER "unbind", name));
	iommu_trace("0");
	EXPECT_EQ(0, edu_stats(self->watch).busy);
	EXPECT_EQ(0, edu_stats(self->watch).mappings);
	if (traced) {
		EXPECT_EQ(2 * (long)self->page, iommu_mapped());
		EXPECT_EQ(iommu_mapped(), iommu_unmapped());
	}
	/* Unbinding aborts the DMA in flight, unless the copy has completed. */
	ret = hmm_thread_join(&thread);
	EXPECT_TRUE(ret == -ENODEV || ret == 0);
	EXPECT_EQ(-ENODEV, edu_copy(self->fd, self->dst, self->src, CHUNK));
	EXPECT_NE(0, access(DEVICE, F_OK));

	EXPECT_EQ(0, hmm_write_file(DRIVER "bind", name));
	EXPECT_DEVICE_WORKS_AGAIN();
}

TEST_HARNESS_MAIN
