/* SPDX-License-Identifier: GPL-2.0 */
/* Child processes, and how they wait for each other. */
#ifndef _HMM_PROCESS_H
#define _HMM_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

/* Forks a child that is killed when its parent exits. */
pid_t hmm_fork(void);
/* The same, but parent and child share one table of file descriptors. */
pid_t hmm_fork_sharing_files(void);
/*
 * Returns the exit status, or the negated signal that killed the child. If
 * waitpid() fails, returns -1000 - errno.
 */
int hmm_wait_exit(pid_t pid);

/*
 * A completion that processes share: each call of hmm_complete() lets one wait
 * return. The functions return 0 or -errno.
 */
struct hmm_completion {
	int fds[2];
};

int hmm_completion_init(struct hmm_completion *done);
int hmm_complete(struct hmm_completion *done);
int hmm_wait_for_completion(struct hmm_completion *done);

/*
 * Forks a child that waits for go and then checks the pattern of a seed. Its
 * exit status is 0 if mem contains the pattern.
 */
pid_t hmm_fork_to_verify(struct hmm_completion *go, const void *mem,
			 size_t npages, unsigned int seed);

/*
 * For a child: checks the pattern of seed, writes the pattern of next and
 * checks it. Returns an exit status.
 */
int hmm_verify_and_refill(void *mem, size_t npages, unsigned int seed,
			  unsigned int next);

/* Permanently drops a capability of the calling thread. Returns 0 or -errno. */
int hmm_drop_capability(unsigned int capability);
/* Becomes a user without privileges. Returns 0 or -errno. */
int hmm_become_nobody(void);

/*
 * Pass a file descriptor over a socket of the family AF_UNIX. hmm_receive_fd()
 * returns it, or -errno; the other function returns 0 or -errno.
 */
int hmm_send_fd(int socket, int fd);
int hmm_receive_fd(int socket);

#endif /* _HMM_PROCESS_H */
