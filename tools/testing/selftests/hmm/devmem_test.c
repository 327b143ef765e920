// SPDX-License-Identifier: GPL-2.0
/*
 * R45: memory that moves into a device that the CPU cannot reach, and back,
 * while something else happens to it.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include "hmm_devmem_harness.h"

#define NPAGES 16

FIXTURE(devmem) {
	HMM_DEVMEM_FIXTURE_MEMBERS;
	struct hmm_access access;
	struct hmm_thread mover;
};

#define devmem_data FIXTURE_DATA(devmem)

FIXTURE_SETUP(devmem)
{
	HMM_SETUP_DEVMEM(NPAGES);
}

FIXTURE_TEARDOWN(devmem)
{
	close(self->fd);
}

/* A thread has taken all of mem from the CPU, and copied nothing yet. */
static void stop_in_the_midst(struct __test_metadata *_metadata,
			      devmem_data *self)
{
	hmm_access_init(&self->access, self->fd, HMM_DMIRROR_MIGRATE_TO_DEV,
			self->mem, self->buf, NPAGES);
	ASSERT_EQ(0, hmm_thread_create(&self->mover, hmm_access_run,
				       &self->access));
	ASSERT_EQ(0, hmm_prefault());
	ASSERT_EQ(0, hmm_stop_at(self->fd, HMM_DMIRROR_POINT_MIGRATING));
	hmm_thread_start(&self->mover);
	ASSERT_EQ(0, hmm_wait_at(self->fd, HMM_DMIRROR_POINT_MIGRATING, 0));
}

static int go_on(devmem_data *self)
{
	int ret = hmm_resume(self->fd, HMM_DMIRROR_POINT_MIGRATING);

	return ret ? ret : hmm_thread_join(&self->mover);
}

/* Right in the device, right on the CPU, and the device has given it back. */
static void expect_intact(struct __test_metadata *_metadata,
			  devmem_data *self, unsigned int seed)
{
	memset(self->buf, 0, NPAGES * self->page);
	EXPECT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, seed, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, seed, 0));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used, hmm_devmem_wait_used(self->fd, self->used));
}

TEST_F(devmem, there_and_back)
{
	struct hmm_dmirror_devmem before, after;
	struct hmm_dmirror_cmd cmd;

	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &before));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_EQ(NPAGES, cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(NPAGES, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used + NPAGES, hmm_devmem_used(self->fd));
	/* The device works on its own memory, and brings nothing back. */
	hmm_fill(self->buf, NPAGES, 2, 0);
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES, &cmd));
	EXPECT_EQ(0, cmd.faults);
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));

	ASSERT_EQ(0, hmm_to_sys(self->fd, self->mem, NPAGES, &cmd));
	EXPECT_EQ(NPAGES, cmd.cpages);
	EXPECT_EQ(0, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 2, 0));
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &after));
	EXPECT_EQ(NPAGES, after.allocated - before.allocated);
	EXPECT_EQ(NPAGES, after.freed - before.freed);
	/* One there and one back at the least. */
	EXPECT_LE(2, after.own - before.own);
}

TEST_F(devmem, cpu_touch_brings_one_page_back)
{
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem + 3 * self->page, 1, 1, 3));
	self->mem[5 * self->page]++;
	EXPECT_EQ(NPAGES - 2, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(NPAGES - 2, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	self->mem[5 * self->page]--;
	expect_intact(_metadata, self, 1);
}

/* Where nothing was is zero, there as here. */
TEST_F(devmem, empty_memory_is_zero)
{
	char *empty = hmm_map(NPAGES);

	ASSERT_NE(NULL, empty);
	ASSERT_EQ(0, hmm_to_dev(self->fd, empty, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0));
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, empty, NPAGES));
	EXPECT_TRUE(hmm_is_filled_with(empty, NPAGES, 0));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
}

/* R37: a device gets the pages of another through RAM. */
TEST_F(devmem, r37_two_devices_read_and_write_by_turns)
{
	int other = hmm_open(1);

	ASSERT_LE(0, other);
	for (unsigned int seed = 1; seed < 6; seed += 2) {
		ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES,
					NULL));
		EXPECT_EQ(0,
			  hmm_pages_at(other, self->mem, NPAGES,
				       HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE));
		ASSERT_EQ(0, hmm_read(other, self->mem, self->buf, NPAGES,
				      NULL));
		EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, seed, 0));
		EXPECT_EQ(0, hmm_pages_in_device(self->fd, self->mem, NPAGES));
		EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));

		ASSERT_EQ(0, hmm_to_dev(other, self->mem, self->buf, NPAGES,
					NULL));
		hmm_fill(self->buf, NPAGES, seed + 1, 0);
		ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->buf, NPAGES,
				       NULL));
		EXPECT_EQ(0, hmm_pages_in_device(other, self->mem, NPAGES));
		EXPECT_EQ(0, hmm_mismatches(other, self->mem, NPAGES));
		EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, seed + 1, 0));
		hmm_fill(self->mem, NPAGES, seed + 2, 0);
	}
	close(other);
}

