/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model. It predicts which pages an address space has lost, which ranges
 * and intervals must have collided as a result, the result of a find, the error
 * of a read, and whether the device may hold a page.
 *
 * It is plain and slow: it has no trees and no counters, and checks every page
 * and object.
 */
#ifndef _PROPERTY_MODEL_H
#define _PROPERTY_MODEL_H

#include "../../modules/property/hmm_property_test.h"
#include "property.h"

/* Returns NULL outside of the arena, where ranges cover no mapped page. */
struct property_model_page *property_page_at(struct property *p,
					     unsigned int space, __u64 addr);

/* After each step, mark the objects that cover a lost page as collided. */
void property_find_lost_pages(struct property *p);
/* Whether the process of a mirror has exited. */
bool property_dead(const struct property *p, unsigned int mirror);
/* Whether the interval of a bound range still covers the range. */
bool property_covered(const struct property *p,
		      const struct property_range *range);
/* Whether a callback removes pages of the range from the device. */
bool property_has_callback(const struct property *p,
			   const struct property_range *range);

/* The value that HMM_PROPERTY_FIND must return. */
int property_expect_find(const struct property *p, unsigned int mirror,
			 unsigned int kind, __u64 start, __u64 last);
/* The error that a fault of the range must return, or 0. */
int property_first_error(struct property *p,
			 const struct property_range *range);
/*
 * Check that a valid entry of the range agrees with the model and with pagemap.
 * If fresh is true, also check an entry that is not valid. The caller must have
 * read pagemap after the entry.
 */
void property_check_page(struct property *p, const char *who,
			 const struct property_range *range, bool fresh,
			 const struct hmm_property_entry *entry);

#endif /* _PROPERTY_MODEL_H */
