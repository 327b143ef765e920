/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Builds the arena.
 */
#ifndef _DIFF_BUILD_H
#define _DIFF_BUILD_H

#include <stdbool.h>

#include <linux/types.h>

/* Reserve the addresses and install signal handlers. Returns 0 or -errno. */
int diff_arena_reserve(void);
/*
 * Build an arena. The same seed and number build the same memory. Only if
 * snapshot is true, userfaultfd may write-protect some of the memory, because a
 * write fault there would sleep until a monitor resolves it. Returns 0 or
 * -errno.
 */
int diff_arena_build(__u64 seed, __u64 number, bool snapshot);
void diff_arena_drop(void);

#endif /* _DIFF_BUILD_H */