static int touch(void *mem)
{
	return hmm_is_filled(mem, NPAGES, 1, 0) ? 0 : -EIO;
}

TEST_F(devmem, r45_cpu_reads_in_the_midst)
{
	struct hmm_thread reader;

	ASSERT_EQ(0, hmm_thread_create(&reader, touch, self->mem));
	stop_in_the_midst(_metadata, self);
	hmm_thread_start(&reader);
	EXPECT_EQ(0, hmm_thread_wait_blocked(&reader));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&reader, HMM_QUIET_MS));
	/* The reader may bring pages back before they have been looked at. */
	go_on(self);
	EXPECT_EQ(0, hmm_thread_join(&reader));
	expect_intact(_metadata, self, 1);
}

/*
 * The migration holds the mmap lock for reading only: the pages go away under
 * it, and the device must not have them afterwards.
 */
TEST_F(devmem, r45_dontneed_in_the_midst)
{
	size_t half = NPAGES / 2 * self->page;

	stop_in_the_midst(_metadata, self);
	EXPECT_EQ(0, madvise(self->mem + half, half, MADV_DONTNEED));
	EXPECT_EQ(-ENOENT, go_on(self));
	EXPECT_EQ(NPAGES / 2, self->access.cmd.cpages);
	EXPECT_EQ(NPAGES / 2, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used + NPAGES / 2, hmm_devmem_used(self->fd));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES / 2, 1, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->buf + half, NPAGES / 2, 0));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES / 2, 1, 0));
	EXPECT_TRUE(hmm_is_filled_with(self->mem + half, NPAGES / 2, 0));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
}

static int unmap_half(void *mem)
{
	size_t half = NPAGES / 2 * hmm_page_size();

	return munmap((char *)mem + half, half) ? -errno : 0;
}

TEST_F(devmem, r45_part_is_unmapped_in_the_midst)
{
	struct hmm_thread unmapper;

	ASSERT_EQ(0, hmm_thread_create(&unmapper, unmap_half, self->mem));
	stop_in_the_midst(_metadata, self);
	hmm_thread_start(&unmapper);
	EXPECT_EQ(0, hmm_thread_wait_blocked(&unmapper));
	go_on(self);
	EXPECT_EQ(0, hmm_thread_join(&unmapper));
	EXPECT_EQ(NPAGES / 2, hmm_entries(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used + NPAGES / 2, hmm_devmem_used(self->fd));
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem, self->buf, NPAGES,
				    NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES / 2, 1, 0));
	EXPECT_EQ(self->used, hmm_devmem_used(self->fd));
}

struct move {
	void *from, *to;
};

static int remap(void *arg)
{
	struct move *move = arg;
	size_t size = NPAGES * hmm_page_size();

	return mremap(move->from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
		      move->to) == move->to ? 0 : -errno;
}

TEST_F(devmem, r45_remapped_in_the_midst)
{
	struct move move = { .from = self->mem, .to = hmm_map(NPAGES) };
	struct hmm_thread mover;

	ASSERT_NE(NULL, move.to);
	ASSERT_EQ(0, hmm_thread_create(&mover, remap, &move));
	stop_in_the_midst(_metadata, self);
	hmm_thread_start(&mover);
	EXPECT_EQ(0, hmm_thread_wait_blocked(&mover));
	go_on(self);
	EXPECT_EQ(0, hmm_thread_join(&mover));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
	self->mem = move.to;
	/* Still the device's, at the other address. */
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	expect_intact(_metadata, self, 1);
}

struct forking {
	char *mem;
	pid_t pid;
};

static int fork_and_look(void *arg)
{
	struct forking *forking = arg;
	size_t page = hmm_page_size();

	forking->pid = fork();
	if (!forking->pid) {
		bool intact = hmm_is_filled(forking->mem, NPAGES, 1, 0);

		/* These writes break copy-on-write. */
		memset(forking->mem, 7, NPAGES * page);
		if (!hmm_is_filled_with(forking->mem, NPAGES, 7))
			intact = false;
		_exit(intact ? 0 : 1);
	}
	return forking->pid < 0 ? -errno : 0;
}

TEST_F(devmem, r45_fork_in_the_midst)
{
	struct forking forking = { .mem = self->mem };
	struct hmm_thread forker;

	ASSERT_EQ(0, hmm_thread_create(&forker, fork_and_look, &forking));
	stop_in_the_midst(_metadata, self);
	hmm_thread_start(&forker);
	EXPECT_EQ(0, hmm_thread_wait_blocked(&forker));
	go_on(self);
	EXPECT_EQ(0, hmm_thread_join(&forker));
	EXPECT_EQ(0, hmm_wait_exit(forking.pid));
	expect_intact(_metadata, self, 1);
}

