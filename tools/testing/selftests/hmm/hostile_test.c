// SPDX-License-Identifier: GPL-2.0
/* R48, R32: invalid requests return an errno and do not affect the device. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include "hmm_harness.h"

static const struct {
	const char *name;
	unsigned long request;
} commands[] = {
	{ "READ", HMM_DMIRROR_READ },
	{ "READ_UNLOCKED", HMM_DMIRROR_READ_UNLOCKED },
	{ "WRITE", HMM_DMIRROR_WRITE },
	{ "SNAPSHOT", HMM_DMIRROR_SNAPSHOT },
	{ "CHECK", HMM_DMIRROR_CHECK },
	{ "MIGRATE_TO_DEV", HMM_DMIRROR_MIGRATE_TO_DEV },
	{ "MIGRATE_TO_SYS", HMM_DMIRROR_MIGRATE_TO_SYS },
	{ "EXCLUSIVE", HMM_DMIRROR_EXCLUSIVE },
	{ "CHECK_EXCLUSIVE", HMM_DMIRROR_CHECK_EXCLUSIVE },
};

FIXTURE(hostile) {
	HMM_FIXTURE_MEMBERS;
};

FIXTURE_SETUP(hostile)
{
	HMM_SETUP(4);
	hmm_fill(self->mem, 4, 1, 0);
}

static void still_works(struct __test_metadata *_metadata, int fd, char *mem,
			char *buf)
{
	struct hmm_dmirror_cmd cmd;
	__u8 prot[4];

	hmm_fill(buf, 4, 2, 0);
	ASSERT_EQ(0, hmm_write(fd, mem, buf, 4, &cmd));
	ASSERT_TRUE(hmm_is_filled(mem, 4, 2, 0));
	hmm_fill(mem, 4, 1, 0);
	ASSERT_EQ(0, hmm_read(fd, mem, buf, 4, &cmd));
	ASSERT_EQ(4, cmd.cpages);
	ASSERT_TRUE(hmm_is_filled(buf, 4, 1, 0));
	ASSERT_EQ(0, hmm_snapshot(fd, mem, prot, 4));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(HMM_DMIRROR_PROT_WRITE, prot[i]);
	ASSERT_EQ(0, hmm_mismatches(fd, mem, 4));
}

FIXTURE_TEARDOWN(hostile)
{
	close(self->fd);
}

/*
 * Returns whether ret is the expected errno. If want is 0, any errno for
 * invalid arguments is expected.
 */
static bool is_refusal(int ret, int want)
{
	if (want)
		return ret == want;
	return ret == -EINVAL || ret == -EFAULT || ret == -EOVERFLOW ||
	       ret == -ENOMEM || ret == -E2BIG;
}

TEST_F(hostile, addresses_and_lengths)
{
	const __u64 page = self->page, mem = (uintptr_t)self->mem;
	const struct {
		const char *name;
		__u64 addr, npages;
		int error;	/* 0: any refusal */
	} cases[] = {
		{ "unaligned by 1", mem + 1, 1, -EINVAL },
		{ "unaligned by 8", mem + 8, 2, -EINVAL },
		{ "unaligned end of page", mem + page - 1, 1, -EINVAL },
		{ "no page", mem, 0, -EINVAL },
		{ "no page at 0", 0, 0, -EINVAL },
		{ "largest length", mem, ~0ULL, 0 },
		{ "length wraps to 0", mem, ~0ULL / page + 1, 0 },
		{ "length wraps to 1 page", mem, ~0ULL / page + 2, 0 },
		{ "sum wraps to 0", 0 - page, 1, 0 },
		{ "sum wraps to 1 page", 0 - page, 2, 0 },
		/* User space has at most 2^56 bytes on x86-64. */
		{ "beyond all user space", mem, 1ULL << 45, 0 },
		{ "negative length", mem, 1ULL << 63, 0 },
		{ "kernel half", 0xffff888000000000ULL, 1, 0 },
		{ "kernel text", 0xffffffff81000000ULL, 1, 0 },
		{ "not canonical", 1ULL << 62, 1, 0 },
	};
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t c = 0; c < ARRAY_SIZE(commands); c++) {
			/*
			 * If a command completes pages before it fails, it
			 * writes the content that the pages already have.
			 */
			hmm_fill(self->buf, 4, 1, 0);
			ret = hmm_cmd(self->fd, commands[c].request,
				      (void *)cases[i].addr, self->buf,
				      cases[i].npages, NULL);
			EXPECT_TRUE(is_refusal(ret, cases[i].error)) {
				TH_LOG("%s, %s: %d", commands[c].name,
				       cases[i].name, ret);
			}
		}
		EXPECT_TRUE(hmm_is_filled(self->mem, 4, 1, 0));
	}
	still_works(_metadata, self->fd, self->mem, self->buf);
}

