/* SPDX-License-Identifier: GPL-2.0 */
/* NUMA nodes. */
#ifndef _HMM_NODE_H
#define _HMM_NODE_H

#include <stddef.h>

/* Returns the number of the last node; 0 if the machine has only one. */
int hmm_last_node(void);
/* Returns the node of a page, or -errno. */
int hmm_node_of(const void *addr);
/*
 * Moves pages, including those that other processes map. Returns how many are
 * not on the node afterwards, or -errno.
 */
int hmm_move_to_node(void *addr, size_t npages, int node);

#endif /* _HMM_NODE_H */
