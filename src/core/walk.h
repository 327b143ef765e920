/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walking the CPU page tables and writing pfn entries.
 */
#ifndef _HMM_CORE_WALK_H
#define _HMM_CORE_WALK_H

#include <linux/mm.h>
#include <linux/types.h>

/**
 * struct hmm_walk - a walk of page tables
 * @mm: the mm
 * @pfns: array of entries; the first is for @base
 * @base: address of the first entry
 * @mask: the flags of an old entry that belong to its request; 0 unless @keep
 * @required: flags requested of every entry: any combination of
 *            HMM_MIRROR_PFN_VALID and HMM_MIRROR_PFN_WRITE
 * @owner: device-private pages of this owner are reported as they are; if NULL,
 *         all device-private pages are reported as not present
 * @budget: number of entries that may still be written before interrupts are
 *          enabled; only checked between PMD entries
 * @compact: write one entry per mapping; requires that @keep is false
 * @keep: written entries keep their requests
 * @unusable: the walk stopped at an entry that no page fault can make usable
 * @vma: if not NULL, the walk is within this readable vma, and its lock or the
 *       mmap lock is held, so that every entry can be interpreted
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
	bool keep;
	bool unusable;
	struct vm_area_struct *vma;
};

unsigned long hmm_walk_page_tables(struct hmm_walk *walk, unsigned long addr,
				   unsigned long end);
unsigned long hmm_walk_skip_empty(struct hmm_walk *walk, unsigned long addr,
				  unsigned long end);
bool hmm_walk_needs_lock(const struct hmm_walk *walk);
bool hmm_walk_may_borrow_mm(void);

#endif /* _HMM_CORE_WALK_H */