/* The process is killed while a thread of it is in the midst. */
TEST_F(devmem, r45_killed_in_the_midst)
{
	struct hmm_completion ready;
	int fd = -1;
	pid_t pid;
	int *shared;

	shared = hmm_map_shared(1);
	ASSERT_NE(NULL, shared);
	ASSERT_EQ(0, hmm_completion_init(&ready));
	*shared = -1;
	pid = hmm_fork_sharing_files();
	ASSERT_LE(0, pid);
	if (!pid) {
		fd = hmm_open(0);
		if (fd < 0 || hmm_stop_at(fd, HMM_DMIRROR_POINT_MIGRATING))
			_exit(1);
		*shared = fd;
		hmm_complete(&ready);
		hmm_to_dev(fd, self->mem, self->buf, NPAGES, NULL);
		_exit(2);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&ready));
	fd = *shared;
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, hmm_wait_at(fd, HMM_DMIRROR_POINT_MIGRATING, 0));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, hmm_wait_exit(pid));
	EXPECT_EQ(-ESRCH, hmm_to_dev(fd, self->mem, self->buf, 1, NULL));
	EXPECT_EQ(0, close(fd));
	/* What the child moved was ours, too. */
	expect_intact(_metadata, self, 1);
}

/*
 * It exits while somebody else moves its memory: he is the last to have it,
 * and all of it goes when he has done.
 */
TEST_F(devmem, r45_exits_while_another_moves_its_memory)
{
	struct hmm_completion ready;
	int *shared, fd;
	pid_t pid;

	shared = hmm_map_shared(1);
	ASSERT_NE(NULL, shared);
	ASSERT_EQ(0, hmm_completion_init(&ready));
	*shared = -1;
	pid = hmm_fork_sharing_files();
	ASSERT_LE(0, pid);
	if (!pid) {
		hmm_fill(self->mem, NPAGES, 3, 0);
		*shared = hmm_open(0);
		hmm_complete(&ready);
		pause();
		_exit(1);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&ready));
	fd = *shared;
	ASSERT_LE(0, fd);
	hmm_access_init(&self->access, fd, HMM_DMIRROR_MIGRATE_TO_DEV,
			self->mem, self->buf, NPAGES);
	ASSERT_EQ(0, hmm_thread_create(&self->mover, hmm_access_run,
				       &self->access));
	ASSERT_EQ(0, hmm_stop_at(fd, HMM_DMIRROR_POINT_MIGRATING));
	hmm_thread_start(&self->mover);
	EXPECT_EQ(0, hmm_wait_at(fd, HMM_DMIRROR_POINT_MIGRATING, 0));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, hmm_wait_exit(pid));
	EXPECT_EQ(0, hmm_resume(fd, HMM_DMIRROR_POINT_MIGRATING));
	/* All of it has moved; then it went, and with it what was mapped. */
	EXPECT_EQ(-ENOENT, hmm_thread_join(&self->mover));
	EXPECT_EQ(self->used, hmm_devmem_wait_used(self->fd, self->used));
	EXPECT_EQ(-ESRCH, hmm_to_dev(fd, self->mem, self->buf, 1, NULL));
	EXPECT_EQ(0, close(fd));
	expect_intact(_metadata, self, 1);
}

TEST_F(devmem, r45_device_memory_goes_with_the_process)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = hmm_open(0);

		/* Not the parent's any more. */
		hmm_fill(self->mem, NPAGES, 2, 0);
		_exit(hmm_to_dev(fd, self->mem, self->buf, NPAGES, NULL) ||
		      hmm_devmem_used(fd) != self->used + NPAGES);
	}
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_EQ(self->used, hmm_devmem_wait_used(self->fd, self->used));
}

/* Stopped in a CPU fault that has taken the page from all. */
struct returning {
	struct hmm_thread toucher;
	struct hmm_access access;
	struct hmm_thread device;
};

static int touch_one(void *mem)
{
	return hmm_is_filled(mem, 1, 1, 0) ? 0 : -EIO;
}

static void stop_in_the_fault(struct __test_metadata *_metadata,
			      devmem_data *self,
			      struct returning *r, unsigned long request)
{
	ASSERT_EQ(0, hmm_thread_create(&r->toucher, touch_one, self->mem));
	hmm_access_init(&r->access, self->fd, request, self->mem, self->buf, 1);
	ASSERT_EQ(0, hmm_thread_create(&r->device, hmm_access_run, &r->access));
	ASSERT_EQ(0, hmm_prefault());
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	ASSERT_EQ(0, hmm_stop_at(self->fd, HMM_DMIRROR_POINT_RETURNING));
	hmm_thread_start(&r->toucher);
	ASSERT_EQ(0, hmm_wait_at(self->fd, HMM_DMIRROR_POINT_RETURNING, 0));
	EXPECT_EQ(NPAGES - 1, hmm_entries(self->fd, self->mem, NPAGES));
}

