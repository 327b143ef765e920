/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of a run: the arena, the threads that access and change it, and the
 * counts.
 */
#ifndef _ORACLE_H
#define _ORACLE_H

#include "hmm_lib.h"
#include "oracle_history.h"

enum oracle_kind {
	ORACLE_SMALL,		/* anonymous, small pages */
	ORACLE_MERGED,		/* anonymous, some equal pages for KSM */
	ORACLE_HUGE,		/* anonymous, one huge page if possible */
	ORACLE_SHARED,		/* shmem */
	ORACLE_KINDS,
};

/**
 * struct oracle_region - a part of the arena
 * @name: name in reports
 * @mem: first address
 * @slot: the history of each page
 * @op: the operation in progress on each page; protected by @mutex
 * @npages: number of pages
 * @kind: kind of memory
 * @memfd: descriptor of the memory; negative if it is anonymous
 * @mutex: held by the thread that changes the region
 * @blocked_first: index of the first page that cannot be accessed
 * @blocked: number of pages that cannot be accessed
 * @blocked_by: ORACLE_NO_WRITE, ORACLE_NO_ACCESS or ORACLE_HOLE
 */
struct oracle_region {
	const char *name;
	char *mem;
	struct oracle_slot *slot;
	struct oracle_op **op;
	unsigned int npages;
	enum oracle_kind kind;
	int memfd;
	pthread_mutex_t mutex;
	unsigned int blocked_first, blocked;
	int blocked_by;
};

#define ORACLE_BUF_PAGES	32
#define ORACLE_POISON_PAGES	16
#define ORACLE_LOG		256
#define ORACLE_CHILDREN		2
#define ORACLE_SAVED_PAGES	12
#define ORACLE_WORKERS		8

/* An entry of the log: an access, a change, a fork, or the exit of a child. */
struct oracle_entry {
	__u64 begin, end;
	const char *what;
	__u32 id;
	__u16 first;
	__s16 n, ret;
	__u8 region;
};

/**
 * struct oracle_child - a forked child
 * @pid: process ID; 0 if there is no child
 * @go: completed when the child may continue
 * @saved: completed when the child has saved pages of its copy
 */
struct oracle_child {
	pid_t pid;
	struct hmm_completion go, saved;
};

/**
 * struct oracle_worker - a thread
 * @thread: the thread
 * @oracle: the run
 * @nr: number of the thread
 * @random: state of the generator, which depends on the seed
 * @ids: number of ids that the thread has used
 * @buf: buffer of ORACLE_BUF_PAGES for reads and writes
 * @saved: room for ORACLE_SAVED_PAGES pages, which a child reads after the fork
 * @poison: ORACLE_POISON_PAGES outside of the arena
 * @poisoned: @poison contains poison
 * @sample: page frames are looked up when this counter is 0
 * @child: the children of the thread
 * @logged: number of entries that the thread has logged
 * @log: the last entries
 */
struct oracle_worker {
	struct hmm_thread thread;
	struct oracle *oracle;
	unsigned int nr;
	__u64 random;
	__u32 ids;
	char *buf;
	char *saved;
	char *poison;
	bool poisoned;
	unsigned int sample;
	struct oracle_child child[ORACLE_CHILDREN];
	unsigned int logged;
	struct oracle_entry log[ORACLE_LOG];
};

enum {
	ORACLE_COUNT_DEVICE,
	ORACLE_COUNT_CPU,
	ORACLE_COUNT_REFUSED,	/* accesses that failed as expected */
	ORACLE_COUNT_WORDS,
	ORACLE_COUNT_UNJUDGED,	/* page reads with too little history */
	ORACLE_COUNT_CHANGES,
	ORACLE_COUNT_CHILDREN,
	ORACLE_COUNT_MOVED,
	ORACLE_COUNT_COLLAPSED,
	ORACLE_COUNT_FRAMES,	/* page frames that the arena has lost */
	ORACLE_COUNT_REUSED,	/* of these, frames that were poisoned */
	ORACLE_COUNTS,
};

/**
 * struct oracle - a run; shared with the forked children
 * @clock: the time of the histories, see oracle_tick()
 * @stop: the run has failed
 * @count: the counts, indexed by ORACLE_COUNT_*
 * @seed: the seed
 * @deadline: time at which the threads return, see hmm_now_ms()
 * @alone: there is only one thread, so a replay repeats the same sequence
 * @swap: swap is available
 * @ksm: KSM is running
 * @page: size of a page
 * @fd: descriptors of two devices
 * @region: the regions, indexed by kind
 * @failure: the first failure, as text; empty if nothing has failed
 * @failure_region: region of the failure, or ORACLE_KINDS
 * @failure_first: index of the first page of the failure
 * @failure_n: number of pages of the failure
 * @worker: the threads; a child uses a copy of its parent's worker
 */
struct oracle {
	__u64 clock;
	int stop;
	unsigned long count[ORACLE_COUNTS];
	__u64 seed;
	__u64 deadline;
	bool alone;
	bool swap, ksm;
	size_t page;
	int fd[2];
	struct oracle_region region[ORACLE_KINDS];
	char failure[256];
	unsigned int failure_region, failure_first, failure_n;
	struct oracle_worker worker[ORACLE_WORKERS];
};

static inline void oracle_count(struct oracle *oracle, int what,
				unsigned long n)
{
	__atomic_add_fetch(&oracle->count[what], n, __ATOMIC_RELAXED);
}

#endif /* _ORACLE_H */
