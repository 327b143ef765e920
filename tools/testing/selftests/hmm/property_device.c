// SPDX-License-Identifier: GPL-2.0
/*
 * The device: its page table of a range, its DMA mappings, and its writes.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "../../modules/property/hmm_property_test.h"
#include "property_call.h"
#include "property_device.h"
#include "property_log.h"
#include "property_model.h"
#include "property_read.h"

static const char *const dma_dirs[] = { "to device", "from device", "both" };

/* The result that a DMA mapping of these entries must return. */
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

void property_map_dma(struct property *p, unsigned int nr)
{
	static struct hmm_property_entry seen[PROPERTY_PAGES];
	struct property_range *range = &p->range[nr];
	struct hmm_property_op *op;
	bool valid;

	property_check_range(p, nr);
	if (p->failure[0])
		return;
	op = property_get_entries(p, nr);
	if (!op)
		return;
	valid = op->value;
	memcpy(seen, property_entries(p, op),
	       range->npages * sizeof(seen[0]));

	op = property_op(HMM_PROPERTY_DMA_MAP, nr);
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

void property_unmap_dma(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];
	struct hmm_property_op *op = property_op(HMM_PROPERTY_DMA_UNMAP, nr);
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

void property_program_range(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];
	struct hmm_property_op *op = property_op(HMM_PROPERTY_PROGRAM, nr);

	property_note(p, "program the device with range %u", nr);
	if (!property_call(p, range->mirror))
		return;
	property_add_note(p, ", valid %lld", op->value);
	p->device_used |= op->value;
	if (op->value && range->must_collide)
		property_fail(p, "range %u is valid, but lost a page or its interval was moved",
			      nr);
}

void property_write_device(struct property *p, unsigned int nr)
{
	struct property_range *range = &p->range[nr];
	const unsigned int space = p->mirror[range->mirror].space;
	struct hmm_property_op *op = property_op(HMM_PROPERTY_DEVICE_WRITE,
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
	entry = property_entries(p, op);
	for (unsigned int i = 0; i < op->nr_entries; i++, entry++) {
		page = property_page_at(p, space, range->start +
					entry->page * PROPERTY_PAGE);
		if (page)
			page->stamp = op->start + entry->page;
	}
}
