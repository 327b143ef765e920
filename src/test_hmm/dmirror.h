/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dummy device: the structure of an open file, and the order of source
 * files and locks.
 *
 * A source file calls only functions of source files in a line below its own:
 *
 *   main.c                         the module: units and their nodes
 *   file.c                         open, close, mmap
 *   ioctl.c                        the table of commands
 *   release.c                      RELEASE
 *   migrate_to_sys.c               migration to the system's memory
 *   migrate_to_dev.c, exclusive.c  MIGRATE_TO_DEV, EXCLUSIVE
 *   access.c, snapshot.c           READ and WRITE, SNAPSHOT and CHECK
 *   pagetable.c, devmem.c          the device page table, the device's memory
 *   chunk.c                        the parts of that memory
 *   device.c, stop_points.c
 *
 * Locks, outermost first:
 *
 *   exclusive_lock    serializes EXCLUSIVE on a file
 *   mmap lock         acquired by functions that read the CPU's page tables, by
 *                     migrations, by EXCLUSIVE and by CPU faults on the user's
 *                     buffer; never under the update lock
 *   page locks        held during a migration and by EXCLUSIVE
 *   update_lock       protects the device page table. Callbacks acquire this
 *                     lock and may run in reclaim. So the holder must not use
 *                     allocations that sleep, and must not access user memory.
 *   stop_point->lock, device->files_lock
 *                     innermost
 *
 * devmem.c documents the locks of the device's memory.
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

/*
 * The maximum number of pages of a struct hmm_mirror_range. The exception is
 * MIGRATE_TO_DEV, which maps a batch with one range: see migrate.h.
 */
#define DMIRROR_RANGE_PAGES	256UL

struct dmirror_device;

/*
 * An open file: the device's view of the opener's mm.
 *
 * The member table is the device page table. The index is the address in pages,
 * and an entry points to a page and is tagged with DMIRROR_ENTRY_*. If the page
 * is in a device's memory, dmirror_devmem_backing() returns the page that holds
 * the content. An entry holds no reference to its page. It is valid while the
 * update lock is held, because callbacks acquire this lock to remove entries.
 */
struct dmirror {
	struct dmirror_device *device;
	/*
	 * The file holds a reference from mmgrab(). Commands that need the
	 * address space acquire a reference to mm_users.
	 */
	struct mm_struct *mm;
	/* in device->files; dmirror_get() increments users */
	struct hlist_node node;
	atomic_t users;

	/* registered from open to close */
	struct hmm_mirror mirror;
	/* the whole address space, inserted from open to close */
	struct hmm_interval_notifier interval;
	/* end of the addresses that the mirrored process can map */
	unsigned long task_size;

	/* protects table, released, claim and claim_lost */
	struct mutex update_lock;
	struct xarray table;
	bool released;

	/*
	 * EXCLUSIVE: the address, in pages, of the page that is about to become
	 * exclusive, and whether another invalidation has included that page
	 * since it was claimed. See exclusive.c.
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
	 * Counters of struct hmm_dmirror_stats, and the member own of struct
	 * hmm_dmirror_devmem. They are atomic because STATS and DEVMEM must
	 * work while a task is stopped with the update lock held.
	 */
	atomic64_t faults;
	atomic64_t invalidations;
	atomic64_t collisions;
	atomic64_t entries;
	atomic64_t dropped;
	atomic64_t refused;
	atomic64_t own;
};

/* The value of claim if no page is claimed. */
#define DMIRROR_NO_CLAIM	ULONG_MAX

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
