/* SPDX-License-Identifier: GPL-2.0 */
/* Swap on zram. Functions return 0 or -errno. */
#ifndef _HMM_SWAP_H
#define _HMM_SWAP_H

#include <stddef.h>

/* One user at a time. Sets *why if the test is to be skipped. */
int hmm_swap_on(const char **why);
void hmm_swap_off(void);
/* Reclaims until none of the pages is present. */
int hmm_page_out(void *addr, size_t npages);

#endif /* _HMM_SWAP_H */
