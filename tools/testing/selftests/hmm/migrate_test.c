// SPDX-License-Identifier: GPL-2.0
/*
 * R34: pages that migrate between NUMA nodes or in compaction: migration
 * entries, NUMA hinting entries, and migration while the device reads and
 * writes.
 */
#include <sched.h>

#include "hmm_harness.h"
#include "hmm_node.h"
#include "hmm_pagemap.h"

#define NPAGES	64

#define INVALIDATE	HMM_DMIRROR_POINT_INVALIDATE

#define BALANCING	"/proc/sys/kernel/numa_balancing"

FIXTURE(migrate) {
	HMM_FIXTURE_MEMBERS;
	int node;	/* the highest node; the other one is 0 */
};

FIXTURE_SETUP(migrate)
{
	HMM_SETUP_FILLED(NPAGES);
	self->node = hmm_last_node();
	if (!self->node)
		SKIP(return, "this machine has only one NUMA node");
}

FIXTURE_TEARDOWN(migrate)
{
	/* NUMA balancing would invalidate pages during other tests. */
	hmm_write_file(BALANCING, "0");
	close(self->fd);
}

struct mover {
	char *mem;
	size_t npages;
	int node;
	int stop;
	unsigned long moves;
};

static int move_once(void *arg)
{
	struct mover *mover = arg;

	return hmm_move_to_node(mover->mem, mover->npages, mover->node);
}

/* Moves the pages between both nodes until stop is set. */
static int move_until_stopped(void *arg)
{
	struct mover *mover = arg;
	int node = mover->node;

	while (!__atomic_load_n(&mover->stop, __ATOMIC_ACQUIRE)) {
		int missing = hmm_move_to_node(mover->mem, mover->npages, node);

		if (missing < 0)
			return missing;
		mover->moves += mover->npages - missing;
		node = node ? 0 : mover->node;
		usleep(1000);
	}
	return 0;
}

/*
 * Parent and child share the pages. The kernel unmaps them from one page table
 * after the other before it moves them:
 *
 *   mover              parent                         child
 *   unmaps in parent   migration entries, and no
 *                      invalidation in progress
 *   unmaps in child                                   callback is stopped
 *                      SNAPSHOT: absent entries
 *                      READ: sleeps
 *                                                     callback resumes
 *   moves, remaps      READ returns
 *
 * Therefore a reader of the parent's memory can encounter migration entries
 * although no invalidation is in progress.
 */
