/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A range: one request for the pages behind some addresses of a mirror.
 */
#ifndef _HMM_RANGE_H
#define _HMM_RANGE_H

#include <hmm/interval.h>
#include <hmm/pfn.h>

/**
 * struct hmm_mirror_range - one request for the pages behind addresses
 * @start: first address; set by hmm_mirror_range_register()
 * @end: first address behind; set by hmm_mirror_range_register()
 * @pfns: set by the driver: an array with one entry per page; see pfn.h
 * @default_flags: set by the driver: requested of every page
 * @pfn_flags_mask: set by the driver: what of each entry counts as a request
 *
 * Zero it, then register it. A range serves one thread at a time.
 *
 * Since: 0.1
 */
struct hmm_mirror_range {
	unsigned long start;
	unsigned long end;
	unsigned long *pfns;
	unsigned long default_flags;
	unsigned long pfn_flags_mask;
	/* private: */
	struct hmm_interval_notifier *interval;
	struct hmm_interval_notifier own;
	unsigned long seq;
};

int hmm_mirror_range_register(struct hmm_mirror_range *range,
			      struct hmm_mirror *mirror,
			      unsigned long start, unsigned long end);
int hmm_mirror_range_bind(struct hmm_mirror_range *range,
			  struct hmm_interval_notifier *interval);
void hmm_mirror_range_unregister(struct hmm_mirror_range *range);

int hmm_mirror_range_wait_until_valid(struct hmm_mirror_range *range,
				      unsigned int timeout_ms);
int hmm_mirror_range_snapshot(struct hmm_mirror_range *range);
int hmm_mirror_range_fault(struct hmm_mirror_range *range);
int hmm_mirror_range_fault_locked(struct hmm_mirror_range *range);
int hmm_mirror_range_populate(struct hmm_mirror_range *range,
			      unsigned int timeout_ms);

/**
 * hmm_mirror_range_valid() - may what was read still be used?
 * @range: a range that hmm_mirror_range_wait_until_valid() or
 *         hmm_mirror_range_populate() was called on
 *
 * Asked under the update lock, before the device's page table is programmed.
 * The answer comes from the interval's sequence: an invalidation that came
 * and went since is a collision like one that is still there.
 *
 * Context: any; the caller holds the lock that its callback takes.
 * Return: true if nothing has changed since.
 *
 * Since: 0.1
 */
static inline bool
hmm_mirror_range_valid(const struct hmm_mirror_range *range)
{
	return !hmm_interval_read_retry(range->interval, range->seq);
}

#endif /* _HMM_RANGE_H */
