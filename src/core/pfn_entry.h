/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing pfn entries.
 */
#ifndef _HMM_CORE_PFN_ENTRY_H
#define _HMM_CORE_PFN_ENTRY_H

#include "walk.h"

unsigned long hmm_walk_requested(const struct hmm_walk *walk,
				 unsigned long addr);
bool hmm_walk_store(struct hmm_walk *walk, unsigned long *slot,
		    unsigned long entry);
unsigned long hmm_walk_fill(struct hmm_walk *walk, unsigned long addr,
			    unsigned long end, unsigned long entry);
unsigned long hmm_walk_leaf(struct hmm_walk *walk, unsigned long addr,
			    unsigned long end, unsigned long pfn,
			    unsigned int shift, bool writable);

static inline unsigned long *hmm_walk_slot(const struct hmm_walk *walk,
					   unsigned long addr)
{
	return &walk->pfns[(addr - walk->base) >> PAGE_SHIFT];
}

#endif /* _HMM_CORE_PFN_ENTRY_H */
