// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that exit while they are mirrored, and files that are closed while
 * they are in use. Neither may leak a context.
 *
 * The mirrored process is a child that shares the test's file descriptors, so
 * the file that the child opened stays open in the test.
 */
#include <signal.h>

#include "hmm_harness.h"

#define NPAGES		8

#define BEGUN		HMM_DMIRROR_POINT_BEGUN
#define FAULTED		HMM_DMIRROR_POINT_FAULTED
#define LOCKED		HMM_DMIRROR_POINT_LOCKED
#define RELEASE		HMM_DMIRROR_POINT_RELEASE

/* The child's action after the device has mirrored the first half of mem. */
enum owner_action { OWNER_WAITS, OWNER_READS, OWNER_READS_LARGE };

/*
 * This size is so large that the read is in progress when the signal arrives.
 */
#define LARGE_SIZE	(256UL << 20)
#define FILE_SIZE	(2UL << 20)

FIXTURE(exit) {
	int fd;			/* the file that the child opens */
	size_t page;
	char *mem;		/* private: the child has a copy */
	char *buf;
	int *shared;
	long contexts;
	pid_t owner;
	struct hmm_completion ready;
	struct hmm_completion end;
};

#define exit_data FIXTURE_DATA(exit)

FIXTURE_SETUP(exit)
{
	HMM_SKIP_WITHOUT_DEVICE(0);
	self->fd = -1;
	self->page = hmm_page_size();
	self->mem = hmm_map(NPAGES);
	self->buf = hmm_map(NPAGES);
	self->shared = hmm_map_shared(1);
	ASSERT_NE(NULL, self->mem);
	ASSERT_NE(NULL, self->buf);
	ASSERT_NE(NULL, self->shared);
	ASSERT_EQ(0, hmm_completion_init(&self->ready));
	ASSERT_EQ(0, hmm_completion_init(&self->end));
	hmm_fill(self->mem, NPAGES, 1, 0);
	/* Contexts of earlier tests may still be in teardown. */
	self->contexts = hmm_debugfs_wait_count("contexts", 0);
}

/* R02, R09: no context remains, even if the test failed. */
FIXTURE_TEARDOWN(exit)
{
	if (self->fd >= 0)
		close(self->fd);
	if (self->contexts >= 0)
		EXPECT_EQ(self->contexts,
			  hmm_debugfs_wait_count("contexts", self->contexts));
}

