/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Find, and the references that it returns.
 */
#ifndef _PROPERTY_FIND_H
#define _PROPERTY_FIND_H

#include "property.h"

/* Names of HMM_PROPERTY_INTERVAL_*. */
extern const char *const property_interval_kinds[];

/*
 * A slow callback finds nothing more when only one call runs at a time, so the
 * steps do without it.
 */
#define PROPERTY_STEP_KINDS	HMM_PROPERTY_INTERVAL_SLOW

/* One random find in a mirror. */
void property_find(struct property *p, unsigned int mirror);
/* Drop a reference on number, which releases the interval if it is the last. */
void property_put_found(struct property *p, unsigned int number,
			unsigned int mirror, bool last);

#endif /* _PROPERTY_FIND_H */
