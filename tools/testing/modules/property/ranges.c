// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on ranges.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "device.h"
#include "inspect.h"
#include "ranges.h"

static void property_range_free(struct property_range *range)
{
	kvfree(range->range.pfns);
	kvfree(range->device);
	kvfree(range->addrs);
	range->range.pfns = NULL;
	range->device = NULL;
	range->addrs = NULL;
	range->npages = 0;
	range->mirror = NULL;
	range->interval = NULL;
}

/* A range that is too long, or invalid, gets no array and is never read. */
static int property_range_alloc(struct property_range *range,
				const struct hmm_property_op *op)
{
	unsigned long n = (op->length - op->start) >> PAGE_SHIFT;

	memset(&range->range, 0, sizeof(range->range));
	range->found = 0;
	range->dma = false;
	range->npages = 0;
	range->range.flags = op->kind ? HMM_MIRROR_RANGE_COMPACT : 0;
	if (op->start >= op->length || n > HMM_PROPERTY_MAX_PAGES || !n)
		return 0;
	range->range.pfns = kvcalloc(n, sizeof(*range->range.pfns),
				     GFP_KERNEL);
	range->device = kvcalloc(n, sizeof(*range->device), GFP_KERNEL);
	range->addrs = kvcalloc(n, sizeof(*range->addrs), GFP_KERNEL);
	if (!range->range.pfns || !range->device || !range->addrs) {
		property_range_free(range);
		return -ENOMEM;
	}
	range->npages = n;
	return 0;
}

static void property_range_add(struct property_range *range)
{
	mutex_lock(&range->mirror->update);
	list_add_tail(&range->node, &range->mirror->ranges);
	mutex_unlock(&range->mirror->update);
	atomic_inc(&range->mirror->users);
	if (range->interval)
		atomic_inc(&range->interval->bound);
}

static int property_range_register(struct property_call *call,
				   struct property_range *range)
{
	struct property_mirror *mirror = &call->property->mirrors[call->op.b];

	if (call->op.b >= HMM_PROPERTY_MIRRORS || !mirror->registered)
		return -EINVAL;
	if (property_range_alloc(range, &call->op))
		return -ENOMEM;
	range->interval = NULL;
	call->op.result = hmm_mirror_range_register(&range->range,
						    &mirror->mirror,
						    call->op.start,
						    call->op.length);
	if (call->op.result) {
		property_range_free(range);
		return 0;
	}
	range->mirror = mirror;
	property_range_add(range);
	return 0;
}

static int property_range_bind(struct property_call *call,
			       struct property_range *range)
{
	struct property_interval *interval =
		&call->property->intervals[call->op.b];
	int ret = -EINVAL;

	if (call->op.b >= HMM_PROPERTY_INTERVALS)
		return ret;
	down_read(&interval->lock);
	if (!interval->mirror || !interval->owned)
		goto out;
	ret = property_range_alloc(range, &call->op);
	if (ret)
		goto out;
	range->range.start = call->op.start;
	range->range.end = call->op.length;
	/* Serialize against an update of the interval. */
	mutex_lock(&interval->mirror->update);
	call->op.result = hmm_mirror_range_bind(&range->range,
						&interval->notifier);
	mutex_unlock(&interval->mirror->update);
	if (call->op.result) {
		property_range_free(range);
		goto out;
	}
	range->mirror = interval->mirror;
	range->interval = interval;
	property_range_add(range);
out:
	up_read(&interval->lock);
	return ret;
}

void property_range_drop(struct property_range *range)
{
	struct property_mirror *mirror = range->mirror;

	mutex_lock(&mirror->update);
	property_clear(range, 0, ULONG_MAX);
	list_del(&range->node);
	mutex_unlock(&mirror->update);
	hmm_mirror_range_unregister(&range->range);
	if (range->interval)
		atomic_dec(&range->interval->bound);
	atomic_dec(&mirror->users);
	property_range_free(range);
}

static unsigned long property_request(unsigned int request)
{
	return (request & HMM_PROPERTY_REQ_VALID ? HMM_MIRROR_PFN_VALID : 0) |
	       (request & HMM_PROPERTY_REQ_WRITE ? HMM_MIRROR_PFN_WRITE : 0);
}

/*
 * Poison the entries without a request, to detect those that are not written.
 */
static void property_set_requests(struct property_range *range,
				  const struct property_call *call)
{
	const unsigned long mask = property_request(call->op.mask);
	unsigned long i;

	/*
	 * Do not change entries that are mapped for DMA. The core must refuse
	 * to read them.
	 */
	if (range->dma)
		return;
	range->range.default_flags = property_request(call->op.default_flags);
	range->range.pfn_flags_mask = mask;
	for (i = 0; i < range->npages; i++)
		range->range.pfns[i] = mask && call->requests &&
				       i < call->op.max_entries ?
				       property_request(call->requests[i]) :
				       HMM_PROPERTY_POISON;
}

