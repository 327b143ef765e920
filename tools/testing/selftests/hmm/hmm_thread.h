/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that a test controls step by step. No function here asserts, because
 * the harness's macros must not jump out of a thread. Functions return 0 or
 * -errno, unless stated otherwise.
 */
#ifndef _HMM_THREAD_H
#define _HMM_THREAD_H

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/types.h>

#include <hmm/test_hmm.h>

/*
 * A thread that waits for hmm_thread_start(), calls fn(arg) once and exits.
 * Create it before the test stops a task in the kernel, because creating a
 * thread acquires the mmap lock for writing.
 */
struct hmm_thread {
	pthread_t thread;
	sem_t go;
	sem_t done;
	int (*fn)(void *arg);
	void *arg;
	int result;
	pid_t tid;
	int entered;
};

int hmm_thread_create(struct hmm_thread *thread, int (*fn)(void *arg),
		      void *arg);
void hmm_thread_start(struct hmm_thread *thread);
/* Waits until fn sleeps in the kernel. Returns -ETIMEDOUT on a timeout. */
int hmm_thread_wait_blocked(struct hmm_thread *thread);
/* Waits until fn returns. Returns -ETIMEDOUT on a timeout. */
int hmm_thread_wait_done(struct hmm_thread *thread, unsigned int timeout_ms);
/* Joins the thread. Returns the result of fn. */
int hmm_thread_join(struct hmm_thread *thread);

/*
 * Faults in all memory of this process, except special mappings such as the
 * data page of the vDSO. After a fork, the first write to a page of the stack
 * or the data starts an invalidation, which waits for the task that the device
 * has stopped. If the writer is the thread that must resume this task, the test
 * hangs. Therefore create the threads first, and call this function before a
 * task stops in an invalidation or with the update lock held.
 */
int hmm_prefault(void);

/* Argument of hmm_access_run(): one command, and the result of the device. */
struct hmm_access {
	int fd;
	unsigned long request;
	void *addr;
	void *ptr;
	size_t npages;
	struct hmm_dmirror_cmd cmd;
};

void hmm_access_init(struct hmm_access *access, int fd, unsigned long request,
		     void *addr, void *ptr, size_t npages);
int hmm_access_run(void *access);

/* Argument of hmm_madvise_run(), which calls madvise() once. */
struct hmm_madvise {
	void *addr;
	size_t length;
	int advice;
};

int hmm_madvise_run(void *advice);

/* For hmm_thread: acquires the mmap lock for writing and drops it. */
int hmm_take_mmap_lock_run(void *unused);

#endif /* _HMM_THREAD_H */
