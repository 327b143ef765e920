/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request, in the form that is passed to both implementations.
 */
#ifndef _HMM_DIFF_REQUEST_H
#define _HMM_DIFF_REQUEST_H

#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "hmm_diff_test.h"

/* Maximum number of reads if they collide. The machine is idle, so few do. */
#define DIFF_TRIES	64

/**
 * struct diff_request - a request for both implementations
 * @start: first address
 * @npages: number of pages
 * @pages: HMM_DIFF_REQ_* of each page
 * @default_flags: HMM_DIFF_REQ_* of all pages
 * @mask: mask of the bits of @pages that are used
 * @fault: fault in pages instead of taking a snapshot
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

/* Bits that belong to the page frame number in both formats. */
#define DIFF_JUNK	(BIT(40) - 1)

static inline u64 diff_entry(unsigned int flags, unsigned int order, u64 pfn)
{
	return flags | order << HMM_DIFF_ORDER_SHIFT |
	       pfn << HMM_DIFF_PFN_SHIFT;
}

#endif /* _HMM_DIFF_REQUEST_H */
