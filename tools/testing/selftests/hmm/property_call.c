// SPDX-License-Identifier: GPL-2.0
/*
 * One API call by a random agent, and the check of the pages that the device
 * holds.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "property_agent.h"
#include "property_call.h"
#include "property_log.h"
#include "property_model.h"

static const char *const wrong_names[] = {
	[HMM_PROPERTY_UNWRITTEN] = "was not written by the read",
	[HMM_PROPERTY_MALFORMED] = "is malformed",
	[HMM_PROPERTY_BAD_STEP] = "leads out of the range, or does not advance",
	[HMM_PROPERTY_OTHER_PAGE] = "names the page of another address",
	[HMM_PROPERTY_BAD_DMA] = "has the DMA address of another page",
};

const char *property_wrong_name(unsigned int wrong)
{
	return wrong_names[wrong];
}

static struct hmm_property_op next_op;

struct hmm_property_op *property_op(unsigned int opcode, unsigned int a)
{
	memset(&next_op, 0, sizeof(next_op));
	next_op.opcode = opcode;
	next_op.a = a;
	return &next_op;
}

/* Mostly choose the agent whose memory is mirrored. */
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
	struct property_mailbox *box = p->mailbox[agent];

	box->order = PROPERTY_CALL;
	box->op = next_op;
	if (box->op.max_entries && box->op.opcode != HMM_PROPERTY_FAULT &&
	    box->op.opcode != HMM_PROPERTY_POPULATE)
		box->op.entries = (uintptr_t)box->entries;
	if (!property_order(p, agent) || !property_read_pagemap(p))
		return false;
	if (box->result) {
		property_fail(p, "the module refuses the operation: %s",
			      property_errno(box->result));
		return false;
	}
	next_op = box->op;
	property_find_lost_pages(p);
	if (next_op.wrong == HMM_PROPERTY_FINE)
		return true;
	property_fail(p, "entry %u of range %u, %#llx, %s", next_op.wrong_page,
		      next_op.a, next_op.wrong_entry,
		      property_wrong_name(next_op.wrong));
	return false;
}

bool property_call(struct property *p, unsigned int mirror)
{
	unsigned int agent = choose_agent(p, mirror);

	next_op.kworker = property_once_in(p, 3);
	property_add_note(p, " (agent %u%s)", agent,
			  next_op.kworker ? ", workqueue" : "");
	if (!p->space[agent].alive) {
		property_fail(p, "no agent is alive");
		return false;
	}
	if (next_op.requests)
		memcpy(p->mailbox[agent]->requests,
		       (void *)(uintptr_t)next_op.requests,
		       next_op.max_entries);
	if (next_op.requests)
		next_op.requests = (uintptr_t)p->mailbox[agent]->requests;
	if (!carry_out(p, agent))
		return false;
	property_add_note(p, ": %s", property_errno(next_op.result));
	return true;
}

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
		property_fail(p, "the call returns %s instead of %s",
			      property_errno(next_op.result), text);
	return found;
}

const struct hmm_property_entry *
property_entries(const struct property *p, const struct hmm_property_op *op)
{
	for (unsigned int i = 0; i < PROPERTY_AGENTS; i++)
		if (op->entries == (uintptr_t)p->mailbox[i]->entries)
			return p->mailbox[i]->entries;
	return NULL;
}

void property_check_device(struct property *p)
{
	const unsigned int agent = p->space[0].alive ? 0 : 1;
	const struct hmm_property_entry *entry = p->mailbox[agent]->entries;
	struct hmm_property_op *op = property_op(HMM_PROPERTY_STATE, 0);

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
