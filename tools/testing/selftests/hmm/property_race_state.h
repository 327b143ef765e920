/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of the concurrent phase.
 */
#ifndef _PROPERTY_RACE_STATE_H
#define _PROPERTY_RACE_STATE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "../../modules/property/hmm_property_test.h"
#include "hmm_random.h"
#include "property.h"

/* The mirrored memory, in huge pages and in pages. */
#define WIDE_HUGE	96
#define WIDE_PAGES	(WIDE_HUGE * PROPERTY_HUGE)
/* A read that holds the mmap lock may drop it after this number of pages. */
#define PIECE_PAGES	((64UL << 20) / PROPERTY_PAGE)
#define PIECE_HUGE	(PIECE_PAGES / PROPERTY_HUGE)
#define PIECES		(WIDE_HUGE / PIECE_HUGE)

/* Threads that make API calls, and the number of objects of each thread. */
#define CALLERS		2
#define OWN_INTERVALS	3
#define OWN_RANGES	6
/* Threads that change memory. */
#define CHANGERS	2

/**
 * struct race - the state that the processes share
 * @seed: seed of the random numbers
 * @fd: descriptor of the module's device
 * @stop: the time is up, or a check has failed: the mirrored process exits
 * @exited: the mirrored process has exited, so the other one exits
 * @failed: @failure is being written, or was written
 * @failure: the first failure
 * @fresh: the last read of each range succeeded
 * @boundary: for each caller, the page at which the first piece of its last
 *            wide read ends
 * @reads: number of reads that succeeded
 * @valid: number of these reads that were still valid in the check after the
 *         read
 * @changes: number of changes of memory
 * @held: number of pages that the device held when it accessed them
 */
struct race {
	__u64 seed;
	int fd;
	atomic_bool stop, exited, failed;
	char failure[400];
	atomic_bool fresh[CALLERS * OWN_RANGES];
	atomic_uint boundary[CALLERS];
	atomic_ulong reads, valid, changes, held;
};

/**
 * struct racer - a thread
 * @race: the shared state
 * @random: state of the generator
 * @nr: number of the caller, or of the thread that changes memory
 * @interval: which of its intervals are inserted
 * @range: which of its ranges are registered or bound
 * @first: first page of each range
 * @npages: number of pages of each range
 */
struct racer {
	struct race *race;
	__u64 random;
	unsigned int nr;
	bool interval[OWN_INTERVALS];
	bool range[OWN_RANGES];
	unsigned int first[OWN_RANGES], npages[OWN_RANGES];
};

/* Stop the run, and record the failure if it is the first one. */
void race_fail(struct race *race, const char *format, ...);

static inline unsigned int racer_pick(struct racer *racer, unsigned int limit)
{
	return hmm_random(&racer->random, limit);
}

static inline struct hmm_property_op
race_op(unsigned int opcode, unsigned int a)
{
	return (struct hmm_property_op){ .opcode = opcode, .a = a };
}

#endif /* _PROPERTY_RACE_STATE_H */
