// SPDX-License-Identifier: GPL-2.0
/*
 * The find call, and the references that it returns.
 */
#include "../../modules/property/hmm_property_test.h"
#include "property_call.h"
#include "property_choose.h"
#include "property_find.h"
#include "property_log.h"
#include "property_model.h"

const char *const property_interval_kinds[] = {
	"no callbacks", "one pass", "two passes",
};

void property_put_found(struct property *p, unsigned int number,
			unsigned int mirror, bool last)
{
	struct hmm_property_op *op = property_op(HMM_PROPERTY_PUT_FOUND,
						 number);

	property_note(p, "put the reference on %s %u",
		      number < HMM_PROPERTY_FOUND_RANGE ? "interval" : "range",
		      number % HMM_PROPERTY_FOUND_RANGE);
	if (!property_call(p, mirror))
		return;
	if (op->value != last)
		property_fail(p, "the interval was %sreleased", last ? "not " : "");
}

void property_find(struct property *p, unsigned int mirror)
{
	struct hmm_property_op *op = property_op(HMM_PROPERTY_FIND, mirror);
	int expected;
	__u64 end;

	property_choose_span(p, &op->start, &end);
	if (end <= op->start)
		end = op->start + 1;
	op->length = end - 1;
	op->kind = property_pick(p, PROPERTY_STEP_KINDS);
	property_note(p, "find in mirror %u by %s in [%#llx, %#llx]", mirror,
		      property_interval_kinds[op->kind], op->start, op->length);
	expected = property_expect_find(p, mirror, op->kind, op->start,
					op->length);
	if (!property_call(p, mirror))
		return;
	property_add_note(p, ", found %lld", op->value);
	if (op->value != expected) {
		property_fail(p, "find returns %lld instead of %d (-1: none, 256 and up: ranges)",
			      op->value, expected);
		return;
	}
	if (expected >= HMM_PROPERTY_FOUND_RANGE)
		p->range[expected - HMM_PROPERTY_FOUND_RANGE].found++;
	else if (expected >= 0)
		p->interval[expected].found++;
}