static int property_read(struct property_range *range,
			 struct property_call *call)
{
	struct hmm_property_op *op = &call->op;

	if (!range->npages)
		return -EINVAL;
	/*
	 * Until the read, only a callback can change the number of mapped
	 * entries, by unmapping some of them.
	 */
	mutex_lock(&range->mirror->update);
	op->mapped = property_mapped(range);
	property_set_requests(range, call);
	mutex_unlock(&range->mirror->update);
	switch (op->opcode) {
	case HMM_PROPERTY_SNAPSHOT:
		op->result = hmm_mirror_range_snapshot(&range->range);
		break;
	case HMM_PROPERTY_FAULT:
		op->result = hmm_mirror_range_fault(&range->range);
		break;
	default:
		op->result = hmm_mirror_range_populate(&range->range,
						       PROPERTY_TIMEOUT_MS);
	}
	if (!op->result)
		property_inspect(range, op, false);
	return 0;
}

/* Operations for which a driver holds the update lock. */
static int property_range_locked(struct property_range *range,
				 struct property_call *call)
{
	struct hmm_property_op *op = &call->op;

	lockdep_assert_held(&range->mirror->update);
	op->mapped = property_mapped(range);
	switch (op->opcode) {
	case HMM_PROPERTY_CHECK:
	case HMM_PROPERTY_VERIFY:
		op->value = hmm_mirror_range_valid(&range->range);
		if (!op->value)
			return 0;
		property_inspect(range, op,
				 op->opcode == HMM_PROPERTY_VERIFY);
		if (op->opcode == HMM_PROPERTY_CHECK &&
		    op->wrong == HMM_PROPERTY_FINE)
			property_show(range, op->a, call);
		return 0;
	case HMM_PROPERTY_ACCESS:
		property_access(range, op);
		return 0;
	case HMM_PROPERTY_PROGRAM:
		op->value = hmm_mirror_range_valid(&range->range);
		if (op->value)
			property_program(range);
		return 0;
	case HMM_PROPERTY_DMA_MAP:
		op->result = property_dma_map(range, op->kind, op);
		return 0;
	case HMM_PROPERTY_DMA_UNMAP:
		property_dma_unmap(range, op->start, op->length);
		op->value = property_mapped(range);
		return 0;
	case HMM_PROPERTY_DEVICE_WRITE:
		property_device_write(range, call);
		return 0;
	}
	return -EINVAL;
}

static int property_range_use(struct property_range *range,
			      struct property_call *call)
{
	int ret;

	switch (call->op.opcode) {
	case HMM_PROPERTY_RANGE_UNREGISTER:
		if (range->found)
			return -EINVAL;
		property_range_drop(range);
		return 0;
	case HMM_PROPERTY_WAIT:
		call->op.result =
			hmm_mirror_range_wait_until_valid(&range->range,
							  PROPERTY_TIMEOUT_MS);
		return 0;
	case HMM_PROPERTY_SNAPSHOT:
	case HMM_PROPERTY_FAULT:
	case HMM_PROPERTY_POPULATE:
		return property_read(range, call);
	}
	if (!range->npages)
		return -EINVAL;
	if ((call->op.opcode == HMM_PROPERTY_PROGRAM ||
	     call->op.opcode == HMM_PROPERTY_DMA_MAP) &&
	    !property_has_callback(range))
		return -EINVAL;
	mutex_lock(&range->mirror->update);
	ret = property_range_locked(range, call);
	mutex_unlock(&range->mirror->update);
	return ret;
}

int property_range(struct property_call *call)
{
	struct property_range *range;
	bool make;
	int ret = -EINVAL;

	if (call->op.a >= HMM_PROPERTY_RANGES)
		return -EINVAL;
	range = &call->property->ranges[call->op.a];
	make = call->op.opcode == HMM_PROPERTY_RANGE_REGISTER ||
	       call->op.opcode == HMM_PROPERTY_RANGE_BIND;
	mutex_lock(&range->lock);
	if (make == !range->mirror) {
		if (call->op.opcode == HMM_PROPERTY_RANGE_REGISTER)
			ret = property_range_register(call, range);
		else if (call->op.opcode == HMM_PROPERTY_RANGE_BIND)
			ret = property_range_bind(call, range);
		else
			ret = property_range_use(range, call);
	}
	mutex_unlock(&range->lock);
	return ret;
}

/* Return the entries of all device page tables to the program. */
int property_state(struct property_call *call)
{
	unsigned long i;
	unsigned int nr;

	for (nr = 0; nr < HMM_PROPERTY_RANGES; nr++) {
		struct property_range *range = &call->property->ranges[nr];

		mutex_lock(&range->lock);
		if (range->mirror) {
			mutex_lock(&range->mirror->update);
			for (i = 0; i < range->npages; i++)
				if (range->device[i])
					property_add(call, nr, i,
						     range->device[i]);
			mutex_unlock(&range->mirror->update);
		}
		mutex_unlock(&range->lock);
	}
	return 0;
}