TEST_F(hostile, last_page_of_user_space_and_page_zero)
{
	char *last = (char *)0x7fffffffe000ULL;

	/* These addresses are valid, but not necessarily mapped. */
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, NULL, self->buf, 1, NULL));
	EXPECT_NE(-EIO, hmm_read(self->fd, last, self->buf, 1, NULL));
	EXPECT_NE(0, hmm_read(self->fd, last, self->buf, 4, NULL));
	still_works(_metadata, self->fd, self->mem, self->buf);
}

TEST_F(hostile, invalid_buffers_of_the_caller)
{
	char *readonly = hmm_map(1), *none = hmm_map(1);
	char *const bad[] = {
		NULL,
		(char *)0xffff888000000000ULL,
		(char *)(1ULL << 62),
		(char *)-1ULL,
		none,
	};
	int ret;

	ASSERT_NE(NULL, readonly);
	ASSERT_NE(NULL, none);
	memset(readonly, 0x77, self->page);
	ASSERT_EQ(0, mprotect(readonly, self->page, PROT_READ));
	ASSERT_EQ(0, mprotect(none, self->page, PROT_NONE));
	/* Buffers outside of user space are refused before a page is read. */
	for (size_t i = 1; i < 4; i++)
		EXPECT_EQ(-EFAULT,
			  hmm_read(self->fd, self->mem, bad[i], 1, NULL));
	EXPECT_EQ(0, hmm_entries(self->fd, self->mem, 1));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EFAULT,
			  hmm_read(self->fd, self->mem, bad[i], 1, NULL)) {
			TH_LOG("READ to %p", bad[i]);
		}
		EXPECT_EQ(-EFAULT,
			  hmm_write(self->fd, self->mem, bad[i], 1, NULL)) {
			TH_LOG("WRITE from %p", bad[i]);
		}
		EXPECT_EQ(-EFAULT,
			  hmm_cmd(self->fd, HMM_DMIRROR_SNAPSHOT, self->mem,
				  bad[i], 1, NULL)) {
			TH_LOG("SNAPSHOT to %p", bad[i]);
		}
		ret = hmm_cmd(self->fd, HMM_DMIRROR_MIGRATE_TO_DEV, self->mem,
			      bad[i], 1, NULL);
		EXPECT_TRUE(ret == -EFAULT || ret == -EOPNOTSUPP) {
			TH_LOG("MIGRATE_TO_DEV to %p: %d", bad[i], ret);
		}
		ret = hmm_cmd(self->fd, HMM_DMIRROR_EXCLUSIVE, self->mem,
			      bad[i], 1, NULL);
		EXPECT_TRUE(ret == -EFAULT || ret == -EOPNOTSUPP) {
			TH_LOG("EXCLUSIVE to %p: %d", bad[i], ret);
		}
		EXPECT_TRUE(hmm_is_filled(self->mem, 4, 1, 0));
	}
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem, readonly, 1, NULL));
	EXPECT_EQ(-EFAULT, hmm_cmd(self->fd, HMM_DMIRROR_SNAPSHOT, self->mem,
				   readonly, 1, NULL));
	EXPECT_TRUE(hmm_is_filled_with(readonly, 1, 0x77));

	/* The buffer is too short for the command. */
	EXPECT_EQ(-EFAULT, hmm_read(self->fd, self->mem,
				    self->buf + 2 * self->page, 4, NULL));
	EXPECT_EQ(-EFAULT, hmm_write(self->fd, self->mem,
				     self->buf + 3 * self->page + 8, 1, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, 1, 1, 0));
	hmm_fill(self->mem, 4, 1, 0);
	still_works(_metadata, self->fd, self->mem, self->buf);
}

/* EXCLUSIVE and migration commands on memory that cannot migrate. */
TEST_F(hostile, memory_that_cannot_migrate)
{
	static const unsigned long moving[] = {
		HMM_DMIRROR_MIGRATE_TO_DEV, HMM_DMIRROR_MIGRATE_TO_SYS,
		HMM_DMIRROR_EXCLUSIVE,
	};
	/* The whole address space, which is mostly holes. */
	const size_t everything = (1ULL << 47) / self->page - 1;
	char *none = hmm_map(1), *file;
	int ret;

	ASSERT_NE(NULL, none);
	ASSERT_EQ(0, mprotect(none, self->page, PROT_NONE));
	file = mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		    self->fd, 0);
	ASSERT_NE(MAP_FAILED, file);
	for (size_t i = 0; i < ARRAY_SIZE(moving); i++) {
		char *const where[] = { NULL, none, file };

		for (size_t w = 0; w < ARRAY_SIZE(where); w++) {
			ret = hmm_cmd(self->fd, moving[i], where[w], self->buf,
				      1, NULL);
			EXPECT_TRUE(ret == -EINVAL || ret == -EFAULT ||
				    ret == -EOPNOTSUPP || ret == -EBUSY ||
				    (!ret && where[w] == file)) {
				TH_LOG("%#lx, %zu: %d", moving[i], w, ret);
			}
		}
		ret = hmm_cmd(self->fd, moving[i], NULL, self->buf, everything,
			      NULL);
		EXPECT_TRUE(ret == -EINVAL || ret == -EFAULT ||
			    ret == -EOPNOTSUPP) {
			TH_LOG("%#lx, everything: %d", moving[i], ret);
		}
	}
	/* A command may have copied the page of the file. */
	ASSERT_EQ(0, munmap(file, self->page));
	EXPECT_EQ(0, hmm_cmd(self->fd, HMM_DMIRROR_CHECK_EXCLUSIVE, NULL, NULL,
			     everything, NULL));
	still_works(_metadata, self->fd, self->mem, self->buf);
}

