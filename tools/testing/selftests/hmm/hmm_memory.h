/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory for the tests, and patterns that fill it.
 */
#ifndef _HMM_MEMORY_H
#define _HMM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#include <linux/types.h>

/* Older C libraries do not define these. */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#ifndef MADV_HWPOISON
#define MADV_HWPOISON	100
#endif

size_t hmm_page_size(void);

/*
 * Map anonymous memory of small pages, between two inaccessible pages. Return
 * NULL on an error.
 */
void *hmm_map(size_t npages);
void *hmm_map_shared(size_t npages);

/*
 * Maps one huge page of zeros with a PMD entry, between two inaccessible pages,
 * and stores the size of the page in *size. If no huge page is available,
 * returns NULL and stores the reason in *why.
 */
void *hmm_map_huge(size_t *size, const char **why);
/* Returns whether the mapping of addr contains an anonymous huge page. */
bool hmm_is_huge(const void *addr);
/*
 * Returns the size that a PMD entry maps, or 0 without transparent huge pages.
 */
size_t hmm_huge_size(void);

/*
 * Fills mem with a pattern that differs at every offset and for every seed.
 * Page i of mem receives page first + i of the pattern.
 */
void hmm_fill(void *mem, size_t npages, unsigned int seed, size_t first);
/* Both functions print the first offset that differs. */
bool hmm_is_filled(const void *mem, size_t npages, unsigned int seed,
		   size_t first);
bool hmm_is_filled_with(const void *mem, size_t npages, __u8 byte);

#endif /* _HMM_MEMORY_H */
