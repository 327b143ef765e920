// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "hmm_memory.h"
#include "hmm_process.h"

pid_t hmm_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

pid_t hmm_fork_sharing_files(void)
{
	pid_t pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

int hmm_wait_exit(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1000 - errno;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int hmm_completion_init(struct hmm_completion *done)
{
	return pipe(done->fds) ? -errno : 0;
}

int hmm_complete(struct hmm_completion *done)
{
	return write(done->fds[1], "", 1) == 1 ? 0 : -errno;
}

int hmm_wait_for_completion(struct hmm_completion *done)
{
	char byte;

	return read(done->fds[0], &byte, 1) == 1 ? 0 : -EPIPE;
}

pid_t hmm_fork_to_verify(struct hmm_completion *go, const void *mem,
			 size_t npages, unsigned int seed)
{
	pid_t pid = hmm_fork();

	if (pid)
		return pid;
	hmm_wait_for_completion(go);
	_exit(hmm_is_filled(mem, npages, seed, 0) ? 0 : 1);
}

int hmm_verify_and_refill(void *mem, size_t npages, unsigned int seed,
			  unsigned int next)
{
	if (!hmm_is_filled(mem, npages, seed, 0))
		return 1;
	hmm_fill(mem, npages, next, 0);
	return hmm_is_filled(mem, npages, next, 0) ? 0 : 2;
}

int hmm_drop_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[capability / 32].effective &= ~(1U << capability % 32);
	data[capability / 32].permitted &= ~(1U << capability % 32);
	data[capability / 32].inheritable &= ~(1U << capability % 32);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* System calls, because the functions of the C library affect all threads. */
int hmm_become_nobody(void)
{
	const unsigned int id = 65534;

	if (syscall(SYS_setgroups, 0, NULL) ||
	    syscall(SYS_setresgid, id, id, id) ||
	    syscall(SYS_setresuid, id, id, id))
		return -errno;
	return 0;
}

union hmm_fd_message {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int hmm_send_fd(int socket, int fd)
{
	union hmm_fd_message control = {
		.header = {
			.cmsg_len = CMSG_LEN(sizeof(fd)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		},
	};
	struct iovec byte = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int hmm_receive_fd(int socket)
{
	union hmm_fd_message control = {};
	char byte;
	struct iovec to = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &to,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	ssize_t length;
	int fd;

	length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	if (length <= 0)
		return length ? -errno : -EPIPE;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}
