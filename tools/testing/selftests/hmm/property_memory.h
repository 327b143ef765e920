/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random changes of an address space.
 */
#ifndef _PROPERTY_MEMORY_H
#define _PROPERTY_MEMORY_H

#include "property.h"

/* Make one random change. */
void property_change(struct property *p);
void property_exit_agent(struct property *p, unsigned int agent);

#endif /* _PROPERTY_MEMORY_H */
