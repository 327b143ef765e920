// SPDX-License-Identifier: GPL-2.0
/*
 * One call of the API, by whom it may be, and what the device holds after it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "property.h"

static const char *const wrong_names[] = {
	[HMM_PROPERTY_UNWRITTEN] = "was not written by the read",
	[HMM_PROPERTY_MALFORMED] = "is malformed",
	[HMM_PROPERTY_BAD_STEP] = "leads out of the range or not on",
	[HMM_PROPERTY_OTHER_PAGE] = "gives the page of another address",
	[HMM_PROPERTY_BAD_DMA] = "has the DMA address of another page",
};

const char *property_wrong_name(unsigned int wrong)
{
	return wrong_names[wrong];
}

/* The operation is prepared where the next property_call() finds it. */
static struct hmm_property_op next_op;

struct hmm_property_op *property_op(struct property *p, unsigned int opcode,
				    unsigned int a)
{
	(void)p;
	memset(&next_op, 0, sizeof(next_op));
	next_op.opcode = opcode;
	next_op.a = a;
	return &next_op;
}

/* Which agent: half of the time the one whose memory is mirrored. */
static unsigned int choose_agent(struct property *p, unsigned int mirror)
{
	unsigned int agent = property_pick(p, PROPERTY_AGENTS);

	if (mirror < PROPERTY_MIRRORS && p->mirror[mirror].used &&
	    property_once_in(p, 2))
		agent = p->mirror[mirror].space;
	return p->space[agent].alive ? agent : !agent;
}

static bool carry_out(struct property *p, unsigned int agent)
{
	struct property_box *box = p->box[agent];

	box->order = PROPERTY_CALL;
	box->op = next_op;
	if (box->op.max_entries && box->op.opcode != HMM_PROPERTY_FAULT &&
	    box->op.opcode != HMM_PROPERTY_POPULATE)
		box->op.entries = (uintptr_t)box->entries;
	if (!property_order(p, agent) || !property_look(p))
		return false;
	if (box->result) {
		property_fail(p, "the module refuses the operation: %s",
			      property_errno(box->result));
		return false;
	}
	next_op = box->op;
	property_changed(p);
	if (next_op.wrong == HMM_PROPERTY_FINE)
		return true;
	property_fail(p, "entry %u of range %u, %#llx, %s", next_op.wrong_page,
		      next_op.a, next_op.wrong_entry,
		      property_wrong_name(next_op.wrong));
	return false;
}

/*
 * Make the prepared call: by an agent, preferably that of the mirror's memory,
 * or by a workqueue. Its results are in the operation then.
 */
bool property_call(struct property *p, unsigned int mirror)
{
	unsigned int agent = choose_agent(p, mirror);

	next_op.kworker = property_once_in(p, 3);
	property_add_note(p, " (agent %u%s)", agent,
			  next_op.kworker ? ", workqueue" : "");
	if (!p->space[agent].alive) {
		property_fail(p, "there is no agent");
		return false;
	}
	if (next_op.requests)
		memcpy(p->box[agent]->requests,
		       (void *)(uintptr_t)next_op.requests,
		       next_op.max_entries);
	if (next_op.requests)
		next_op.requests = (uintptr_t)p->box[agent]->requests;
	if (!carry_out(p, agent))
		return false;
	property_add_note(p, ": %s", property_errno(next_op.result));
	return true;
}

/* The result of the call must be one of those. */
bool property_expect(struct property *p, int count, ...)
{
	char text[120] = "";
	bool found = false;
	va_list args;

	va_start(args, count);
	for (int i = 0; i < count; i++) {
		int result = va_arg(args, int);

		found |= result == next_op.result;
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s%s", i ? " or " : "", property_errno(result));
	}
	va_end(args);
	if (next_op.result)
		p->refused++;
	if (!found)
		property_fail(p, "the call returns %s, and ought to return %s",
			      property_errno(next_op.result), text);
	return found;
}

/* After each step: nothing may be left of what an address space has lost. */
void property_check_device(struct property *p)
{
	const unsigned int agent = p->space[0].alive ? 0 : 1;
	const struct hmm_property_entry *entry = p->box[agent]->entries;
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_STATE, 0);

	if (!p->device_used || !p->space[agent].alive)
		return;
	op->max_entries = PROPERTY_ENTRIES;
	if (!carry_out(p, agent))
		return;
	p->device_used = next_op.nr_entries;
	for (unsigned int i = 0; i < next_op.nr_entries; i++, entry++) {
		const struct property_range *range = &p->range[entry->range];

		p->device_pages++;
		if (property_dead(p, range->mirror)) {
			property_fail(p, "the device holds page %u of range %u after the exit",
				      entry->page, entry->range);
			return;
		}
		property_check_page(p, "the device's page table", range, false,
				    entry);
	}
}
