// SPDX-License-Identifier: GPL-2.0
/*
 * R45: migration to and from device memory that the CPU cannot access, while
 * another task changes or uses the same pages.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <linux/userfaultfd.h>

#include "hmm_devmem_harness.h"
#include "hmm_uffd.h"

#define NPAGES 16

#define MIGRATING	HMM_DMIRROR_POINT_MIGRATING
#define RETURNING	HMM_DMIRROR_POINT_RETURNING

FIXTURE(devmem_race) {
	HMM_DEVMEM_FIXTURE_MEMBERS;
	struct hmm_access access;
	struct hmm_thread migrator;	/* runs access */
	/*
	 * A child that shares its file descriptors stores its device file here.
	 */
	int *shared;
	struct hmm_completion ready;
};

#define devmem_race_data FIXTURE_DATA(devmem_race)

FIXTURE_SETUP(devmem_race)
{
	HMM_SETUP_DEVMEM(NPAGES);
	self->shared = hmm_map_shared(1);
	ASSERT_NE(NULL, self->shared);
	*self->shared = -1;
	ASSERT_EQ(0, hmm_completion_init(&self->ready));
}

FIXTURE_TEARDOWN(devmem_race)
{
	close(self->fd);
}

/* Stops a migration after it has isolated all of mem, before it copies. */
static void stop_migration(struct __test_metadata *_metadata,
			   devmem_race_data *self)
{
	hmm_access_init(&self->access, self->fd, HMM_DMIRROR_MIGRATE_TO_DEV,
			self->mem, self->buf, NPAGES);
	ASSERT_EQ(0, hmm_thread_create(&self->migrator, hmm_access_run,
				       &self->access));
	ASSERT_EQ(0, hmm_prefault());
	ASSERT_EQ(0, hmm_stop_at(self->fd, MIGRATING));
	hmm_thread_start(&self->migrator);
	ASSERT_EQ(0, hmm_wait_at(self->fd, MIGRATING, 0));
}

/* Starts a thread that blocks on the stopped migration. */
static void block_on_migration(struct __test_metadata *_metadata,
			       devmem_race_data *self,
			       struct hmm_thread *thread)
{
	stop_migration(_metadata, self);
	hmm_thread_start(thread);
	EXPECT_EQ(0, hmm_thread_wait_blocked(thread));
}

static int finish_migration(devmem_race_data *self)
{
	int ret = hmm_resume(self->fd, MIGRATING);

	return ret ? ret : hmm_thread_join(&self->migrator);
}

static int check_pattern(void *mem)
{
	return hmm_is_filled(mem, NPAGES, 1, 0) ? 0 : -EIO;
}

TEST_F(devmem_race, r45_cpu_read_during_migration)
{
	struct hmm_thread reader;

	ASSERT_EQ(0, hmm_thread_create(&reader, check_pattern, self->mem));
	block_on_migration(_metadata, self, &reader);
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&reader, HMM_QUIET_MS));
	/* The result depends on when the reader's faults migrate pages back. */
	finish_migration(self);
	EXPECT_EQ(0, hmm_thread_join(&reader));
	EXPECT_INTACT(1);
}

/* A page with another reference does not migrate: the device tries again. */
TEST_F(devmem_race, page_is_released_during_migration)
{
	struct iovec iov = { .iov_base = self->mem, .iov_len = self->page };
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ((ssize_t)self->page, vmsplice(fds[1], &iov, 1, 0));
	stop_migration(_metadata, self);
	ASSERT_EQ((ssize_t)self->page, read(fds[0], self->buf, self->page));
	EXPECT_EQ(0, finish_migration(self));
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
	EXPECT_INTACT(1);
	close(fds[0]);
	close(fds[1]);
}

/*
 * Pages are invalidated while the content of other pages is copied to the
 * caller: the device has not migrated them yet, or tries again.
 */
TEST_F(devmem_race, pages_are_invalidated_before_they_are_copied)
{
	size_t size = 6UL << 20, half = size / 2, npages = size / self->page;
	char *mem = hmm_map(npages), *buf = hmm_map(npages);
	int uffd = hmm_uffd_open(0);

	if (uffd < 0)
		SKIP(return, "userfaultfd: %s", strerror(-uffd));
	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, buf);
	hmm_fill(mem, npages, 1, 0);
	ASSERT_EQ(0, hmm_uffd_register(uffd, buf, self->page,
				       UFFDIO_REGISTER_MODE_MISSING));
	hmm_access_init(&self->access, self->fd, HMM_DMIRROR_MIGRATE_TO_DEV,
			mem, buf, npages);
	ASSERT_EQ(0, hmm_thread_create(&self->migrator, hmm_access_run,
				       &self->access));
	hmm_thread_start(&self->migrator);
	ASSERT_EQ(0, hmm_uffd_wait(uffd, NULL, NULL));
	ASSERT_EQ(0, mprotect(mem + half, half, PROT_READ));
	ASSERT_EQ(0, mprotect(mem + half, half, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, hmm_uffd_copy(uffd, buf, self->buf, self->page));
	EXPECT_EQ(0, hmm_thread_join(&self->migrator));
	EXPECT_EQ(self->used + (long)npages, hmm_devmem_used(self->fd));
	EXPECT_TRUE(hmm_is_filled(buf, npages, 1, 0));
	close(uffd);
	munmap(buf, size);
	munmap(mem, size);
}

