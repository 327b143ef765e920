// SPDX-License-Identifier: GPL-2.0
/*
 * Random choices of objects and addresses.
 */
#include "property_choose.h"
#include "property_log.h"

int property_choose(struct property *p, unsigned int n, property_test_fn test,
		    bool want)
{
	unsigned int first = property_pick(p, n);

	for (unsigned int i = 0; i < n; i++)
		if (test(p, (first + i) % n) == want)
			return (first + i) % n;
	return PROPERTY_NONE;
}

bool property_choose_used(struct property *p, unsigned int n,
			  property_test_fn is_used, unsigned int chance,
			  int *nr)
{
	*nr = property_choose(p, n, is_used, true);
	if (*nr != PROPERTY_NONE && !property_once_in(p, chance))
		return true;
	*nr = property_choose(p, n, is_used, false);
	return false;
}

bool property_mirror_is_used(const struct property *p, unsigned int nr)
{
	return p->mirror[nr].used;
}

bool property_interval_is_used(const struct property *p, unsigned int nr)
{
	return p->interval[nr].used;
}

bool property_interval_is_owned(const struct property *p, unsigned int nr)
{
	return p->interval[nr].owned;
}

bool property_range_is_used(const struct property *p, unsigned int nr)
{
	return p->range[nr].used;
}

/*
 * Choose addresses that are invalid, that wrap, that are at the top of the
 * address space, or that have the same page table indices as other addresses.
 */
static void choose_odd_span(struct property *p, __u64 *start, __u64 *end)
{
	static const __u64 alias[] = {
		1ULL << 47, 1ULL << 48, 1ULL << 56, 1ULL << 57, 1ULL << 63,
		0xffffULL << 48, 0xff80ULL << 48,
	};
	const __u64 n = (1 + property_pick(p, 8)) * PROPERTY_PAGE;
	const __u64 limit = p->space[0].limit;

	switch (property_pick(p, 9)) {
	case 0:
		*end = -n;
		*start = *end - n;
		break;
	case 1:
		/* The end is 0. */
		*end = 0;
		*start = -n;
		break;
	case 2:
		*start = *start + n;
		*end = *start - n;
		break;
	case 3:
		*end = limit + PROPERTY_PAGE * property_pick(p, 3);
		*start = *end - n;
		break;
	case 4:
		*start = limit - PROPERTY_PAGE;
		*end = *start + n;
		break;
	default:
		*start += alias[property_pick(p, 7)];
		*end = *start + n;
	}
}

void property_choose_span(struct property *p, __u64 *start, __u64 *end)
{
	static const unsigned int limits[] = { 8, 8, 64, 64, 600, 1056 };
	unsigned int first = property_pick(p, PROPERTY_PAGES), n;

	n = 1 + property_pick(p, limits[property_pick(p, 6)]);
	if (property_once_in(p, 8))
		first = property_pick(p, 2) * PROPERTY_HUGE;
	if (n > PROPERTY_PAGES - first)
		n = PROPERTY_PAGES - first;
	*start = PROPERTY_BASE + first * PROPERTY_PAGE;
	*end = *start + n * PROPERTY_PAGE;
	if (property_once_in(p, 8))
		choose_odd_span(p, start, end);
}
