// SPDX-License-Identifier: GPL-2.0
/*
 * R83, R85: who may open the devices, what a descriptor that was passed on can
 * reach, and how much one process may use. Documentation/threat-model.rst
 * describes these promises.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "hmm_devmem.h"
#include "hmm_harness.h"

#define NPAGES		4
/* The limit that test_hmm.h documents. */
#define FILES_MAX	64

#define PARAMETERS	"/sys/module/test_hmm/parameters/"

FIXTURE(permission) {
	HMM_FIXTURE_MEMBERS;
	int sockets[2];
};

FIXTURE_SETUP(permission)
{
	HMM_SETUP_FILLED(NPAGES);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				self->sockets));
}

FIXTURE_TEARDOWN(permission)
{
	close(self->fd);
}

static const char *const nodes[] = {
	"/dev/hmm_dmirror0", "/dev/hmm_dmirror1", "/dev/hmm_dmirror2",
	"/dev/hmm_dmirror3", "/dev/hmm_edu", "/dev/hmm_template",
};

/* Returns -ENOENT if the file does not exist. */
static int mode_of(const char *path)
{
	struct stat stat_of;

	if (stat(path, &stat_of))
		return -errno;
	return stat_of.st_uid || stat_of.st_gid ? -EPERM :
	       (int)(stat_of.st_mode & 07777);
}

TEST_F(permission, r83_nodes_are_for_root)
{
	int found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		int mode = mode_of(nodes[i]);

		if (mode == -ENOENT)
			continue;
		found++;
		EXPECT_EQ(0600, mode) TH_LOG("%s: %#o", nodes[i], mode);
	}
	EXPECT_LT(0, found);
}

/* These files contain addresses of processes, and physical addresses. */
TEST_F(permission, r83_addresses_are_for_root)
{
	static const char *const paths[] = {
		"/sys/kernel/debug/hmm_mirror/counts",
		"/sys/kernel/debug/hmm_mirror/contexts",
		PARAMETERS "coherent_start",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		int mode = mode_of(paths[i]);

		EXPECT_TRUE(mode == 0400 || mode == -ENOENT) {
			TH_LOG("%s: %#o", paths[i], mode);
		}
	}
}

TEST_F(permission, r83_other_users_cannot_open)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (hmm_become_nobody())
			_exit(1);
		for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
			if (open(nodes[i], O_RDONLY | O_CLOEXEC) >= 0 ||
			    (errno != EACCES && errno != ENOENT))
				_exit(10 + i);
		_exit(0);
	}
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

/* The controls return -EPERM. Returns 0, or a number that identifies one. */
static int controls_are_refused(int fd)
{
	static const unsigned long controls[] = {
		HMM_DMIRROR_RELEASE, HMM_DMIRROR_FLAGS, HMM_DMIRROR_STOP_AT,
		HMM_DMIRROR_CONFIG, HMM_DMIRROR_DEVMEM_LIMIT,
	};
	union {
		struct hmm_dmirror_cmd cmd;
		struct hmm_dmirror_point point;
		struct hmm_dmirror_config config;
		__u64 limit;
	} arg = {};

	for (size_t i = 0; i < ARRAY_SIZE(controls); i++)
		if (!ioctl(fd, controls[i], &arg) || errno != EPERM)
			return 10 + i;
	return 0;
}

/*
 * For a child without privileges, which has its own copy of mem: the descriptor
 * reads and writes the memory of the opener, and nothing else.
 */
static int use_passed_file(int socket, char *mem, char *buf)
{
	int fd;

	if (hmm_become_nobody())
		return 1;
	fd = hmm_receive_fd(socket);
	if (fd < 0)
		return 2;
	hmm_fill(mem, NPAGES, 2, 0);
	if (hmm_read(fd, mem, buf, NPAGES, NULL) ||
	    !hmm_is_filled(buf, NPAGES, 1, 0))
		return 3;
	hmm_fill(buf, NPAGES, 3, 0);
	if (hmm_write(fd, mem, buf, NPAGES, NULL))
		return 4;
	if (!hmm_is_filled(mem, NPAGES, 2, 0))
		return 5;
	return controls_are_refused(fd);
}

TEST_F(permission, r83_passed_file_reaches_only_the_opener)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(use_passed_file(self->sockets[1], self->mem, self->buf));
	ASSERT_EQ(0, hmm_send_fd(self->sockets[0], self->fd));
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 3, 0));
}

/* The opener exits while another process has the file and a device entry. */
TEST_F(permission, r83_passed_file_is_useless_after_the_exit)
{
	pid_t pid = hmm_fork();
	int fd, ret;

	ASSERT_LE(0, pid);
	if (!pid) {
		fd = hmm_open(0);
		if (fd < 0 || hmm_read(fd, self->mem, self->buf, NPAGES, NULL))
			_exit(1);
		_exit(-hmm_send_fd(self->sockets[1], fd));
	}
	fd = hmm_receive_fd(self->sockets[0]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	ret = hmm_read(fd, self->mem, self->buf, NPAGES, NULL);
	EXPECT_EQ(-ESRCH, ret);
	ret = hmm_write(fd, self->mem, self->buf, NPAGES, NULL);
	EXPECT_EQ(-ESRCH, ret);
	close(fd);
}

/*
 * A file that stays open across execve() does not reach the memory of the new
 * program, which may have more privileges. "cat" waits for its input.
 */
TEST_F(permission, r83_exec_ends_the_access)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	int input[2], fd, ret;
	pid_t pid;

	if (access("/bin/busybox", X_OK))
		SKIP(return, "no /bin/busybox");
	ASSERT_EQ(0, pipe(input));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		fd = hmm_open(0);
		if (fd < 0 || fcntl(fd, F_SETFD, 0) ||
		    hmm_read(fd, self->mem, self->buf, NPAGES, NULL) ||
		    hmm_send_fd(self->sockets[1], fd) ||
		    dup2(input[0], 0) < 0 || close(input[1]))
			_exit(1);
		execl("/bin/busybox", "cat", NULL);
		_exit(2);
	}
	close(input[0]);
	fd = hmm_receive_fd(self->sockets[0]);
	ASSERT_LE(0, fd);
	do {
		ret = hmm_read(fd, self->mem, self->buf, NPAGES, NULL);
	} while (!ret && hmm_now_ms() < end);
	EXPECT_EQ(-ESRCH, ret);
	/* The new program still runs, so the access did not end with it. */
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	close(input[1]);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	close(fd);
}

