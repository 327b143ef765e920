/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dummy device: what its files share.
 *
 * Locks, outermost first:
 *
 *   exclusive_lock  one EXCLUSIVE at a time on a file
 *   mmap lock       taken by hmm_mirror_range_fault(), by migrations and by
 *                   CPU faults on the user's buffer; never under the update
 *                   lock
 *   page locks      held in the midst of a migration
 *   update_lock     the device page table: taken in the callbacks, so under
 *                   reclaim. No allocation that may sleep and no access to
 *                   user memory under it.
 *   stop_point->lock  innermost
 *
 * Those of the device's memory are in devmem.c.
 */
#ifndef _TEST_HMM_DMIRROR_H
#define _TEST_HMM_DMIRROR_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include <hmm/interval.h>
#include <hmm/mirror.h>
#include <hmm/range.h>
#include <hmm/test_hmm.h>

#include "stop_points.h"

/* READ and WRITE go through a bounce buffer of at most so many pages. */
#define DMIRROR_BOUNCE_PAGES	(SZ_4M >> PAGE_SHIFT)
/* So many entries are asked of a mirror at once. */
#define DMIRROR_CHUNK_PAGES	256UL
/*
 * The delay in an invalidation is not killable. It ends within a step when
 * CONFIG changes it or when the file is closed.
 */
#define DMIRROR_MAX_DELAY_US	(60 * USEC_PER_SEC)
#define DMIRROR_DELAY_STEP_US	(10 * USEC_PER_MSEC)

struct dmirror_device;

/*
 * An open file: the device's view of the opener's mm.
 *
 * The table is the device page table: the index is the address in pages, an
 * entry is a page, tagged with DMIRROR_ENTRY_*. A page in the device's own
 * memory is entered as such, and what it holds is found through devmem.h.
 * It holds no references: an entry is good for as long as the update lock is
 * held, since its invalidation has to take that.
 */
struct dmirror {
	struct dmirror_device *device;
	/* referenced, not used: mm_users is taken for as long as it is needed */
	struct mm_struct *mm;
	/* device->files; users are CPU faults that have found this file there */
	struct list_head node;
	atomic_t users;

	/* registered from open to close */
	struct hmm_mirror mirror;
	/* the whole address space, inserted from open to close */
	struct hmm_interval_notifier interval;
	/* first address behind what the mirrored process can map */
	unsigned long task_size;

	/* protects table, released and claim */
	struct mutex update_lock;
	struct xarray table;
	bool released;

	/*
	 * EXCLUSIVE: the page in the making, and whether somebody else has
	 * invalidated it since; protected by update_lock
	 */
	struct mutex exclusive_lock;
	unsigned long claim;
	bool claim_lost;

	/* HMM_DMIRROR_FLAG_*, and HMM_DMIRROR_DEVMEM_LIMIT */
	unsigned long flags;
	u64 devmem_limit;

	struct dmirror_stop_point stop_points[HMM_DMIRROR_POINTS];

	/* struct hmm_dmirror_config */
	u32 invalidate_delay_us;
	atomic_t refuse_nonblock;

	/*
	 * struct hmm_dmirror_stats; atomic, as STATS must answer while a task
	 * is stopped with the update lock held
	 */
	atomic64_t faults;
	atomic64_t invalidations;
	atomic64_t collisions;
	atomic64_t entries;
	atomic64_t dropped;
	atomic64_t refused;
	atomic64_t own;
};

/* Without a tag: the device may read. */
#define DMIRROR_ENTRY_WRITE	1UL
/* The device may do anything, and the CPU nothing. */
#define DMIRROR_ENTRY_EXCLUSIVE	3UL

/* No index of a page. */
#define DMIRROR_NO_CLAIM	ULONG_MAX

/* pagetable.c */
extern const struct hmm_mirror_ops dmirror_mirror_ops;
extern const struct hmm_interval_notifier_ops dmirror_interval_ops;
struct page *dmirror_table_lookup(struct dmirror *dm, unsigned long index,
				  bool write);
bool dmirror_table_exclusive(struct dmirror *dm, unsigned long index);
int dmirror_table_enter(struct dmirror *dm, unsigned long index,
			struct page *page, unsigned long tag);
unsigned long dmirror_table_drop(struct dmirror *dm, unsigned long first,
				 unsigned long last, bool blockable);
int dmirror_table_reserve(struct dmirror *dm, unsigned long index,
			  unsigned long npages);
void dmirror_table_unreserve(struct dmirror *dm, unsigned long index,
			     unsigned long npages);
int dmirror_table_store(struct dmirror *dm, unsigned long index,
			const unsigned long *pfns, unsigned long npages,
			unsigned long request);

/* The commands: the arguments are checked, cpages and faults are 0. */
/* access.c */
int dmirror_access(struct dmirror *dm, struct hmm_dmirror_cmd *cmd,
		   bool write);
int dmirror_fault(struct dmirror *dm, unsigned long *start, unsigned long end,
		  bool write);
int dmirror_read_entries(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);

/* snapshot.c */
int dmirror_look(struct dmirror *dm, struct hmm_mirror_range *range);
int dmirror_snapshot(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);
int dmirror_check(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);

/* migrate.c, evict.c */
int dmirror_migrate_to_dev(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);
int dmirror_migrate_to_sys(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);

/* exclusive.c */
int dmirror_exclusive(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);
int dmirror_check_exclusive(struct dmirror *dm, struct hmm_dmirror_cmd *cmd);

/* main.c */
extern const struct file_operations dmirror_fops;

/* mmap.c */
int dmirror_mmap(struct file *file, struct vm_area_struct *vma);

/*
 * A stop point: the caller stops here if a test has armed the point. See
 * stop_points.c.
 */
static inline void dmirror_stop_if_armed(struct dmirror *dm, unsigned int nr)
{
	struct dmirror_stop_point *point = &dm->stop_points[nr];

	if (unlikely(READ_ONCE(point->state) == DMIRROR_STOP_ARMED))
		dmirror_stop_point_stop(point);
}

#endif /* _TEST_HMM_DMIRROR_H */
