// SPDX-License-Identifier: GPL-2.0
/*
 * What was done to a slot, and when.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "oracle.h"

__u64 oracle_tick(struct oracle *oracle)
{
	return __atomic_add_fetch(&oracle->clock, 1, __ATOMIC_SEQ_CST);
}

/* Children use the histories too, so this must work between processes. */
static void oracle_lock(struct oracle_slot *slot)
{
	while (__atomic_exchange_n(&slot->lock, 1, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void oracle_unlock(struct oracle_slot *slot)
{
	__atomic_store_n(&slot->lock, 0, __ATOMIC_RELEASE);
}

/**
 * oracle_op_begin() - something is about to be done to the content
 * @oracle: the oracle
 * @slot: what it is done to
 * @id: what it will show; -1: nothing; -2: that is known at its end
 *
 * Return: for oracle_op_end(); NULL if the history has no room: do not do it
 * then.
 */
struct oracle_op *oracle_op_begin(struct oracle *oracle,
				  struct oracle_slot *slot, long id)
{
	struct oracle_op *op;

	oracle_lock(slot);
	op = &slot->op[slot->ops % ORACLE_OPS];
	if (op->outcome == ORACLE_PENDING) {
		oracle_unlock(slot);
		return NULL;
	}
	if (op->outcome != ORACLE_FREE && op->outcome != ORACLE_VOID &&
	    op->nids && op->end > slot->forgotten)
		slot->forgotten = op->end;
	op->nr = ++slot->ops;
	op->outcome = ORACLE_PENDING;
	op->late = id == -2;
	op->nids = id >= 0;
	op->ids[0] = id >= 0 ? id : 0;
	op->end = ORACLE_NEVER;
	op->begin = oracle_tick(oracle);
	oracle_unlock(slot);
	return op;
}

void oracle_op_end(struct oracle *oracle, struct oracle_slot *slot,
		   struct oracle_op *op, enum oracle_outcome outcome)
{
	oracle_lock(slot);
	op->outcome = outcome;
	op->late = false;
	op->end = oracle_tick(oracle);
	oracle_unlock(slot);
}

/* The content came from elsewhere: it is one of those in @from. */
void oracle_op_end_moved(struct oracle *oracle, struct oracle_slot *slot,
			 struct oracle_op *op,
			 const struct oracle_allowed *from)
{
	oracle_lock(slot);
	op->nids = 0;
	for (int i = 0; i < from->nids && i < ORACLE_IDS; i++)
		op->ids[op->nids++] = from->ids[i];
	op->outcome = ORACLE_SURE;
	op->late = false;
	op->end = oracle_tick(oracle);
	/* Nothing can be said until this has been overwritten. */
	if ((from->anything || from->nids > ORACLE_IDS) &&
	    op->end > slot->forgotten)
		slot->forgotten = op->end;
	oracle_unlock(slot);
}

static bool oracle_allow(struct oracle_slot *slot, __u64 begin, __u64 end,
			 const struct oracle_op *except,
			 struct oracle_allowed *allowed)
{
	const struct oracle_op *op;
	__u64 since = 0;

	memset(allowed, 0, offsetof(struct oracle_allowed, ids));
	/* What ended before this is gone: it was overwritten in time. */
	for (op = slot->op; op < slot->op + ORACLE_OPS; op++)
		if (op->outcome == ORACLE_SURE && op->end < begin &&
		    op->begin > since)
			since = op->begin;
	allowed->anything = slot->forgotten > since;

	for (op = slot->op; op < slot->op + ORACLE_OPS; op++) {
		if (op->outcome == ORACLE_FREE || op->outcome == ORACLE_VOID ||
		    op == except || op->begin > end || op->end < since)
			continue;
		if (op->late)
			return false;
		for (int i = 0; i < op->nids; i++) {
			if (oracle_is_allowed(allowed, op->ids[i]))
				continue;
			if (allowed->nids < 64)
				allowed->ids[allowed->nids++] = op->ids[i];
			else
				allowed->anything = true;
		}
	}
	return true;
}

/**
 * oracle_allowed() - what a slot may have shown
 * @oracle: the oracle
 * @slot: the slot
 * @begin: at some moment from here
 * @end: to here, which has passed
 * @except: leave that out; or NULL
 * @allowed: the answer
 *
 * Waits for a move that overlaps, as only its end tells what was moved.
 */
void oracle_allowed(struct oracle *oracle, struct oracle_slot *slot,
		    __u64 begin, __u64 end, const struct oracle_op *except,
		    struct oracle_allowed *allowed)
{
	bool known;

	for (;;) {
		oracle_lock(slot);
		known = oracle_allow(slot, begin, end, except, allowed);
		oracle_unlock(slot);
		if (known)
			return;
		if (oracle_stopped(oracle)) {
			allowed->anything = true;
			return;
		}
		sched_yield();
	}
}

bool oracle_is_allowed(const struct oracle_allowed *allowed, __u32 id)
{
	for (int i = 0; i < allowed->nids; i++)
		if (allowed->ids[i] == id)
			return true;
	return false;
}

/* From now on accesses may fail. */
void oracle_window_shut(struct oracle *oracle, struct oracle_slot *slot,
			int what)
{
	struct oracle_window *window;

	oracle_lock(slot);
	window = &slot->window[slot->windows++ % ORACLE_WINDOWS];
	window->shut = ORACLE_NEVER;
	window->opening = ORACLE_NEVER;
	window->open = ORACLE_NEVER;
	window->what = what;
	window->shutting = oracle_tick(oracle);
	oracle_unlock(slot);
}

/* One of the other times of the last window has come: the offset says which. */
void oracle_window_set(struct oracle *oracle, struct oracle_slot *slot,
		       size_t field)
{
	struct oracle_window *window;

	oracle_lock(slot);
	window = &slot->window[(slot->windows - 1) % ORACLE_WINDOWS];
	*(__u64 *)((char *)window + field) = oracle_tick(oracle);
	oracle_unlock(slot);
}

static bool oracle_forbids(const struct oracle_window *window, bool write)
{
	return window->what == ORACLE_NO_ACCESS ||
	       (write && window->what == ORACLE_NO_WRITE);
}

/* Was there a moment at which an access had to fail with err? */
bool oracle_may_fail(struct oracle_slot *slot, __u64 begin, __u64 end,
		     bool write, int err)
{
	const struct oracle_window *window;
	unsigned int later = 0;
	bool may = false;

	oracle_lock(slot);
	for (int i = 0; i < ORACLE_WINDOWS; i++) {
		window = &slot->window[i];
		later += window->shutting > begin;
		if (!window->shutting || window->shutting > end ||
		    window->open < begin || !oracle_forbids(window, write))
			continue;
		may |= err == (window->what == ORACLE_NO_ACCESS ? -EFAULT :
								  -EPERM);
	}
	oracle_unlock(slot);
	/* Earlier windows, now forgotten, may have been open at begin. */
	return may || later == ORACLE_WINDOWS;
}

/* Had it to fail at every moment? */
bool oracle_must_fail(struct oracle_slot *slot, __u64 begin, __u64 end,
		      bool write)
{
	const struct oracle_window *window;
	bool must = false;

	oracle_lock(slot);
	for (int i = 0; i < ORACLE_WINDOWS; i++) {
		window = &slot->window[i];
		must |= window->shutting && window->shut < begin &&
			window->opening > end && oracle_forbids(window, write);
	}
	oracle_unlock(slot);
	return must;
}
