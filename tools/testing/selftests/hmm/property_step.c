// SPDX-License-Identifier: GPL-2.0
/*
 * The phase that runs one step at a time.
 */
#include "../../modules/property/hmm_property_test.h"
#include "hmm_system.h"
#include "property_agent.h"
#include "property_call.h"
#include "property_choose.h"
#include "property_device.h"
#include "property_interval.h"
#include "property_log.h"
#include "property_memory.h"
#include "property_mirror.h"
#include "property_model.h"
#include "property_range.h"
#include "property_read.h"
#include "property_step.h"

static void use_range(struct property *p)
{
	struct property_range *range;
	int nr;

	if (!property_choose_used(p, PROPERTY_RANGES, property_range_is_used,
				  5, &nr)) {
		if (nr != PROPERTY_NONE && property_once_in(p, 2))
			property_register_range(p, nr);
		else if (nr != PROPERTY_NONE)
			property_bind_range(p, nr);
		return;
	}
	range = &p->range[nr];
	switch (property_pick(p, 20)) {
	case 0:
		property_drop_range(p, nr);
		return;
	case 1:
	case 2:
	case 3:
		property_wait_range(p, nr);
		return;
	case 4:
	case 5:
	case 6:
		property_check_range(p, nr);
		return;
	}
	/* A DMA mapping remains after a new begin, so sometimes unmap it. */
	if (!range->read && range->npages && property_has_callback(p, range) &&
	    property_once_in(p, 3)) {
		property_unmap_dma(p, nr);
		return;
	}
	if (property_once_in(p, 2) || !range->read ||
	    !property_has_callback(p, range)) {
		property_read_range(p, nr);
		if (p->failure[0] || !range->read ||
		    !property_has_callback(p, range))
			return;
	}
	switch (property_pick(p, 6)) {
	case 0:
		property_map_dma(p, nr);
		break;
	case 1:
		property_unmap_dma(p, nr);
		break;
	case 2:
		property_write_device(p, nr);
		break;
	default:
		property_program_range(p, nr);
	}
}

static bool open_space(struct property *p, unsigned int agent)
{
	struct hmm_property_op *op;

	op = property_op(HMM_PROPERTY_SPACE_OPEN, agent);
	op->start = p->space[agent].pid;
	property_note(p, "open space %u", agent);
	if (!property_call(p, PROPERTY_MIRRORS))
		return false;
	property_expect(p, 1, 0);
	p->space[agent].limit = op->value;
	p->space[agent].open = true;
	return true;
}

void property_open_spaces(struct property *p)
{
	for (unsigned int i = 0; i < PROPERTY_AGENTS; i++)
		if (!open_space(p, i))
			return;
}

/* Replace a process that has exited. */
static void replace_agent(struct property *p, unsigned int agent)
{
	for (unsigned int i = 0; i < PROPERTY_MIRRORS; i++)
		if (p->mirror[i].used && p->mirror[i].space == agent)
			property_drop_mirror(p, i);
	if (p->failure[0])
		return;
	property_op(HMM_PROPERTY_SPACE_CLOSE, agent);
	property_note(p, "close space %u", agent);
	if (!property_call(p, PROPERTY_MIRRORS))
		return;
	if (!property_agent_start(p, agent)) {
		property_fail(p, "cannot start a process");
		return;
	}
	open_space(p, agent);
}

void property_one_step(struct property *p)
{
	if (!p->space[1].alive && property_once_in(p, 40)) {
		replace_agent(p, 1);
	} else if (p->space[1].alive && property_once_in(p, 300)) {
		property_exit_agent(p, 1);
	} else {
		switch (property_pick(p, 20)) {
		case 0:
		case 1:
			property_use_mirror(p);
			break;
		case 2:
		case 3:
		case 4:
		case 5:
			property_use_interval(p);
			break;
		case 6:
		case 7:
		case 8:
		case 9:
		case 10:
		case 11:
		case 12:
			use_range(p);
			break;
		default:
			property_change(p);
			/* After an API call, property_call() does this. */
			if (!p->failure[0] && property_read_pagemap(p))
				property_find_lost_pages(p);
		}
	}
	if (!p->failure[0])
		property_check_device(p);
}

void property_check_counts(struct property *p)
{
	static const char *const names[] = {
		"contexts", "mirrors", "intervals", "pinned_mms",
	};

	for (unsigned int i = 0; i < PROPERTY_MIRRORS; i++)
		if (p->mirror[i].used && !p->failure[0])
			property_drop_mirror(p, i);
	for (unsigned int i = 0; i < 4 && !p->failure[0]; i++)
		if (hmm_debugfs_wait_count(names[i], 0) > 0)
			property_fail(p, "everything is unregistered, but %s is %ld",
				      names[i], hmm_debugfs_count(names[i]));
}
