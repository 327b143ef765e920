/* SPDX-License-Identifier: GPL-2.0 */
/* Pages of hugetlbfs. */
#ifndef _HMM_HUGETLB_H
#define _HMM_HUGETLB_H

#include <stddef.h>

/*
 * Makes sure that count huge pages of a size are free; pages that it adds
 * stay. Returns 0 or -errno, with *why as the reason to skip.
 */
int hmm_hugetlb_reserve(size_t size, unsigned int count, const char **why);
/* Maps a file, or anonymous memory if file is negative. NULL on an error. */
void *hmm_map_hugetlb(size_t size, unsigned int count, int flags, int file);

#endif /* _HMM_HUGETLB_H */
