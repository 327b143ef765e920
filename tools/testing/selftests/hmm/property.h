/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random sequences of API calls against random changes of address spaces,
 * checked against a plain model.
 *
 * Two processes, the agents, each have an arena: pages at a fixed address. An
 * agent changes its own address space, and makes API calls on either of the
 * two, directly or by a workqueue, as it is ordered to. The program orders one
 * step at a time, keeps a model of the arenas and of the objects of the API,
 * and compares after each step.
 *
 * The model knows what a page contains, and which errors a call may return. Of
 * the page frames it knows what /proc/<pid>/pagemap shows, before and after
 * each step: that is how it learns which pages an address space has lost.
 */
#ifndef _PROPERTY_H
#define _PROPERTY_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

#include "../../modules/property/hmm_property_test.h"

/* The arena: two huge pages and some. The module's pages are of this size. */
#define PROPERTY_PAGE		4096UL
#define PROPERTY_BASE		0x100000000000UL
#define PROPERTY_PAGES		1056
#define PROPERTY_HUGE		512

#define PROPERTY_AGENTS		2
#define PROPERTY_MIRRORS	4
#define PROPERTY_INTERVALS	8
#define PROPERTY_RANGES		8
/* Room for the pages of all ranges. */
#define PROPERTY_ENTRIES	(PROPERTY_RANGES * PROPERTY_PAGES)

#define PROPERTY_HISTORY	30

/* What an agent is ordered to do. */
enum property_order {
	PROPERTY_CALL,
	PROPERTY_MAP,
	PROPERTY_UNMAP,
	PROPERTY_PROTECT,
	PROPERTY_ADVISE,
	PROPERTY_WRITE,
	PROPERTY_READ,
	PROPERTY_MOVE,
	PROPERTY_FORK,
	PROPERTY_REAP,
	PROPERTY_EXIT,
};

/**
 * struct property_box - how an agent gets its orders; shared with it
 * @go: posted for an order
 * @done: posted when it has been carried out
 * @order: the order
 * @first: of pages of the arena
 * @n: how many
 * @to: where PROPERTY_MOVE moves them
 * @arg: protection, or advice
 * @shared: whether PROPERTY_MAP makes shared memory
 * @stamp: page i gets @stamp + i
 * @result: 0 or -errno
 * @op: of PROPERTY_CALL
 * @entries: that the call returns
 * @requests: that it has
 * @words: what PROPERTY_READ has read: two of each page
 */
struct property_box {
	sem_t go;
	sem_t done;
	enum property_order order;
	unsigned int first, n, to;
	int arg;
	bool shared;
	__u64 stamp;
	int result;
	struct hmm_property_op op;
	struct hmm_property_entry entries[PROPERTY_ENTRIES];
	__u8 requests[PROPERTY_PAGES];
	__u64 words[PROPERTY_PAGES][2];
};

/**
 * struct property_model_page - what the model knows of a page of an arena
 * @mapped: there is a mapping
 * @prot: its protection: PROT_NONE, PROT_READ, or with PROT_WRITE
 * @shared: it is shared memory
 * @maybe_zero: it was given to MADV_FREE: zeros are right, too
 * @stamp: what it contains, 0 for zeros
 * @reduced: the last step took permissions away
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
 * @open: the module has it
 * @child: the agent has a child, with a copy of the arena
 * @pagemap: descriptor
 * @limit: first address past the user addresses
 * @page: the model
 * @map: what pagemap shows
 * @before: what it showed before the last step
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

struct property_mirror {
	bool used;
	unsigned int space, kind;
};

/**
 * struct property_interval - the model of an interval
 * @used: it is inserted
 * @owned: the owner's reference has not been put
 * @mirror: number of its mirror
 * @kind: HMM_PROPERTY_INTERVAL_*
 * @start: first address
 * @last: last address
 * @found: references by find
 * @entered: when it entered the tree
 * @begun: there was a begin that succeeded
 * @must_retry: it has collided since
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
 * @interval: number of the interval it is bound to, or -1
 * @start: first address
 * @end: first address past it
 * @compact: it is
 * @npages: how many pages; 0 if it is never read
 * @found: references by find to its own interval
 * @entered: when its own interval entered the tree
 * @begun: there was a begin
 * @read: the last read since succeeded
 * @fresh: that was a snapshot, and nothing has happened since
 * @must_collide: it has collided since the begin
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

/**
 * struct property - a run
 * @seed: which one
 * @random: state of the generator
 * @step: number of the step
 * @entered: counts what enters the trees
 * @stamps: counts stamps
 * @fd: the module's device
 * @box: one for each agent
 * @space: by agent
 * @mirror: by number
 * @interval: by number
 * @range: by number
 * @device_used: the device may hold something
 * @history: the last steps, as text
 * @failure: what is wrong, as text; empty for nothing
 * @checks: how often a range was checked that could have been valid
 * @valid: how often it was
 * @pages: how many pages were compared
 * @device_pages: how many that the device held
 * @refused: how many calls were refused with the right error
 * @unsteady: how many pages changed their frame while they were looked at
 */
