/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A sample: the contents of the module's debugfs file "stats" at one time.
 * Documentation/tracing.rst describes the file.
 */
#ifndef _HMMTOP_SAMPLE_H
#define _HMMTOP_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* The numbers of a process; sample.c has their keys in the same order. */
enum counter {
	MIRRORS,
	INTERVALS,
	INVALIDATIONS,
	HITS,
	CALLBACKS,
	REFUSED,
	COLLISIONS,
	FAULTS,
	WAITS,
	WAITING,
	WAITED_NS,
	LONGEST_WAIT_NS,
	NR_COUNTERS,
};

/**
 * struct process - one mirrored process
 * @id: distinguishes the processes of a sample
 * @since_ns: when its first mirror was registered; another process that has
 *            the same @id later has another time
 * @pid: PID, or 0 if no process used the memory when it was first mirrored
 * @state: "running", "exited" or "detached"
 * @name: any bytes
 * @counters: the numbers, by enum counter
 */
struct process {
	__u64 id;
	__u64 since_ns;
	long pid;
	char state[16];
	char name[32];
	__u64 counters[NR_COUNTERS];
};

/**
 * struct sample - all mirrored processes
 * @seconds: time since the previous sample, or 0 if there is none
 * @now_ns: when the file was read, CLOCK_MONOTONIC
 * @n: number of @processes
 * @processes: the processes, in the order of the file
 */
struct sample {
	double seconds;
	__u64 now_ns;
	size_t n;
	struct process *processes;
};

const char *counter_key(enum counter counter);
/* Returns false for a number that does not only grow. */
bool counter_has_rate(enum counter counter);

/*
 * Reads a sample. Returns 0 or -errno; -EPROTO if the file has another format.
 */
int sample_read(struct sample *sample, const char *path);
void sample_free(struct sample *sample);

/*
 * Returns the process at this index of @now. If @before is not NULL, a counter
 * that has a rate is replaced by its increase since then.
 */
struct process sample_increase(const struct sample *now,
			       const struct sample *before, size_t index);

#endif /* _HMMTOP_SAMPLE_H */
