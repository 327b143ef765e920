/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The concurrent phase: a process, the threads that change its memory, and the
 * threads that make API calls.
 */
#ifndef _PROPERTY_RACE_H
#define _PROPERTY_RACE_H

#include <stddef.h>

#include <linux/types.h>

/* Run the phase. Returns 0, 1 with the failure as text, or -ENOMEM. */
int property_race(__u64 seed, __u64 ms, char *failure, size_t size);

#endif /* _PROPERTY_RACE_H */
