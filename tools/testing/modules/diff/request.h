/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request in the form that both implementations are given.
 */
#ifndef _HMM_DIFF_REQUEST_H
#define _HMM_DIFF_REQUEST_H

#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "hmm_diff_test.h"

/* How often a read is tried again after a collision. The machine is idle. */
#define DIFF_TRIES	64

/**
 * struct diff_request - a request for both implementations
 * @start: first address
 * @npages: how many pages
 * @pages: HMM_DIFF_REQ_* of each page
 * @default_flags: HMM_DIFF_REQ_* of all pages
 * @mask: the bits of @pages that count
 * @fault: fault, instead of taking a snapshot
 */
struct diff_request {
	unsigned long start;
	unsigned long npages;
	const u8 *pages;
	unsigned int default_flags;
	unsigned int mask;
	bool fault;
};

static inline unsigned long diff_end(const struct diff_request *request)
{
	return request->start + (request->npages << PAGE_SHIFT);
}

/* The bits of a page frame number, in either format. */
#define DIFF_JUNK	(BIT(40) - 1)

static inline u64 diff_entry(unsigned int flags, unsigned int order, u64 pfn)
{
	return flags | order << HMM_DIFF_ORDER_SHIFT |
	       pfn << HMM_DIFF_PFN_SHIFT;
}

#endif /* _HMM_DIFF_REQUEST_H */
