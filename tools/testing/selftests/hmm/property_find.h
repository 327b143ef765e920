/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The find call, and the references that it returns.
 */
#ifndef _PROPERTY_FIND_H
#define _PROPERTY_FIND_H

#include "property.h"

/* Names of HMM_PROPERTY_INTERVAL_*. */
extern const char *const property_interval_kinds[];

/*
 * Kinds of intervals for the phase that runs one step at a time. A slow
 * callback detects no further bugs in this phase, so it is left out.
 */
#define PROPERTY_STEP_KINDS	HMM_PROPERTY_INTERVAL_SLOW

/* Make one random find in a mirror. */
void property_find(struct property *p, unsigned int mirror);
/*
 * Drop a reference that find returned. number is the value that find returned.
 * If last is true, this must release the interval, otherwise it must not.
 */
void property_put_found(struct property *p, unsigned int number,
			unsigned int mirror, bool last);

#endif /* _PROPERTY_FIND_H */
