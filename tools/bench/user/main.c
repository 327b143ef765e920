// SPDX-License-Identifier: GPL-2.0
/*
 * hmm_bench MODE [GROUP]: runs the measurements of a mode, or one group of
 * them. A figure is a line of fields that are separated by tabs:
 *
 *	figure group x name mode cpus unit ours kernel rule note
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench.h"

static const char *mode;
static char noted[200];

void die(const char *what)
{
	fprintf(stderr, "hmm_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

void progress(const char *text, ...)
{
	va_list args;

	va_start(args, text);
	printf("# ");
	vprintf(text, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
}

void note(const char *text, ...)
{
	va_list args;

	va_start(args, text);
	vsnprintf(noted, sizeof(noted), text, args);
	va_end(args);
}

void row(const char *group, double x, const char *unit, double ours,
	 double kernel, const char *rule, const char *name, ...)
{
	va_list args;

	printf("figure\t%s\t%.15g\t", group, x);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\t%s\t%ld\t%s\t%.8g\t%.8g\t%s\t%s\n",
	       strcmp(mode, "smp") ? "icount" : "smp",
	       sysconf(_SC_NPROCESSORS_ONLN), unit, ours, kernel, rule, noted);
	noted[0] = '\0';
	fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

double median(double *values, int nr)
{
	qsort(values, nr, sizeof(*values), by_value);
	return (values[(nr - 1) / 2] + values[nr / 2]) / 2;
}

__u64 ticks(void)
{
	return __rdtsc();
}

__u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void call(int fd, unsigned long nr, void *arg)
{
	char text[40];

	if (ioctl(fd, nr, arg) == 0)
		return;
	snprintf(text, sizeof(text), "ioctl %lu", nr & 0xff);
	die(text);
}

char *map_pages(size_t length)
{
	char *pages = mmap(NULL, length, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			   -1, 0);

	if (pages == MAP_FAILED)
		die("mmap");
	return pages;
}

/* Maps @length bytes with madvise(@advice), aligned to a huge page. */
char *map_aligned(size_t length, int advice)
{
	char *region = map_pages(length + HUGE);
	char *start = (char *)(((uintptr_t)region + HUGE - 1) & -HUGE);

	if (madvise(start, length, advice))
		die("madvise");
	return start;
}

void unmap_pages(char *pages, size_t length)
{
	if (munmap(pages, length))
		die("munmap");
}

struct group {
	const char *mode;
	const char *name;
	void (*measure)(void);
};

static const struct group groups[] = {
	{ "icount", "size", bench_sizes },
	{ "icount", "read", bench_read_cost },
	{ "icount", "interval", bench_intervals },
	{ "icount", "range", bench_ranges },
	{ "icount", "sparse", bench_sparse },
	{ "icount", "held", bench_held },
	{ "icount", "worker", bench_workers },
	{ "preempt", "munmap", bench_munmap },
	{ "smp", "read", bench_read_threads },
	{ "smp", "wait", bench_read_wait },
	{ "smp", "snapshot", bench_snapshots },
	{ "smp", "threads", bench_snapshot_threads },
	{ NULL, NULL, NULL }
};

int main(int argc, char **argv)
{
	const struct group *group;
	bool found = false;

	if (argc == 2 || argc == 3) {
		mode = argv[1];
		for (group = groups; group->mode; group++) {
			if (strcmp(group->mode, mode) ||
			    (argc == 3 && strcmp(group->name, argv[2])))
				continue;
			found = true;
			group->measure();
		}
	}
	if (!found) {
		fprintf(stderr, "usage: hmm_bench icount|preempt|smp [GROUP]\n");
		return 2;
	}
	return 0;
}
