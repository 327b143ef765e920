// SPDX-License-Identifier: GPL-2.0
/*
 * The speed of snapshots of present 4K pages: alone, while the mmap lock is
 * held for writing, and by several threads on one mm.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define LENGTH		(128 * HUGE)
#define ROUNDS		21
#define MS		1000000ULL

static void present(char *start, size_t length)
{
	size_t at;

	for (at = 0; at < length; at += PAGE)
		touch(start + at);
}

/* Returns the time in ns. Exits if the last request did not read all pages. */
static __u64 snapshot(int fd, char *start, size_t length, size_t step)
{
	struct hmm_bench_range range = {
		.start = (uintptr_t)start,
		.end = (uintptr_t)start + length,
		.step = step,
	};

	call(fd, HMM_BENCH_RANGE, &range);
	if (range.valid != step / PAGE) {
		fprintf(stderr, "hmm_bench: %llu of %zu pages were read\n",
			range.valid, step / PAGE);
		exit(1);
	}
	return range.ns;
}

static double pages_per_us(size_t length, __u64 ns)
{
	return length / PAGE * 1000. / ns;
}

/*
 * The lock is acquired and dropped several times in a window. Requests have the
 * size of a huge page, so a side that needs the lock has to wait for it often.
 */
#define HOLD_NS		(1 * MS)
#define WINDOW_NS	(8 * MS)
#define WINDOWS		5

struct spent {
	size_t length;
	__u64 ns;
};

/*
 * Runs for at least one window, with the lock held or not. The measurements
 * must take the same time, because on a busy host a shorter one is interrupted
 * less often.
 */
static void spend(int fd, char *start, size_t step, struct spent *spent)
{
	__u64 until = spent->ns + WINDOW_NS;

	do {
		spent->ns += snapshot(fd, start, LENGTH, step);
		spent->length += LENGTH;
	} while (spent->ns < until);
}

static double rate(const struct spent *spent)
{
	return pages_per_us(spent->length, spent->ns);
}

enum { RATE, IDLE, SLOWER, SHARE };

static char *guarded(int fd, size_t length)
{
	char *start = map_aligned(length, MADV_NOHUGEPAGE);
	struct hmm_bench_intervals guard = {
		.start = (uintptr_t)start, .length = length, .nr = 1,
	};

	present(start, length);
	call(fd, HMM_BENCH_INSERT, &guard);
	return start;
}

static void measure_held(int fd, char *start, double *values)
{
	struct hmm_bench_hold hold = { .period = HOLD_NS };
	struct spent idle = {}, held = {};
	__u64 lock_held = 0, lock_total = 0;
	int i;

	/* Alternate, because the load of the host changes. */
	for (i = 0; i < WINDOWS; i++) {
		spend(fd, start, HUGE, &idle);
		call(fd, HMM_BENCH_HOLD, &hold);
		spend(fd, start, HUGE, &held);
		call(fd, HMM_BENCH_HOLD_END, &hold);
		lock_held += hold.held;
		lock_total += hold.total;
	}
	values[IDLE] = rate(&idle);
	values[SLOWER] = rate(&idle) / rate(&held);
	values[SHARE] = 100. * lock_held / lock_total;
}

static void row_held(const struct result *r)
{
	progress("the mmap lock was held for %.0f %% of the time; on the kernel's side: %.0f %%",
		 r->ours[SHARE], r->kernel[SHARE]);
	/* The share is less than half if the holder has to wait for readers. */
	if (r->ours[SHARE] < 20) {
		fprintf(stderr, "hmm_bench: the mmap lock was hardly held\n");
		exit(1);
	}
	row("snapshot-held", 0, "x idle time", r->ours[SLOWER],
	    r->kernel[SLOWER], "<=1.2",
	    "snapshot while the mmap lock is held for writing half the time");
}

/*
 * This works on one CPU, too: the holder of the lock sleeps, and the clock runs
 * while all tasks sleep, so the waiting time is exact.
 */
static void held_work(int fd, int side, void *arg, double *values)
{
	(void)side;
	(void)arg;
	measure_held(fd, guarded(fd, LENGTH), values);
}

void bench_held(void)
{
	struct result r;

	progress("snapshots while the mmap lock is held");
	both_sides(&r, 1, held_work, NULL);
	row_held(&r);
}

/*
 * A worker reads 16 MiB, at once if the pages are present. With @fault, they are
 * absent, but the memory has been touched before, and a request covers 64 KiB.
 */
#define WORKER_LENGTH	(8 * HUGE)
#define WORKER_STEP	(HUGE / 32)
#define WORKER_ROUNDS	16

static double worker_us(int fd, char *start, bool fault)
{
	const size_t step = fault ? WORKER_STEP : WORKER_LENGTH;
	struct hmm_bench_range range = {
		.start = (uintptr_t)start,
		.end = (uintptr_t)start + WORKER_LENGTH,
		.step = step,
		.flags = HMM_BENCH_WORKER |
			 (fault ? HMM_BENCH_FAULT | HMM_BENCH_WRITE : 0),
	};
	__u64 ns = 0;
	int i;

	for (i = 0; i < WORKER_ROUNDS; i++) {
		if (fault && madvise(start, WORKER_LENGTH, MADV_DONTNEED))
			die("madvise");
		call(fd, HMM_BENCH_RANGE, &range);
		if (range.valid != step / PAGE) {
			fprintf(stderr, "hmm_bench: a worker read %llu pages\n",
				range.valid);
			exit(1);
		}
		ns += range.ns;
	}
	return ns / 1000. / WORKER_ROUNDS;
}