static void migration_entries(struct __test_metadata *_metadata, int fd,
			      char *mem, char *buf, size_t npages, int node)
{
	struct hmm_access access = {
		.fd = fd,
		.request = HMM_DMIRROR_READ,
		.addr = mem,
		.ptr = buf,
		.npages = NPAGES,
	};
	struct mover mover = {
		.mem = mem,
		.npages = 1,
		.node = node,
	};
	int *shared = hmm_map_shared(1), home = hmm_node_of(mem);
	struct hmm_thread device, moving;
	struct hmm_completion done;
	pid_t pid;

	ASSERT_LE(0, home);
	if (home == node)
		mover.node = 0;
	ASSERT_NE(NULL, shared);
	*shared = -1;
	ASSERT_EQ(0, hmm_completion_init(&done));
	pid = hmm_fork_sharing_files();
	ASSERT_LE(0, pid);
	if (!pid) {
		int own = hmm_open(0);

		/*
		 * The device mirrors the child and has an entry for the page.
		 */
		if (own < 0 || hmm_read(own, mem, buf, 1, NULL))
			_exit(1);
		__atomic_store_n(shared, own, __ATOMIC_RELEASE);
		hmm_wait_for_completion(&done);
		_exit(0);
	}
	while (__atomic_load_n(shared, __ATOMIC_ACQUIRE) < 0)
		sched_yield();
	ASSERT_EQ(0, hmm_thread_create(&device, hmm_access_run, &access));
	ASSERT_EQ(0, hmm_thread_create(&moving, move_once, &mover));

	/*
	 * Do not call hmm_prefault(), because it would break copy-on-write. It
	 * is not needed: only the memory of the child is blocked, and the child
	 * accesses none of it.
	 */
	ASSERT_EQ(0, hmm_stop_at(*shared, INVALIDATE));
	hmm_thread_start(&moving);
	ASSERT_EQ(0, hmm_wait_at(*shared, INVALIDATE, HMM_TIMEOUT_MS));

	EXPECT_TRUE(hmm_snapshot_shows(fd, mem, npages, NONE));
	EXPECT_EQ(0, hmm_pagemap_entry(mem) & HMM_PAGEMAP_PRESENT);
	hmm_thread_start(&device);
	ASSERT_EQ(0, hmm_thread_wait_blocked(&device));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&device, HMM_QUIET_MS));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&moving, 1));

	ASSERT_EQ(0, hmm_resume(*shared, INVALIDATE));
	ASSERT_EQ(0, hmm_thread_wait_done(&moving, HMM_TIMEOUT_MS));
	EXPECT_EQ(0, hmm_thread_join(&moving));
	ASSERT_EQ(0, hmm_thread_wait_done(&device, HMM_TIMEOUT_MS));
	EXPECT_EQ(0, hmm_thread_join(&device));
	EXPECT_EQ(mover.node, hmm_node_of(mem));
	EXPECT_TRUE(hmm_is_filled(buf, NPAGES, 1, 0));
	EXPECT_EQ(0, hmm_mismatches(fd, mem, NPAGES));
	hmm_complete(&done);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

TEST_F(migrate, r34_migration_entry)
{
	migration_entries(_metadata, self->fd, self->mem, self->buf, 1,
			  self->node);
}

TEST_F(migrate, r34_migration_entry_of_a_huge_page)
{
	size_t size;
	char *mem;

	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	hmm_fill(mem, size / self->page, 1, 0);
	migration_entries(_metadata, self->fd, mem, self->buf,
			  size / self->page, self->node);
	EXPECT_TRUE(hmm_is_huge(mem));
}

static void migrate_under_io(struct __test_metadata *_metadata, int fd,
			     char *mem, char *buf, size_t npages, int node)
{
	struct mover mover = {
		.mem = mem,
		.npages = npages,
		.node = node,
	};
	struct hmm_dmirror_stats stats;
	struct hmm_thread thread;
	__u64 enough;

	ASSERT_EQ(0, hmm_stats(fd, &stats));
	enough = stats.dropped + 20 * NPAGES;
	ASSERT_EQ(0, hmm_thread_create(&thread, move_until_stopped, &mover));
	hmm_thread_start(&thread);
	for (int round = 2; round < 1000 && stats.dropped < enough; round++) {
		hmm_fill(buf, NPAGES, round, 0);
		ASSERT_EQ(0, hmm_write(fd, mem, buf, NPAGES, NULL));
		memset(buf, 0x55, NPAGES * hmm_page_size());
		ASSERT_EQ(0, hmm_read(fd, mem, buf, NPAGES, NULL));
		ASSERT_TRUE(hmm_is_filled(buf, NPAGES, round, 0));
		ASSERT_EQ(0, hmm_mismatches(fd, mem, NPAGES));
		ASSERT_EQ(0, hmm_stats(fd, &stats));
	}
	__atomic_store_n(&mover.stop, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, hmm_thread_join(&thread));
	EXPECT_LE(enough, stats.dropped);
	EXPECT_LE(20, mover.moves);
}

TEST_F(migrate, r34_moved_under_the_device)
{
	migrate_under_io(_metadata, self->fd, self->mem, self->buf, NPAGES,
			 self->node);
}

TEST_F(migrate, r34_huge_page_moved_under_the_device)
{
	size_t size;
	char *mem;

	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	migrate_under_io(_metadata, self->fd, mem, self->buf, 1, self->node);
}

