/* SPDX-License-Identifier: GPL-2.0 */
/* The objects of property_test. */
#ifndef _HMM_PROPERTY_H
#define _HMM_PROPERTY_H

#include <linux/completion.h>
#include <linux/dma-direction.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>

#include <hmm/mirror.h>
#include <hmm/range.h>

#include "hmm_property_test.h"

/* Detects a hang; a slow machine must not reach it. */
#define PROPERTY_TIMEOUT_MS	60000

/**
 * struct property_mirror - a mirror and its device
 * @mirror: the mirror
 * @kind: HMM_PROPERTY_MIRROR_*
 * @registered: the mirror is registered
 * @update: the update lock; protects the device page tables of @ranges
 * @ranges: all ranges of the mirror or of its intervals
 * @users: number of its intervals and ranges that are in use
 * @releases: number of calls of its release callback
 */
struct property_mirror {
	struct hmm_mirror mirror;
	unsigned int kind;
	bool registered;
	struct mutex update; /* the update lock */
	struct list_head ranges;
	atomic_t users;
	atomic_t releases;
};

/**
 * struct property_interval - an interval
 * @notifier: the interval
 * @mirror: its mirror, or NULL if the interval is not in use
 * @kind: HMM_PROPERTY_INTERVAL_*
 * @lock: held for writing to insert or drop the interval, and for reading to
 *        use it
 * @owned: the owner's reference has not been dropped
 * @found: number of references from HMM_PROPERTY_FIND
 * @bound: number of ranges that are bound to it
 * @seq: sequence from the last HMM_PROPERTY_BEGIN
 * @released: completed by the release callback
 */
struct property_interval {
	struct hmm_interval_notifier notifier;
	struct property_mirror *mirror;
	unsigned int kind;
	struct rw_semaphore lock;
	bool owned;
	unsigned int found;
	atomic_t bound;
	unsigned long seq;
	struct completion released;
};

/**
 * struct property_range - a range, and the device page table for it
 * @range: the range
 * @lock: held by each operation on the range
 * @mirror: its mirror, or NULL if the range is not in use
 * @interval: the interval to which it is bound, or NULL if it is registered
 * @found: number of references to its own interval from HMM_PROPERTY_FIND
 * @npages: length of the arrays; 0 if the range is too long or invalid
 * @device: the device page table: one entry per page; 0 if the page is not
 *          mapped
 * @addrs: DMA addresses
 * @dma: some entries are mapped for DMA
 * @dir: the direction of these mappings
 * @node: node in the mirror's list of ranges
 */
struct property_range {
	struct hmm_mirror_range range;
	struct mutex lock; /* held by each operation */
	struct property_mirror *mirror;
	struct property_interval *interval;
	unsigned int found;
	unsigned long npages;
	unsigned long *device;
	dma_addr_t *addrs;
	bool dma;
	enum dma_data_direction dir;
	struct list_head node;
};

/**
 * struct property - the objects of one open file
 * @objects: held for writing by operations on mirrors and spaces, and by those
 *           that change a number of references from HMM_PROPERTY_FIND; held for
 *           reading by all other operations
 * @spaces: pinned mms, which may have exited
 * @mirrors: the mirrors, by number
 * @intervals: the intervals, by number
 * @ranges: the ranges, by number
 */
struct property {
	struct rw_semaphore objects;
	struct mm_struct *spaces[HMM_PROPERTY_SPACES];
	struct property_mirror mirrors[HMM_PROPERTY_MIRRORS];
	struct property_interval intervals[HMM_PROPERTY_INTERVALS];
	struct property_range ranges[HMM_PROPERTY_RANGES];
};

/**
 * struct property_call - one operation, and its buffers in kernel memory
 * @property: the objects
 * @op: the operation
 * @requests: HMM_PROPERTY_REQ_* of each page, or NULL
 * @entries: array for @op.max_entries entries, or NULL
 */
struct property_call {
	struct property *property;
	struct hmm_property_op op;
	u8 *requests;
	struct hmm_property_entry *entries;
};

#endif /* _HMM_PROPERTY_H */
