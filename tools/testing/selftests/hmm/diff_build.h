/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Building the arena.
 */
#ifndef _DIFF_BUILD_H
#define _DIFF_BUILD_H

#include <stdbool.h>

#include <linux/types.h>

/* Reserves the addresses. All functions return 0 or -errno. */
int diff_arena_reserve(void);
/*
 * The same seed and number build the same memory. For a snapshot, some of the
 * memory is such that a fault would sleep until userfaultfd resolves it.
 */
int diff_arena_build(__u64 seed, __u64 number, bool snapshot);
void diff_arena_drop(void);

#endif /* _DIFF_BUILD_H */
