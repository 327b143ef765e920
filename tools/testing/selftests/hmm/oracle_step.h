/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One change of the arena, and its record in the histories.
 */
#ifndef _ORACLE_STEP_H
#define _ORACLE_STEP_H

#include "oracle.h"

/**
 * struct oracle_step - a change of n pages of a region
 * @region: the region; the caller holds its mutex
 * @slot: the history of the first page
 * @op: where the operation on the first page is stored
 * @first: index of the first page
 * @n: number of pages
 * @mem: address of the first page
 * @size: number of bytes
 * @begin: time at which the change began
 */
struct oracle_step {
	struct oracle_region *region;
	struct oracle_slot *slot;
	struct oracle_op **op;
	unsigned int first, n;
	char *mem;
	size_t size;
	__u64 begin;
};

struct oracle_step oracle_step_make(struct oracle_worker *w,
				    struct oracle_region *region,
				    unsigned int first, unsigned int n);
/* Count and log the change. */
void oracle_step_log(struct oracle_worker *w, const struct oracle_step *s,
		     const char *what, int ret);
/* Report that a system call has failed. */
void oracle_step_failed(struct oracle_worker *w, const struct oracle_step *s,
			const char *what);

/*
 * Record the begin and the end of a change of the content to id. The begin
 * returns false if a history has no room. In this case, the caller must not
 * make the change.
 */
bool oracle_step_begin(struct oracle_worker *w, struct oracle_step *s, long id);
void oracle_step_end(struct oracle_worker *w, struct oracle_step *s,
		     enum oracle_outcome outcome);
/* Whether the content survives an unmap. */
bool oracle_step_keeps_content(const struct oracle_step *s);

/* Record that accesses may fail from now on, for the reason how. */
void oracle_step_shut(struct oracle_worker *w, struct oracle_step *s, int how);
/* Set the time ORACLE_WINDOW_* of the window to the current time. */
void oracle_step_set_window(struct oracle_worker *w, struct oracle_step *s,
			    size_t field);
/* Record that the pages cannot be accessed until oracle_restore(). */
void oracle_step_block(struct oracle_step *s, int how);

/*
 * Check after the change that the devices have no entries for the pages. If all
 * is false, check only that they have no wrong entries.
 */
void oracle_step_expect_lost(struct oracle_worker *w,
			     const struct oracle_step *s, bool all,
			     const char *what);
/* Map the pages again. They are zeros unless the memory is shared. */
bool oracle_step_map(struct oracle_worker *w, struct oracle_step *s);

#endif /* _ORACLE_STEP_H */
