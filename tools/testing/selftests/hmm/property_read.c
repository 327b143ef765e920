// SPDX-License-Identifier: GPL-2.0
/*
 * Reads of ranges, and the check of their entries.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "../../modules/property/hmm_property_test.h"
#include "property_call.h"
#include "property_log.h"
#include "property_model.h"
#include "property_read.h"

void property_wait_range(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];
	struct hmm_property_op *op = property_op(HMM_PROPERTY_WAIT, nr);
	const bool covered = property_covered(p, range);

	property_note(p, "begin to read range %u", nr);
	if (!property_call(p, range->mirror))
		return;
	if (property_dead(p, range->mirror))
		property_expect(p, 2, -ESRCH, covered ? -ESRCH : -ENOENT);
	else
		property_expect(p, 1, covered ? 0 : -ENOENT);
	/* The begin discards an earlier read. */
	range->read = false;
	range->begun = !op->result;
	range->must_collide = false;
}

static void choose_requests(struct property *p, struct property_range *range,
			    struct hmm_property_op *op)
{
	static const unsigned int requests[] = {
		0, HMM_PROPERTY_REQ_VALID, HMM_PROPERTY_REQ_VALID,
		HMM_PROPERTY_REQ_VALID | HMM_PROPERTY_REQ_WRITE,
	};
	unsigned int one = requests[property_pick(p, 4)];

	memset(range->requests, 0, sizeof(range->requests));
	if (op->opcode == HMM_PROPERTY_SNAPSHOT)
		return;
	op->default_flags = requests[property_pick(p, 4)];
	/* A compact range refuses requests for single pages. */
	if (property_once_in(p, range->compact ? 20 : 2)) {
		op->mask = requests[3];
		op->default_flags &= property_once_in(p, 2) ? ~0U : 0;
	}
	for (unsigned int i = 0; i < range->npages; i++) {
		if (property_once_in(p, 16))
			one = requests[property_pick(p, 4)];
		range->requests[i] = one;
	}
	op->requests = (uintptr_t)range->requests;
	op->max_entries = range->npages;
}

/* Set the effective requests in the model. */
static void apply_mask(struct property_range *range,
		       const struct hmm_property_op *op)
{
	for (unsigned int i = 0; i < range->npages; i++)
		range->requests[i] = (range->requests[i] & op->mask) |
				     op->default_flags;
}

/* Check the result of a read. collided: the range must have collided. */
static void expect_read(struct property *p, const struct property_range *range,
			const struct hmm_property_op *op, bool collided)
{
	const bool populate = op->opcode == HMM_PROPERTY_POPULATE;
	int errors[5] = { 0 }, n = 0;

	if (op->mapped || (range->compact && op->mask))
		errors[n++] = -EINVAL;
	if (!property_covered(p, range))
		errors[n++] = -ENOENT;
	if (property_dead(p, range->mirror))
		errors[n++] = -ESRCH;
	if (n || collided) {
		if (!populate && (collided || !range->begun))
			errors[n++] = -EBUSY;
		property_expect(p, n, errors[0], errors[1], errors[2],
				errors[3]);
		return;
	}
	if (op->opcode != HMM_PROPERTY_SNAPSHOT)
		errors[0] = property_first_error(p, range);
	/* A fault that breaks copy-on-write invalidates its own range. */
	if (populate)
		property_expect(p, 1, errors[0]);
	else
		property_expect(p, 2, errors[0], -EBUSY);
}

static const char *read_name(unsigned int opcode)
{
	return opcode == HMM_PROPERTY_SNAPSHOT ? "snapshot" :
	       opcode == HMM_PROPERTY_FAULT ? "fault" : "populate";
}

struct hmm_property_op *property_get_entries(struct property *p,
					     unsigned int nr)
{
	struct hmm_property_op *op = property_op(HMM_PROPERTY_CHECK, nr);

	op->max_entries = p->range[nr].npages;
	property_note(p, "validity of range %u", nr);
	if (!property_call(p, p->range[nr].mirror))
		return NULL;
	property_add_note(p, " %lld", op->value);
	return op;
}

void property_check_range(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];
	const struct hmm_property_entry *entry;
	struct hmm_property_op *op;

	if (!range->read)
		return;
	op = property_get_entries(p, nr);
	if (!op)
		return;
	p->checks += !range->must_collide;
	p->valid += !range->must_collide && op->value;
	if (op->value && range->must_collide) {
		property_fail(p, "range %u is valid, but lost a page or its interval was moved",
			      nr);
		return;
	}
	if (!op->value)
		return;
	if (op->nr_entries != range->npages) {
		property_fail(p, "range %u has %u entries instead of %u",
			      nr, op->nr_entries, range->npages);
		return;
	}
	entry = property_entries(p, op);
	for (unsigned int i = 0; i < range->npages; i++, entry++) {
		const __u64 has = entry->entry;

		property_check_page(p, "the range", range, range->fresh, entry);
		if ((range->requests[i] & HMM_PROPERTY_REQ_VALID &&
		     !(has & HMM_PROPERTY_VALID)) ||
		    (range->requests[i] & HMM_PROPERTY_REQ_WRITE &&
		     !(has & HMM_PROPERTY_WRITE)))
			property_fail(p, "page %u of range %u does not satisfy its request: %#llx",
				      i, nr, has);
	}
	range->fresh = false;
}

void property_read_range(struct property *p, unsigned int nr)
{
	static const unsigned int opcodes[] = {
		HMM_PROPERTY_SNAPSHOT, HMM_PROPERTY_FAULT,
		HMM_PROPERTY_POPULATE, HMM_PROPERTY_POPULATE,
	};
	struct property_range *range = &p->range[nr];
	struct hmm_property_op *op;
	bool collided;

	if (!range->npages)
		return;
	op = property_op(opcodes[property_pick(p, 4)], nr);
	choose_requests(p, range, op);
	property_note(p, "%s range %u, default %u mask %u",
		      read_name(op->opcode), nr, op->default_flags, op->mask);
	collided = op->opcode != HMM_PROPERTY_POPULATE &&
		   (!range->begun || range->must_collide);
	if (!property_call(p, range->mirror))
		return;
	apply_mask(range, op);
	expect_read(p, range, op, collided);
	if (op->opcode == HMM_PROPERTY_POPULATE) {
		/* Populate begins again, perhaps after the last collision. */
		range->begun = true;
		range->must_collide = false;
	}
	range->read = !op->result;
	range->fresh = !op->result && op->opcode == HMM_PROPERTY_SNAPSHOT;
	if (range->read)
		property_check_range(p, nr);
	else
		memset(range->requests, 0, sizeof(range->requests));
}
