/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The structures of the driver for QEMU's edu device. The device has an
 * internal buffer of 4 KiB. Each DMA moves data between memory and this buffer,
 * so a copy takes two DMAs.
 *
 * Locks, outermost first:
 *
 *   client->ioctl_lock  serializes the ioctls of one file. Pages are faulted
 *                       in while it is held, so callbacks never acquire it.
 *   edu->engine_lock    protects the internal buffer of the device, from the
 *                       start of a DMA into it to the end of the DMA out of it.
 *                       It is held while the driver waits for DMA, so callbacks
 *                       never acquire it.
 *   edu->clients_lock   protects the list of clients, and the process that each
 *                       of them serves.
 *   client->lock        the update lock. It protects the mappings of a client.
 *                       It is a spinlock because nothing sleeps under it. Each
 *                       client has its own lock, so that no callback waits
 *                       while another client maps pages or starts a DMA.
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
 * The maximum length of a DMA. It is less than the size of the internal buffer
 * because QEMU up to 7.2 aborts when a transfer ends at the end of the buffer.
 */
#define EDU_CHUNK		2048

/*
 * Limits: pages of one mapping, mappings and buffers of one client, and clients
 * of one process. A process would otherwise determine how many callbacks run
 * during each invalidation of its memory, possibly with locks that tasks of
 * other users need.
 */
#define EDU_MAPPING_PAGES	16
#define EDU_MAPPINGS_MAX	16
#define EDU_BUFFERS_MAX		64
#define EDU_CLIENTS_MAX		16

/* The device. It exists until it is unbound and its last file is closed. */
struct edu_device {
	struct kref kref;
	struct device *dev;
	void __iomem *mmio;
	struct miscdevice misc;
	struct mutex engine_lock;	/* protects the internal buffer */
	struct mutex clients_lock;	/* protects @clients */
	struct list_head clients;
	wait_queue_head_t wait;

	/* Protects the registers, and the members up to @test_removed. */
	spinlock_t lock;
	/*
	 * DMAs are numbered from 1. These are the numbers of the last DMA that
	 * was started and of the last one that finished. At most one DMA is in
	 * flight.
	 */
	unsigned long started;
	unsigned long done;
	/*
	 * Nonzero once the device is stopped. After that the driver starts no
	 * DMA, and every DMA that has not finished fails with this error.
	 */
	int error;
	/* Fault injection, see HMM_EDU_FAULT_LOST_IRQ and _REMOVED. */
	unsigned long test_lost_irq;
	bool test_removed;

	/* Number of unmaps that had to wait for a DMA in flight, for tests. */
	atomic_long_t waited;
};

/* An open file. It serves one process: see edu_attach(). */
struct edu_client {
	struct list_head node;
	struct edu_device *edu;

	/* Protected by @ioctl_lock. */
	struct mutex ioctl_lock;
	/* Written with @ioctl_lock and edu->clients_lock held. */
	struct mm_struct *mm;
	struct hmm_mirror mirror;
	struct list_head buffers;
	unsigned int nr_buffers;

	/* Protected by @lock. The most recently used mapping comes first. */
	spinlock_t lock;
	struct list_head mappings;
	unsigned int nr_mappings;
	/* The device was unbound: no page is mapped for DMA any more. */
	bool detached;
};

/* Memory that a client has registered, [start, end). */
struct edu_buffer {
	struct list_head node;
	struct edu_client *client;
	struct hmm_interval_notifier interval;
	unsigned long start;
	unsigned long end;
	unsigned int flags;
	enum dma_data_direction dir;
};

/* Up to EDU_MAPPING_PAGES pages of a buffer, mapped for DMA. */
struct edu_mapping {
	struct list_head node;
	struct edu_buffer *buf;
	struct hmm_mirror_range range;
	unsigned long pfns[EDU_MAPPING_PAGES];
	dma_addr_t addrs[EDU_MAPPING_PAGES];
	/* The number of the last DMA to or from each page, or 0. */
	unsigned long last_dma[EDU_MAPPING_PAGES];
	/* The pages that a new DMA may access. */
	DECLARE_BITMAP(usable, EDU_MAPPING_PAGES);
};

#endif /* _EDU_H */
