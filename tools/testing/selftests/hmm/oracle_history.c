// SPDX-License-Identifier: GPL-2.0
/*
 * The operations on a slot, and their times: see oracle_history.h.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "oracle_history.h"
#include "oracle_report.h"

__u64 oracle_tick(struct oracle *oracle)
{
	return __atomic_add_fetch(&oracle->clock, 1, __ATOMIC_SEQ_CST);
}

/* Children use the histories, too, so this lock works between processes. */
static void lock_slot(struct oracle_slot *slot)
{
	while (__atomic_exchange_n(&slot->lock, 1, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void unlock_slot(struct oracle_slot *slot)
{
	__atomic_store_n(&slot->lock, 0, __ATOMIC_RELEASE);
}

/**
 * oracle_op_begin() - record that the content is about to change
 * @oracle: the oracle
 * @slot: the slot
 * @id: the new content, ORACLE_NO_ID or ORACLE_LATER_ID
 *
 * Return: the operation, for oracle_op_end(), or NULL if the history has no
 * room. In this case, the caller must not change the content.
 */
struct oracle_op *oracle_op_begin(struct oracle *oracle,
				  struct oracle_slot *slot, long id)
{
	struct oracle_op *op;

	lock_slot(slot);
	op = &slot->op[slot->ops % ORACLE_OPS];
	if (op->outcome == ORACLE_PENDING) {
		unlock_slot(slot);
		return NULL;
	}
	if (op->outcome != ORACLE_FREE && op->outcome != ORACLE_NO_EFFECT &&
	    op->nids && op->end > slot->forgotten)
		slot->forgotten = op->end;
	op->nr = ++slot->ops;
	op->outcome = ORACLE_PENDING;
	op->late = id == ORACLE_LATER_ID;
	op->nids = id >= 0;
	op->ids[0] = id >= 0 ? id : 0;
	op->end = ORACLE_NEVER;
	op->begin = oracle_tick(oracle);
	unlock_slot(slot);
	return op;
}

void oracle_op_end(struct oracle *oracle, struct oracle_slot *slot,
		   struct oracle_op *op, enum oracle_outcome outcome)
{
	lock_slot(slot);
	op->outcome = outcome;
	op->late = false;
	op->end = oracle_tick(oracle);
	unlock_slot(slot);
}

/* End an operation that has moved one of the contents @from to the slot. */
void oracle_op_end_moved(struct oracle *oracle, struct oracle_slot *slot,
			 struct oracle_op *op,
			 const struct oracle_allowed *from)
{
	lock_slot(slot);
	op->nids = 0;
	for (int i = 0; i < from->nids && i < ORACLE_IDS; i++)
		op->ids[op->nids++] = from->ids[i];
	op->outcome = ORACLE_DONE;
	op->late = false;
	op->end = oracle_tick(oracle);
	/* The content is unknown until it is overwritten. */
	if ((from->anything || from->nids > ORACLE_IDS) &&
	    op->end > slot->forgotten)
		slot->forgotten = op->end;
	unlock_slot(slot);
}

static bool collect_allowed(struct oracle_slot *slot, __u64 begin, __u64 end,
			    const struct oracle_op *except,
			    struct oracle_allowed *allowed)
{
	const struct oracle_op *op;
	__u64 since = 0;

	memset(allowed, 0, offsetof(struct oracle_allowed, ids));
	/* Contents from before this time were overwritten before the begin. */
	for (op = slot->op; op < slot->op + ORACLE_OPS; op++)
		if (op->outcome == ORACLE_DONE && op->end < begin &&
		    op->begin > since)
			since = op->begin;
	allowed->anything = slot->forgotten > since;

	for (op = slot->op; op < slot->op + ORACLE_OPS; op++) {
		if (op->outcome == ORACLE_FREE ||
		    op->outcome == ORACLE_NO_EFFECT ||
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
 * oracle_allowed() - the contents that a slot may have had in a period
 * @oracle: the oracle
 * @slot: the slot
 * @begin: begin of the period
 * @end: end of the period, which is in the past
 * @except: an operation to ignore, or NULL
 * @allowed: the contents
 *
 * Waits for the end of moves that overlap the period, because the moved
 * contents are not known until then.
 */
void oracle_allowed(struct oracle *oracle, struct oracle_slot *slot,
		    __u64 begin, __u64 end, const struct oracle_op *except,
		    struct oracle_allowed *allowed)
{
	bool known;

	for (;;) {
		lock_slot(slot);
		known = collect_allowed(slot, begin, end, except, allowed);
		unlock_slot(slot);
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

void oracle_window_shut(struct oracle *oracle, struct oracle_slot *slot,
			int what)
{
	struct oracle_window *window;

	lock_slot(slot);
	window = &slot->window[slot->windows++ % ORACLE_WINDOWS];
	window->shut = ORACLE_NEVER;
	window->opening = ORACLE_NEVER;
	window->open = ORACLE_NEVER;
	window->what = what;
	window->shutting = oracle_tick(oracle);
	unlock_slot(slot);
}

/* Set the time at offset field of the last window to the current time. */
void oracle_window_set(struct oracle *oracle, struct oracle_slot *slot,
		       size_t field)
{
	struct oracle_window *window;

	lock_slot(slot);
	window = &slot->window[(slot->windows - 1) % ORACLE_WINDOWS];
	*(__u64 *)((char *)window + field) = oracle_tick(oracle);
	unlock_slot(slot);
}

static bool forbids(const struct oracle_window *window, bool write)
{
	return window->what == ORACLE_NO_ACCESS ||
	       (write && window->what == ORACLE_NO_WRITE);
}

/* Whether an access may have failed with err at some moment of a period. */
bool oracle_may_fail(struct oracle_slot *slot, __u64 begin, __u64 end,
		     bool write, int err)
{
	const struct oracle_window *window;
	unsigned int later = 0;
	bool may = false;

	lock_slot(slot);
	for (int i = 0; i < ORACLE_WINDOWS; i++) {
		window = &slot->window[i];
		later += window->shutting > begin;
		if (!window->shutting || window->shutting > end ||
		    window->open < begin || !forbids(window, write))
			continue;
		may |= err == (window->what == ORACLE_NO_ACCESS ? -EFAULT :
			       -EPERM);
	}
	unlock_slot(slot);
	/* A window that is no longer recorded may have covered the begin. */
	return may || later == ORACLE_WINDOWS;
}

/* Whether an access had to fail at every moment of a period. */
bool oracle_must_fail(struct oracle_slot *slot, __u64 begin, __u64 end,
		      bool write)
{
	const struct oracle_window *window;
	bool must = false;

	lock_slot(slot);
	for (int i = 0; i < ORACLE_WINDOWS; i++) {
		window = &slot->window[i];
		must |= window->shutting && window->shut < begin &&
			window->opening > end && forbids(window, write);
	}
	unlock_slot(slot);
	return must;
}
