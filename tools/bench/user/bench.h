/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hmm_bench: asks hmm_bench.ko for the same work through both sides and
 * prints what it took.
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

/* Values that one piece of work may hand back. */
#define MAX_VALUES	8

/*
 * Done in a process of its own, on a fresh file with its side chosen, as an
 * mm remembers that it once had notifiers.
 */
typedef void (*work_fn)(int fd, int side, void *arg, double *values);

/*
 * Each value's median over all rounds, in which the sides alternate, and the
 * quarters of the rounds below and above: how much it varied.
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
 * For times, which the host's other load disturbs: two processes, one for
 * each side, that live throughout and take turns. @work prepares what it
 * needs and measures while my_turn() says so.
 */
void alternate(struct result *result, int rounds, work_fn work, void *arg);
bool my_turn(void);

/*
 * One figure. @rule is what is to be reached: "<=15", "<=1.03x", ">=4x" with
 * x standing for the kernel's figure, or "-" for nothing.
 */
[[gnu::format(printf, 7, 8)]]
void row(const char *group, double x, const char *unit, double ours,
	 double kernel, const char *rule, const char *name, ...);

/* What the next row() says beside its figures. */
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

/* Groups of figures, one file each. */
void bench_intervals(void);
void bench_read_cost(void);
void bench_read_threads(void);
void bench_read_wait(void);
void bench_ranges(void);
void bench_sparse(void);
void bench_held(void);
void bench_snapshots(void);
void bench_snapshot_threads(void);
void bench_munmap(void);
void bench_sizes(void);

/* The compiler must not leave a write out that only the kernel sees. */
static inline void touch(char *page)
{
	__atomic_store_n(page, 1, __ATOMIC_RELAXED);
}

#endif /* _USER_BENCH_H */