/*
 * The migration holds the mmap lock for reading only, so MADV_DONTNEED can
 * remove pages that the migration has isolated. The device must not map these
 * pages afterwards.
 */
TEST_F(devmem_race, r45_dontneed_during_migration)
{
	size_t half = NPAGES / 2 * self->page;

	stop_migration(_metadata, self);
	EXPECT_EQ(0, madvise(self->mem + half, half, MADV_DONTNEED));
	/* The device tries again, and then gets new pages for the holes. */
	EXPECT_EQ(0, finish_migration(self));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_EQ(self->used + NPAGES, hmm_devmem_used(self->fd));
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

TEST_F(devmem_race, r45_munmap_during_migration)
{
	struct hmm_thread unmapper;

	ASSERT_EQ(0, hmm_thread_create(&unmapper, unmap_half, self->mem));
	block_on_migration(_metadata, self, &unmapper);
	finish_migration(self);
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

TEST_F(devmem_race, r45_mremap_during_migration)
{
	struct move move = { .from = self->mem, .to = hmm_map(NPAGES) };
	struct hmm_thread remapper;

	ASSERT_NE(NULL, move.to);
	ASSERT_EQ(0, hmm_thread_create(&remapper, remap, &move));
	block_on_migration(_metadata, self, &remapper);
	finish_migration(self);
	EXPECT_EQ(0, hmm_thread_join(&remapper));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, NPAGES));
	self->mem = move.to;
	/* The pages are still in the device, at the new address. */
	EXPECT_EQ(NPAGES, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_INTACT(1);
}

struct forking {
	char *mem;
	pid_t pid;
};

static int fork_and_check(void *arg)
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

TEST_F(devmem_race, r45_fork_during_migration)
{
	struct forking forking = { .mem = self->mem };
	struct hmm_thread forker;

	ASSERT_EQ(0, hmm_thread_create(&forker, fork_and_check, &forking));
	block_on_migration(_metadata, self, &forker);
	finish_migration(self);
	EXPECT_EQ(0, hmm_thread_join(&forker));
	EXPECT_EQ(0, hmm_wait_exit(forking.pid));
	EXPECT_INTACT(1);
}

/* The process is killed during its own migration. */
TEST_F(devmem_race, r45_killed_during_migration)
{
	pid_t pid = hmm_fork_sharing_files();
	int fd = -1;

	ASSERT_LE(0, pid);
	if (!pid) {
		fd = hmm_open(0);
		if (fd < 0 || hmm_stop_at(fd, MIGRATING))
			_exit(1);
		*self->shared = fd;
		hmm_complete(&self->ready);
		hmm_to_dev(fd, self->mem, self->buf, NPAGES, NULL);
		_exit(2);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&self->ready));
	fd = *self->shared;
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, hmm_wait_at(fd, MIGRATING, 0));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, hmm_wait_exit(pid));
	EXPECT_EQ(-ESRCH, hmm_to_dev(fd, self->mem, self->buf, 1, NULL));
	EXPECT_EQ(0, close(fd));
	/* Parent and child shared the pages that the child migrated. */
	EXPECT_INTACT(1);
}

/*
 * The process exits while another task migrates its memory. This task holds the
 * last reference to the mm, so the memory is freed when the task drops it.
 */
TEST_F(devmem_race, r45_exit_while_another_task_migrates)
{
	pid_t pid = hmm_fork_sharing_files();
	int fd;

	ASSERT_LE(0, pid);
	if (!pid) {
		hmm_fill(self->mem, NPAGES, 3, 0);
		*self->shared = hmm_open(0);
		hmm_complete(&self->ready);
		pause();
		_exit(1);
	}
	ASSERT_EQ(0, hmm_wait_for_completion(&self->ready));
	fd = *self->shared;
	ASSERT_LE(0, fd);
	hmm_access_init(&self->access, fd, HMM_DMIRROR_MIGRATE_TO_DEV,
			self->mem, self->buf, NPAGES);
	ASSERT_EQ(0, hmm_thread_create(&self->migrator, hmm_access_run,
				       &self->access));
	ASSERT_EQ(0, hmm_stop_at(fd, MIGRATING));
	hmm_thread_start(&self->migrator);
	EXPECT_EQ(0, hmm_wait_at(fd, MIGRATING, 0));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, hmm_wait_exit(pid));
	EXPECT_EQ(0, hmm_resume(fd, MIGRATING));
	/* All pages migrate; then the mm is freed, and none is programmed. */
	EXPECT_EQ(-ESRCH, hmm_thread_join(&self->migrator));
	EXPECT_EQ(self->used, hmm_devmem_wait_used(self->fd, self->used));
	EXPECT_EQ(-ESRCH, hmm_to_dev(fd, self->mem, self->buf, 1, NULL));
	EXPECT_EQ(0, close(fd));
	EXPECT_INTACT(1);
}

