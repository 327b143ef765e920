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

/* Missing from older C libraries. */
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

/* Anonymous memory of small pages, between two inaccessible pages. */
void *hmm_map(size_t npages);
void *hmm_map_shared(size_t npages);

/*
 * One huge page of zeros, mapped by a PMD entry, between two inaccessible
 * pages. Sets *size to the size of the page. Returns NULL if no huge page can
 * be had; *why is the reason then.
 */
void *hmm_map_huge(size_t *size, const char **why);
/* Whether the mapping of addr contains an anonymous huge page. */
bool hmm_is_huge(const void *addr);
/* What a PMD entry maps, or 0 without transparent huge pages. */
size_t hmm_huge_size(void);

/*
 * The pattern differs at every offset and for every seed. Page i of mem gets
 * page first + i of the pattern.
 */
void hmm_fill(void *mem, size_t npages, unsigned int seed, size_t first);
/* Both print the first offset that differs. */
bool hmm_is_filled(const void *mem, size_t npages, unsigned int seed,
		   size_t first);
bool hmm_is_filled_with(const void *mem, size_t npages, __u8 byte);

#endif /* _HMM_MEMORY_H */
