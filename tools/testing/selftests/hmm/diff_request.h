/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random requests for pages of the arena, and the calls that make them.
 */
#ifndef _DIFF_REQUEST_H
#define _DIFF_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "../../modules/diff/hmm_diff_test.h"
#include "diff_arena.h"
#include "diff_random.h"

/**
 * struct diff_request - a request for pages of the arena
 * @first: index of the first page
 * @n: number of pages
 * @default_flags: HMM_DIFF_REQ_* of all pages
 * @mask: the bits of @pages that count
 * @pages: HMM_DIFF_REQ_* of each page
 * @before: the kernel's entries of the whole arena before the request
 */
struct diff_request {
	size_t first;
	size_t n;
	__u32 default_flags;
	__u32 mask;
	__u8 pages[DIFF_PAGES];
	__u64 before[DIFF_PAGES];
};

void diff_choose_range(struct diff_request *req, struct diff_random *rnd);
/* Choose flags, in runs of pages with the same flags or page by page. */
void diff_choose_flags(struct diff_request *req, struct diff_random *rnd);
/* Drop the default request, and all requests that cannot be satisfied. */
void diff_drop_impossible(struct diff_request *req);
/* Request write access to one page that is not writable. */
void diff_request_unwritable(struct diff_request *req, struct diff_random *rnd);
/* Request a run of pages with the same permissions, all with the same flags. */
void diff_request_one_part(struct diff_request *req, struct diff_random *rnd);
/* Choose a call of this module: HMM_DIFF_OURS and so on. */
unsigned int diff_choose_way(struct diff_request *req, struct diff_random *rnd,
			     bool fault);

/* The request for page i, with the defaults and the mask applied. */
unsigned int diff_requested(const struct diff_request *req, size_t i);
bool diff_satisfied(const struct diff_request *req, size_t i, __u64 entry);

#endif /* _DIFF_REQUEST_H */
