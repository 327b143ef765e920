/* SPDX-License-Identifier: GPL-2.0 */
/* Spaces, mirrors and intervals. */
#ifndef _HMM_PROPERTY_OBJECTS_H
#define _HMM_PROPERTY_OBJECTS_H

#include "property.h"

void property_init(struct property *property);
void property_destroy(struct property *property);

/*
 * Operations. They return -EINVAL if an argument is invalid or the state of the
 * object does not allow the operation.
 */
int property_space(struct property_call *call);
int property_mirror(struct property_call *call);
int property_interval(struct property_call *call);
int property_find(struct property_call *call);
int property_put_found(struct property_call *call);

#endif /* _HMM_PROPERTY_OBJECTS_H */
