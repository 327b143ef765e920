// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
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
