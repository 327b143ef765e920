// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls on ranges: begin, read, check, program the device, DMA.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "property.h"

static const char *const dma_dirs[] = { "to device", "from device", "both" };

static int choose_range(struct property *p, bool used)
{
	unsigned int nr = property_pick(p, PROPERTY_RANGES);

	for (unsigned int i = 0; i < PROPERTY_RANGES; i++)
		if (p->range[(nr + i) % PROPERTY_RANGES].used == used)
			return (nr + i) % PROPERTY_RANGES;
	return -1;
}

/* One that may be bound to: the owner's reference is still there. */
static int choose_owned(struct property *p)
{
	unsigned int nr = property_pick(p, PROPERTY_INTERVALS);

	for (unsigned int i = 0; i < PROPERTY_INTERVALS; i++)
		if (p->interval[(nr + i) % PROPERTY_INTERVALS].owned)
			return (nr + i) % PROPERTY_INTERVALS;
	return -1;
}

static bool bad_span(const struct property *p, unsigned int space, __u64 start,
		     __u64 end)
{
	return start % PROPERTY_PAGE || end % PROPERTY_PAGE || start >= end ||
	       end > p->space[space].limit;
}

static void range_made(struct property *p, unsigned int nr,
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

static void register_range(struct property *p, unsigned int nr)
{
	struct hmm_property_op *op;
	int mirror = -1;
	bool bad;

	for (unsigned int i = 0; i < PROPERTY_MIRRORS; i++)
		if (p->mirror[i].used && (mirror < 0 || property_once_in(p, 2)))
			mirror = i;
	if (mirror < 0)
		return;
	op = property_op(p, HMM_PROPERTY_RANGE_REGISTER, nr);
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
		range_made(p, nr, op, mirror, -1);
}

/* Within the interval, if it has a whole page; or anywhere. */
static void choose_bound(struct property *p,
			 const struct property_interval *interval,
			 __u64 *start, __u64 *end)
{
	__u64 first = (interval->start + PROPERTY_PAGE - 1) / PROPERTY_PAGE;
	__u64 past = (interval->last + 1) / PROPERTY_PAGE, n;

	property_choose_span(p, start, end);
	if (property_once_in(p, 6) || past <= first)
		return;
	n = past - first;
	/* Of a long one, what lies in the arena. */
	if (n > PROPERTY_PAGES)
		return;
	first += property_pick(p, n);
	n = 1 + property_pick(p, past - first);
	*start = first * PROPERTY_PAGE;
	*end = *start + n * PROPERTY_PAGE;
}

static void bind_range(struct property *p, unsigned int nr)
{
	const struct property_interval *interval;
	struct hmm_property_op *op;
	int i = choose_owned(p);
	bool bad;

	if (i < 0)
		return;
	interval = &p->interval[i];
	op = property_op(p, HMM_PROPERTY_RANGE_BIND, nr);
	op->b = i;
	op->kind = property_once_in(p, 2);
	choose_bound(p, interval, &op->start, &op->length);
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
		range_made(p, nr, op, interval->mirror, i);
}

static void wait_range(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_WAIT, nr);
	const bool covered = property_covered(p, range);

	property_note(p, "begin range %u", nr);
	if (!property_call(p, range->mirror))
		return;
	if (property_dead(p, range->mirror))
		property_expect(p, 2, -ESRCH, covered ? -ESRCH : -ENOENT);
	else
		property_expect(p, 1, covered ? 0 : -ENOENT);
	/* What was read before counts no longer. */
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
	/* A compact range has no requests of single pages. */
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

/* Spread out what counts of the requests, for the model. */
static void settle_requests(struct property_range *range,
			    const struct hmm_property_op *op)
{
	for (unsigned int i = 0; i < range->npages; i++)
		range->requests[i] = (range->requests[i] & op->mask) |
				     op->default_flags;
}

/* What a read must return. A collision of which the model knows counts. */
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
	/* A fault that breaks copy-on-write collides with itself. */
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

static void check_range(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];
	const struct hmm_property_entry *entry;
	struct hmm_property_op *op;
	unsigned int agent;

	if (!range->read)
		return;
	op = property_op(p, HMM_PROPERTY_CHECK, nr);
	op->max_entries = range->npages;
	property_note(p, "is range %u valid?", nr);
	if (!property_call(p, range->mirror))
		return;
	property_add_note(p, " %lld", op->value);
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
		property_fail(p, "range %u has %u entries, and ought to have %u",
			      nr, op->nr_entries, range->npages);
		return;
	}
	agent = op->entries == (uintptr_t)p->box[0]->entries ? 0 : 1;
	entry = p->box[agent]->entries;
	for (unsigned int i = 0; i < range->npages; i++, entry++) {
		const __u64 has = entry->entry;

		property_check_page(p, "the range", range, range->fresh, entry);
		if ((range->requests[i] & HMM_PROPERTY_REQ_VALID &&
		     !(has & HMM_PROPERTY_VALID)) ||
		    (range->requests[i] & HMM_PROPERTY_REQ_WRITE &&
		     !(has & HMM_PROPERTY_WRITE)))
			property_fail(p, "page %u of range %u has less than was requested: %#llx",
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
	op = property_op(p, opcodes[property_pick(p, 4)], nr);
	choose_requests(p, range, op);
	property_note(p, "%s range %u, default %u mask %u",
		      read_name(op->opcode), nr, op->default_flags, op->mask);
	collided = op->opcode != HMM_PROPERTY_POPULATE &&
		   (!range->begun || range->must_collide);
	if (!property_call(p, range->mirror))
		return;
	settle_requests(range, op);
	expect_read(p, range, op, collided);
	if (op->opcode == HMM_PROPERTY_POPULATE) {
		/* It has begun again, perhaps after the last collision. */
		range->begun = true;
		range->must_collide = false;
	}
	range->read = !op->result;
	range->fresh = !op->result && op->opcode == HMM_PROPERTY_SNAPSHOT;
	if (range->read)
		check_range(p, nr);
	else
		memset(range->requests, 0, sizeof(range->requests));
}

/* What the mapping must return, by the entries that a check has shown. */
static int expect_dma(const struct property_range *range,
		      const struct hmm_property_entry *entry, unsigned int dir)
{
	for (unsigned int i = 0; i < range->npages; i++, entry++) {
		if (!(entry->entry & HMM_PROPERTY_VALID))
			return -EFAULT;
		if (dir && !(entry->entry & HMM_PROPERTY_WRITE))
			return -EPERM;
	}
	return 0;
}

static void map_dma(struct property *p, unsigned int nr)
{
	static struct hmm_property_entry seen[PROPERTY_PAGES];
	struct property_range *range = &p->range[nr];
	struct hmm_property_op *op;
	unsigned int agent;
	bool valid;

	check_range(p, nr);
	if (p->failure[0])
		return;
	op = property_op(p, HMM_PROPERTY_CHECK, nr);
	op->max_entries = range->npages;
	property_note(p, "look at range %u", nr);
	if (!property_call(p, range->mirror))
		return;
	valid = op->value;
	agent = op->entries == (uintptr_t)p->box[0]->entries ? 0 : 1;
	memcpy(seen, p->box[agent]->entries, range->npages * sizeof(seen[0]));

	op = property_op(p, HMM_PROPERTY_DMA_MAP, nr);
	op->kind = property_pick(p, 3);
	property_note(p, "map range %u for DMA, %s", nr, dma_dirs[op->kind]);
	if (!property_call(p, range->mirror))
		return;
	p->device_used |= !op->result;
	if (op->mapped)
		property_expect(p, 1, -EINVAL);
	else if (!valid)
		property_expect(p, 1, -EBUSY);
	else
		property_expect(p, 2, expect_dma(range, seen, op->kind),
				-EBUSY);
}

static void unmap_dma(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_DMA_UNMAP, nr);
	unsigned int n = range->npages, first = property_pick(p, n);

	op->start = range->start;
	op->length = range->end;
	if (property_once_in(p, 2)) {
		op->start += first * PROPERTY_PAGE;
		op->length = op->start + (1 + property_pick(p, n - first)) *
			     PROPERTY_PAGE;
	}
	property_note(p, "unmap [%#llx, %#llx) of range %u from DMA",
		      op->start, op->length, nr);
	if (!property_call(p, range->mirror))
		return;
	if (op->start == range->start && op->length == range->end && op->value)
		property_fail(p, "%lld entries are still mapped for DMA",
			      op->value);
}

