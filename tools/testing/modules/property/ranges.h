/* SPDX-License-Identifier: GPL-2.0 */
/* Operations on ranges. */
#ifndef _HMM_PROPERTY_RANGES_H
#define _HMM_PROPERTY_RANGES_H

#include "property.h"

/*
 * Operations. They return -EINVAL if an argument is invalid or the state of the
 * range does not allow the operation, and -ENOMEM if out of memory.
 */
int property_range(struct property_call *call);
int property_state(struct property_call *call);

/* Clear the device page table of the range and unregister it. */
void property_range_drop(struct property_range *range);

#endif /* _HMM_PROPERTY_RANGES_H */
