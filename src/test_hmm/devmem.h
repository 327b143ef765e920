/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory of a device.
 */
#ifndef _TEST_HMM_DEVMEM_H
#define _TEST_HMM_DEVMEM_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/memremap.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>

#include "../compat/test_hmm/devmem.h"
#include "device.h"
#include "dmirror.h"

#define DMIRROR_FAIL_ALLOC_BIT	ilog2(HMM_DMIRROR_FLAG_FAIL_ALLOC)
#define DMIRROR_NO_HUGE_BIT	ilog2(HMM_DMIRROR_FLAG_NO_HUGE)

/* One piece of a device's memory. */
struct dmirror_chunk {
	struct dev_pagemap pagemap;
	struct dmirror_device *device;
	struct list_head node;
	struct resource *region;
	unsigned long first;		/* frame number */
	unsigned long npages;

	/* device->lock */
	bool removing;
	unsigned long used;
	unsigned long hint;
	unsigned long *map;		/* one bit a page: in use */

	/* What a page holds; of private memory only. See devmem.c. */
	struct page **content;
};

/* devmem.c */
struct page *dmirror_devmem_content(struct page *page);
struct page *dmirror_devmem_get_content(struct page *page);
u8 dmirror_devmem_protection(struct dmirror_device *device,
			     struct page *page);
bool dmirror_devmem_owns(struct dmirror_device *device, struct page *page);
unsigned long dmirror_devmem_reserve(struct dmirror *dm, unsigned long npages);
void dmirror_devmem_unreserve(struct dmirror *dm, unsigned long npages);
struct page *dmirror_devmem_alloc(struct dmirror *dm, unsigned int order,
				  unsigned long *reserved);
int dmirror_devmem_release(struct dmirror_device *device, struct dmirror *dm);
void dmirror_devmem_stats(struct dmirror_device *device,
			  struct hmm_dmirror_devmem *stats);

/* evict.c */
int dmirror_evict_chunk(struct dmirror_chunk *chunk, struct dmirror *dm);
vm_fault_t dmirror_migrate_to_ram(struct vm_fault *vmf);

/* Does HMM_DMIRROR_FLAGS ask for this allocation to fail? */
static inline bool dmirror_fail_alloc(struct dmirror *dm, unsigned int order)
{
	if (!dm || likely(!READ_ONCE(dm->flags)))
		return false;
	/* FAIL_ALLOC holds for one allocation. */
	return test_and_clear_bit(DMIRROR_FAIL_ALLOC_BIT, &dm->flags) ||
	       (order && test_bit(DMIRROR_NO_HUGE_BIT, &dm->flags));
}

/*
 * For a batch of the size of a huge page, the allocation that fails is that of
 * a huge page, also if none is allocated: small pages then take its place.
 */
static inline void dmirror_fail_absent_huge(struct dmirror *dm,
					    const struct migrate_vma *args)
{
	if (args->end - args->start == PMD_SIZE &&
	    !(args->flags & HMM_MIGRATE_SELECT_COMPOUND))
		dmirror_fail_alloc(dm, HMM_HUGE_ORDER);
}

/*
 * SELECT_COMPOUND if this device may have huge pages. Only private memory may:
 * kernels up to 7.3 split a coherent huge page as if it were on an LRU list,
 * and corrupt what its page struct has in the place of the list head.
 */
static inline unsigned long dmirror_compound(struct dmirror_device *device)
{
	return device->memory == DMIRROR_MEMORY_PRIVATE ?
	       HMM_MIGRATE_SELECT_COMPOUND : 0;
}

/*
 * A migration works on so much at a time: what one entry of the level above
 * the page tables maps, so that no huge page is cut.
 */
#define DMIRROR_BATCH_PAGES	PTRS_PER_PTE

static inline unsigned long dmirror_batch_end(unsigned long addr,
					      unsigned long end)
{
	return min((addr & PMD_MASK) + PMD_SIZE, end);
}

#endif /* _TEST_HMM_DEVMEM_H */