TEST_F(devmem, r45_device_reads_while_the_cpu_faults)
{
	struct returning r;

	stop_in_the_fault(_metadata, self, &r, HMM_DMIRROR_READ);
	hmm_thread_start(&r.device);
	EXPECT_EQ(0, hmm_thread_wait_blocked(&r.device));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&r.device, HMM_QUIET_MS));
	EXPECT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_RETURNING));
	EXPECT_EQ(0, hmm_thread_join(&r.toucher));
	EXPECT_EQ(0, hmm_thread_join(&r.device));
	EXPECT_TRUE(hmm_is_filled(self->buf, 1, 1, 0));
	EXPECT_EQ(NPAGES - 1, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	expect_intact(_metadata, self, 1);
}

TEST_F(devmem, r45_migration_finds_the_page_in_a_fault)
{
	struct returning r;

	stop_in_the_fault(_metadata, self, &r, HMM_DMIRROR_MIGRATE_TO_DEV);
	hmm_thread_start(&r.device);
	/*
	 * The page is not to be had, and nobody waits for it; but what is on
	 * its way is seen only when it has arrived.
	 */
	EXPECT_EQ(-ENOENT, hmm_thread_join(&r.device));
	EXPECT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_RETURNING));
	EXPECT_EQ(0, hmm_thread_join(&r.toucher));
	expect_intact(_metadata, self, 1);
}

TEST_F(devmem, r45_release_waits_for_a_fault)
{
	struct hmm_dmirror_devmem devmem;
	struct returning r;

	stop_in_the_fault(_metadata, self, &r, HMM_DMIRROR_RELEASE);
	hmm_thread_start(&r.device);
	EXPECT_EQ(0, hmm_thread_wait_blocked(&r.device));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&r.device, HMM_QUIET_MS));
	EXPECT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_RETURNING));
	EXPECT_EQ(0, hmm_thread_join(&r.toucher));
	EXPECT_EQ(0, hmm_thread_join(&r.device));
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &devmem));
	EXPECT_EQ(0, devmem.used);
	EXPECT_EQ(0, devmem.chunks);
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

TEST_F(devmem, r45_release_in_the_midst)
{
	struct hmm_dmirror_devmem devmem;
	struct hmm_thread releaser;
	struct hmm_access release;

	hmm_access_init(&release, self->fd, HMM_DMIRROR_RELEASE, NULL, NULL, 0);
	ASSERT_EQ(0, hmm_thread_create(&releaser, hmm_access_run, &release));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES / 2,
				NULL));
	stop_in_the_midst(_metadata, self);
	/* The half that is there goes back, and then the memory. */
	hmm_thread_start(&releaser);
	EXPECT_EQ(0, hmm_thread_wait_done(&releaser, HMM_TIMEOUT_MS));
	EXPECT_EQ(0, hmm_thread_join(&releaser));
	/* The other half had room in what is gone now. */
	go_on(self);
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &devmem));
	EXPECT_EQ(devmem.used,
		  hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	/* And there is room again for who asks. */
	EXPECT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

/* R48: of all processes, whoever asks for it. */
TEST_F(devmem, r48_release_empties_other_processes_too)
{
	struct hmm_completion to_child, to_parent;
	pid_t pid;

	ASSERT_EQ(0, hmm_completion_init(&to_child));
	ASSERT_EQ(0, hmm_completion_init(&to_parent));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = hmm_open(0);

		if (hmm_to_dev(fd, self->mem, self->buf, NPAGES, NULL))
			_exit(1);
		hmm_complete(&to_parent);
		hmm_wait_for_completion(&to_child);
		if (hmm_pages_in_device(fd, self->mem, NPAGES) ||
		    hmm_entries(fd, self->mem, NPAGES))
			_exit(2);
		_exit(!hmm_is_filled(self->mem, NPAGES, 1, 0) ? 3 : 0);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&to_parent));
	EXPECT_LE(NPAGES, hmm_devmem_used(self->fd));
	EXPECT_EQ(0, hmm_devmem_release(self->fd));
	EXPECT_EQ(0, hmm_devmem_used(self->fd));
	hmm_complete(&to_child);
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

/* R48: the file is closed, and the memory is still there and comes back. */
TEST_F(devmem, r48_memory_outlives_the_file)
{
	int other = hmm_open(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(self->used + NPAGES, hmm_devmem_used(other));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	EXPECT_EQ(self->used, hmm_devmem_used(other));
	self->fd = other;
}

TEST_HARNESS_MAIN
