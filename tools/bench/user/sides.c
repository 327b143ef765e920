// SPDX-License-Identifier: GPL-2.0
/*
 * Runs each side in its own process, because an mm that once had notifiers
 * differs from one that never had any. The two processes take turns, because
 * the load of the host may change.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define SIDES	2

struct side {
	pid_t child;
	int turns;
	double *values;
};

/* In a child: its socket for taking turns */
static int my_turns = -1;

static void side_start(struct side *side, int nr, work_fn work, void *arg)
{
	static char *shared;
	int fd, ends[2];

	if (!shared) {
		shared = mmap(NULL, SIDES * PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (shared == MAP_FAILED)
			die("mmap");
	}
	side->values = (double *)(shared + nr * PAGE);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		die("socketpair");
	side->turns = ends[0];
	side->child = fork();
	if (side->child < 0)
		die("fork");
	if (side->child) {
		close(ends[1]);
		return;
	}
	my_turns = ends[1];
	/*
	 * Close the inherited sockets of the parent. Otherwise a child would
	 * not detect that the parent closes its socket.
	 */
	if (close_range(3, my_turns - 1, 0) ||
	    close_range(my_turns + 1, ~0U, 0))
		die("close_range");
	fd = open("/dev/hmm_bench", O_RDWR);
	if (fd < 0)
		die("/dev/hmm_bench");
	call(fd, HMM_BENCH_SIDE, (void *)(long)nr);
	work(fd, nr, arg, side->values);
	/* The exit would invalidate each interval, so close the file first. */
	close(fd);
	_exit(0);
}

static void side_end(struct side *side)
{
	int status;

	close(side->turns);
	if (waitpid(side->child, &status, 0) != side->child || status) {
		fprintf(stderr, "hmm_bench: a child exited with status %#x\n",
			status);
		exit(1);
	}
}

/* Wait until the child is ready for its next turn. */
static void side_wait(const struct side *side)
{
	char turn;

	if (read(side->turns, &turn, 1) != 1) {
		fprintf(stderr, "hmm_bench: a child exited before its last turn\n");
		exit(1);
	}
}

static void side_turn(const struct side *side)
{
	char turn = 0;

	if (write(side->turns, &turn, 1) != 1)
		die("write");
	side_wait(side);
}

bool my_turn(void)
{
	char turn = 0;

	/* End the last turn, and request the next one. */
	if (write(my_turns, &turn, 1) != 1)
		die("write");
	return read(my_turns, &turn, 1) == 1;
}

static double quantile(double *sorted, int nr, int percent)
{
	return sorted[(nr - 1) * percent / 100];
}

static void summarize(struct result *result, int rounds,
		      double values[SIDES][MAX_VALUES][rounds])
{
	double (*ours)[rounds] = values[HMM_BENCH_OURS];
	double (*kernel)[rounds] = values[HMM_BENCH_KERNEL];
	int i;

	for (i = 0; i < MAX_VALUES; i++) {
		/* median() also sorts the values. */
		result->ours[i] = median(ours[i], rounds);
		result->kernel[i] = median(kernel[i], rounds);
		result->ours_low[i] = quantile(ours[i], rounds, 25);
		result->ours_high[i] = quantile(ours[i], rounds, 75);
		result->kernel_low[i] = quantile(kernel[i], rounds, 25);
		result->kernel_high[i] = quantile(kernel[i], rounds, 75);
	}
}

void both_sides(struct result *result, int rounds, work_fn work, void *arg)
{
	double values[SIDES][MAX_VALUES][rounds];
	int round, i, nr;

	for (round = 0; round < rounds; round++) {
		for (nr = 0; nr < SIDES; nr++) {
			struct side side;

			side_start(&side, nr, work, arg);
			side_end(&side);
			for (i = 0; i < MAX_VALUES; i++)
				values[nr][i][round] = side.values[i];
		}
	}
	summarize(result, rounds, values);
}

void alternate(struct result *result, int rounds, work_fn work, void *arg)
{
	double values[SIDES][MAX_VALUES][rounds];
	struct side sides[SIDES];
	int round, i, nr;

	for (nr = 0; nr < SIDES; nr++) {
		side_start(&sides[nr], nr, work, arg);
		side_wait(&sides[nr]);
	}
	for (round = 0; round < rounds; round++) {
		for (nr = 0; nr < SIDES; nr++) {
			side_turn(&sides[nr]);
			for (i = 0; i < MAX_VALUES; i++)
				values[nr][i][round] = sides[nr].values[i];
		}
	}
	for (nr = 0; nr < SIDES; nr++)
		side_end(&sides[nr]);
	summarize(result, rounds, values);
}
