/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random sequences of API calls, during random changes of address spaces,
 * checked against a plain model.
 *
 * Two processes, the agents, each have an arena: pages at a fixed address. The
 * program orders one step at a time: an agent changes its own address space, or
 * it makes an API call on one of the two, directly or by a workqueue. The
 * program keeps a model of the arenas and of the objects of the API, and
 * compares after each step.
 *
 * The model contains the content of each page and the errors that a call may
 * return. The page frames are read from /proc/<pid>/pagemap before and after
 * each step. This shows which pages an address space has lost.
 */
#ifndef _PROPERTY_H
#define _PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

/* The arena is somewhat longer than two huge pages. */
#define PROPERTY_PAGE		4096UL
#define PROPERTY_BASE		0x100000000000UL
#define PROPERTY_PAGES		1056
#define PROPERTY_HUGE		512

#define PROPERTY_AGENTS		2
#define PROPERTY_MIRRORS	4
#define PROPERTY_INTERVALS	8
#define PROPERTY_RANGES		8

/* Instead of the number of an object. */
#define PROPERTY_NONE		(-1)

#define PROPERTY_HISTORY	30

/**
 * struct property_model_page - the model of a page of an arena
 * @mapped: there is a mapping
 * @prot: its protection: PROT_NONE, PROT_READ, or with PROT_WRITE
 * @shared: it is shared memory
 * @maybe_zero: after MADV_FREE it may also contain zeros
 * @stamp: its content, 0 for zeros
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
 * @pid: of the agent
 * @alive: it has not exited
 * @open: the module keeps its mm
 * @child: the agent has a child, with a copy of the arena
 * @pagemap: descriptor
 * @limit: first address past the user addresses
 * @page: the model
 * @map: the entries of pagemap
 * @before: the entries before the last step
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
 * @used: it is inserted
 * @owned: the owner's reference has not been dropped
 * @mirror: number of its mirror
 * @kind: HMM_PROPERTY_INTERVAL_*
 * @start: first address
 * @last: last address
 * @found: references by find
 * @entered: order of insertion into the tree
 * @begun: a begin has succeeded
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
 * @used: it is registered or bound
 * @mirror: number of its mirror
 * @interval: number of the interval it is bound to, or PROPERTY_NONE
 * @start: first address
 * @end: first address past it
 * @compact: its entries are compact
 * @npages: how many pages; 0 if it is never read
 * @found: references by find to its own interval
 * @entered: order of insertion of its own interval into the tree
 * @begun: a begin has succeeded
 * @read: the last read after it succeeded
 * @fresh: that was a snapshot, and nothing has changed since
 * @must_collide: it must have collided since the begin
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
 * @entered: counts insertions into the trees
 * @stamps: counts stamps
 * @fd: the module's device
 * @mailbox: one for each agent
 * @space: by agent
 * @mirror: by number
 * @interval: by number
 * @range: by number
 * @device_used: the device may hold pages
 * @history: the last steps, as text
 * @failure: the first failure, as text; empty for none
 * @checks: how many validity checks could have succeeded
 * @valid: how many of them did
 * @pages: how many pages were compared
 * @device_pages: how many of them the device held
 * @refused: how many calls were refused with the expected error
 * @unsteady: how many pages were moved during a comparison
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
