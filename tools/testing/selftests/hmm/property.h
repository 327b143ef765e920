/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random sequences of API calls, during random changes of address spaces,
 * checked against a plain model.
 *
 * Two processes, the agents, each have an arena: pages at a fixed address. The
 * program orders one step at a time: an agent changes its own address space, or
 * makes an API call on either address space, directly or from a workqueue. The
 * program has a model of the arenas and of the API objects, and compares it
 * with the results of each step.
 *
 * The model contains the content of each page, and predicts the errors that a
 * call may return. The program reads the page frames from /proc/<pid>/pagemap
 * before and after each step, to determine which pages an address space has
 * lost.
 */
#ifndef _PROPERTY_H
#define _PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

#include "hmm_memory.h"

/* With pages of 4K, the arena is somewhat longer than two huge pages. */
#define PROPERTY_PAGE		hmm_page_size()
#define PROPERTY_BASE		0x100000000000UL
#define PROPERTY_PAGES		1056
#define PROPERTY_HUGE		512

#define PROPERTY_AGENTS		2
#define PROPERTY_MIRRORS	4
#define PROPERTY_INTERVALS	8
#define PROPERTY_RANGES		8

/* The number of an object that does not exist. */
#define PROPERTY_NONE		(-1)

#define PROPERTY_HISTORY	30

/**
 * struct property_model_page - the model of a page of an arena
 * @mapped: the page is mapped
 * @prot: PROT_NONE, PROT_READ, or PROT_READ | PROT_WRITE
 * @shared: the page is shared memory
 * @maybe_zero: after MADV_FREE, the page may contain zeros instead of @stamp
 * @stamp: content of the page; 0 for a page of zeros
 * @reduced: the last step removed permissions
 */
struct property_model_page {
	bool mapped;
	int prot;
	bool shared;
	bool maybe_zero;
	__u64 stamp;
	bool reduced;
};

/**
 * struct property_space - an address space, and its agent
 * @pid: process ID of the agent
 * @alive: the agent has not exited
 * @open: the module holds a reference on the agent's mm
 * @child: the agent has a child, with a copy of the arena
 * @pagemap: descriptor of the agent's pagemap
 * @limit: first address past the user addresses
 * @page: the model
 * @map: the pagemap entries of the last read
 * @before: the pagemap entries of the read before
 */
struct property_space {
	pid_t pid;
	bool alive, open, child;
	int pagemap;
	__u64 limit;
	struct property_model_page page[PROPERTY_PAGES];
	__u64 map[PROPERTY_PAGES];
	__u64 before[PROPERTY_PAGES];
};

/* The model of a mirror. */
struct property_mirror {
	bool used;
	unsigned int space, kind;
};

/**
 * struct property_interval - the model of an interval
 * @used: the interval is inserted
 * @owned: the owner's reference has not been dropped
 * @mirror: number of its mirror
 * @kind: HMM_PROPERTY_INTERVAL_*
 * @start: first address
 * @last: last address
 * @found: number of references that find has acquired
 * @entered: order of insertion into the tree
 * @begun: the last begin succeeded
 * @must_retry: a retry must return true
 */
struct property_interval {
	bool used, owned;
	unsigned int mirror, kind;
	__u64 start, last;
	unsigned int found;
	__u64 entered;
	bool begun, must_retry;
};

/**
 * struct property_range - the model of a range
 * @used: the range is registered or bound
 * @mirror: number of its mirror
 * @interval: number of the interval that it is bound to, or PROPERTY_NONE
 * @start: first address
 * @end: first address past the end
 * @compact: the entries are compact
 * @npages: number of pages; 0 if the range is too long to be read
 * @found: number of references that find has acquired on its own interval
 * @entered: order of insertion of its own interval into the tree
 * @begun: the last begin succeeded, or populate was called after it
 * @read: the last read since this begin succeeded
 * @fresh: this read was a snapshot, and its entries have not been checked
 * @must_collide: the range must have collided since the begin
 * @requests: HMM_PROPERTY_REQ_* of each page, of the last read
 */
struct property_range {
	bool used;
	unsigned int mirror;
	int interval;
	__u64 start, end;
	bool compact;
	unsigned int npages;
	unsigned int found;
	__u64 entered;
	bool begun, read, fresh, must_collide;
	__u8 requests[PROPERTY_PAGES];
};

struct property_mailbox;

/**
 * struct property - a run
 * @seed: the seed
 * @random: state of the generator
 * @step: number of the step
 * @entered: number of insertions into the trees
 * @stamps: the first stamp of the last write; each write reserves
 *          PROPERTY_PAGES stamps
 * @fd: descriptor of the module's device
 * @mailbox: the mailbox of each agent
 * @space: the address spaces, indexed by agent
 * @mirror: the mirrors, indexed by number
 * @interval: the intervals, indexed by number
 * @range: the ranges, indexed by number
 * @device_used: the device may hold pages
 * @history: the last steps, as text
 * @failure: the first failure, as text; empty if no check has failed
 * @checks: number of validity checks that could have succeeded
 * @valid: number of these checks that succeeded
 * @pages: number of pages that were compared
 * @device_pages: number of pages that the device held in these comparisons
 * @refused: number of calls that returned an error
 * @unsteady: number of pages that changed during a comparison
 */
struct property {
	__u64 seed, random;
	unsigned int step;
	__u64 entered, stamps;
	int fd;
	struct property_mailbox *mailbox[PROPERTY_AGENTS];
	struct property_space space[PROPERTY_AGENTS];
	struct property_mirror mirror[PROPERTY_MIRRORS];
	struct property_interval interval[PROPERTY_INTERVALS];
	struct property_range range[PROPERTY_RANGES];
	bool device_used;
	char history[PROPERTY_HISTORY][320];
	char failure[400];
	unsigned long checks, valid, pages, device_pages, refused, unsteady;
};

#endif /* _PROPERTY_H */
