/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device page table.
 */
#ifndef _TEST_HMM_PAGETABLE_H
#define _TEST_HMM_PAGETABLE_H

#include <linux/time64.h>
#include <linux/types.h>

struct dmirror;
struct hmm_interval_notifier_ops;
struct hmm_mirror_ops;
struct page;

/* The tags of entries. Without a tag, the device may only read the page. */
#define DMIRROR_ENTRY_WRITE	1UL
/* The device may read and write, and the CPU may not access the page. */
#define DMIRROR_ENTRY_EXCLUSIVE	3UL

/* The longest delay of an invalidation that CONFIG accepts. */
#define DMIRROR_MAX_DELAY_US	(60 * USEC_PER_SEC)

extern const struct hmm_mirror_ops dmirror_mirror_ops;
extern const struct hmm_interval_notifier_ops dmirror_interval_ops;

struct page *dmirror_table_lookup(struct dmirror *dm, unsigned long index,
				  bool write);
bool dmirror_table_is_exclusive(struct dmirror *dm, unsigned long index);
int dmirror_table_reserve(struct dmirror *dm, unsigned long index,
			  unsigned long npages);
void dmirror_table_unreserve(struct dmirror *dm, unsigned long index,
			     unsigned long npages);
int dmirror_table_store(struct dmirror *dm, unsigned long index,
			struct page *page, unsigned long tag);
int dmirror_table_store_range(struct dmirror *dm, unsigned long index,
			      const unsigned long *pfns, unsigned long npages,
			      unsigned long request);
unsigned long dmirror_table_erase_range(struct dmirror *dm,
					unsigned long first,
					unsigned long last, bool may_sleep);

#endif /* _TEST_HMM_PAGETABLE_H */
