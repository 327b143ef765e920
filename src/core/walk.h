/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the CPU's page tables into an array of entries.
 */
#ifndef _HMM_CORE_WALK_H
#define _HMM_CORE_WALK_H

#include <linux/mm.h>
#include <linux/types.h>

/**
 * struct hmm_walk - one pass over the page tables
 * @mm: whose
 * @pfns: where entries are written: the first is for @base
 * @base: address of the first entry
 * @mask: what of an entry on the way in counts as a request
 * @required: requested of every entry: HMM_MIRROR_PFN_VALID and WRITE
 * @owner: whose device-private pages are given as they are; NULL is nobody
 * @budget: how many more entries to write with interrupts off
 * @compact: write one entry per mapping; @mask is 0 then
 * @unusable: the walk stopped at what no fault makes usable
 * @vma: if not NULL, the walk lies within this readable vma and the mmap lock
 *       is held, so that whatever is not a page is known to be none
 */
struct hmm_walk {
	struct mm_struct *mm;
	unsigned long *pfns;
	unsigned long base;
	unsigned long mask;
	unsigned long required;
	const void *owner;
	long budget;
	bool compact;
	bool unusable;
	struct vm_area_struct *vma;
};

unsigned long hmm_walk_page_tables(struct hmm_walk *walk, unsigned long addr,
				   unsigned long end);
unsigned long hmm_walk_find_present(struct hmm_walk *walk, unsigned long addr,
				    unsigned long end);
bool hmm_walk_needs_lock(const struct hmm_walk *walk);

#endif /* _HMM_CORE_WALK_H */
