/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A driver for QEMU's edu device. The device moves up to 4 KiB between memory
 * and a buffer of its own, one DMA at a time. Two DMAs make a copy.
 *
 * Locks, outermost first:
 *
 *   client->ioctl_lock  serializes the ioctls of one file. Pages are faulted
 *                       in while it is held, so callbacks never acquire it.
 *   edu->engine_lock    serializes the copies, because the device has one
 *                       buffer. The driver waits for DMA while it is held.
 *   edu->clients_lock   protects the list of clients.
 *   client->lock        the update lock. It protects what is mapped for one
 *                       client. A spinlock: nothing sleeps under it, and no
 *                       callback waits for another client's DMA.
 *   edu->lock           protects the registers and the state of the device.
 *                       The interrupt handler acquires it.
 */
#ifndef _EDU_H
#define _EDU_H

#include <linux/bitmap.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <hmm/dma.h>
#include <hmm/mirror.h>
#include <hmm/range.h>

#include "hmm_edu.h"

/*
 * The most that one DMA moves. QEMU up to 7.2 aborts when a transfer ends at
 * the end of the device's buffer.
 */
#define EDU_CHUNK		2048

/* What one mapping covers, and how much one client may have. */
#define EDU_MAPPING_PAGES	16
#define EDU_MAPPINGS_MAX	16
#define EDU_BUFFERS_MAX		64

/* The device; it exists while it is bound or a file of it is open. */
struct edu_device {
	struct kref kref;
	struct device *dev;
	void __iomem *mmio;
	struct miscdevice misc;
	struct mutex engine_lock;	/* held for a copy */
	struct mutex clients_lock;	/* protects @clients */
	struct list_head clients;
	wait_queue_head_t wait;

	/* What follows is protected by @lock. */
	spinlock_t lock;
	/*
	 * DMAs are numbered from 1. The last one that was started, and the
	 * last one that finished: the device runs at most one.
	 */
	unsigned long started;
	unsigned long done;
	/* Not 0: the device was stopped, and registers are left alone. */
	int error;
	unsigned long test_lost_irq;
	bool test_removed;

	atomic_long_t waited;
};

/* An open file. It belongs to the process that uses it first. */
struct edu_client {
	struct list_head node;
	struct edu_device *edu;

	/* Protected by @ioctl_lock. */
	struct mutex ioctl_lock;
	struct mm_struct *mm;
	struct hmm_mirror mirror;
	struct list_head buffers;
	unsigned int nr_buffers;

	/* Protected by @lock. The most recently used mapping comes first. */
	spinlock_t lock;
	struct list_head mappings;
	unsigned int nr_mappings;
	bool detached;
};

/* Memory of a client that the device may use. */
struct edu_buffer {
	struct list_head node;
	struct edu_client *client;
	struct hmm_interval_notifier interval;
	unsigned long start;
	unsigned long end;
	unsigned int flags;
	enum dma_data_direction dir;
};

/* Pages of a buffer that are mapped for DMA. */
struct edu_mapping {
	struct list_head node;
	struct edu_buffer *buf;
	struct hmm_mirror_range range;
	unsigned long pfns[EDU_MAPPING_PAGES];
	dma_addr_t addrs[EDU_MAPPING_PAGES];
	/* The last DMA to or from each page. */
	unsigned long last_dma[EDU_MAPPING_PAGES];
	/* The pages that a new DMA may use. */
	DECLARE_BITMAP(usable, EDU_MAPPING_PAGES);
};

#endif /* _EDU_H */
