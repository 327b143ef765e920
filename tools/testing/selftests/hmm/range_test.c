// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges: many kinds of memory in one range, ranges of many GiB, and a range
 * while another task holds the mmap lock.
 */
#include <fcntl.h>
#include <signal.h>

#include "hmm_harness.h"

#define NPAGES	8
#define GIB	(1024UL << 20)

#define INVALIDATE	HMM_DMIRROR_POINT_INVALIDATE

FIXTURE(range) {
	HMM_FIXTURE_MEMBERS;
};

FIXTURE_SETUP(range)
{
	HMM_SETUP(2 * NPAGES);
}

FIXTURE_TEARDOWN(range)
{
	close(self->fd);
}

/* R32: almost every page has its own vma and result. */
TEST_F(range, r32_many_vmas_in_one_range)
{
	static const __u8 want[] = {
		WRITE,		/* anonymous */
		WRITE, WRITE,	/* shared mapping of a file */
		READ,		/* private mapping of a file */
		READ,		/* read-only */
		ZERO,		/* read by the device */
		NONE,		/* never accessed */
		ERROR,		/* PROT_NONE */
		ERROR,		/* no vma */
		WRITE,		/* anonymous */
	};
	const size_t page = self->page, n = sizeof(want);
	struct hmm_dmirror_cmd cmd;
	__u8 prot[sizeof(want)];
	char *mem = self->mem;
	int file = memfd_create("hmm", MFD_CLOEXEC);

	ASSERT_LE(0, file);
	hmm_fill(self->buf, 4, 1, 0);
	ASSERT_EQ(4 * page, pwrite(file, self->buf, 4 * page, 0));
	hmm_fill(mem, 1, 1, 0);
	ASSERT_NE(MAP_FAILED, mmap(mem + page, 2 * page,
				   PROT_READ | PROT_WRITE,
				   MAP_FIXED | MAP_SHARED, file, page));
	ASSERT_NE(MAP_FAILED, mmap(mem + 3 * page, page,
				   PROT_READ | PROT_WRITE,
				   MAP_FIXED | MAP_PRIVATE, file, 3 * page));
	hmm_fill(mem + 4 * page, 1, 1, 4);
	ASSERT_EQ(0, mprotect(mem + 4 * page, page, PROT_READ));
	ASSERT_EQ(0, hmm_read(self->fd, mem + page, self->buf, 5, NULL));
	ASSERT_EQ(0, hmm_write(self->fd, mem + page, self->buf, 2, NULL));
	ASSERT_EQ(0, mprotect(mem + 7 * page, page, PROT_NONE));
	ASSERT_EQ(0, munmap(mem + 8 * page, page));
	hmm_fill(mem + 9 * page, 1, 1, 9);

	/* Check every range from one page to another. */
	for (size_t from = 0; from < n; from++) {
		for (size_t to = from + 1; to <= n; to++) {
			ASSERT_EQ(0, hmm_snapshot(self->fd, mem + from * page,
						  prot, to - from));
			for (size_t i = from; i < to; i++) {
				ASSERT_EQ(want[i], prot[i - from])
					TH_LOG("page %zu of %zu to %zu", i,
					       from, to);
			}
		}
	}

	EXPECT_EQ(-EFAULT, hmm_read(self->fd, mem, self->buf, n, &cmd));
	EXPECT_EQ(7, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, 5, 1, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + 5 * page, 2, 0));
	EXPECT_EQ(-EPERM, hmm_write(self->fd, mem, self->buf, n, &cmd));
	EXPECT_EQ(4, cmd.cpages);
	ASSERT_EQ(0, hmm_read(self->fd, mem + 9 * page, self->buf, 1, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, 1, 1, 9));
	EXPECT_EQ(0, hmm_mismatches(self->fd, mem, n));
}

struct protection {
	void *addr;
	size_t size;
	int prot;
};

static int protect(void *arg)
{
	struct protection *protection = arg;

	return mprotect(protection->addr, protection->size, protection->prot) ?
	       -errno : 0;
}

/*
 * R39: mprotect() of another page is stopped in its invalidation, with the mmap
 * lock held for writing. A snapshot of present pages does not need the lock. A
 * snapshot of absent pages waits before 7.2, which shows that the lock is held.
 * Since 7.2, the lock of the vma is sufficient.
 */
