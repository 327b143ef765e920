// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls on mirrors and intervals; making and dropping ranges.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "property.h"

static const char *const mirror_kinds[] = { "plain", "release", "sync" };
static const char *const interval_kinds[] = {
	"no callbacks", "one pass", "two passes",
};

/* A slow callback finds nothing more when only one call runs at a time. */
#define STEP_INTERVAL_KINDS	HMM_PROPERTY_INTERVAL_SLOW

/*
 * Addresses that are refused, that wrap, that lie at the very top, or that an
 * index into a page table takes for others.
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

/* Of the mirrors, one that is used, or is not; -1 if there is none. */
static int choose_mirror(struct property *p, bool used)
{
	unsigned int nr = property_pick(p, PROPERTY_MIRRORS);

	for (unsigned int i = 0; i < PROPERTY_MIRRORS; i++)
		if (p->mirror[(nr + i) % PROPERTY_MIRRORS].used == used)
			return (nr + i) % PROPERTY_MIRRORS;
	return -1;
}

/* The same, of the intervals. */
static int choose_interval(struct property *p, bool used)
{
	unsigned int nr = property_pick(p, PROPERTY_INTERVALS);

	for (unsigned int i = 0; i < PROPERTY_INTERVALS; i++)
		if (p->interval[(nr + i) % PROPERTY_INTERVALS].used == used)
			return (nr + i) % PROPERTY_INTERVALS;
	return -1;
}

static void register_mirror(struct property *p, unsigned int nr)
{
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_REGISTER, nr);
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

static void put_found(struct property *p, unsigned int number,
		      unsigned int mirror, bool last)
{
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_PUT_FOUND,
						 number);

	property_note(p, "put what was found, %s %u",
		      number < HMM_PROPERTY_FOUND_RANGE ? "interval" : "range",
		      number % HMM_PROPERTY_FOUND_RANGE);
	if (!property_call(p, mirror))
		return;
	if (op->value != last)
		property_fail(p, "it was %sreleased", last ? "not " : "");
}

static void drop_interval(struct property *p, unsigned int nr, bool put)
{
	struct property_interval *interval = &p->interval[nr];
	struct hmm_property_op *op;

	while (!put && interval->found && !p->failure[0]) {
		interval->found--;
		put_found(p, nr, interval->mirror,
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
	op = property_op(p, put ? HMM_PROPERTY_PUT : HMM_PROPERTY_REMOVE, nr);
	property_note(p, "%s interval %u", put ? "put" : "remove", nr);
	if (!property_call(p, interval->mirror))
		return;
	interval->owned = false;
	interval->used = put && interval->found;
	if (op->value != (put && !interval->found))
		property_fail(p, "it was %sreleased", op->value ? "" : "not ");
}

void property_drop_range(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];

	while (range->found && !p->failure[0]) {
		range->found--;
		put_found(p, HMM_PROPERTY_FOUND_RANGE + nr, range->mirror,
			  false);
	}
	if (p->failure[0])
		return;
	property_op(p, HMM_PROPERTY_RANGE_UNREGISTER, nr);
	property_note(p, "unregister range %u", nr);
	if (property_call(p, range->mirror))
		range->used = false;
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
			drop_interval(p, i, false);
	if (p->failure[0])
		return;
	op = property_op(p, HMM_PROPERTY_UNREGISTER, nr);
	property_note(p, "unregister mirror %u", nr);
	if (!property_call(p, nr))
		return;
	mirror->used = false;
	releases = dead && mirror->kind != HMM_PROPERTY_MIRROR_PLAIN;
	if (op->value != releases)
		property_fail(p, "its release callback ran %lld times instead of %d",
			      op->value, releases);
}

static void find_interval(struct property *p, unsigned int mirror)
{
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_FIND, mirror);
	int expected;
	__u64 end;

	property_choose_span(p, &op->start, &end);
	if (end <= op->start)
		end = op->start + 1;
	op->length = end - 1;
	op->kind = property_pick(p, STEP_INTERVAL_KINDS);
	property_note(p, "find in mirror %u by %s in [%#llx, %#llx]", mirror,
		      interval_kinds[op->kind], op->start, op->length);
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

void property_use_mirror(struct property *p)
{
	int nr = choose_mirror(p, true);

	if (nr < 0 || property_once_in(p, 8)) {
		nr = choose_mirror(p, false);
		if (nr >= 0)
			register_mirror(p, nr);
		return;
	}
	if (property_once_in(p, 24))
		property_drop_mirror(p, nr);
	else
		find_interval(p, nr);
}

/* Bytes, not only pages; at times no bytes, or more than there are. */
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

/* Every error that applies is right; 0 if none does. */
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
	/* An update may find out that the mm is dead, but need not. */
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
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_INSERT, nr);
	int mirror = choose_mirror(p, true);

	if (mirror < 0)
		return;
	op->b = mirror;
	op->kind = property_pick(p, STEP_INTERVAL_KINDS);
	choose_bytes(p, &op->start, &op->length);
	property_note(p, "insert interval %u, %s, in mirror %d at [%#llx, +%#llx)",
		      nr, interval_kinds[op->kind], mirror, op->start,
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
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_UPDATE, nr);

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
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_BEGIN, nr);

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
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_RETRY, nr);

	property_note(p, "has interval %u collided?", nr);
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
	int nr = choose_interval(p, true);

	if (nr < 0 || property_once_in(p, 4)) {
		nr = choose_interval(p, false);
		if (nr >= 0)
			insert_interval(p, nr);
		return;
	}
	switch (property_pick(p, 12)) {
	case 0:
		drop_interval(p, nr, false);
		break;
	case 1:
		if (p->interval[nr].owned)
			drop_interval(p, nr, true);
		break;
	case 2:
		if (p->interval[nr].found) {
			struct property_interval *i = &p->interval[nr];

			i->found--;
			put_found(p, nr, i->mirror, !i->owned && !i->found);
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