/* Reads zero pages into a large mapping of one small file. */
static void read_large(int fd)
{
	int file = memfd_create("large", MFD_CLOEXEC);
	char *from, *to;

	from = mmap(NULL, LARGE_SIZE, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	to = mmap(NULL, LARGE_SIZE, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (file < 0 || from == MAP_FAILED || to == MAP_FAILED ||
	    ftruncate(file, FILE_SIZE))
		return;
	madvise(from, LARGE_SIZE, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < LARGE_SIZE; at += FILE_SIZE)
		if (mmap(to + at, FILE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED)
			return;
	hmm_read(fd, from, to, LARGE_SIZE / hmm_page_size(), NULL);
}

static void owner(exit_data *self, enum owner_action action,
		  unsigned int point)
{
	int fd = hmm_open(0);

	*self->shared = fd;
	hmm_fill(self->mem, NPAGES, 2, 0);
	if (fd < 0 || hmm_read(fd, self->mem, self->buf, NPAGES / 2, NULL))
		_exit(1);
	if (action != OWNER_WAITS && hmm_stop_at(fd, point))
		_exit(2);
	hmm_complete(&self->ready);
	if (action == OWNER_READS)
		hmm_read(fd, self->mem, self->buf, NPAGES, NULL);
	else if (action == OWNER_READS_LARGE)
		read_large(fd);
	hmm_wait_for_completion(&self->end);
	_exit(0);
}

static void start_owner(struct __test_metadata *_metadata,
			exit_data *self, enum owner_action action,
			unsigned int point)
{
	self->owner = hmm_fork_sharing_files();
	ASSERT_LE(0, self->owner);
	if (!self->owner)
		owner(self, action, point);
	ASSERT_EQ(0, hmm_wait_for_completion(&self->ready));
	self->fd = *self->shared;
	ASSERT_LE(0, self->fd);
	if (action != OWNER_WAITS)
		ASSERT_EQ(0, hmm_wait_at(self->fd, point, HMM_TIMEOUT_MS));
}

/* R03, R07, R08: every command returns -ESRCH, and no entry is left. */
static void expect_gone(struct __test_metadata *_metadata,
			exit_data *self)
{
	struct hmm_dmirror_stats stats;
	struct hmm_dmirror_cmd cmd;

	memset(self->buf, 0x55, NPAGES * self->page);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-ESRCH, hmm_read(self->fd, self->mem, self->buf,
					   NPAGES, &cmd));
		EXPECT_EQ(0, cmd.cpages);
		EXPECT_EQ(-ESRCH, hmm_write(self->fd, self->mem, self->buf,
					    NPAGES, &cmd));
		EXPECT_EQ(0, cmd.cpages);
		EXPECT_EQ(-ESRCH, hmm_cmd(self->fd, HMM_DMIRROR_SNAPSHOT,
					  self->mem, self->buf, NPAGES, &cmd));
	}
	EXPECT_TRUE(hmm_is_filled_with(self->buf, NPAGES, 0x55));
	ASSERT_EQ(0, hmm_stats(self->fd, &stats));
	EXPECT_EQ(1, stats.released);
	EXPECT_EQ(0, stats.entries);
	/* The memory of the test itself was never mirrored. */
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

TEST_F(exit, process_exits_while_another_holds_its_file)
{
	start_owner(_metadata, self, OWNER_WAITS, 0);
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 2, 0));
	hmm_complete(&self->end);
	EXPECT_EQ(0, hmm_wait_exit(self->owner));
	expect_gone(_metadata, self);
}

/* Returns how many dead contexts debugfs lists, or -errno. */
static int dead_contexts(void)
{
	FILE *f = fopen("/sys/kernel/debug/hmm_mirror/contexts", "r");
	char line[256];
	int dead = 0;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		dead += !strncmp(line, "context ", 8) && strstr(line, " dead");
	fclose(f);
	return dead;
}

/* A context is listed as dead after the exit, until its file is closed. */
TEST_F(exit, r10_dead_contexts_are_listed)
{
	if (self->contexts < 0)
		SKIP(return, "no debugfs");
	start_owner(_metadata, self, OWNER_WAITS, 0);
	EXPECT_EQ(0, dead_contexts());
	hmm_complete(&self->end);
	EXPECT_EQ(0, hmm_wait_exit(self->owner));
	EXPECT_EQ(1, dead_contexts());
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, dead_contexts());
}

static void kill_owner(struct __test_metadata *_metadata, exit_data *self)
{
	__u64 start = hmm_now_ms();

	ASSERT_EQ(0, kill(self->owner, SIGKILL));
	EXPECT_EQ(-SIGKILL, hmm_wait_exit(self->owner));
	/* The signal, not the device's time limit, must resume the task. */
	EXPECT_GT(HMM_TIMEOUT_MS, hmm_now_ms() - start);
	expect_gone(_metadata, self);
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
}

/* R48: the process is killed at each stop point of a command. */
TEST_F(exit, process_is_killed_while_its_command_is_stopped)
{
	static const unsigned int points[] = { BEGUN, FAULTED, LOCKED };

	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		start_owner(_metadata, self, OWNER_READS, points[i]);
		kill_owner(_metadata, self);
	}
}

/*
 * R40: one process is killed while it is stopped at the beginning of a long
 * read, and another process is killed during such a read.
 */
TEST_F(exit, process_is_killed_in_a_long_read)
{
	for (int running = 0; running < 2; running++) {
		start_owner(_metadata, self, OWNER_READS_LARGE, FAULTED);
		if (running)
			ASSERT_EQ(0, hmm_resume(self->fd, FAULTED));
		kill_owner(_metadata, self);
	}
}

