/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the CPU's page tables into an array of entries.
 */
#ifndef _HMM_CORE_WALK_H
#define _HMM_CORE_WALK_H

#include <linux/mm_types.h>
#include <linux/types.h>

/**
 * struct hmm_walk - one pass over the page tables
 * @mm: whose
 * @pfns: where entries are written: the first is for @base
 * @base: address of the first entry
 * @mask: what of an entry on the way in counts as a request
 * @required: requested of every entry: HMM_MIRROR_PFN_VALID and WRITE
 * @in_vma: the walk lies within one readable vma and the mmap lock is held,
 *          so that whatever is not a page is known to be none
 */
struct hmm_walk {
	struct mm_struct *mm;
	unsigned long *pfns;
	unsigned long base;
	unsigned long mask;
	unsigned long required;
	bool in_vma;
};

unsigned long hmm_walk_page_tables(struct hmm_walk *walk, unsigned long addr,
				   unsigned long end);
bool hmm_walk_needs_lock(const struct hmm_walk *walk);
unsigned long hmm_walk_requested(const struct hmm_walk *walk,
				 unsigned long entry);
unsigned long hmm_walk_fill(struct hmm_walk *walk, unsigned long addr,
			    unsigned long end, unsigned long entry);

#endif /* _HMM_CORE_WALK_H */
