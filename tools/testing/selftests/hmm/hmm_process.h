/* SPDX-License-Identifier: GPL-2.0 */
/* Child processes, and how they wait for each other. */
#ifndef _HMM_PROCESS_H
#define _HMM_PROCESS_H

#include <sys/types.h>

/* Forks a child that is killed when its parent exits. */
pid_t hmm_fork(void);
/* The same, but parent and child share one table of file descriptors. */
pid_t hmm_fork_sharing_files(void);
/* Returns the exit status, or the negated signal that killed the child. */
int hmm_wait_exit(pid_t pid);

/*
 * A completion that processes share: a wait returns after one call of
 * hmm_complete().
 */
struct hmm_completion {
	int fds[2];
};

int hmm_completion_init(struct hmm_completion *done);
int hmm_complete(struct hmm_completion *done);
int hmm_wait_for_completion(struct hmm_completion *done);

/* Drops a capability of the calling thread for good. Returns 0 or -errno. */
int hmm_drop_capability(unsigned int capability);

#endif /* _HMM_PROCESS_H */
