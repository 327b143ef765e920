/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random choices of objects and addresses.
 */
#ifndef _PROPERTY_CHOOSE_H
#define _PROPERTY_CHOOSE_H

#include "property.h"

typedef bool (*property_test_fn)(const struct property *p, unsigned int nr);

/* Choose one of n objects for which test returns want, or PROPERTY_NONE. */
int property_choose(struct property *p, unsigned int n, property_test_fn test,
		    bool want);
/*
 * Choose one of n objects. Mostly chooses a used object and returns true. With
 * a probability of 1 / chance, or if no object is used, chooses an unused
 * object, or PROPERTY_NONE if all are used, and returns false.
 */
bool property_choose_used(struct property *p, unsigned int n,
			  property_test_fn is_used, unsigned int chance,
			  int *nr);
bool property_mirror_is_used(const struct property *p, unsigned int nr);
bool property_interval_is_used(const struct property *p, unsigned int nr);
/* Whether the owner still holds its reference, so that ranges can be bound. */
bool property_interval_is_owned(const struct property *p, unsigned int nr);
bool property_range_is_used(const struct property *p, unsigned int nr);

/* Choose pages of the arena, or sometimes odd addresses. */
void property_choose_span(struct property *p, __u64 *start, __u64 *end);

#endif /* _PROPERTY_CHOOSE_H */
