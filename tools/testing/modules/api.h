/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Building blocks of the test cases.
 *
 * A case is a function. It continues after a failed check, so that it can clean
 * up. Only the first failure is reported. A wait for a thread, a stop point or
 * a system call has a timeout. To force a race, a case stops one thread in a
 * callback, runs the other side, and then resumes the thread.
 */
#ifndef _HMM_TEST_API_H
#define _HMM_TEST_API_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/wait.h>

#include <hmm/interval.h>
#include <hmm/mirror.h>
#include <hmm/range.h>

#include "hmm_api_test.h"

/* Detects a hang; a slow machine must not reach it. See HMM_TIMEOUT_MS. */
#define API_TIMEOUT	(120 * HZ)
/* Number of slots for invalidations in flight; HMM_SLOTS in the core. */
#define API_SLOTS	32
/* How long a case waits to check that an event does not occur. */
#define API_SHORT_WAIT	(HZ / 8)

/**
 * struct api_case - a test case
 * @name: begins with the number of the regression that it tests, if any
 * @run: the test
 * @flags: HMM_API_* flags
 * @expect: regular expression that matches the expected kernel report, or NULL
 */
struct api_case {
	const char *name;
	void (*run)(void);
	unsigned int flags;
	const char *expect;
};

/* One table per file. An entry without a name ends the table. */
extern const struct api_case api_mirror_cases[];
extern const struct api_case api_exit_cases[];
extern const struct api_case api_shared_cases[];
extern const struct api_case api_insert_cases[];
extern const struct api_case api_find_cases[];
extern const struct api_case api_find_next_cases[];
extern const struct api_case api_lifetime_cases[];
extern const struct api_case api_collision_cases[];
extern const struct api_case api_reader_cases[];
extern const struct api_case api_range_cases[];
extern const struct api_case api_bounds_cases[];
extern const struct api_case api_removed_cases[];
extern const struct api_case api_dma_map_cases[];
extern const struct api_case api_dma_bounds_cases[];
extern const struct api_case api_dma_iommu_cases[];
extern const struct api_case api_dirty_cases[];
extern const struct api_case api_compact_cases[];
extern const struct api_case api_pgtable_cases[];
extern const struct api_case api_remote_cases[];
extern const struct api_case api_populate_cases[];
extern const struct api_case api_partial_cases[];
extern const struct api_case api_fault_lock_cases[];
extern const struct api_case api_faults_cases[];
extern const struct api_case api_dispatch_cases[];
extern const struct api_case api_callback_cases[];
extern const struct api_case api_variant_cases[];
extern const struct api_case api_stress_cases[];
extern const struct api_case api_misuse_cases[];
extern const struct api_case api_dropin_cases[];
extern const struct api_case api_dropin_range_cases[];
extern const struct api_case api_wrong_cases[];

/*
 * main.c: a check returns true if its condition holds. Otherwise the case
 * fails.
 */
__printf(4, 5)
bool api_check(bool good, const char *file, int line, const char *fmt, ...);
bool api_check_equal(long want, long seen, const char *file, int line,
		     const char *what);
__printf(1, 2) void api_skip(const char *fmt, ...);

