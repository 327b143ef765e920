// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls on intervals.
 */
#include <errno.h>

#include "../../modules/property/hmm_property_test.h"
#include "property_call.h"
#include "property_choose.h"
#include "property_find.h"
#include "property_interval.h"
#include "property_log.h"
#include "property_model.h"
#include "property_range.h"

void property_drop_interval(struct property *p, unsigned int nr, bool put)
{
	struct property_interval *interval = &p->interval[nr];
	struct hmm_property_op *op;

	while (!put && interval->found && !p->failure[0]) {
		interval->found--;
		property_put_found(p, nr, interval->mirror,
				   !interval->owned && !interval->found);
		if (!interval->owned && !interval->found) {
			interval->used = false;
			return;
		}
	}
	for (unsigned int i = 0; i < PROPERTY_RANGES; i++)
		if (p->range[i].used && p->range[i].interval == (int)nr)
			property_drop_range(p, i);
	if (p->failure[0])
		return;
	op = property_op(put ? HMM_PROPERTY_PUT : HMM_PROPERTY_REMOVE, nr);
	property_note(p, "%s interval %u", put ? "put" : "remove", nr);
	if (!property_call(p, interval->mirror))
		return;
	interval->owned = false;
	interval->used = put && interval->found;
	if (op->value != (put && !interval->found))
		property_fail(p, "the interval was %sreleased", op->value ? "" : "not ");
}

/* Choose bounds in bytes. The length is sometimes 0, maximal or too large. */
static void choose_bytes(struct property *p, __u64 *start, __u64 *length)
{
	__u64 end;

	property_choose_span(p, start, &end);
	*length = end - *start;
	switch (property_pick(p, 24)) {
	case 0:
		*length = 0;
		break;
	case 1:
		*start = 0;
		*length = ~0ULL;
		break;
	case 2:
		*length = ~0ULL - property_pick(p, 3) * PROPERTY_PAGE;
		break;
	case 3:
	case 4:
	case 5:
		*start += property_pick(p, PROPERTY_PAGE);
		*length = 1 + property_pick(p, 4 * PROPERTY_PAGE);
	}
}

/* Expect any of the errors that apply, or 0 if no error applies. */
static void expect_bounds(struct property *p, unsigned int mirror,
			  __u64 start, __u64 length, bool update)
{
	const unsigned int space = p->mirror[mirror].space;
	const bool dead = property_dead(p, mirror);
	int errors[4] = { 0 }, n = 0;

	if (!length || start >= p->space[space].limit)
		errors[n++] = -EINVAL;
	if (length && start + length - 1 < start)
		errors[n++] = -EOVERFLOW;
	/* After the exit, an update may return -ESRCH or succeed. */
	if (dead && !n && update)
		property_expect(p, 2, 0, -ESRCH);
	else if (dead)
		property_expect(p, n + 1, -ESRCH, errors[0], errors[1]);
	else
		property_expect(p, n ? n : 1, errors[0], errors[1]);
}

static void insert_interval(struct property *p, unsigned int nr)
{
	struct property_interval *interval = &p->interval[nr];
	struct hmm_property_op *op = property_op(HMM_PROPERTY_INSERT, nr);
	int mirror = property_choose(p, PROPERTY_MIRRORS,
				     property_mirror_is_used, true);

	if (mirror == PROPERTY_NONE)
		return;
	op->b = mirror;
	op->kind = property_pick(p, PROPERTY_STEP_KINDS);
	choose_bytes(p, &op->start, &op->length);
	property_note(p, "insert interval %u, %s, in mirror %d at [%#llx, +%#llx)",
		      nr, property_interval_kinds[op->kind], mirror, op->start,
		      op->length);
	if (!property_call(p, mirror))
		return;
	expect_bounds(p, mirror, op->start, op->length, false);
	if (op->result)
		return;
	*interval = (struct property_interval){
		.used = true,
		.owned = true,
		.mirror = mirror,
		.kind = op->kind,
		.start = op->start,
		.last = op->start + op->length - 1,
		.entered = ++p->entered,
	};
}

static void update_interval(struct property *p, unsigned int nr)
{
	struct property_interval *interval = &p->interval[nr];
	struct hmm_property_op *op = property_op(HMM_PROPERTY_UPDATE, nr);

	choose_bytes(p, &op->start, &op->length);
	property_note(p, "update interval %u to [%#llx, +%#llx)", nr,
		      op->start, op->length);
	if (!property_call(p, interval->mirror))
		return;
	expect_bounds(p, interval->mirror, op->start, op->length, true);
	if (op->result)
		return;
	interval->start = op->start;
	interval->last = op->start + op->length - 1;
	interval->entered = ++p->entered;
	interval->must_retry = true;
	for (unsigned int i = 0; i < PROPERTY_RANGES; i++)
		if (p->range[i].used && p->range[i].interval == (int)nr)
			p->range[i].must_collide = true;
}

static void begin_interval(struct property *p, unsigned int nr)
{
	struct property_interval *interval = &p->interval[nr];
	struct hmm_property_op *op = property_op(HMM_PROPERTY_BEGIN, nr);

	property_note(p, "begin under interval %u", nr);
	if (!property_call(p, interval->mirror))
		return;
	interval->begun = op->value;
	interval->must_retry = false;
}

static void retry_interval(struct property *p, unsigned int nr)
{
	struct property_interval *interval = &p->interval[nr];
	const bool must = !interval->begun || interval->must_retry;
	struct hmm_property_op *op = property_op(HMM_PROPERTY_RETRY, nr);

	property_note(p, "retry of interval %u", nr);
	if (!property_call(p, interval->mirror))
		return;
	property_add_note(p, " %lld", op->value);
	if (interval->begun) {
		p->checks += !must;
		p->valid += !must && !op->value;
	}
	if (interval->begun && must && !op->value)
		property_fail(p, "interval %u has not collided, but lost a page or was moved",
			      nr);
}

void property_use_interval(struct property *p)
{
	int nr;

	if (!property_choose_used(p, PROPERTY_INTERVALS,
				  property_interval_is_used, 4, &nr)) {
		if (nr != PROPERTY_NONE)
			insert_interval(p, nr);
		return;
	}
	switch (property_pick(p, 12)) {
	case 0:
		property_drop_interval(p, nr, false);
		break;
	case 1:
		if (p->interval[nr].owned)
			property_drop_interval(p, nr, true);
		break;
	case 2:
		if (p->interval[nr].found) {
			struct property_interval *i = &p->interval[nr];

			i->found--;
			property_put_found(p, nr, i->mirror,
					   !i->owned && !i->found);
			i->used = i->owned || i->found;
		}
		break;
	case 3:
	case 4:
	case 5:
		update_interval(p, nr);
		break;
	case 6:
	case 7:
	case 8:
		begin_interval(p, nr);
		break;
	default:
		retry_interval(p, nr);
	}
}