struct property {
	__u64 seed, random;
	unsigned int step;
	__u64 entered, stamps;
	int fd;
	struct property_box *box[PROPERTY_AGENTS];
	struct property_space space[PROPERTY_AGENTS];
	struct property_mirror mirror[PROPERTY_MIRRORS];
	struct property_interval interval[PROPERTY_INTERVALS];
	struct property_range range[PROPERTY_RANGES];
	bool device_used;
	char history[PROPERTY_HISTORY][320];
	char failure[400];
	unsigned long checks, valid, pages, device_pages, refused, unsteady;
};

/* property_lib.c */
unsigned int property_pick(struct property *p, unsigned int limit);
bool property_once_in(struct property *p, unsigned int n);
void property_note(struct property *p, const char *format, ...);
void property_add_note(struct property *p, const char *format, ...);
/* The first failure is the one that is kept. */
void property_fail(struct property *p, const char *format, ...);
void property_report(const struct property *p);
const char *property_errno(int error);

/* property_agent.c */
int property_agents_start(struct property *p);
bool property_agent_start(struct property *p, unsigned int agent);
void property_agents_end(struct property *p);
/* Carry out the order in its box; false if the agent cannot. */
bool property_order(struct property *p, unsigned int agent);
bool property_look(struct property *p);

/* property_model.c */
struct property_model_page *property_page_at(struct property *p,
					     unsigned int space, __u64 addr);
void property_changed(struct property *p);
bool property_dead(const struct property *p, unsigned int mirror);
bool property_covered(const struct property *p,
		      const struct property_range *range);
int property_expect_find(const struct property *p, unsigned int mirror,
			 unsigned int kind, __u64 start, __u64 last);
int property_first_error(struct property *p,
			 const struct property_range *range);
void property_check_page(struct property *p, const char *who,
			 const struct property_range *range, bool fresh,
			 const struct hmm_property_entry *entry);

/* property_memory.c: one random change of an address space */
void property_change(struct property *p);
void property_exit_agent(struct property *p, unsigned int agent);

/* property_call.c: a call by a random agent */
struct hmm_property_op *property_op(struct property *p, unsigned int opcode,
				    unsigned int a);
bool property_call(struct property *p, unsigned int mirror);
bool property_expect(struct property *p, int count, ...);
void property_check_device(struct property *p);

/* What HMM_PROPERTY_UNWRITTEN and its like mean, of an entry. */
const char *property_wrong_name(unsigned int wrong);

/* property_object.c, property_read.c: one random call on an object */
void property_use_mirror(struct property *p);
void property_use_interval(struct property *p);
void property_use_range(struct property *p);
void property_choose_span(struct property *p, __u64 *start, __u64 *end);
void property_drop_range(struct property *p, unsigned int nr);
void property_drop_mirror(struct property *p, unsigned int nr);
void property_read_range(struct property *p, unsigned int nr);

/* property_race.c: the concurrent phase */
int property_race(__u64 seed, __u64 ms, char *failure, size_t size);

#endif /* _PROPERTY_H */
