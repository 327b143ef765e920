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
 * @op: where the operation on the first page is kept
 * @first: index of the first page
 * @n: how many pages
 * @mem: address of the first page
 * @size: how many bytes
 * @begin: when the change began
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
/* A system call failed. */
void oracle_step_failed(struct oracle_worker *w, const struct oracle_step *s,
			const char *what);

/*
 * The content is about to become id, and has changed. False if a history has no
 * room: the change must not be made then.
 */
bool oracle_step_begin(struct oracle_worker *w, struct oracle_step *s, long id);
void oracle_step_end(struct oracle_worker *w, struct oracle_step *s,
		     enum oracle_outcome outcome);
/* Whether the content survives an unmap. */
bool oracle_step_keeps_content(const struct oracle_step *s);

/* From here on accesses may fail, by ORACLE_NO_WRITE and so on. */
void oracle_step_shut(struct oracle_worker *w, struct oracle_step *s, int how);
/* The time ORACLE_WINDOW_* of the window has come. */
void oracle_step_set_window(struct oracle_worker *w, struct oracle_step *s,
			    size_t field);
/* The pages cannot be accessed until they are restored. */
void oracle_step_block(struct oracle_step *s, int how);

/*
 * The change has returned. The devices must have no entries of the pages, or
 * with all == false no wrong ones.
 */
void oracle_step_expect_lost(struct oracle_worker *w,
			     const struct oracle_step *s, bool all,
			     const char *what);
/* Map the pages again; they are zeros unless the memory is shared. */
bool oracle_step_map(struct oracle_worker *w, struct oracle_step *s);

#endif /* _ORACLE_STEP_H */
