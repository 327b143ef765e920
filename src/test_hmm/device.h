/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The devices and their open files.
 */
#ifndef _TEST_HMM_DEVICE_H
#define _TEST_HMM_DEVICE_H

#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

struct dev_pagemap_ops;
struct dmirror;
struct mm_struct;

#define DMIRROR_UNITS		4
#define DMIRROR_FILES_HASH_BITS	8
/*
 * The maximum number of open files of a unit that mirror the same mm. Each
 * invalidation of the mm calls back once for each file, possibly with locks
 * that tasks of other users need, so the number must have a limit.
 */
#define DMIRROR_FILES_MAX	64

enum dmirror_memory {
	DMIRROR_MEMORY_NONE,
	DMIRROR_MEMORY_PRIVATE,		/* the CPU cannot access it */
	DMIRROR_MEMORY_COHERENT,	/* the CPU can access it */
};

/*
 * A device. The address of this structure identifies the owner of the device's
 * memory, and of the invalidations that the device's migrations cause.
 */
struct dmirror_device {
	char name[16];
	enum dmirror_memory memory;
	const struct dev_pagemap_ops *pagemap_ops;
	/* for coherent memory: physical address, and size in bytes */
	phys_addr_t start;
	unsigned long size;

	/* protects files */
	spinlock_t files_lock;
	/* by mm, so that the files of other processes are rarely visited */
	DECLARE_HASHTABLE(files, DMIRROR_FILES_HASH_BITS);
	wait_queue_head_t files_wait;

	/* protects the members up to nr_chunks, and the state of chunks */
	spinlock_t lock;
	struct list_head chunks;
	/* capacity, used and reserved are in pages */
	unsigned long capacity;
	unsigned long used;
	unsigned long reserved;
	unsigned long nr_chunks;
	/* devmem.c documents these locks */
	struct mutex grow_lock;		/* one chunk is added at a time */
	struct mutex release_lock;	/* one RELEASE at a time */
	struct rw_semaphore page_init_lock;
	/* pages allocated and freed since the module was loaded */
	atomic64_t allocated;
	atomic64_t freed;
};

struct dmirror_device *dmirror_device(unsigned int unit);
void dmirror_device_init(struct dmirror_device *device, unsigned int unit);
bool dmirror_is_device(const void *owner);
struct dmirror *dmirror_get(struct dmirror_device *device,
			    struct mm_struct *mm);
void dmirror_put(struct dmirror *dm);
int dmirror_device_add_file(struct dmirror *dm);
void dmirror_device_remove_file(struct dmirror *dm);

#endif /* _TEST_HMM_DEVICE_H */
