/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HMM_DIFF_H
#define _HMM_DIFF_H

#include <linux/fs.h>
#include <linux/types.h>

#include "hmm_diff_test.h"

/* How often something may collide on a machine where nothing else runs. */
#define DIFF_TRIES	64

/**
 * struct diff_request - what both implementations are asked
 * @start: first address
 * @npages: how many pages
 * @pages: HMM_DIFF_REQ_*, one per page
 * @default_flags: HMM_DIFF_REQ_*
 * @mask: HMM_DIFF_REQ_*
 * @fault: whether to fault, or else to take a snapshot
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

/* Both fill @entries also on failure. @pfns is memory to work with. */
int diff_ours(const struct diff_request *request, unsigned int way,
	      unsigned long *pfns, u64 *entries);

struct diff_kernel;
struct diff_kernel *diff_kernel_open(const struct diff_request *request);
void diff_kernel_close(struct diff_kernel *kernel);
int diff_kernel(struct diff_kernel *kernel, const struct diff_request *request,
		unsigned long *pfns, u64 *entries);
/* Was anything invalidated since this was asked last? */
bool diff_kernel_changed(struct diff_kernel *kernel);

int diff_map_init(void);
void diff_map_exit(void);
int diff_map(struct file *file, struct vm_area_struct *vma);

#endif /* _HMM_DIFF_H */