static void worker_work(int fd, int side, void *arg, double *values)
{
	struct hmm_bench_hold hold = { .period = HOLD_NS };
	char *start = guarded(fd, WORKER_LENGTH);
	bool fault = arg;

	(void)side;
	values[IDLE] = worker_us(fd, start, fault);
	call(fd, HMM_BENCH_HOLD, &hold);
	values[SLOWER] = worker_us(fd, start, fault) / values[IDLE];
	call(fd, HMM_BENCH_HOLD_END, &hold);
	values[SHARE] = 100. * hold.held / hold.total;
}

static void worker_row(bool fault, const char *rule, const char *name)
{
	struct result r;

	progress("%s", name);
	both_sides(&r, 1, worker_work, fault ? &r : NULL);
	note("idle %.0f us, the kernel's %.0f us; lock held for %.0f %%",
	     r.ours[IDLE], r.kernel[IDLE], r.ours[SHARE]);
	row("worker-held", fault, "x idle time", r.ours[SLOWER],
	    r.kernel[SLOWER], rule, "%s", name);
}

void bench_workers(void)
{
	worker_row(false, "<=1.2",
		   "snapshot of 16 MiB by a worker, mmap lock held half the time");
	/* Before 7.2, a fault needs the mmap lock on either side. */
	worker_row(true, "<=1.3",
		   "faults of 64 KiB by a worker, mmap lock held half the time");
}

static void snapshots_work(int fd, int side, void *arg, double *values)
{
	char *start = guarded(fd, LENGTH);

	(void)side;
	(void)arg;
	while (my_turn()) {
		struct spent spent = {};

		/* Warm up: the other side has used the caches meanwhile. */
		snapshot(fd, start, LENGTH, HUGE);
		spend(fd, start, LENGTH, &spent);
		values[RATE] = rate(&spent);
		measure_held(fd, start, values);
	}
}

static void note_spread(const struct result *r, int value)
{
	note("half of the rounds: %.3g to %.3g; the kernel's %.3g to %.3g",
	     r->ours_low[value], r->ours_high[value],
	     r->kernel_low[value], r->kernel_high[value]);
}

void bench_snapshots(void)
{
	struct result r;

	progress("speed of snapshots");
	alternate(&r, ROUNDS, snapshots_work, NULL);
	note_spread(&r, RATE);
	row("snapshot-rate", 0, "pages/us", r.ours[RATE], r.kernel[RATE],
	    ">=8x", "snapshot of present 4K pages, 256 MiB at once");
	note_spread(&r, IDLE);
	row("snapshot-rate", 1, "pages/us", r.ours[IDLE], r.kernel[IDLE],
	    "-", "snapshot of present 4K pages, 2 MiB at a time");
	note_spread(&r, SLOWER);
	row_held(&r);
}

/*
 * Each thread reads its own part, in small requests, so that shared data is
 * accessed often.
 */
#define PART		(4 * HUGE)
#define PART_STEP	(HUGE / 32)
#define MAX_THREADS	4
#define LEAD		(5 * MS)
#define DURATION	(60 * MS)

struct part {
	pthread_t thread;
	int fd;
	char *start;
	__u64 from;
	double rate;
};

static void *part_main(void *arg)
{
	struct part *part = arg;
	__u64 begin, end;
	size_t done = 0;

	do {
		begin = now_ns();
	} while (begin < part->from);
	do {
		snapshot(part->fd, part->start, PART, PART_STEP);
		done += PART;
		end = now_ns();
	} while (end < part->from + DURATION);
	part->rate = pages_per_us(done, end - begin);
	return NULL;
}

static double parts_rate(int fd, char *start, int threads)
{
	struct part parts[MAX_THREADS];
	__u64 from = now_ns() + LEAD;
	double rate = 0;
	int i;

	for (i = 0; i < threads; i++) {
		parts[i].fd = fd;
		parts[i].start = start + i * PART;
		parts[i].from = from;
		if (pthread_create(&parts[i].thread, NULL, part_main,
				   &parts[i]))
			die("pthread_create");
	}
	for (i = 0; i < threads; i++) {
		pthread_join(parts[i].thread, NULL);
		rate += parts[i].rate;
	}
	return rate;
}

static int max_threads(void)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus < MAX_THREADS ? cpus : MAX_THREADS;
}

/* Value i is the rate of 2^i threads, value i + 4 is its ratio to value 0. */
static void parts_work(int fd, int side, void *arg, double *values)
{
	char *start = guarded(fd, MAX_THREADS * PART);
	int i;

	(void)side;
	(void)arg;
	while (my_turn()) {
		for (i = 0; 1 << i <= max_threads(); i++) {
			values[i] = parts_rate(fd, start, 1 << i);
			values[i + 4] = values[i] / values[0];
		}
	}
}

void bench_snapshot_threads(void)
{
	struct result r;
	int i, threads;

	progress("snapshots by several threads");
	alternate(&r, 11, parts_work, NULL);
	for (i = 0; (threads = 1 << i) <= max_threads(); i++) {
		note_spread(&r, i);
		row("snapshot-threads", threads, "pages/us", r.ours[i],
		    r.kernel[i], "-",
		    "snapshot of disjoint parts of one mm by %d thread%s",
		    threads, threads == 1 ? "" : "s");
	}
	/* The goal is 90 %, because the host runs other tasks, too. */
	for (i = 1; (threads = 1 << i) <= max_threads(); i++) {
		char rule[16];

		snprintf(rule, sizeof(rule), ">=%g", .9 * threads);
		note_spread(&r, i + 4);
		row("snapshot-scaling", threads, "x 1 thread", r.ours[i + 4],
		    r.kernel[i + 4], rule,
		    "snapshot of disjoint parts of one mm, %d threads compared with 1",
		    threads);
	}
}