TEST_F(range, r39_writer_holds_the_mmap_lock)
{
	char *elsewhere = hmm_map(1), *hole = self->mem + NPAGES * self->page;
	struct protection protection = {
		.addr = elsewhere,
		.size = self->page,
		.prot = PROT_READ,
	};
	struct hmm_access present, absent;
	struct hmm_thread writer, snapshot, waiter;
	__u8 *prot = (__u8 *)self->buf;

	ASSERT_NE(NULL, elsewhere);
	hmm_fill(self->mem, NPAGES, 1, 0);
	hmm_fill(elsewhere, 1, 1, 0);
	hmm_access_init(&present, self->fd, HMM_DMIRROR_SNAPSHOT, self->mem,
			prot, NPAGES);
	hmm_access_init(&absent, self->fd, HMM_DMIRROR_SNAPSHOT, hole,
			prot + NPAGES, NPAGES);
	ASSERT_EQ(0, hmm_thread_create(&writer, protect, &protection));
	ASSERT_EQ(0, hmm_thread_create(&snapshot, hmm_access_run, &present));
	ASSERT_EQ(0, hmm_thread_create(&waiter, hmm_access_run, &absent));
	ASSERT_EQ(0, hmm_prefault());
	/* Fault in the vDSO's data page, which mlockall() skips. */
	hmm_now_ms();
	ASSERT_EQ(0, madvise(hole, NPAGES * self->page, MADV_DONTNEED));
	memset(prot, 0xaa, 2 * NPAGES);

	ASSERT_EQ(0, hmm_stop_at(self->fd, INVALIDATE));
	hmm_thread_start(&writer);
	ASSERT_EQ(0, hmm_wait_at(self->fd, INVALIDATE, HMM_TIMEOUT_MS));
	hmm_thread_start(&snapshot);
	EXPECT_EQ(0, hmm_thread_wait_done(&snapshot, HMM_TIMEOUT_MS));
	for (int i = 0; i < NPAGES; i++)
		EXPECT_EQ(WRITE, prot[i]);
	hmm_thread_start(&waiter);
	if (hmm_kernel_at_least(7, 2)) {
		EXPECT_EQ(0, hmm_thread_wait_done(&waiter, HMM_TIMEOUT_MS));
	} else {
		EXPECT_EQ(0, hmm_thread_wait_blocked(&waiter));
		EXPECT_EQ(-ETIMEDOUT,
			  hmm_thread_wait_done(&waiter, HMM_QUIET_MS));
	}
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&writer, 1));

	ASSERT_EQ(0, hmm_resume(self->fd, INVALIDATE));
	ASSERT_EQ(0, hmm_thread_wait_done(&waiter, HMM_TIMEOUT_MS));
	EXPECT_EQ(0, hmm_thread_join(&writer));
	EXPECT_EQ(0, hmm_thread_join(&snapshot));
	EXPECT_EQ(0, hmm_thread_join(&waiter));
	for (int i = 0; i < NPAGES; i++)
		EXPECT_EQ(NONE, prot[NPAGES + i]);
}

/*
 * Maps gib GiB and fills one page in each: page 0 of the first, page 1 of the
 * second and so on, so that no two GiB are equal.
 */
static char *map_sparse(size_t gib)
{
	char *mem = mmap(NULL, gib * GIB, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return NULL;
	madvise(mem, gib * GIB, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < gib; i++)
		hmm_fill(mem + i * (GIB + sysconf(_SC_PAGESIZE)), 1, 1, i);
	return mem;
}

/* R40: a snapshot of a long range neither fails nor stalls the machine. */
TEST_F(range, r40_snapshot_of_64_gib)
{
	const size_t gib = 64, pages_per_gib = GIB / self->page;
	const size_t npages = gib * pages_per_gib;
	char *mem = map_sparse(gib);
	size_t present = 0, wrong = 0;
	bool filled;
	__u8 *prot;

	ASSERT_NE(NULL, mem);
	prot = mmap(NULL, npages, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, prot);
	ASSERT_EQ(0, hmm_snapshot(self->fd, mem, prot, npages));
	for (size_t i = 0; i < npages; i++) {
		present += prot[i] == WRITE;
		filled = i % pages_per_gib == i / pages_per_gib;
		wrong += prot[i] != (filled ? WRITE : NONE);
	}
	EXPECT_EQ(gib, present);
	EXPECT_EQ(0, wrong);
}

/*
 * R40: a process is killed during a long snapshot. The bytes that the snapshot
 * has written so far show that it has begun and has not completed.
 */
TEST_F(range, r40_killed_during_a_snapshot)
{
	const size_t gib = 256, npages = gib * GIB / self->page;
	/* The page that map_sparse() fills in the last GiB. */
	const size_t last = npages - npages / gib + gib - 1;
	char *mem = map_sparse(1);
	__u64 before;
	__u8 *prot;
	pid_t pid;

	ASSERT_NE(NULL, mem);
	prot = mmap(NULL, npages, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, prot);
	prot[256] = 0xaa;
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct hmm_dmirror_cmd cmd;
		int fd = hmm_open(0);
		char *all = map_sparse(gib);

		if (fd < 0 || !all)
			_exit(1);
		hmm_cmd(fd, HMM_DMIRROR_SNAPSHOT, all, prot, npages, &cmd);
		_exit(2);
	}
	while (__atomic_load_n(&prot[256], __ATOMIC_ACQUIRE) == 0xaa)
		sched_yield();
	before = hmm_now_ms();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, hmm_wait_exit(pid));
	EXPECT_GT(HMM_TIMEOUT_MS, hmm_now_ms() - before);
	/* This byte is WRITE if the snapshot has reached the page. */
	EXPECT_EQ(0, prot[last]);
}

TEST_HARNESS_MAIN
