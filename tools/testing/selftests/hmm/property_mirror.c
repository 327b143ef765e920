// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls on mirrors.
 */
#include <errno.h>

#include "../../modules/property/hmm_property_test.h"
#include "property_call.h"
#include "property_choose.h"
#include "property_find.h"
#include "property_interval.h"
#include "property_log.h"
#include "property_mirror.h"
#include "property_model.h"
#include "property_range.h"

static const char *const mirror_kinds[] = { "plain", "release", "sync" };

static void register_mirror(struct property *p, unsigned int nr)
{
	struct hmm_property_op *op = property_op(HMM_PROPERTY_REGISTER, nr);
	struct property_mirror *mirror = &p->mirror[nr];

	op->b = property_pick(p, PROPERTY_AGENTS);
	op->kind = property_pick(p, HMM_PROPERTY_MIRROR_KINDS);
	if (!p->space[op->b].open)
		return;
	mirror->space = op->b;
	mirror->kind = op->kind;
	property_note(p, "register mirror %u, %s, on space %u", nr,
		      mirror_kinds[op->kind], op->b);
	if (!property_call(p, nr))
		return;
	property_expect(p, 1, p->space[mirror->space].alive ? 0 : -ESRCH);
	mirror->used = !op->result;
}

void property_drop_mirror(struct property *p, unsigned int nr)
{
	struct property_mirror *mirror = &p->mirror[nr];
	bool dead = property_dead(p, nr), releases;
	struct hmm_property_op *op;

	for (unsigned int i = 0; i < PROPERTY_RANGES; i++)
		if (p->range[i].used && p->range[i].mirror == nr)
			property_drop_range(p, i);
	for (unsigned int i = 0; i < PROPERTY_INTERVALS; i++)
		if (p->interval[i].used && p->interval[i].mirror == nr)
			property_drop_interval(p, i, false);
	if (p->failure[0])
		return;
	op = property_op(HMM_PROPERTY_UNREGISTER, nr);
	property_note(p, "unregister mirror %u", nr);
	if (!property_call(p, nr))
		return;
	mirror->used = false;
	releases = dead && mirror->kind != HMM_PROPERTY_MIRROR_PLAIN;
	if (op->value != releases)
		property_fail(p, "the release callback ran %lld times instead of %d",
			      op->value, releases);
}

void property_use_mirror(struct property *p)
{
	int nr;

	if (!property_choose_used(p, PROPERTY_MIRRORS, property_mirror_is_used,
				  8, &nr)) {
		if (nr != PROPERTY_NONE)
			register_mirror(p, nr);
		return;
	}
	if (property_once_in(p, 24))
		property_drop_mirror(p, nr);
	else
		property_find(p, nr);
}
