// SPDX-License-Identifier: GPL-2.0
/*
 * R83, R84, R85: which process a file of the edu device serves, how many files
 * serve one process, and which memory is charged.
 * Documentation/threat-model.rst describes these promises.
 */
#include <sched.h>
#include <sys/socket.h>

#include "edu_harness.h"
#include "hmm_cgroup.h"

/* The limits that hmm_edu.h documents. */
#define CLIENTS_MAX	16
#define BUFFERS_MAX	64

/* Returns 0 if the file serves the caller. */
static int use_file(int fd, char *src, char *dst)
{
	hmm_fill(src, 1, 5, 0);
	if (edu_register(fd, src, 1, 0) ||
	    edu_register(fd, dst, 1, HMM_EDU_WRITE) ||
	    edu_copy(fd, dst, src, CHUNK))
		return 1;
	return memcmp(dst, src, CHUNK) ? 2 : 0;
}

/*
 * A file that its opener has not used serves the process that uses it first,
 * and reaches only the memory of this process.
 */
TEST_F(edu, r83_passed_file_serves_its_first_user)
{
	int sockets[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				sockets));
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = -1;

		if (!hmm_become_nobody())
			fd = hmm_receive_fd(sockets[1]);
		_exit(fd < 0 ? 10 : use_file(fd, self->src, self->dst));
	}
	ASSERT_EQ(0, hmm_send_fd(sockets[0], self->fd));
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_TRUE(hmm_is_filled(self->src, NPAGES, 1, 0));
	EXPECT_TRUE(hmm_is_filled(self->dst, NPAGES, 2, 0));
	/* The file never serves a second process. */
	EXPECT_EQ(-EPERM, edu_register(self->fd, self->src, NPAGES, 0));
	EXPECT_EQ(-EPERM, edu_copy(self->fd, self->dst, self->src, CHUNK));
}

/* The creator of a user namespace has all capabilities there. */
TEST_F(edu, r83_capabilities_of_a_namespace_are_not_enough)
{
	pid_t pid = hmm_fork();
	int ret;

	ASSERT_LE(0, pid);
	if (!pid) {
		struct hmm_edu_test_dma dma = {};

		if (unshare(CLONE_NEWUSER))
			_exit(1);
		if (!ioctl(self->fd, HMM_EDU_TEST_DMA, &dma) || errno != EPERM)
			_exit(2);
		_exit(edu_register(self->fd, self->src, NPAGES,
				   HMM_EDU_TEST_REQ_READ) == -EPERM ? 0 : 3);
	}
	ret = hmm_wait_exit(pid);
	if (ret == 1)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, ret);
}

/* R85: a file counts when the process uses it first. */
TEST_F(edu, r85_files_that_serve_a_process_are_limited)
{
	int fds[CLIENTS_MAX + 1];
	pid_t pid;
	int i;

	for (i = 0; i <= CLIENTS_MAX; i++) {
		fds[i] = open(DEVICE, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fds[i]);
	}
	for (i = 0; i < CLIENTS_MAX; i++)
		EXPECT_EQ(0, edu_register(fds[i], self->src, 1, 0));
	EXPECT_EQ(-EMFILE, edu_register(fds[i], self->src, 1, 0));
	/* Another process has its own limit. */
	pid = hmm_fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(edu_register(fds[i], self->src, 1, 0) ? 1 : 0);
	EXPECT_EQ(0, hmm_wait_exit(pid));
	close(fds[0]);
	EXPECT_EQ(0, edu_register(self->fd, self->src, 1, 0));
	for (i = 1; i <= CLIENTS_MAX; i++)
		close(fds[i]);
}

/* R84: the driver's structures of as many buffers as a process can have. */
TEST_F(edu, r84_buffers_are_charged)
{
	const long n = CLIENTS_MAX * BUFFERS_MAX;
	int fds[CLIENTS_MAX], ret = hmm_cgroup_enter();
	long before, after;

	if (ret == -EOPNOTSUPP)
		SKIP(return, HMM_SKIP_NO_MEMCG);
	ASSERT_EQ(0, ret);
	before = hmm_cgroup_objects();
	ASSERT_LE(0, before);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		fds[i] = open(DEVICE, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fds[i]);
		for (int j = 0; j < BUFFERS_MAX; j++)
			ASSERT_EQ(0, edu_register(fds[i], self->src, 1, 0));
		EXPECT_EQ(-ENOSPC, edu_register(fds[i], self->src, 1, 0));
	}
	after = hmm_cgroup_objects();
	TH_LOG("%ld bytes for %ld buffers", after - before, n);
	EXPECT_LE(before + 128 * n, after);
	for (int i = 0; i < CLIENTS_MAX; i++)
		close(fds[i]);
	hmm_cgroup_leave();
}

TEST_HARNESS_MAIN
