// SPDX-License-Identifier: GPL-2.0
/*
 * With several CPUs: how much readers slow each other down, and how long a
 * reader waits for invalidations.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define MS		1000000ULL
#define LEAD		(20 * MS)
#define DURATION	(200 * MS)
#define WAIT_DURATION	(1500 * MS)
#define MAX_THREADS	8
#define MAX_SAMPLES	20000

struct reader {
	pthread_t thread;
	int fd;
	struct hmm_bench_read read;
};

static void *reader_main(void *arg)
{
	struct reader *reader = arg;

	call(reader->fd, HMM_BENCH_READ, &reader->read);
	return NULL;
}

/* Reads per microsecond of all threads together */
static void threads_work(int fd, int side, void *arg, double *values)
{
	struct reader readers[MAX_THREADS];
	int i, threads = *(int *)arg;
	__u64 from = now_ns() + LEAD;

	(void)side;
	for (i = 0; i < threads; i++) {
		readers[i].fd = fd;
		readers[i].read = (struct hmm_bench_read) {
			.from = from, .until = from + DURATION,
		};
		if (pthread_create(&readers[i].thread, NULL, reader_main,
				   &readers[i]))
			die("pthread_create");
	}
	values[0] = 0;
	for (i = 0; i < threads; i++) {
		pthread_join(readers[i].thread, NULL);
		values[0] += readers[i].read.done * 1000. / DURATION;
	}
}

void bench_read_threads(void)
{
	int threads, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct result r;

	for (threads = 1; threads <= cpus && threads <= MAX_THREADS;
	     threads *= 2) {
		progress("%d readers", threads);
		both_sides(&r, 5, threads_work, &threads);
		row("read-threads", threads, "reads/us", r.ours[0],
		    r.kernel[0], threads == 4 ? ">=4x" : "-",
		    "read_begin + read_retry by %d thread%s", threads,
		    threads == 1 ? "" : "s");
	}
}

struct invalidator {
	pthread_t thread;
	char *page;
	bool once_a_ms;
	unsigned long done;
	bool *stop;
};

static void *invalidator_main(void *arg)
{
	const struct timespec ms = { .tv_nsec = MS };
	struct invalidator *inv = arg;

	while (!__atomic_load_n(inv->stop, __ATOMIC_RELAXED)) {
		touch(inv->page);
		if (madvise(inv->page, PAGE, MADV_DONTNEED))
			die("madvise");
		inv->done++;
		if (inv->once_a_ms)
			nanosleep(&ms, NULL);
	}
	return NULL;
}

static int by_time(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return (x > y) - (x < y);
}

/* One thread invalidates the interval, and three invalidate other pages. */
static void wait_work(int fd, int side, void *arg, double *values)
{
	char *region = map_pages(64 * HUGE);
	struct hmm_bench_intervals intervals = {
		.start = (uintptr_t)region, .length = PAGE, .nr = 1,
	};
	__u32 *samples = calloc(MAX_SAMPLES, sizeof(*samples));
	struct hmm_bench_wait wait = {
		.samples = (uintptr_t)samples, .max = MAX_SAMPLES,
	};
	struct invalidator inv[4];
	bool stop = false;
	int i;

	(void)side;
	(void)arg;
	if (!samples || madvise(region, 64 * HUGE, MADV_NOHUGEPAGE))
		die("madvise");
	call(fd, HMM_BENCH_INSERT, &intervals);
	for (i = 0; i < 4; i++) {
		inv[i].page = region + i * 16 * HUGE;
		inv[i].once_a_ms = i == 0;
		inv[i].stop = &stop;
		inv[i].done = 0;
		if (pthread_create(&inv[i].thread, NULL, invalidator_main,
				   &inv[i]))
			die("pthread_create");
	}
	wait.until = now_ns() + WAIT_DURATION;
	call(fd, HMM_BENCH_WAIT, &wait);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++)
		pthread_join(inv[i].thread, NULL);

	if (!wait.nr) {
		fprintf(stderr, "hmm_bench: the interval was never invalidated\n");
		exit(1);
	}
	qsort(samples, wait.nr, sizeof(*samples), by_time);
	values[0] = samples[wait.nr / 2] / 1000.;
	values[1] = samples[wait.nr * 99 / 100] / 1000.;
	values[2] = samples[wait.nr - 1] / 1000.;
	values[3] = wait.nr;
	values[4] = inv[0].done;
	values[5] = inv[1].done + inv[2].done + inv[3].done;
}

void bench_read_wait(void)
{
	static const char * const what[] = { "p50", "p99", "max" };
	struct result r;
	int i;

	progress("a reader's wait");
	both_sides(&r, 3, wait_work, NULL);
	progress("%.0f waits, %.0f hits, %.0f other invalidations; the kernel's: %.0f, %.0f, %.0f",
		 r.ours[3], r.ours[4], r.ours[5], r.kernel[3], r.kernel[4],
		 r.kernel[5]);
	for (i = 0; i < 3; i++)
		row("wait", i, "us", r.ours[i], r.kernel[i], "-",
		    "reader's wait after a hit, 3 threads invalidate elsewhere, %s",
		    what[i]);
}
