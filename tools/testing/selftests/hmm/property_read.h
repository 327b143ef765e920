/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads of ranges, and the check of their entries.
 */
#ifndef _PROPERTY_READ_H
#define _PROPERTY_READ_H

#include "../../modules/property/hmm_property_test.h"
#include "property.h"

void property_wait_range(struct property *p, unsigned int nr);
void property_read_range(struct property *p, unsigned int nr);
/* Get the validity and the entries of a range. Returns NULL on failure. */
struct hmm_property_op *property_get_entries(struct property *p,
					     unsigned int nr);
/* If the range is valid, compare all its entries with the model. */
void property_check_range(struct property *p, unsigned int nr);

#endif /* _PROPERTY_READ_H */
