/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that depend on a seed, and the seed that the user specified.
 */
#ifndef _HMM_RANDOM_H
#define _HMM_RANDOM_H

#include <stdbool.h>

#include <linux/types.h>

void hmm_random_init(__u64 *random, __u64 seed);
/* Returns a number below the limit. */
unsigned int hmm_random(__u64 *random, unsigned int limit);

/*
 * Stores the seed to use in @seed. It is the number in @word, an argument or
 * the value of an environment variable. If @word is NULL, it is the number
 * after "hmm.seed=" on the kernel's command line. Returns false if neither
 * exists.
 */
bool hmm_given_seed(const char *word, __u64 *seed);

#endif /* _HMM_RANDOM_H */