static bool watched(const struct property *p, const struct property_range *range)
{
	return p->mirror[range->mirror].kind == HMM_PROPERTY_MIRROR_SYNC ||
	       (range->interval >= 0 && p->interval[range->interval].kind !=
					HMM_PROPERTY_INTERVAL_PLAIN);
}

static void program_range(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_PROGRAM, nr);

	property_note(p, "program the device with range %u", nr);
	if (!property_call(p, range->mirror))
		return;
	property_add_note(p, ", valid %lld", op->value);
	p->device_used |= op->value;
	if (op->value && range->must_collide)
		property_fail(p, "range %u is valid, but lost a page or its interval was moved",
			      nr);
}

static void write_device(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];
	const unsigned int space = p->mirror[range->mirror].space;
	struct hmm_property_op *op = property_op(p, HMM_PROPERTY_DEVICE_WRITE,
						 nr);
	const struct hmm_property_entry *entry;
	struct property_model_page *page;

	p->stamps += PROPERTY_PAGES;
	op->start = p->stamps;
	op->max_entries = range->npages;
	property_note(p, "the device writes to range %u", nr);
	if (!property_call(p, range->mirror))
		return;
	property_add_note(p, ", %u pages", op->nr_entries);
	entry = p->box[op->entries != (uintptr_t)p->box[0]->entries]->entries;
	for (unsigned int i = 0; i < op->nr_entries; i++, entry++) {
		page = property_page_at(p, space, range->start +
					entry->page * PROPERTY_PAGE);
		if (page)
			page->stamp = op->start + entry->page;
	}
}

void property_use_range(struct property *p)
{
	struct property_range *range;
	int nr = choose_range(p, true);

	if (nr < 0 || property_once_in(p, 5)) {
		nr = choose_range(p, false);
		if (nr >= 0 && property_once_in(p, 2))
			register_range(p, nr);
		else if (nr >= 0)
			bind_range(p, nr);
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
		wait_range(p, nr);
		return;
	case 4:
	case 5:
	case 6:
		check_range(p, nr);
		return;
	}
	/* What was mapped for DMA stays so when the range is begun anew. */
	if (!range->read && range->npages && watched(p, range) &&
	    property_once_in(p, 3)) {
		unmap_dma(p, nr);
		return;
	}
	if (property_once_in(p, 2) || !range->read || !watched(p, range)) {
		property_read_range(p, nr);
		if (p->failure[0] || !range->read || !watched(p, range))
			return;
	}
	switch (property_pick(p, 6)) {
	case 0:
		map_dma(p, nr);
		break;
	case 1:
		unmap_dma(p, nr);
		break;
	case 2:
		write_device(p, nr);
		break;
	default:
		program_range(p, nr);
	}
}