TEST_F(hostile, unknown_flags)
{
	EXPECT_EQ(-EINVAL, hmm_cmd(self->fd, HMM_DMIRROR_FLAGS, NULL, NULL,
				   HMM_DMIRROR_FLAG_NO_HUGE << 1, NULL));
	EXPECT_EQ(-EINVAL, hmm_cmd(self->fd, HMM_DMIRROR_FLAGS, NULL, NULL,
				   ~0UL, NULL));
	EXPECT_EQ(0, hmm_cmd(self->fd, HMM_DMIRROR_FLAGS, NULL, NULL, 0, NULL));
	still_works(_metadata, self->fd, self->mem, self->buf);
}

/* R48: an open file of the device pins the modules. */
TEST_F(hostile, unloading_with_an_open_file)
{
	EXPECT_EQ(-1, syscall(SYS_delete_module, "test_hmm", O_NONBLOCK));
	EXPECT_TRUE(errno == EAGAIN || errno == EBUSY) TH_LOG("%d", errno);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "hmm_mirror", O_NONBLOCK));
	EXPECT_TRUE(errno == EAGAIN || errno == EBUSY) TH_LOG("%d", errno);
	still_works(_metadata, self->fd, self->mem, self->buf);
}

TEST_F(hostile, mirrored_memory_as_the_buffer)
{
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->mem, 4, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, 4, 1, 0));
	ASSERT_EQ(0, hmm_write(self->fd, self->mem, self->mem, 4, NULL));
	EXPECT_TRUE(hmm_is_filled(self->mem, 4, 1, 0));
	still_works(_metadata, self->fd, self->mem, self->buf);
}

TEST_F(hostile, requests_and_their_arguments)
{
	static const unsigned long known[] = {
		HMM_DMIRROR_READ, HMM_DMIRROR_WRITE, HMM_DMIRROR_SNAPSHOT,
		HMM_DMIRROR_STATS, HMM_DMIRROR_STOP_AT, HMM_DMIRROR_WAIT_AT,
		HMM_DMIRROR_GO_ON, HMM_DMIRROR_CONFIG, HMM_DMIRROR_CHECK,
		HMM_DMIRROR_MIGRATE_TO_DEV, HMM_DMIRROR_MIGRATE_TO_SYS,
		HMM_DMIRROR_EXCLUSIVE, HMM_DMIRROR_CHECK_EXCLUSIVE,
		HMM_DMIRROR_RELEASE, HMM_DMIRROR_FLAGS, HMM_DMIRROR_DEVMEM,
		HMM_DMIRROR_DEVMEM_LIMIT, HMM_DMIRROR_READ_UNLOCKED,
	};
	static const unsigned long unknown[] = {
		0, ~0U, _IO('H', 0), _IOR('H', 0, struct hmm_dmirror_cmd),
		_IOWR('H', 0, char), _IOWR('H', 0x7f, struct hmm_dmirror_cmd),
		_IOWR('H', 0xff, struct hmm_dmirror_cmd),
		_IOWR('G', 0, struct hmm_dmirror_cmd),
	};
	struct hmm_dmirror_cmd cmd = { .addr = (uintptr_t)self->mem };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		errno = 0;
		EXPECT_EQ(-1, ioctl(self->fd, known[i], NULL));
		EXPECT_EQ(EFAULT, errno);
		errno = 0;
		EXPECT_EQ(-1, ioctl(self->fd, known[i], ~0UL << 47));
		EXPECT_EQ(EFAULT, errno);
	}
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		errno = 0;
		EXPECT_EQ(-1, ioctl(self->fd, unknown[i], &cmd));
		EXPECT_EQ(ENOTTY, errno) TH_LOG("request %#lx", unknown[i]);
	}
	still_works(_metadata, self->fd, self->mem, self->buf);
}

