/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The threads of the concurrent phase that change memory, and the one that
 * contends for the mmap lock.
 */
#ifndef _PROPERTY_RACE_CHANGE_H
#define _PROPERTY_RACE_CHANGE_H

#include "property_race_state.h"

/* The interval of race_contend(), with a slow callback. */
#define CONTEND_BASE	(PROPERTY_BASE + (1UL << 32))
#define CONTEND_INTERVAL (HMM_PROPERTY_INTERVALS - 1)

/* Map pages of the wide mapping. Returns 0 or -errno. */
int race_map(unsigned int page, unsigned int n);

/* The main functions of threads. The argument is a struct racer. */
int race_change(void *racer);
int race_contend(void *racer);

#endif /* _PROPERTY_RACE_CHANGE_H */
