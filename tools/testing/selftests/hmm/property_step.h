/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The phase that runs one step at a time.
 */
#ifndef _PROPERTY_STEP_H
#define _PROPERTY_STEP_H

#include "property.h"

/* Open the address spaces of the agents. */
void property_open_spaces(struct property *p);
/* Make one random call or change, and check its results. */
void property_one_step(struct property *p);
/* Unregister all objects. The counters of the module must become 0. */
void property_check_counts(struct property *p);

#endif /* _PROPERTY_STEP_H */
