/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that depend on a seed, and the seed that a run is given.
 */
#ifndef _HMM_RANDOM_H
#define _HMM_RANDOM_H

#include <stdbool.h>

#include <linux/types.h>

void hmm_random_init(__u64 *random, __u64 seed);
/* A number below the limit. */
unsigned int hmm_random(__u64 *random, unsigned int limit);

/*
 * The seed to use: @word, an argument or a value from the environment, or if it
 * is NULL the number after "hmm.seed=" on the kernel's command line. False if
 * there is neither.
 */
bool hmm_given_seed(const char *word, __u64 *seed);

#endif /* _HMM_RANDOM_H */