TEST_F(hostile, invalid_and_unreached_stop_points)
{
	static const unsigned int bad[] = { HMM_DMIRROR_POINTS, 31, 32, ~0U };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, hmm_stop_at(self->fd, bad[i]));
		EXPECT_EQ(-EINVAL, hmm_wait_at(self->fd, bad[i], 1));
		EXPECT_EQ(-EINVAL, hmm_resume(self->fd, bad[i]));
	}
	ASSERT_EQ(0, hmm_stop_at(self->fd, HMM_DMIRROR_POINT_FAULTED));
	EXPECT_EQ(-ETIME, hmm_wait_at(self->fd, HMM_DMIRROR_POINT_FAULTED, 1));
	/* Disarm the point, because the next read would stop there. */
	ASSERT_EQ(0, hmm_resume(self->fd, HMM_DMIRROR_POINT_FAULTED));
	still_works(_metadata, self->fd, self->mem, self->buf);
}

TEST_F(hostile, point_is_armed_while_a_task_is_stopped)
{
	const unsigned int point = HMM_DMIRROR_POINT_FAULTED;
	struct hmm_access access;
	struct hmm_thread device;

	hmm_access_init(&access, self->fd, HMM_DMIRROR_READ, self->mem,
			self->buf, 4);
	ASSERT_EQ(0, hmm_thread_create(&device, hmm_access_run, &access));
	ASSERT_EQ(0, hmm_stop_at(self->fd, point));
	hmm_thread_start(&device);
	ASSERT_EQ(0, hmm_wait_at(self->fd, point, HMM_TIMEOUT_MS));
	EXPECT_EQ(-EBUSY, hmm_stop_at(self->fd, point));
	/* The refused request does not resume the task. */
	EXPECT_EQ(0, hmm_wait_at(self->fd, point, 1));
	ASSERT_EQ(0, hmm_resume(self->fd, point));
	EXPECT_EQ(0, hmm_thread_join(&device));
	still_works(_metadata, self->fd, self->mem, self->buf);
}

TEST_F(hostile, mapping_of_the_device_is_too_long)
{
	const size_t max = 4UL << 20;
	void *mem;

	mem = mmap(NULL, max, PROT_READ, MAP_PRIVATE, self->fd, 0);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, munmap(mem, max));
	errno = 0;
	EXPECT_EQ(MAP_FAILED, mmap(NULL, max + self->page, PROT_READ,
				   MAP_PRIVATE, self->fd, 0));
	EXPECT_EQ(EINVAL, errno);
	still_works(_metadata, self->fd, self->mem, self->buf);
}

/*
 * R68: commands that slow down, limit or stop the device, or that migrate
 * memory of other processes, need CAP_SYS_RAWIO. All other commands do not.
 */
static int without_capability(int fd, char *mem, char *buf)
{
	static const struct {
		unsigned long request;
		int error;
	} commands[] = {
		{ HMM_DMIRROR_RELEASE, EPERM },
		{ HMM_DMIRROR_FLAGS, EPERM },
		{ HMM_DMIRROR_DEVMEM_LIMIT, EPERM },
		{ HMM_DMIRROR_STOP_AT, EPERM },
		{ HMM_DMIRROR_CONFIG, EPERM },
		{ HMM_DMIRROR_GO_ON, 0 },
		{ HMM_DMIRROR_STATS, 0 },
		{ HMM_DMIRROR_DEVMEM, 0 },
	};
	union {
		struct hmm_dmirror_cmd cmd;
		struct hmm_dmirror_point point;
		struct hmm_dmirror_config config;
		struct hmm_dmirror_stats stats;
		struct hmm_dmirror_devmem devmem;
		__u64 limit;
	} arg;

	if (hmm_drop_capability(CAP_SYS_RAWIO))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		memset(&arg, 0, sizeof(arg));
		errno = 0;
		if (ioctl(fd, commands[i].request, &arg) !=
		    (commands[i].error ? -1 : 0) ||
		    errno != commands[i].error)
			return 10 + i;
	}
	if (hmm_read(fd, mem, buf, 4, NULL) || hmm_write(fd, mem, buf, 4, NULL))
		return 2;
	return 0;
}

TEST_F(hostile, r68_controls_need_a_capability)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(without_capability(self->fd, self->mem, self->buf));
	EXPECT_EQ(0, hmm_wait_exit(pid));
	still_works(_metadata, self->fd, self->mem, self->buf);
}

TEST_F(hostile, r68_delays_have_a_limit)
{
	struct hmm_dmirror_config config = {
		.invalidate_delay_us = 60 * 1000 * 1000 + 1,
	};

	EXPECT_EQ(-1, ioctl(self->fd, HMM_DMIRROR_CONFIG, &config));
	EXPECT_EQ(EINVAL, errno);
	still_works(_metadata, self->fd, self->mem, self->buf);
}

TEST_HARNESS_MAIN
