/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The agents: processes that carry out orders, one step at a time.
 */
#ifndef _PROPERTY_AGENT_H
#define _PROPERTY_AGENT_H

#include <semaphore.h>

#include "../../modules/property/hmm_property_test.h"
#include "property.h"

/* Room for the pages of all ranges. */
#define PROPERTY_ENTRIES	(PROPERTY_RANGES * PROPERTY_PAGES)

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
 * struct property_mailbox - memory that is shared with an agent
 * @go: posted when the mailbox contains an order
 * @done: posted when the order is done
 * @order: the order
 * @first: index of the first page in the arena
 * @n: number of pages
 * @to: index of the first page to which PROPERTY_MOVE moves the pages
 * @arg: protection or advice
 * @shared: PROPERTY_MAP maps shared memory
 * @stamp: PROPERTY_WRITE writes @stamp + i to page @first + i
 * @result: 0 or -errno
 * @op: the operation of PROPERTY_CALL
 * @entries: the entries that @op returns
 * @requests: the requests that @op passes
 * @words: the two words of each page that PROPERTY_READ has read
 */
struct property_mailbox {
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

/* Start all agents. Returns 0 or -errno; on failure, no agent is left. */
int property_agents_start(struct property *p);
void property_agents_end(struct property *p);
bool property_agent_start(struct property *p, unsigned int agent);
/*
 * Make the agent carry out the order in its mailbox, and wait until it is done.
 * Returns false if the agent dies or hangs.
 */
bool property_order(struct property *p, unsigned int agent);
/* Read the pagemap of all agents. Returns false if a read fails. */
bool property_read_pagemap(struct property *p);

#endif /* _PROPERTY_AGENT_H */
