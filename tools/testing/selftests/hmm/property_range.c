// SPDX-License-Identifier: GPL-2.0
/*
 * Registering, binding and unregistering ranges.
 */
#include <errno.h>

#include "../../modules/property/hmm_property_test.h"
#include "property_call.h"
#include "property_choose.h"
#include "property_find.h"
#include "property_log.h"
#include "property_model.h"
#include "property_range.h"

static bool bad_span(const struct property *p, unsigned int space, __u64 start,
		     __u64 end)
{
	return start % PROPERTY_PAGE || end % PROPERTY_PAGE || start >= end ||
	       end > p->space[space].limit;
}

static void set_range(struct property *p, unsigned int nr,
		      const struct hmm_property_op *op, unsigned int mirror,
		      int interval)
{
	struct property_range *range = &p->range[nr];
	const __u64 npages = (op->length - op->start) / PROPERTY_PAGE;

	*range = (struct property_range){
		.used = true,
		.mirror = mirror,
		.interval = interval,
		.start = op->start,
		.end = op->length,
		.compact = op->kind,
		.npages = npages <= PROPERTY_PAGES ? npages : 0,
	};
	if (interval < 0)
		range->entered = ++p->entered;
}

void property_register_range(struct property *p, unsigned int nr)
{
	struct hmm_property_op *op;
	int mirror = PROPERTY_NONE;
	bool bad;

	for (unsigned int i = 0; i < PROPERTY_MIRRORS; i++)
		if (p->mirror[i].used &&
		    (mirror == PROPERTY_NONE || property_once_in(p, 2)))
			mirror = i;
	if (mirror == PROPERTY_NONE)
		return;
	op = property_op(HMM_PROPERTY_RANGE_REGISTER, nr);
	op->b = mirror;
	op->kind = property_once_in(p, 2);
	property_choose_span(p, &op->start, &op->length);
	if (property_once_in(p, 24))
		op->start += 1 + property_pick(p, PROPERTY_PAGE - 1);
	property_note(p, "register range %u%s with mirror %d, [%#llx, %#llx)",
		      nr, op->kind ? ", compact," : "", mirror, op->start,
		      op->length);
	bad = bad_span(p, p->mirror[mirror].space, op->start, op->length);
	if (!property_call(p, mirror))
		return;
	if (property_dead(p, mirror) && bad)
		property_expect(p, 2, -EINVAL, -ESRCH);
	else if (property_dead(p, mirror))
		property_expect(p, 1, -ESRCH);
	else
		property_expect(p, 1, bad ? -EINVAL : 0);
	if (!op->result)
		set_range(p, nr, op, mirror, PROPERTY_NONE);
}

/* Choose pages, mostly within the interval if it contains a whole page. */
static void choose_bound_span(struct property *p,
			      const struct property_interval *interval,
			      __u64 *start, __u64 *end)
{
	__u64 first = (interval->start + PROPERTY_PAGE - 1) / PROPERTY_PAGE;
	__u64 past = (interval->last + 1) / PROPERTY_PAGE, n;

	property_choose_span(p, start, end);
	if (property_once_in(p, 6) || past <= first)
		return;
	n = past - first;
	/* In a long interval, use the pages of the arena. */
	if (n > PROPERTY_PAGES)
		return;
	first += property_pick(p, n);
	n = 1 + property_pick(p, past - first);
	*start = first * PROPERTY_PAGE;
	*end = *start + n * PROPERTY_PAGE;
}

void property_bind_range(struct property *p, unsigned int nr)
{
	const struct property_interval *interval;
	struct hmm_property_op *op;
	int i = property_choose(p, PROPERTY_INTERVALS,
				property_interval_is_owned, true);
	bool bad;

	if (i == PROPERTY_NONE)
		return;
	interval = &p->interval[i];
	op = property_op(HMM_PROPERTY_RANGE_BIND, nr);
	op->b = i;
	op->kind = property_once_in(p, 2);
	choose_bound_span(p, interval, &op->start, &op->length);
	property_note(p, "bind range %u%s to interval %d, [%#llx, %#llx)", nr,
		      op->kind ? ", compact," : "", i, op->start, op->length);
	bad = bad_span(p, p->mirror[interval->mirror].space, op->start,
		       op->length) ||
	      op->start < interval->start || op->length - 1 > interval->last;
	if (!property_call(p, interval->mirror))
		return;
	if (property_dead(p, interval->mirror))
		property_expect(p, 2, bad ? -EINVAL : 0, -ESRCH);
	else
		property_expect(p, 1, bad ? -EINVAL : 0);
	if (!op->result)
		set_range(p, nr, op, interval->mirror, i);
}

void property_drop_range(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];

	while (range->found && !p->failure[0]) {
		range->found--;
		property_put_found(p, HMM_PROPERTY_FOUND_RANGE + nr,
				   range->mirror, false);
	}
	if (p->failure[0])
		return;
	property_op(HMM_PROPERTY_RANGE_UNREGISTER, nr);
	property_note(p, "unregister range %u", nr);
	if (property_call(p, range->mirror))
		range->used = false;
}
