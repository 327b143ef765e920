/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: the pages that an address space has lost, the ranges and intervals
 * that must have collided because of it, the result of a find, the error of a
 * read, and whether the device may hold a page.
 *
 * It is plain and slow: it has no trees and no counters, and checks every page
 * and object.
 */
#ifndef _PROPERTY_MODEL_H
#define _PROPERTY_MODEL_H

#include "../../modules/property/hmm_property_test.h"
#include "property.h"

/* Returns NULL outside of the arena. Nothing else is ever mapped there. */
struct property_model_page *property_page_at(struct property *p,
					     unsigned int space, __u64 addr);

/* After each step: find the pages that an address space has lost. */
void property_find_lost_pages(struct property *p);
/* Whether the process of a mirror has exited. */
bool property_dead(const struct property *p, unsigned int mirror);
/* Whether the interval of a bound range still covers the range. */
bool property_covered(const struct property *p,
		      const struct property_range *range);
/* Whether a callback removes pages of the range from the device. */
bool property_has_callback(const struct property *p,
			   const struct property_range *range);

/* The number that a find returns, as HMM_PROPERTY_FIND. */
int property_expect_find(const struct property *p, unsigned int mirror,
			 unsigned int kind, __u64 start, __u64 last);
/* The error of a fault of the range, by its requests; 0 for none. */
int property_first_error(struct property *p,
			 const struct property_range *range);
/*
 * Check that the device may hold an entry of the range, or with fresh that the
 * entry agrees with the page tables. pagemap was last read after the entry.
 */
void property_check_page(struct property *p, const char *who,
			 const struct property_range *range, bool fresh,
			 const struct hmm_property_entry *entry);

#endif /* _PROPERTY_MODEL_H */
