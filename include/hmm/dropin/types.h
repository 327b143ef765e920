/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The types and functions that replace the kernel's own interface. A driver does
 * not include this header: see dropin.h.
 */
#ifndef _HMM_DROPIN_TYPES_H
#define _HMM_DROPIN_TYPES_H

#include <linux/interval_tree.h>
#include <linux/spinlock.h>

#include <hmm/interval.h>

struct hmm_dropin_interval;
struct hmm_dropin_mirror;

/**
 * struct hmm_dropin_finish - the second pass of one invalidation
 * @notifier: the interval; set after @invalidate_start has returned
 *
 * A driver that passes data from the first pass to the second embeds this
 * structure in one of its own.
 *
 * Since: 0.3
 */
struct hmm_dropin_finish {
	/* private: protected by the lock of @notifier */
	struct hlist_node node;
	const struct mmu_notifier_range *range;
	/* public: */
	struct hmm_dropin_interval *notifier;
};

/**
 * struct hmm_dropin_interval_ops - callbacks of an interval
 *
 * Since: 0.3
 */
struct hmm_dropin_interval_ops {
	/**
	 * @invalidate: a part of the interval is about to change. A driver that
	 * removes its mappings calls mmu_interval_set_seq() with @cur_seq under
	 * its update lock. A driver that ignores the event does not, and its
	 * readers then need not retry.
	 *
	 * Context: may sleep if mmu_notifier_range_blockable(range) is true.
	 * Otherwise it must return false if it would have to sleep.
	 */
	bool (*invalidate)(struct hmm_dropin_interval *interval,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq);

	/**
	 * @invalidate_start: used instead of @invalidate, if it is not NULL. If
	 * it sets \*@finish, @invalidate_finish runs, even if another interval
	 * refused the invalidation. Unless memory is short, it runs after the
	 * first passes of all other intervals.
	 */
	bool (*invalidate_start)(struct hmm_dropin_interval *interval,
				 const struct mmu_notifier_range *range,
				 unsigned long cur_seq,
				 struct hmm_dropin_finish **finish);

	/**
	 * @invalidate_finish: waits for the device. The driver may free @finish.
	 */
	void (*invalidate_finish)(struct hmm_dropin_finish *finish);
};

/**
 * struct hmm_dropin_interval - a range of addresses with a sequence number
 * @interval_tree: only @start and @last are used, both inclusive, in bytes
 * @ops: the callbacks
 * @mm: the mm; while the interval is inserted, its mirror has a reference to
 *      mm_count. NULL if the insertion failed or the driver has set it to NULL
 * @invalidate_seq: the argument of the latest mmu_interval_set_seq()
 *
 * Since: 0.3
 */
struct hmm_dropin_interval {
	struct interval_tree_node interval_tree;
	const struct hmm_dropin_interval_ops *ops;
	struct mm_struct *mm;
	unsigned long invalidate_seq;
	/* private: */
	struct hmm_interval_notifier own;
	struct hmm_dropin_mirror *mirror;
	/* Protects @finishes. */
	spinlock_t lock;
	struct hlist_head finishes;
};

/**
 * struct hmm_dropin_range - a request for the pages of a range of addresses
 * @notifier: an interval that contains the range
 * @notifier_seq: return value of mmu_interval_read_begin()
 * @start: first address, in bytes
 * @end: first address past the end, in bytes
 * @hmm_pfns: one entry per page, in the layout of the kernel's HMM_PFN_* flags
 * @default_flags: flags requested of every page
 * @pfn_flags_mask: the flags that each entry may request in addition
 * @dev_private_owner: the owner of the driver's device-private memory, or NULL
 *
 * Since: 0.3
 */
struct hmm_dropin_range {
	struct hmm_dropin_interval *notifier;
	unsigned long notifier_seq;
	unsigned long start;
	unsigned long end;
	unsigned long *hmm_pfns;
	unsigned long default_flags;
	unsigned long pfn_flags_mask;
	void *dev_private_owner;
};

int hmm_dropin_notifier_register(struct mmu_notifier *notifier,
				 struct mm_struct *mm);
int hmm_dropin_interval_insert(struct hmm_dropin_interval *interval,
			       struct mm_struct *mm, unsigned long start,
			       unsigned long length,
			       const struct hmm_dropin_interval_ops *ops);
int hmm_dropin_interval_insert_locked(struct hmm_dropin_interval *interval,
				      struct mm_struct *mm,
				      unsigned long start, unsigned long length,
				      const struct hmm_dropin_interval_ops *ops);
void hmm_dropin_interval_remove(struct hmm_dropin_interval *interval);
unsigned long
hmm_dropin_interval_read_begin(struct hmm_dropin_interval *interval);
int hmm_dropin_range_fault(struct hmm_dropin_range *range);
int hmm_dropin_range_fault_unlocked(struct hmm_dropin_range *range,
				    unsigned long timeout);

/**
 * hmm_dropin_interval_set_seq() - make the readers of an interval retry
 * @interval: the interval of a callback
 * @cur_seq: the number that the callback received
 *
 * Context: a callback; the caller holds its update lock.
 *
 * Since: 0.3
 */
static inline void
hmm_dropin_interval_set_seq(struct hmm_dropin_interval *interval,
			    unsigned long cur_seq)
{
	WRITE_ONCE(interval->invalidate_seq, cur_seq);
}

/**
 * hmm_dropin_interval_read_retry() - check whether a reader has to retry
 * @interval: the interval
 * @seq: the return value of mmu_interval_read_begin()
 *
 * Context: any; the caller holds its update lock.
 * Return: true if a callback has called mmu_interval_set_seq() since @seq was
 * read.
 *
 * Since: 0.3
 */
static inline bool
hmm_dropin_interval_read_retry(const struct hmm_dropin_interval *interval,
			       unsigned long seq)
{
	return READ_ONCE(interval->invalidate_seq) != seq;
}

#endif /* _HMM_DROPIN_TYPES_H */
