/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The history of a slot: the contents that a page may have had at some moment
 * of a period.
 *
 * Time is a counter that oracle_tick() increments and returns. A slot is a page
 * of the process under test. Its history holds the operations on the page, each
 * with the times of its begin and its end. An operation took effect at some
 * moment in between:
 *
 *   write 1   |-----|
 *   zero            |---|
 *   write 2             |--------|
 *   read                     |-----|
 *
 * The read may return write 2, or the zero before it. It must not return
 * write 1, because the zero began after the end of write 1 and ended before the
 * read began.
 *
 * Functions with an oracle argument use its clock.
 */
#ifndef _ORACLE_HISTORY_H
#define _ORACLE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define ORACLE_OPS	24
#define ORACLE_IDS	12
#define ORACLE_WINDOWS	8
#define ORACLE_NEVER	(~0ULL)

/* Special ids: the page loses its content, or the id is not yet known. */
enum {
	ORACLE_NO_ID = -1,
	ORACLE_LATER_ID = -2,
};

enum oracle_outcome {
	ORACLE_FREE,		/* the entry is unused */
	ORACLE_PENDING,		/* the operation has not ended */
	ORACLE_DONE,		/* the previous content was replaced */
	ORACLE_MAYBE,		/* the operation may have taken (partial) effect */
	ORACLE_NO_EFFECT,
};

/**
 * struct oracle_op - an operation on the content of a slot
 * @begin: time of the begin
 * @end: time of the end, or ORACLE_NEVER
 * @nr: number of the operation
 * @outcome: enum oracle_outcome
 * @late: the ids are not known before the end
 * @nids: number of valid @ids
 * @ids: possible contents after the operation; 0 is a page of zeros
 */
struct oracle_op {
	__u64 begin, end;
	__u32 nr;
	__u16 outcome;
	__u8 late;
	__u8 nids;
	__u32 ids[ORACLE_IDS];
};

/* Why a page cannot be accessed. */
enum {
	ORACLE_NO_WRITE = 1,	/* read-only: a write returns EPERM */
	ORACLE_NO_ACCESS = 2,	/* PROT_NONE or a hole: EFAULT */
	ORACLE_HOLE = 3,	/* windows contain ORACLE_NO_ACCESS instead */
};

/**
 * struct oracle_window - a period in which a slot could not be accessed
 * @shutting: accesses may fail after this time
 * @shut: accesses must fail after this time
 * @opening: accesses may succeed after this time
 * @open: accesses must succeed after this time
 * @what: ORACLE_NO_WRITE or ORACLE_NO_ACCESS
 */
struct oracle_window {
	__u64 shutting, shut, opening, open;
	int what;
};

#define ORACLE_WINDOW_SHUT	offsetof(struct oracle_window, shut)
#define ORACLE_WINDOW_OPENING	offsetof(struct oracle_window, opening)
#define ORACLE_WINDOW_OPEN	offsetof(struct oracle_window, open)

/**
 * struct oracle_slot - the history of a page
 * @lock: a spin lock, which also works between processes
 * @ops: number of operations so far
 * @forgotten: latest end of an operation whose content is unknown, mostly
 *             because @op no longer contains the operation
 * @windows: number of windows so far
 * @op: the last operations
 * @window: the last windows
 */
struct oracle_slot {
	int lock;
	__u32 ops;
	__u64 forgotten;
	__u32 windows;
	struct oracle_op op[ORACLE_OPS];
	struct oracle_window window[ORACLE_WINDOWS];
};

/**
 * struct oracle_allowed - the contents that a reader may have seen
 * @anything: the history is too short to exclude any content
 * @nids: number of valid @ids
 * @ids: the contents
 */
struct oracle_allowed {
	bool anything;
	int nids;
	__u32 ids[64];
};

struct oracle;

__u64 oracle_tick(struct oracle *oracle);
struct oracle_op *oracle_op_begin(struct oracle *oracle,
				  struct oracle_slot *slot, long id);
void oracle_op_end(struct oracle *oracle, struct oracle_slot *slot,
		   struct oracle_op *op, enum oracle_outcome outcome);
void oracle_op_end_moved(struct oracle *oracle, struct oracle_slot *slot,
			 struct oracle_op *op,
			 const struct oracle_allowed *from);
void oracle_allowed(struct oracle *oracle, struct oracle_slot *slot,
		    __u64 begin, __u64 end, const struct oracle_op *except,
		    struct oracle_allowed *allowed);
bool oracle_is_allowed(const struct oracle_allowed *allowed, __u32 id);
void oracle_window_shut(struct oracle *oracle, struct oracle_slot *slot,
			int what);
void oracle_window_set(struct oracle *oracle, struct oracle_slot *slot,
		       size_t field);
bool oracle_may_fail(struct oracle_slot *slot, __u64 begin, __u64 end,
		     bool write, int err);
bool oracle_must_fail(struct oracle_slot *slot, __u64 begin, __u64 end,
		      bool write);

#endif /* _ORACLE_HISTORY_H */
