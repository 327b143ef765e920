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
/* A read with the mmap lock held drops it after pieces of so many pages. */
#define PIECE_PAGES	((64UL << 20) / PROPERTY_PAGE)
#define PIECE_HUGE	(PIECE_PAGES / PROPERTY_HUGE)
#define PIECES		(WIDE_HUGE / PIECE_HUGE)

/* Threads that make calls, each on objects of its own. */
#define CALLERS		2
#define OWN_INTERVALS	3
#define OWN_RANGES	6
/* Threads that change memory. */
#define CHANGERS	2

/**
 * struct race - the state that the processes share
 * @seed: of the random numbers
 * @fd: the module's device
 * @stop: time is up: the mirrored process ends first
 * @exited: it has exited
 * @failed: @failure is being written, or was written
 * @failure: the first failure
 * @fresh: the last read of a range succeeded
 * @boundary: the page where the first piece of a wide read ends, by caller
 * @reads: how many reads succeeded
 * @valid: how many of them were still valid in the check after the read
 * @changes: how many changes of memory there were
 * @held: how many pages the device held when it accessed them
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
 * @race: the state
 * @random: state of the generator
 * @nr: number of the caller, or of the thread that changes memory
 * @interval: which of its intervals are inserted
 * @range: which of its ranges are registered or bound
 * @first: first page of each range
 * @npages: how many pages each range has
 */
struct racer {
	struct race *race;
	__u64 random;
	unsigned int nr;
	bool interval[OWN_INTERVALS];
	bool range[OWN_RANGES];
	unsigned int first[OWN_RANGES], npages[OWN_RANGES];
};

/* Only the first failure is recorded. It ends the run. */
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