/* The creator of a user namespace has all capabilities there. */
TEST_F(permission, r83_capabilities_of_a_namespace_are_not_enough)
{
	pid_t pid = hmm_fork();
	int ret;

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(unshare(CLONE_NEWUSER) ? 1 :
					       controls_are_refused(self->fd));
	ret = hmm_wait_exit(pid);
	if (ret == 1)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, ret);
}

/*
 * R85: each file adds a callback to every invalidation of its process. Another
 * process has its own limit.
 */
TEST_F(permission, r85_files_of_a_process_are_limited)
{
	int fds[FILES_MAX], n = 0;
	pid_t pid;

	/* The fixture has opened one file. */
	while (n < FILES_MAX && (fds[n] = hmm_open(0)) >= 0)
		n++;
	ASSERT_EQ(FILES_MAX - 1, n);
	EXPECT_EQ(-EMFILE, fds[n]);
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(hmm_open(0) < 0);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	ASSERT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES, NULL));
	close(fds[--n]);
	fds[n] = hmm_open(0);
	EXPECT_LE(0, fds[n]);
	EXPECT_EQ(-EMFILE, hmm_open(0));
	while (n >= 0)
		close(fds[n--]);
}

/* Sets the parameter. Returns 0 or -errno. */
static int set_private_limit(unsigned long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", bytes);
	return hmm_write_file(PARAMETERS "private_limit", text);
}

/*
 * R85: the device's memory grows by whole chunks, and the memory of the system
 * that describes it is not charged. With a limit of one byte, there is one
 * chunk.
 */
TEST_F(permission, r85_device_memory_has_a_maximum_size)
{
	long limit = hmm_read_long(PARAMETERS "private_limit");
	struct hmm_dmirror_devmem one, two;
	struct hmm_dmirror_cmd cmd;
	size_t npages;
	char *mem, *buf;

	if (hmm_probe_devmem(self->fd, self->mem, self->buf) == -EOPNOTSUPP)
		SKIP(return, HMM_SKIP_NO_DEVMEM, 0);
	EXPECT_EQ(0600, mode_of(PARAMETERS "private_limit"));
	ASSERT_EQ(0, hmm_devmem_release(self->fd));
	ASSERT_EQ(0, hmm_to_dev(self->fd, self->mem, self->buf, 1, NULL));
	ASSERT_EQ(0, hmm_devmem_stats(self->fd, &one));
	ASSERT_EQ(1, one.chunks);
	npages = one.capacity + 1;
	mem = hmm_map(npages);
	buf = hmm_map(npages);
	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, buf);

	ASSERT_EQ(0, set_private_limit(1));
	/* No page is present, so pages of zeros are allocated on the device. */
	EXPECT_EQ(-ENOENT, hmm_to_dev(self->fd, mem, buf, npages, &cmd));
	EXPECT_EQ(one.capacity - 1, cmd.cpages);
	EXPECT_EQ(0, hmm_devmem_stats(self->fd, &two));
	EXPECT_EQ(1, two.chunks);
	EXPECT_EQ(one.capacity, two.capacity);
	/* The program runs alone, so the limit concerns no other test. */
	ASSERT_EQ(0, set_private_limit(limit));
	EXPECT_EQ(0, hmm_to_dev(self->fd, mem, buf, npages, &cmd));
	EXPECT_EQ(npages, cmd.cpages);
	EXPECT_EQ(0, hmm_devmem_stats(self->fd, &two));
	EXPECT_EQ(2, two.chunks);
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, 1, 0));
}

/*
 * R85: a process that makes incorrect calls does not fill the kernel log. The
 * first records of a new process may be those of the kernel.
 */
TEST_F(permission, r85_incorrect_calls_are_not_logged)
{
	static const __u64 addresses[] = { 0, 1, 1ULL << 46, 1ULL << 63 };
	int kmsg = hmm_kmsg_open();
	__u64 words[8];
	char record[512];
	ssize_t length;

	ASSERT_LE(0, kmsg);
	for (unsigned int nr = 0; nr < 0x90; nr++) {
		for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
			for (size_t w = 0; w < ARRAY_SIZE(words); w++)
				words[w] = addresses[i];
			ioctl(self->fd, _IOWR('H', nr, struct hmm_dmirror_cmd),
			      words);
			ioctl(self->fd, _IOWR('H', nr, struct hmm_dmirror_cmd),
			      (void *)addresses[i]);
		}
	}
	while ((length = read(kmsg, record, sizeof(record) - 1)) > 0) {
		record[length] = '\0';
		EXPECT_EQ(NULL, strstr(record, "hmm")) TH_LOG("%s", record);
	}
	close(kmsg);
}

TEST_HARNESS_MAIN
