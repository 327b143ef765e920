/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A driver for QEMU's edu device. It can do one thing with memory: move up to
 * 4 KiB between memory and a buffer of its own. Two such DMAs are a copy.
 *
 * Locks, outermost first:
 *
 *   client->lock        one ioctl of a file at a time: a range serves one
 *                       thread. Held while pages are faulted in, so never
 *                       taken in a callback.
 *   edu->engine         one copy at a time, for the device has one buffer
 *   edu->update_lock    the update lock. Callbacks take it, so under it
 *                       nothing faults and nothing allocates with GFP_KERNEL.
 */
#ifndef _EDU_H
#define _EDU_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/wait.h>

#include <hmm/dma.h>
#include <hmm/mirror.h>
#include <hmm/range.h>

#include "hmm_edu.h"

/*
 * The most that one DMA moves. QEMU up to 7.2 gives up when a transfer ends
 * where the device's buffer ends.
 */
#define EDU_CHUNK	2048

/* The device, as long as it is bound or somebody has it open. */
struct edu_device {
	struct kref kref;
	struct device *dev;
	void __iomem *mmio;
	struct miscdevice misc;
	struct mutex engine; /* held for a copy */
	/* Protects what follows, and what each buffer has mapped. */
	struct mutex update_lock;
	struct list_head clients;
	bool gone;
	u64 started;
	u64 waited;
	/*
	 * Whose DMA is in flight. Set under the update lock when idle, which
	 * the engine's holder waits for; cleared by the interrupt, which
	 * wakes @idle.
	 */
	const void *busy;
	wait_queue_head_t idle;
};

/* A process that has the device open. */
struct edu_client {
	struct list_head node;
	struct edu_device *edu;
	struct mm_struct *mm;
	struct hmm_mirror mirror;
	struct mutex lock; /* held for an ioctl */
	/* Changed under both its lock and the update lock. */
	struct list_head buffers;
};

/* Memory of a client that the device may use. */
struct edu_buffer {
	struct list_head node;
	struct edu_client *client;
	unsigned int flags;
	struct hmm_interval_notifier interval;
	struct hmm_mirror_range range;
	enum dma_data_direction dir;
	dma_addr_t *addrs;
	/* All of it is mapped: the device may use any of @addrs. */
	bool prepared;
};

/* pci.c: the hardware */
void edu_free(struct kref *kref);
void edu_start(struct edu_device *edu, const void *owner, dma_addr_t addr,
	       size_t length, enum dma_data_direction dir);
int edu_wait_idle(struct edu_device *edu);
void edu_quiesce(struct edu_device *edu, const void *owner);

/* client.c: open, ioctl, close */
extern const struct file_operations edu_fops;

/* buffer.c: from register to unregister, and what the mm does to it */
int edu_buffer_create(struct edu_client *client, unsigned long addr,
		      unsigned long length, unsigned int flags);
void edu_buffer_free(struct edu_buffer *buf);
void edu_buffer_unmap(struct edu_buffer *buf, unsigned long start,
		      unsigned long end);
struct edu_buffer *edu_buffer_find(struct edu_client *client,
				   unsigned long addr, size_t length,
				   unsigned int flags);

/* copy.c: populate, map, DMA */
int edu_copy(struct edu_client *client, struct hmm_edu_copy *copy);

/* testing.c: what no driver should have */
long edu_test_ioctl(struct edu_client *client, unsigned int cmd,
		    void __user *arg);

#endif /* _EDU_H */
