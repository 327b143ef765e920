// SPDX-License-Identifier: GPL-2.0
/*
 * A read with the kernel's own hmm_range_fault(), in the way that its
 * documentation recommends to drivers.
 */
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "kernel.h"

/**
 * struct diff_kernel - counts the invalidations of a range of addresses
 * @notifier: interval notifier of the range
 * @calls: number of invalidations
 * @reported: @calls at the last diff_kernel_changed()
 */
struct diff_kernel {
	struct mmu_interval_notifier notifier;
	atomic_t calls;
	int reported;
};

static bool diff_kernel_invalidate(struct mmu_interval_notifier *notifier,
				   const struct mmu_notifier_range *range,
				   unsigned long seq)
{
	struct diff_kernel *kernel =
		container_of(notifier, struct diff_kernel, notifier);

	mmu_interval_set_seq(notifier, seq);
	atomic_inc(&kernel->calls);
	return true;
}

static const struct mmu_interval_notifier_ops diff_kernel_ops = {
	.invalidate = diff_kernel_invalidate,
};

struct diff_kernel *diff_kernel_open(const struct diff_request *request)
{
	struct diff_kernel *kernel = kzalloc(sizeof(*kernel), GFP_KERNEL);
	int ret;

	if (!kernel)
		return ERR_PTR(-ENOMEM);
	ret = mmu_interval_notifier_insert(&kernel->notifier, current->mm,
					   request->start,
					   diff_end(request) - request->start,
					   &diff_kernel_ops);
	if (ret) {
		kfree(kernel);
		return ERR_PTR(ret);
	}
	return kernel;
}

void diff_kernel_close(struct diff_kernel *kernel)
{
	mmu_interval_notifier_remove(&kernel->notifier);
	kfree(kernel);
}

bool diff_kernel_changed(struct diff_kernel *kernel)
{
	int calls = atomic_read(&kernel->calls);
	bool changed = calls != kernel->reported;

	kernel->reported = calls;
	return changed;
}

static unsigned long diff_kernel_request(unsigned int request)
{
	return (request & HMM_DIFF_REQ_VALID ? HMM_PFN_REQ_FAULT : 0) |
	       (request & HMM_DIFF_REQ_WRITE ? HMM_PFN_REQ_WRITE : 0) |
	       (request & HMM_DIFF_REQ_JUNK ? DIFF_JUNK : 0);
}

/* Without VALID, the page frame number, the order and WRITE are undefined. */
static u64 diff_kernel_entry(unsigned long entry)
{
	unsigned int flags = entry & HMM_PFN_ERROR ? HMM_DIFF_ERROR : 0;

	if (!(entry & HMM_PFN_VALID))
		return diff_entry(flags, 0, 0);
	flags |= HMM_DIFF_VALID;
	if (entry & HMM_PFN_WRITE)
		flags |= HMM_DIFF_WRITE;
	return diff_entry(flags, hmm_pfn_to_map_order(entry),
			  page_to_pfn(hmm_pfn_to_page(entry)));
}

/*
 * The kernel ignores WRITE without VALID. If such a request occurs, fold the
 * defaults and the mask into the request of each page, and add VALID.
 */
static unsigned int diff_total(const struct diff_request *request,
			       unsigned long i)
{
	return (request->pages[i] & request->mask) | request->default_flags;
}

static bool diff_writes_alone(const struct diff_request *request)
{
	const unsigned int both = HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE;
	unsigned long i;

	for (i = 0; i < request->npages; i++)
		if ((diff_total(request, i) & both) == HMM_DIFF_REQ_WRITE)
			return true;
	return false;
}

static unsigned long diff_kernel_page(const struct diff_request *request,
				      unsigned long i, bool alone)
{
	unsigned int flags = request->pages[i];

	if (alone) {
		flags = diff_total(request, i);
		if (flags & HMM_DIFF_REQ_WRITE)
			flags |= HMM_DIFF_REQ_VALID;
	}
	return diff_kernel_request(flags);
}

int diff_kernel(struct diff_kernel *kernel, const struct diff_request *request,
		unsigned long *pfns, u64 *entries)
{
	struct hmm_range range = {
		.notifier = &kernel->notifier,
		.start = request->start,
		.end = diff_end(request),
		.hmm_pfns = pfns,
	};
	const bool alone = request->fault && diff_writes_alone(request);
	struct mm_struct *mm = current->mm;
	unsigned int try;
	unsigned long i;
	int ret = -EBUSY;

	if (request->fault) {
		range.default_flags =
			diff_kernel_request(request->default_flags);
		range.pfn_flags_mask = diff_kernel_request(request->mask);
	}
	if (alone) {
		range.default_flags = 0;
		range.pfn_flags_mask = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE;
	}

	for (try = 0; try < DIFF_TRIES && ret == -EBUSY; try++) {
		/* A read that collided has overwritten the requests. */
		for (i = 0; i < request->npages; i++)
			pfns[i] = diff_kernel_page(request, i, alone);
		range.notifier_seq = mmu_interval_read_begin(range.notifier);
		mmap_read_lock(mm);
		ret = hmm_range_fault(&range);
		mmap_read_unlock(mm);
		if (!ret && mmu_interval_read_retry(range.notifier,
						    range.notifier_seq))
			ret = -EBUSY;
	}

	for (i = 0; i < request->npages; i++)
		entries[i] = diff_kernel_entry(pfns[i]);
	return ret;
}