/* R03, R26: the command has read the page table when the process exits. */
TEST_F(exit, process_exits_while_another_is_in_a_command)
{
	struct hmm_access access;
	struct hmm_thread thread;

	start_owner(_metadata, self, OWNER_WAITS, 0);
	/* The device has no entries for this half. */
	hmm_access_init(&access, self->fd, HMM_DMIRROR_WRITE,
			self->mem + NPAGES / 2 * self->page, self->buf,
			NPAGES / 2);
	ASSERT_EQ(0, hmm_thread_create(&thread, hmm_access_run, &access));
	ASSERT_EQ(0, hmm_stop_at(self->fd, FAULTED));
	hmm_thread_start(&thread);
	ASSERT_EQ(0, hmm_wait_at(self->fd, FAULTED, HMM_TIMEOUT_MS));
	hmm_complete(&self->end);
	EXPECT_EQ(0, hmm_wait_exit(self->owner));
	ASSERT_EQ(0, hmm_resume(self->fd, FAULTED));
	EXPECT_EQ(-ESRCH, hmm_thread_join(&thread));
	EXPECT_EQ(0, access.cmd.cpages);
	expect_gone(_metadata, self);
}

/* R03: a command is issued while the driver's release callback runs. */
TEST_F(exit, command_while_the_release_is_in_progress)
{
	struct hmm_dmirror_cmd cmd;

	start_owner(_metadata, self, OWNER_WAITS, 0);
	ASSERT_EQ(0, hmm_stop_at(self->fd, RELEASE));
	hmm_complete(&self->end);
	ASSERT_EQ(0, hmm_wait_at(self->fd, RELEASE, HMM_TIMEOUT_MS));

	/* The device would have to fault this page in. */
	EXPECT_EQ(-ESRCH, hmm_read(self->fd, self->mem +
				   NPAGES / 2 * self->page, self->buf, 1,
				   &cmd));
	EXPECT_EQ(0, cmd.cpages);
	/* The command either reads these pages correctly or fails. */
	if (!hmm_read(self->fd, self->mem, self->buf, NPAGES / 2, NULL))
		EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES / 2, 2, 0));

	ASSERT_EQ(0, hmm_resume(self->fd, RELEASE));
	EXPECT_EQ(0, hmm_wait_exit(self->owner));
	expect_gone(_metadata, self);
}

/* R05: the last close waits for the release callback that is in progress. */
TEST_F(exit, close_while_the_release_is_in_progress)
{
	__u64 start;

	start_owner(_metadata, self, OWNER_WAITS, 0);
	ASSERT_EQ(0, hmm_stop_at(self->fd, RELEASE));
	hmm_complete(&self->end);
	ASSERT_EQ(0, hmm_wait_at(self->fd, RELEASE, HMM_TIMEOUT_MS));
	start = hmm_now_ms();
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, hmm_wait_exit(self->owner));
	EXPECT_GT(HMM_TIMEOUT_MS, hmm_now_ms() - start);
}

/* R48: a command completes after its file descriptor is closed. */
TEST_F(exit, close_during_a_command)
{
	struct hmm_access access = {
		.request = HMM_DMIRROR_READ,
		.addr = self->mem,
		.ptr = self->buf,
		.npages = NPAGES,
	};
	struct hmm_thread thread;
	int other;

	access.fd = hmm_open(0);
	ASSERT_LE(0, access.fd);
	other = dup(access.fd);
	ASSERT_LE(0, other);
	self->fd = other;
	ASSERT_EQ(0, hmm_thread_create(&thread, hmm_access_run, &access));
	ASSERT_EQ(0, hmm_stop_at(other, FAULTED));
	hmm_thread_start(&thread);
	ASSERT_EQ(0, hmm_wait_at(other, FAULTED, HMM_TIMEOUT_MS));
	ASSERT_EQ(0, close(access.fd));
	ASSERT_EQ(0, hmm_resume(other, FAULTED));
	ASSERT_EQ(0, hmm_thread_join(&thread));
	EXPECT_EQ(NPAGES, access.cmd.cpages);
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, 1, 0));
}

TEST_HARNESS_MAIN
