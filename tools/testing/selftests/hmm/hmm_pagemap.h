/* SPDX-License-Identifier: GPL-2.0 */
/* Entries of /proc/self/pagemap. */
#ifndef _HMM_PAGEMAP_H
#define _HMM_PAGEMAP_H

#include <stddef.h>

#include <linux/types.h>

#define HMM_PAGEMAP_PRESENT	0x8000000000000000ULL
#define HMM_PAGEMAP_SWAPPED	0x4000000000000000ULL
#define HMM_PAGEMAP_SOFT_DIRTY	0x0080000000000000ULL
#define HMM_PAGEMAP_PFN		0x007fffffffffffffULL

/* Returns the entry of an address, or 0 on an error. */
__u64 hmm_pagemap_entry(const void *addr);
/* Returns 0 or -errno. */
int hmm_pagemap_read(const void *addr, size_t npages, __u64 *entries);
/* Returns how many of the pages have all of the bits set. */
size_t hmm_pagemap_count(const void *addr, size_t npages, __u64 bits);
/* Returns the page frame number of a present page, or 0. */
__u64 hmm_pfn(const void *addr);

#endif /* _HMM_PAGEMAP_H */
