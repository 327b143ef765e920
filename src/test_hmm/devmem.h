/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocation of device pages.
 */
#ifndef _TEST_HMM_DEVMEM_H
#define _TEST_HMM_DEVMEM_H

#include <linux/mm.h>
#include <linux/types.h>

#include <hmm/test_hmm.h>

#include "../compat/test_hmm/devmem.h"

struct dmirror;
struct dmirror_device;

void dmirror_devmem_stats(struct dmirror_device *device,
			  struct hmm_dmirror_devmem *stats);

#if HMM_HAS_DEVICE_MEMORY
struct page *dmirror_devmem_backing(struct page *page);
struct page *dmirror_devmem_get_huge_backing(struct page *page);
u8 dmirror_devmem_protection(struct dmirror_device *device,
			     struct page *page);
bool dmirror_devmem_owns(struct dmirror_device *device, struct page *page);
unsigned long dmirror_devmem_reserve(struct dmirror *dm, unsigned long npages);
void dmirror_devmem_unreserve(struct dmirror *dm, unsigned long npages);
bool dmirror_alloc_must_fail(struct dmirror *dm, unsigned int order);
struct page *dmirror_devmem_alloc(struct dmirror *dm, unsigned int order,
				  unsigned long *reserved);
void dmirror_devmem_free(struct page *page, unsigned int order);
#else
static inline struct page *dmirror_devmem_backing(struct page *page)
{
	return page;
}

static inline u8 dmirror_devmem_protection(struct dmirror_device *device,
					   struct page *page)
{
	return 0;
}
#endif /* HMM_HAS_DEVICE_MEMORY */

#endif /* _TEST_HMM_DEVMEM_H */
