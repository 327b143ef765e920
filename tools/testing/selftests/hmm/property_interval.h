/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random calls on intervals.
 */
#ifndef _PROPERTY_INTERVAL_H
#define _PROPERTY_INTERVAL_H

#include "property.h"

void property_use_interval(struct property *p);
/*
 * Unregister the ranges of the interval, then remove or put it. A remove first
 * drops the references that find has acquired.
 */
void property_drop_interval(struct property *p, unsigned int nr, bool put);

#endif /* _PROPERTY_INTERVAL_H */
