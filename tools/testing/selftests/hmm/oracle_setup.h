/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocation of a run.
 */
#ifndef _ORACLE_SETUP_H
#define _ORACLE_SETUP_H

#include "oracle.h"

/*
 * Returns NULL if it cannot allocate memory or create pipes. The caller opens
 * the devices.
 */
struct oracle *oracle_new(__u64 seed, bool alone, unsigned int nworkers);
void oracle_free(struct oracle *oracle);
/* A random seed that is short enough to be typed. */
__u64 oracle_random_seed(void);

#endif /* _ORACLE_SETUP_H */