/* Number of pages of the test, which frees every second one to leave gaps. */
#define NSCATTERED	(8UL << 10)

static int compact(void *unused)
{
	(void)unused;
	return hmm_write_file("/proc/sys/vm/compact_memory", "1");
}

/* Reads all pages, and returns how many of the even ones are wrong. */
static size_t wrong_pages(int fd, char *mem, char *buf)
{
	const size_t page = hmm_page_size();
	size_t wrong = 0;

	for (size_t i = 0; i < NSCATTERED; i += NPAGES) {
		if (hmm_read(fd, mem + i * page, buf, NPAGES, NULL))
			return NSCATTERED;
		for (size_t j = 0; j < NPAGES; j += 2)
			wrong += !hmm_is_filled(buf + j * page, 1, 1, i + j);
	}
	return wrong;
}

FIXTURE(compact) {
};

FIXTURE_SETUP(compact)
{
}

FIXTURE_TEARDOWN(compact)
{
}

/* Compaction needs only one node, so this test has its own fixture. */
TEST_F(compact, r34_compacted_under_the_device)
{
	const size_t page = hmm_page_size(), size = NSCATTERED * page;
	char *below = hmm_map(NSCATTERED), *mem = hmm_map(NSCATTERED);
	char *above = hmm_map(NSCATTERED), *buf = hmm_map(NPAGES);
	__u64 *was = calloc(NSCATTERED, sizeof(*was));
	__u64 *is = calloc(NSCATTERED, sizeof(*is));
	struct hmm_dmirror_stats before, after;
	int fd, ended = 0;
	struct hmm_thread thread;
	cpu_set_t cpus, all;
	size_t moved = 0;

	HMM_OPEN_OR_SKIP(fd, 0);
	ASSERT_TRUE(below && mem && above && buf && was && is);
	/*
	 * Allocate on one node, with free pages on both sides for compaction.
	 */
	ASSERT_EQ(0, sched_getaffinity(0, sizeof(all), &all));
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	memset(below, 1, size);
	hmm_fill(mem, NSCATTERED, 1, 0);
	memset(above, 1, size);
	ASSERT_EQ(0, munmap(below, size));
	ASSERT_EQ(0, munmap(above, size));
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(all), &all));
	for (size_t i = 1; i < NSCATTERED; i += 2)
		ASSERT_EQ(0, madvise(mem + i * page, page, MADV_DONTNEED));
	ASSERT_EQ(0, wrong_pages(fd, mem, buf));
	ASSERT_EQ(0, hmm_stats(fd, &before));
	ASSERT_EQ(0, hmm_pagemap_read(mem, NSCATTERED, was));

	ASSERT_EQ(0, hmm_thread_create(&thread, compact, NULL));
	hmm_thread_start(&thread);
	/* Read until compaction is done, and once more. */
	for (int rounds = 0; rounds < 2; rounds += ended) {
		ended = !hmm_thread_wait_done(&thread, 1);
		ASSERT_EQ(0, wrong_pages(fd, mem, buf));
		ASSERT_EQ(0, hmm_mismatches(fd, mem, NSCATTERED));
	}
	if (hmm_thread_join(&thread) == -ENOENT)
		SKIP(return, "this kernel has no compaction");
	ASSERT_EQ(0, hmm_pagemap_read(mem, NSCATTERED, is));
	for (size_t i = 0; i < NSCATTERED; i += 2)
		moved += (was[i] ^ is[i]) & HMM_PAGEMAP_PFN ? 1 : 0;
	if (!moved)
		SKIP(return, "compaction moved no page of the test");
	ASSERT_EQ(0, hmm_stats(fd, &after));
	EXPECT_LT(before.dropped, after.dropped);
	close(fd);
}

#define KNOBS "/sys/kernel/debug/sched/numa_balancing/"

