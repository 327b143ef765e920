/* SPDX-License-Identifier: GPL-2.0 */
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

/* Long: it ends a hang, and is no limit for a slow machine. */
#define PROPERTY_TIMEOUT_MS	60000

/**
 * struct property_mirror - a mirror and its device
 * @mirror: the mirror
 * @kind: HMM_PROPERTY_MIRROR_*
 * @registered: it is
 * @update: the update lock; protects the device page tables of @ranges
 * @ranges: all ranges that are registered with the mirror or bound below it
 * @users: intervals and ranges that are in use
 * @releases: how often the release callback ran
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
 * struct property_interval - an interval that the program names
 * @notifier: the interval
 * @mirror: its mirror; NULL if it is not in use
 * @kind: HMM_PROPERTY_INTERVAL_*
 * @lock: held for writing to insert and to drop it, for reading to use it
 * @owned: the owner's reference is there
 * @found: references by HMM_PROPERTY_FIND
 * @bound: ranges that are bound to it
 * @seq: of the last HMM_PROPERTY_BEGIN
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
 * struct property_range - a range that the program names, and what the device
 *                         holds of it
 * @range: the range
 * @lock: held by each operation on it
 * @mirror: its mirror; NULL if it is not in use
 * @interval: what it is bound to; NULL if it is registered
 * @found: references by HMM_PROPERTY_FIND to its own interval
 * @npages: length of the arrays; 0 if it is too long to be read
 * @device: the device page table: an entry per page, 0 for none
 * @addrs: DMA addresses
 * @dma: some of it is mapped for DMA
 * @dir: in this direction
 * @node: in the mirror's list
 */
struct property_range {
	struct hmm_mirror_range range;
	struct mutex lock; /* of the range */
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
 * @objects: held for writing to change mirrors and spaces, else for reading
 * @spaces: mms that were opened; pinned, but they may exit
 * @mirrors: by number
 * @intervals: by number
 * @ranges: by number
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
 * @property: whose
 * @op: the operation
 * @requests: of each page; NULL for none
 * @entries: room for @op.max_entries
 */
struct property_call {
	struct property *property;
	struct hmm_property_op op;
	u8 *requests;
	struct hmm_property_entry *entries;
};

/* objects.c: 0, or -EINVAL if the object is not in the state for it. */
void property_init(struct property *property);
void property_destroy(struct property *property);
int property_space(struct property_call *call);
int property_mirror(struct property_call *call);
int property_interval(struct property_call *call);
int property_find(struct property_call *call);
int property_put_found(struct property_call *call);

/* ranges.c: likewise. */
int property_range(struct property_call *call);
int property_state(struct property_call *call);
void property_range_drop(struct property_range *range);

/* device.c; the caller holds the update lock. */
extern const struct hmm_mirror_ops property_mirror_ops[];
extern const struct hmm_interval_notifier_ops *const property_interval_ops[];
bool property_watched(const struct property_range *range);
void property_clear(struct property_range *range, unsigned long start,
		    unsigned long end);
void property_program(struct property_range *range);
unsigned long property_mapped(const struct property_range *range);
int property_dma_map(struct property_range *range, unsigned int dir,
		     struct hmm_property_op *op);
void property_dma_unmap(struct property_range *range, unsigned long start,
			unsigned long end);
void property_device_write(struct property_range *range,
			   struct property_call *call);
int property_device_init(void);
void property_device_exit(void);

/* inspect.c */
void property_add(struct property_call *call, unsigned int nr,
		  unsigned long page, unsigned long entry);
bool property_wrong(struct hmm_property_op *op, unsigned int wrong,
		    unsigned long page, unsigned long entry);
void property_inspect(const struct property_range *range,
		      struct hmm_property_op *op, bool tagged);
void property_access(const struct property_range *range,
		     struct hmm_property_op *op);
void property_show(const struct property_range *range, unsigned int nr,
		   struct property_call *call);

#endif /* _HMM_PROPERTY_H */
