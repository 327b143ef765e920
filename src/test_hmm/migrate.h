/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Batches and huge pages, for migrations in both directions.
 */
#ifndef _TEST_HMM_MIGRATE_H
#define _TEST_HMM_MIGRATE_H

#include <linux/migrate.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "../compat/test_hmm/devmem.h"
#include "device.h"
#include "devmem.h"

/*
 * The maximum number of pages of a batch. A batch is the range of one
 * migrate_vma_setup() call. It does not cross the range of a PMD entry, so that
 * a huge page is never in two batches.
 */
#define DMIRROR_BATCH_PAGES	PTRS_PER_PTE

static inline unsigned long dmirror_batch_end(unsigned long addr,
					      unsigned long end)
{
	return min((addr & PMD_MASK) + PMD_SIZE, end);
}

#if HMM_HAS_DEVICE_MEMORY
/*
 * In a batch of the size of a huge page, FAIL_ALLOC makes the allocation of the
 * huge page fail. If the batch does not allocate huge pages at all, clear the
 * flag here, so that no allocation of a small page fails instead.
 */
static inline void dmirror_skip_huge_failure(struct dmirror *dm,
					     const struct migrate_vma *args)
{
	if (args->end - args->start == PMD_SIZE &&
	    !(args->flags & HMM_MIGRATE_SELECT_COMPOUND))
		dmirror_alloc_must_fail(dm, HMM_HUGE_ORDER);
}

/*
 * Returns SELECT_COMPOUND if the device's memory may contain huge pages,
 * otherwise 0. Coherent memory must not contain huge pages: kernels up to 7.3
 * split a coherent huge page as if it were on an LRU list, and corrupt the
 * field of its page struct that overlays the list head.
 */
static inline unsigned long
dmirror_select_compound(const struct dmirror_device *device)
{
	return device->memory == DMIRROR_MEMORY_PRIVATE ?
	       HMM_MIGRATE_SELECT_COMPOUND : 0;
}
#endif /* HMM_HAS_DEVICE_MEMORY */

#endif /* _TEST_HMM_MIGRATE_H */
