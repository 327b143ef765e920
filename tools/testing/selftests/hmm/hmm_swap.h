/* SPDX-License-Identifier: GPL-2.0 */
/* Swap on zram. Functions return 0 or -errno. */
#ifndef _HMM_SWAP_H
#define _HMM_SWAP_H

#include <stddef.h>

/*
 * Only one test at a time may use swap. Stores the reason in *why if the test
 * must be skipped, and NULL otherwise.
 */
int hmm_swap_on(const char **why);
void hmm_swap_off(void);
/* Reclaims pages until no page of the range is present. */
int hmm_page_out(void *addr, size_t npages);

#endif /* _HMM_SWAP_H */
