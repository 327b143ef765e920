/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registering, binding and unregistering ranges.
 */
#ifndef _PROPERTY_RANGE_H
#define _PROPERTY_RANGE_H

#include "property.h"

/* Register or bind range nr with random bounds. */
void property_register_range(struct property *p, unsigned int nr);
void property_bind_range(struct property *p, unsigned int nr);
/* Drop the found references on the range, and unregister it. */
void property_drop_range(struct property *p, unsigned int nr);

#endif /* _PROPERTY_RANGE_H */