/* Returns how many NUMA hinting entries the kernel has installed, or -1. */
static long numa_pte_updates(void)
{
	FILE *file = fopen("/proc/vmstat", "r");
	long value, found = -1;
	char name[64];

	if (!file)
		return -1;
	while (found < 0 && fscanf(file, "%63s %ld", name, &value) == 2)
		if (!strcmp(name, "numa_pte_updates"))
			found = value;
	fclose(file);
	return found;
}

static int wait_for_hints(int fd, const char *mem, size_t npages, __u8 *prot)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	size_t hints = 0;

	while (hints < npages && hmm_now_ms() < end) {
		/* The scan depends on the CPU time that the task uses. */
		for (__u64 until = hmm_now_ms() + 20; hmm_now_ms() < until;)
			;
		if (hmm_snapshot(fd, mem, prot, npages))
			return -EIO;
		hints = 0;
		for (size_t i = 0; i < npages; i++)
			hints += prot[i] == NONE;
	}
	return hints;
}

static void numa_hints(struct __test_metadata *_metadata, char *buf, int node)
{
	__u8 prot[NPAGES];
	int fd, hints;
	cpu_set_t cpus;
	size_t size;
	long updates;
	char *mem;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	fd = hmm_open(0);
	ASSERT_LE(0, fd);
	mem = hmm_map(NPAGES);
	ASSERT_NE(NULL, mem);
	hmm_fill(mem, NPAGES, 1, 0);
	ASSERT_EQ(0, hmm_move_to_node(mem, NPAGES, node));
	ASSERT_EQ(0, hmm_write(fd, mem, mem, NPAGES, NULL));

	updates = numa_pte_updates();
	hints = wait_for_hints(fd, mem, NPAGES, prot);
	/*
	 * The kernel decides when to install hinting entries. Skip the test if
	 * it has not installed any.
	 */
	if (!hints && updates >= 0 && numa_pte_updates() == updates)
		SKIP(return, "no NUMA hinting entries in %d s",
		     HMM_TIMEOUT_MS / 1000);
	ASSERT_EQ(NPAGES, hints);
	EXPECT_EQ(NPAGES, hmm_pagemap_count(mem, NPAGES, HMM_PAGEMAP_PRESENT));
	EXPECT_EQ(0, hmm_entries(fd, mem, NPAGES));
	ASSERT_EQ(0, hmm_read(fd, mem, buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(buf, NPAGES, 1, 0));
	hmm_fill(buf, NPAGES, 2, 0);
	ASSERT_EQ(0, hmm_write(fd, mem, buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(mem, NPAGES, 2, 0));

	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	hmm_fill(mem, NPAGES, 3, 0);
	ASSERT_EQ(0, hmm_move_to_node(mem, 1, node));
	ASSERT_EQ(NPAGES, wait_for_hints(fd, mem, NPAGES, prot));
	ASSERT_EQ(0, hmm_read(fd, mem, buf, NPAGES, NULL));
	/* Before the read, smaps of 6.1 does not count the page. */
	EXPECT_TRUE(hmm_is_huge(mem));
	EXPECT_TRUE(hmm_is_filled(buf, NPAGES, 3, 0));
	EXPECT_EQ(0, hmm_mismatches(fd, mem, NPAGES));
}

TEST_F(migrate, r34_numa_hinting)
{
	if (hmm_write_file(BALANCING, "1"))
		SKIP(return, "this kernel has no NUMA balancing");
	if (hmm_write_file(KNOBS "scan_delay_ms", "1"))
		SKIP(return, "no " KNOBS " to make the scan fast enough");
	ASSERT_EQ(0, hmm_write_file(KNOBS "scan_period_max_ms", "20"));
	ASSERT_EQ(0, hmm_write_file(KNOBS "scan_period_min_ms", "10"));
	/*
	 * The first scan of this address space waits for the old delay, because
	 * the address space already exists. On newer kernels, the scan of each
	 * new mapping waits for the new delay as well.
	 */
	numa_hints(_metadata, self->buf, self->node);
}

TEST_HARNESS_MAIN
