/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the concurrent phase share.
 */
#ifndef _PROPERTY_RACE_H
#define _PROPERTY_RACE_H

#include <stdatomic.h>

#include "hmm_random.h"
#include "property.h"

/* In huge pages, and in pages. */
#define WIDE_HUGE	96
#define WIDE_PAGES	(WIDE_HUGE * PROPERTY_HUGE)
/* A locked read of a compact range is made in pieces of so many pages. */
#define PIECE_PAGES	((64UL << 20) / PROPERTY_PAGE)
#define PIECE_HUGE	(PIECE_PAGES / PROPERTY_HUGE)
#define PIECES		(WIDE_HUGE / PIECE_HUGE)

#define CALLERS		2
#define CHANGERS	2
/* Each caller has objects of its own. */
#define OWN_INTERVALS	3
#define OWN_RANGES	6

/**
 * struct race - shared by the processes
 * @seed: of the random numbers
 * @fd: the module's device
 * @stop: time is up: first the process that is mirrored ends
 * @exited: it has
 * @failed: @failure is being written, or has been
 * @failure: what is wrong
 * @fresh: of each range: what was read last has not been begun anew
 * @hot: pages at which the read of a range may be continued
 * @reads: how many succeeded
 * @valid: how many were still valid when they were verified
 * @changes: of the memory
 * @held: pages that the device held when it accessed them
 */
struct race {
	__u64 seed;
	int fd;
	atomic_bool stop, exited, failed;
	char failure[400];
	atomic_bool fresh[CALLERS * OWN_RANGES];
	atomic_uint hot[CALLERS];
	atomic_ulong reads, valid, changes, held;
};

/* One thread: who it is, and its random numbers. */
struct racer {
	struct race *race;
	__u64 random;
	unsigned int nr;
	bool interval[OWN_INTERVALS];
	bool range[OWN_RANGES];
	unsigned int first[OWN_RANGES], npages[OWN_RANGES];
};

/* The first failure is the one that is kept; it ends the run. */
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

/* property_race_call.c: a thread that makes calls */
int race_calls(void *racer);

#endif /* _PROPERTY_RACE_H */
