/* SPDX-License-Identifier: GPL-2.0 */
/* Pages of hugetlbfs. */
#ifndef _HMM_HUGETLB_H
#define _HMM_HUGETLB_H

#include <stddef.h>

/*
 * Makes sure that count huge pages of a size are free. Pages that this function
 * adds to the pool stay there. Returns 0, or -errno with the reason to skip in
 * *why.
 */
int hmm_hugetlb_reserve(size_t size, unsigned int count, const char **why);
/*
 * Maps count huge pages of a file, or of anonymous memory if file is negative.
 * Returns NULL on an error.
 */
void *hmm_map_hugetlb(size_t size, unsigned int count, int flags, int file);

#endif /* _HMM_HUGETLB_H */
