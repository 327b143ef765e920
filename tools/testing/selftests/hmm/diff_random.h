/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that depend only on a seed and a number.
 */
#ifndef _DIFF_RANDOM_H
#define _DIFF_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

struct diff_random {
	__u64 state;
};

void diff_seed(struct diff_random *random, __u64 seed, __u64 number);
__u64 diff_random(struct diff_random *random);
/* Both bounds are inclusive. */
size_t diff_between(struct diff_random *random, size_t from, size_t to);
/* True with a probability of 1 / n. */
bool diff_once_in(struct diff_random *random, unsigned int n);

#endif /* _DIFF_RANDOM_H */
