/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs here share: the device's commands as functions, memory
 * with content that can be checked byte by byte, threads and processes whose
 * steps a test decides.
 *
 * Nothing here asserts: the harness's macros jump, which they must not do out
 * of a thread. Functions return 0 or -errno unless they say otherwise.
 */
#ifndef _HMM_LIB_H
#define _HMM_LIB_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

#include <hmm/test_hmm.h>

#define HMM_SKIP_NO_DEVICE	"no /dev/hmm_dmirror%d: is test_hmm.ko loaded?"

/*
 * Limits find what hangs, and never judge how fast a machine is: the guest may
 * be emulated, on a host that builds kernels meanwhile. How long one step may
 * take; less than the device's own limit, after which a stopped task goes on.
 */
#define HMM_TIMEOUT_MS		120000

/* How long a test may take: see kselftest_harness.h. */
#define HMM_TEST_TIMEOUT_S		600

/* Long enough for a step that must not come to show itself if it does. */
#define HMM_QUIET_MS		200

/* The device. The cmd that comes back is stored if the pointer is not NULL. */
int hmm_open(int unit);
int hmm_cmd(int fd, unsigned long request, const void *addr, const void *ptr,
	    size_t npages, struct hmm_dmirror_cmd *out);
int hmm_read(int fd, const void *addr, void *ptr, size_t npages,
	     struct hmm_dmirror_cmd *out);
int hmm_write(int fd, const void *addr, const void *ptr, size_t npages,
	      struct hmm_dmirror_cmd *out);
int hmm_snapshot(int fd, const void *addr, __u8 *prot, size_t npages);
int hmm_stats(int fd, struct hmm_dmirror_stats *stats);

/* How many entries the device has in a range, and how many are wrong. */
long hmm_entries(int fd, const void *addr, size_t npages);
long hmm_mismatches(int fd, const void *addr, size_t npages);

/* The points at which the device stops on request. */
int hmm_stop_at(int fd, unsigned int point);
int hmm_wait_at(int fd, unsigned int point, unsigned int timeout_ms);
int hmm_resume(int fd, unsigned int point);

/* Memory: small pages only, with an inaccessible page before and behind. */
size_t hmm_page_size(void);
void *hmm_map(size_t npages);
void *hmm_map_shared(size_t npages);

/*
 * One huge page, written to and mapped as such, or NULL and why. *size is
 * what the CPU's PMD entries map. The pages before and behind it are
 * inaccessible.
 */
void *hmm_map_huge(size_t *size, const char **why);
bool hmm_is_huge(const void *addr);
size_t hmm_huge_size(void);

/* The frame behind an address of this process; 0 if there is none. */
__u64 hmm_pfn(const void *addr);

/*
 * A pattern that differs at every offset and for every seed: page i of mem gets
 * page first + i of the pattern. Where the content is wrong,
 * hmm_is_filled() and hmm_is_filled_with() print the first offset.
 */
void hmm_fill(void *mem, size_t npages, unsigned int seed, size_t first);
bool hmm_is_filled(const void *mem, size_t npages, unsigned int seed,
		   size_t first);
bool hmm_is_filled_with(const void *mem, size_t npages, __u8 byte);

/*
 * A thread that waits until it is told to go, calls fn(arg) once and ends.
 * It exists before the test holds anything up in the kernel: making a thread
 * takes the mmap lock for writing.
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
/* fn was called and its thread sleeps in the kernel. */
int hmm_thread_wait_blocked(struct hmm_thread *thread);
/* -ETIMEDOUT if fn did not return in time. */
int hmm_thread_wait_done(struct hmm_thread *thread, unsigned int timeout_ms);
/* Returns fn's result. */
int hmm_thread_join(struct hmm_thread *thread);

/*
 * Take now every page fault that this process may otherwise take later. After
 * a fork, the first write to a page of the stack or of the data invalidates,
 * and waits for whatever the device is holding up: for ever, if it is the
 * writer who would let the device go on. So a test that stops the device in
 * an invalidation, or with the update lock held, calls this before, and has
 * made its threads by then.
 */
int hmm_prefault(void);

/* For hmm_thread: one READ or WRITE, and how it went. */
struct hmm_access {
	int fd;
	unsigned long request;
	void *addr;
	void *ptr;
	size_t npages;
	struct hmm_dmirror_cmd cmd;
};

int hmm_access_run(void *access);

/* For hmm_thread: one madvise(). */
struct hmm_madvise {
	void *addr;
	size_t length;
	int advice;
};

int hmm_madvise_run(void *advice);

/* A child that dies with its parent, so that no failure leaves one behind. */
pid_t hmm_fork(void);
/* The same, with the descriptor table shared: what it opens, we have open. */
pid_t hmm_fork_sharing_files(void);
/* Its exit status, or minus the signal that ended it. */
int hmm_wait_exit(pid_t pid);

/* A gate between processes: each wait takes one open. */
struct hmm_completion {
	int fds[2];
};

int hmm_completion_init(struct hmm_completion *gate);
int hmm_complete(struct hmm_completion *gate);
int hmm_wait_for_completion(struct hmm_completion *gate);

__u64 hmm_now_ms(void);

/* A line of the module's debugfs file "counts", or -1 if there is none. */
long hmm_debugfs_count(const char *name);
/* Waits until it is not above the limit; returns the last value seen. */
long hmm_debugfs_wait_count(const char *name, long limit);

/*
 * The kernel log from now on. hmm_kmsg_wait() returns 0 when a line contains
 * the text, -ETIMEDOUT if none does in time.
 */
int hmm_kmsg_open(void);
int hmm_kmsg_wait(int fd, const char *text, unsigned int timeout_ms);

/* For the calling thread, and for good. */
int hmm_drop_capability(unsigned int capability);

#endif /* _HMM_LIB_H */
