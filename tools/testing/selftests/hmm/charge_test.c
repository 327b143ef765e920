// SPDX-License-Identifier: GPL-2.0
/*
 * R84: the memory that the kernel uses for a process and its device is charged
 * to the cgroup of that process, so a limit of the cgroup includes it.
 */
#include <stdio.h>

#include "hmm_cgroup.h"
#include "hmm_devmem.h"
#include "hmm_harness.h"

#define NPAGES	1024
#define NFILES	60

FIXTURE(charge) {
	HMM_FIXTURE_MEMBERS;
	size_t size;
};

FIXTURE_SETUP(charge)
{
	int ret = hmm_cgroup_enter();

	if (ret == -EOPNOTSUPP)
		SKIP(return, HMM_SKIP_NO_MEMCG);
	ASSERT_EQ(0, ret);
	HMM_SETUP(NPAGES);
	self->size = NPAGES * self->page;
	/* From now on, touching the buffer allocates nothing. */
	memset(self->buf, 0x55, self->size);
}

FIXTURE_TEARDOWN(charge)
{
	close(self->fd);
	hmm_cgroup_leave();
}

/*
 * The device maps memory that only the zero page backs, so the page tables are
 * all that is allocated. One entry of the device takes 9 bytes.
 */
TEST_F(charge, r84_device_page_table)
{
	const size_t parts = 16;
	char *mem = hmm_map(parts * NPAGES);
	long before, after;

	ASSERT_NE(NULL, mem);
	before = hmm_cgroup_objects();
	ASSERT_LE(0, before);
	for (size_t i = 0; i < parts; i++)
		ASSERT_EQ(0, hmm_read(self->fd, mem + i * self->size, self->buf,
				      NPAGES, NULL));
	ASSERT_EQ(parts * NPAGES, hmm_entries(self->fd, mem, parts * NPAGES));
	after = hmm_cgroup_objects();
	TH_LOG("%ld bytes for %zu entries", after - before, parts * NPAGES);
	EXPECT_LE(before + 8 * (long)(parts * NPAGES), after);
}

static void close_all(int *fds, int n)
{
	while (n--)
		close(fds[n]);
}

/* Returns the growth in bytes, or -errno. */
static long open_many(int *fds)
{
	long before = hmm_cgroup_objects();

	for (int i = 0; i < NFILES; i++) {
		fds[i] = hmm_open(0);
		if (fds[i] < 0) {
			close_all(fds, i);
			return fds[i];
		}
	}
	return hmm_cgroup_objects() - before;
}

/* The same, but each file belongs to a process that has exited. */
static long open_in_many_processes(int *fds, int *shared)
{
	long before = hmm_cgroup_objects();

	for (int i = 0; i < NFILES; i++) {
		pid_t pid = hmm_fork_sharing_files();

		if (!pid) {
			*shared = hmm_open(0);
			_exit(0);
		}
		if (pid < 0 || hmm_wait_exit(pid) || *shared < 0) {
			close_all(fds, i);
			return -ECHILD;
		}
		fds[i] = *shared;
	}
	return hmm_cgroup_objects() - before;
}

/* Returns the size of an object in a slab cache, or -errno. */
static long object_size(const char *cache)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	long active, total, size = -ENOENT;
	char line[256], name[64];

	if (!file)
		return -errno;
	while (size < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld %ld %ld", name, &active, &total,
			   &size) != 4 || strcmp(name, cache))
			size = -ENOENT;
	fclose(file);
	return size;
}

/*
 * A file has a structure of the driver. A file of another process also has a
 * context of hmm_mirror, and keeps the mm_struct, which the kernel charges.
 */
TEST_F(charge, r84_files_and_contexts)
{
	int *shared = hmm_map_shared(1), fds[NFILES];
	long size = object_size("mm_struct"), same, others;

	ASSERT_NE(NULL, shared);
	if (size < 0)
		SKIP(return, "no mm_struct in /proc/slabinfo");
	same = open_many(fds);
	ASSERT_LE(0, same);
	close_all(fds, NFILES);
	others = open_in_many_processes(fds, shared);
	ASSERT_LE(0, others);
	close_all(fds, NFILES);
	TH_LOG("%d files: %ld bytes; of as many processes: %ld, with %ld for each mm_struct",
	       NFILES, same, others, size);
	EXPECT_LE(NFILES * 700L, same);
	EXPECT_LE(NFILES * (size + 1024), others - same);
}

TEST_F(charge, r84_mapping_of_the_device)
{
	long before = hmm_cgroup_current();
	void *mem;

	ASSERT_LE(0, before);
	mem = mmap(NULL, self->size, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_LE(before + (long)self->size * 3 / 4, hmm_cgroup_current());
	EXPECT_EQ(0, munmap(mem, self->size));
}

/* The bounce buffer of a command, which waits here for as long as it likes. */
TEST_F(charge, r84_command_in_progress)
{
	const unsigned int point = HMM_DMIRROR_POINT_FAULTED;
	struct hmm_access access;
	struct hmm_thread device;
	long before;

	memset(self->mem, 1, self->size);
	hmm_access_init(&access, self->fd, HMM_DMIRROR_READ, self->mem,
			self->buf, NPAGES);
	ASSERT_EQ(0, hmm_thread_create(&device, hmm_access_run, &access));
	ASSERT_EQ(0, hmm_stop_at(self->fd, point));
	before = hmm_cgroup_current();
	ASSERT_LE(0, before);
	hmm_thread_start(&device);
	ASSERT_EQ(0, hmm_wait_at(self->fd, point, HMM_TIMEOUT_MS));
	EXPECT_LE(before + (long)self->size * 3 / 4, hmm_cgroup_current());
	ASSERT_EQ(0, hmm_resume(self->fd, point));
	EXPECT_EQ(0, hmm_thread_join(&device));
}

/* A page in the device's memory is charged like the page that it replaces. */
TEST_F(charge, r84_memory_of_the_device)
{
	long before = hmm_cgroup_current(), with_pages;
	int ret;

	ASSERT_LE(0, before);
	/* No page is present yet. */
	ret = hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL);
	if (ret == -EOPNOTSUPP)
		SKIP(return, HMM_SKIP_NO_DEVMEM, 0);
	ASSERT_EQ(0, ret);
	with_pages = hmm_cgroup_current();
	EXPECT_LE(before + (long)self->size * 3 / 4, with_pages);
	memset(self->mem, 1, self->size);
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_LE(before + (long)self->size * 3 / 4, hmm_cgroup_current());
	ASSERT_EQ(0, munmap(self->mem, self->size));
	EXPECT_GT(before + (long)self->size / 2, hmm_cgroup_current());
}

TEST_HARNESS_MAIN
