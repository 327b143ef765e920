/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random calls on mirrors.
 */
#ifndef _PROPERTY_MIRROR_H
#define _PROPERTY_MIRROR_H

#include "property.h"

void property_use_mirror(struct property *p);
/* Drop its ranges and intervals, then unregister the mirror. */
void property_drop_mirror(struct property *p, unsigned int nr);

#endif /* _PROPERTY_MIRROR_H */