#define EXPECT(cond) \
	api_check(cond, __FILE__, __LINE__, "%s", #cond)
#define EXPECT_EQ(want, expr) \
	api_check_equal((long)(want), (long)(expr), __FILE__, __LINE__, #expr)

/*
 * main.c: api_alloc() returns zeroed memory and never fails. Memory that a case
 * does not free is freed when the case ends.
 */
void *api_alloc(size_t size);
void api_free(void *memory);
/*
 * A case calls api_abandon() if a thread has not ended. The memory of the case
 * is not freed when the case ends, and the module stays loaded.
 */
void api_abandon(void);

/* main.c: the child process. A case can use its mm and can kill it. */
struct mm_struct *api_child_mm(void);
void api_child_kill(void);
long api_child_pid(void);

/* main.c: system calls that the helper thread makes in user space. */
void api_syscall_start(long nr, unsigned long arg0, unsigned long arg1,
		       unsigned long arg2);
long api_syscall_wait(void);
long api_syscall(long nr, unsigned long arg0, unsigned long arg1,
		 unsigned long arg2);

/* The address of a page of the arena. */
unsigned long api_addr(unsigned long number);

/**
 * struct api_stop - a stop point in a callback
 * @armed: the next thread that reaches the stop point stops
 * @reached: completed when a thread has stopped
 * @resume: completed to let the thread continue
 */
struct api_stop {
	bool armed;
	struct completion reached;
	struct completion resume;
};

void api_stop_arm(struct api_stop *stop);
void api_stop_here(struct api_stop *stop);
bool api_stop_reached_at(struct api_stop *stop, const char *file, int line);
void api_stop_resume(struct api_stop *stop);

#define api_stop_reached(stop) api_stop_reached_at(stop, __FILE__, __LINE__)
#define api_resume_and_join(stop, thread) \
	api_resume_and_join_at(stop, thread, __FILE__, __LINE__)

/**
 * struct api_thread - a kernel thread that uses an mm
 * @fn: the function that it runs
 * @arg: argument of @fn
 * @mm: the mm
 * @task: the thread
 * @entered: completed when the thread runs
 * @done: completed when @fn has returned
 * @ret: return value of @fn
 */
struct api_thread {
	int (*fn)(void *arg);
	void *arg;
	struct mm_struct *mm;
	struct task_struct *task;
	struct completion entered;
	struct completion done;
	int ret;
};

/* threads.c */
struct api_thread *api_thread_in(struct mm_struct *mm, int (*fn)(void *arg),
				 void *arg);
struct api_thread *api_thread(int (*fn)(void *arg), void *arg);
bool api_thread_blocks(struct api_thread *thread);
bool api_thread_done(struct api_thread *thread);
int api_join_at(struct api_thread *thread, const char *file, int line);
void api_resume_and_join_at(struct api_stop *stop, struct api_thread *thread,
			    const char *file, int line);

#define api_join(thread) api_join_at(thread, __FILE__, __LINE__)

/*
 * threads.c: real invalidations. api_write() first reads the page, so that the
 * kernel maps the zero page, and then writes to it. The write invalidates only
 * this page, with the mmap lock held for reading. Another api_write() of the
 * page causes no invalidation until the page has been unmapped. api_unmap()
 * invalidates all pages at once, with the mmap lock held for writing. Then it
 * maps new memory at the same addresses.
 */
int api_write(unsigned long page);
int api_unmap(unsigned long page, unsigned long npages);
struct api_thread *api_write_thread(unsigned long page);
struct api_thread *api_unmap_thread(unsigned long page, unsigned long npages);

/**
 * struct api_mirror - a driver's mirror
 * @mirror: the mirror
 * @sync_stop: stop point in sync_cpu_device_pagetables
 * @release_stop: stop point in release
 * @on_release: called by release, if set
 * @data: private to the case
 * @refuse: sync_cpu_device_pagetables returns false
 * @syncs: number of calls of sync_cpu_device_pagetables
 * @releases: number of release callbacks that have completed
 */
struct api_mirror {
	struct hmm_mirror mirror;
	struct api_stop sync_stop;
	struct api_stop release_stop;
	void (*on_release)(struct api_mirror *mirror);
	void *data;
	bool refuse;
	atomic_t syncs;
	atomic_t releases;
};

/**
 * struct api_interval - a driver's interval
 * @notifier: the interval
 * @stop: stop point in the callback, or in the first pass if there are two
 * @action: called by the callback after the stop point, if set
 * @on_finish: called by the second pass, if set
 * @data: private to the case
 * @refuse: the callback returns false
 * @calls: number of callbacks that have started, except second passes
 * @returned: number of callbacks that have passed the stop point
 * @finishes: number of second passes
 * @releases: number of calls of release
 * @start: first address of the last invalidation
 * @end: first address past the end of the last invalidation
 */
struct api_interval {
	struct hmm_interval_notifier notifier;
	struct api_stop stop;
	void (*action)(struct api_interval *interval,
		       const struct mmu_notifier_range *range);
	void (*on_finish)(struct api_interval *interval);
	void *data;
	bool refuse;
	atomic_t calls;
	atomic_t returned;
	atomic_t finishes;
	atomic_t releases;
	unsigned long start;
	unsigned long end;
};

/*
 * objects.c: api_ops has all callbacks that a driver with a single pass can
 * have. Most drivers have no sync callback, and the core has a separate path
 * for them. Therefore only "syncing" mirrors have this callback.
 */
extern const struct hmm_mirror_ops api_mirror_ops;
extern const struct hmm_mirror_ops api_syncing_mirror_ops;
extern const struct hmm_interval_notifier_ops api_ops;
extern const struct hmm_interval_notifier_ops api_other_ops;
extern const struct hmm_interval_notifier_ops api_two_pass_ops;

struct api_mirror *api_mirror_new(void);
struct api_mirror *api_mirror_on(struct mm_struct *mm);
struct api_mirror *api_mirror(void);
struct api_mirror *api_syncing_mirror_new(void);
struct api_mirror *api_syncing_mirror_on(struct mm_struct *mm);
struct api_mirror *api_syncing_mirror(void);
void api_unregister(struct api_mirror *mirror);
struct api_thread *api_unregister_thread(struct api_mirror *mirror);

struct api_interval *api_interval_new(void);
int api_insert_ops(struct api_interval *interval, struct api_mirror *mirror,
		   unsigned long page, unsigned long npages,
		   const struct hmm_interval_notifier_ops *ops);
struct api_interval *api_interval(struct api_mirror *mirror,
				  unsigned long page, unsigned long npages);
int api_update(struct api_interval *interval, unsigned long page,
	       unsigned long npages);
void api_remove(struct api_interval *interval);
struct api_thread *api_remove_thread(struct api_interval *interval);
void api_put(struct api_interval *interval);
struct api_interval *api_find(struct api_mirror *mirror, unsigned long page);
bool api_finds(struct api_mirror *mirror, unsigned long page,
	       struct api_interval *interval);

/* Write to the page, and stop the write in the interval's callback. */
struct api_thread *api_stop_write_at(struct api_interval *interval,
				     unsigned long page, const char *file,
				     int line);

#define api_stop_write(interval, page) \
	api_stop_write_at(interval, page, __FILE__, __LINE__)

/*
 * ranges.c: a registered range, whose entries are API_UNTOUCHED until it is
 * read.
 */
#define API_UNTOUCHED	0x5eed5eedUL

struct hmm_mirror_range *api_range(struct api_mirror *mirror,
				   unsigned long page, unsigned long npages);
int api_snapshot(struct hmm_mirror_range *range);

/* bounds.c: a range of API_RANGE_PAGES pages, bound to the interval. */
#define API_RANGE_PAGES	4

struct hmm_mirror_range *api_bound_range(struct api_interval *interval,
					 unsigned long page);

/* populate.c: a registered range with the same request for every page. */
struct hmm_mirror_range *api_request(struct api_mirror *mirror,
				     unsigned long page, unsigned long npages,
				     unsigned long flags);
/*
 * Map a page of the arena with @ops, and with @data as vm_private_data.
 * api_unmap() replaces the mapping with anonymous memory.
 */
bool api_map_page_with(unsigned long page,
		       const struct vm_operations_struct *ops, void *data);

bool api_can_begin(struct api_interval *interval);
unsigned long api_seq(struct api_interval *interval);
bool api_retry(struct api_interval *interval, unsigned long seq);
bool api_is_idle(struct api_mirror *mirror);

#endif /* _HMM_TEST_API_H */
