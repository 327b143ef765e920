/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hmm_bench: lets hmm_bench.ko do the same work on both sides, with hmm-mirror
 * and with the kernel's own functions, and prints the cost.
 */
#ifndef _USER_BENCH_H
#define _USER_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hmm_bench.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define PAGE		4096UL
#define HUGE		(2UL << 20)

/* Maximum number of results of one work_fn */
#define MAX_VALUES	8

/*
 * Runs in a new process, with a new file for which the side is chosen. An mm
 * that once had notifiers differs from one that never had any.
 */
typedef void (*work_fn)(int fd, int side, void *arg, double *values);

/*
 * The medians of all rounds, in which the sides alternate, and the lower and
 * upper quartiles, which show how much the values vary.
 */
struct result {
	double ours[MAX_VALUES];
	double kernel[MAX_VALUES];
	double ours_low[MAX_VALUES];
	double ours_high[MAX_VALUES];
	double kernel_low[MAX_VALUES];
	double kernel_high[MAX_VALUES];
};

void both_sides(struct result *result, int rounds, work_fn work, void *arg);

/*
 * For times, which depend on the load of the host: runs one process for each
 * side, and the two take turns. @work measures once each time that my_turn()
 * returns true.
 */
void alternate(struct result *result, int rounds, work_fn work, void *arg);
bool my_turn(void);

/*
 * Prints one figure. @rule is the goal: "<=15", "<=1.03x" or ">=4x", where x is
 * the kernel's figure, or "-" if there is no goal.
 */
[[gnu::format(printf, 7, 8)]]
void row(const char *group, double x, const char *unit, double ours,
	 double kernel, const char *rule, const char *name, ...);

/* A note that the next row() prints after its figures */
[[gnu::format(printf, 1, 2)]]
void note(const char *text, ...);

[[gnu::format(printf, 1, 2)]]
void progress(const char *text, ...);
void die(const char *what);

double median(double *values, int nr);
__u64 ticks(void);
__u64 now_ns(void);
void call(int fd, unsigned long nr, void *arg);
char *map_pages(size_t length);
char *map_aligned(size_t length, int advice);
void unmap_pages(char *pages, size_t length);

/* Groups of figures */
void bench_intervals(void);
void bench_read_cost(void);
void bench_read_threads(void);
void bench_read_wait(void);
void bench_ranges(void);
void bench_sparse(void);
void bench_held(void);
void bench_workers(void);
void bench_snapshots(void);
void bench_snapshot_threads(void);
void bench_munmap(void);
void bench_sizes(void);

/* The compiler must not remove this write. */
static inline void touch(char *page)
{
	__atomic_store_n(page, 1, __ATOMIC_RELAXED);
}

#endif /* _USER_BENCH_H */