/* A CPU fault that is stopped after it has isolated the page. */
struct cpu_fault {
	struct hmm_thread cpu;
	struct hmm_access access;
	struct hmm_thread device;
};

static int check_first_page(void *mem)
{
	return hmm_is_filled(mem, 1, 1, 0) ? 0 : -EIO;
}

static void stop_cpu_fault(struct __test_metadata *_metadata,
			   devmem_race_data *self, struct cpu_fault *f,
			   unsigned long request)
{
	ASSERT_EQ(0, hmm_thread_create(&f->cpu, check_first_page, self->mem));
	hmm_access_init(&f->access, self->fd, request, self->mem, self->buf, 1);
	ASSERT_EQ(0, hmm_thread_create(&f->device, hmm_access_run, &f->access));
	ASSERT_EQ(0, hmm_prefault());
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	ASSERT_EQ(0, hmm_stop_at(self->fd, RETURNING));
	hmm_thread_start(&f->cpu);
	ASSERT_EQ(0, hmm_wait_at(self->fd, RETURNING, 0));
	EXPECT_EQ(NPAGES - 1, hmm_entries(self->fd, self->mem, NPAGES));
}

/*
 * Checks that the device's command waits for the CPU fault and then succeeds.
 */
static void expect_command_waits(struct __test_metadata *_metadata,
				 devmem_race_data *self, struct cpu_fault *f)
{
	hmm_thread_start(&f->device);
	EXPECT_EQ(0, hmm_thread_wait_blocked(&f->device));
	EXPECT_EQ(-ETIMEDOUT, hmm_thread_wait_done(&f->device, HMM_QUIET_MS));
	EXPECT_EQ(0, hmm_resume(self->fd, RETURNING));
	EXPECT_EQ(0, hmm_thread_join(&f->cpu));
	EXPECT_EQ(0, hmm_thread_join(&f->device));
}

TEST_F(devmem_race, r45_device_reads_while_the_cpu_faults)
{
	struct cpu_fault f;

	stop_cpu_fault(_metadata, self, &f, HMM_DMIRROR_READ);
	expect_command_waits(_metadata, self, &f);
	EXPECT_TRUE(hmm_is_filled(self->buf, 1, 1, 0));
	EXPECT_EQ(NPAGES - 1, hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_INTACT(1);
}

TEST_F(devmem_race, r45_migration_during_a_cpu_fault)
{
	struct cpu_fault f;

	stop_cpu_fault(_metadata, self, &f, HMM_DMIRROR_MIGRATE_TO_DEV);
	hmm_thread_start(&f.device);
	/*
	 * MIGRATE_TO_DEV skips a page that another migration has isolated. The
	 * content of the page can only be checked after that migration.
	 */
	EXPECT_EQ(-ENOENT, hmm_thread_join(&f.device));
	EXPECT_EQ(0, hmm_resume(self->fd, RETURNING));
	EXPECT_EQ(0, hmm_thread_join(&f.cpu));
	EXPECT_INTACT(1);
}

TEST_F(devmem_race, r45_release_waits_for_a_fault)
{
	struct hmm_dmirror_devmem devmem;
	struct cpu_fault f;

	stop_cpu_fault(_metadata, self, &f, HMM_DMIRROR_RELEASE);
	expect_command_waits(_metadata, self, &f);
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &devmem));
	EXPECT_EQ(0, devmem.used);
	EXPECT_EQ(0, devmem.chunks);
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

TEST_F(devmem_race, r45_release_during_migration)
{
	struct hmm_dmirror_devmem devmem;
	struct hmm_thread releaser;
	struct hmm_access release;

	hmm_access_init(&release, self->fd, HMM_DMIRROR_RELEASE, NULL, NULL, 0);
	ASSERT_EQ(0, hmm_thread_create(&releaser, hmm_access_run, &release));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES / 2,
				NULL));
	stop_migration(_metadata, self);
	/*
	 * The half that is in the device migrates back, and its memory is
	 * freed.
	 */
	hmm_thread_start(&releaser);
	EXPECT_EQ(0, hmm_thread_wait_done(&releaser, HMM_TIMEOUT_MS));
	EXPECT_EQ(0, hmm_thread_join(&releaser));
	/*
	 * RELEASE has removed the memory that was reserved for the other half.
	 */
	finish_migration(self);
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &devmem));
	EXPECT_EQ(devmem.used,
		  hmm_pages_in_device(self->fd, self->mem, NPAGES));
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
	/* The next migration allocates new device memory. */
	EXPECT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

TEST_HARNESS_MAIN
