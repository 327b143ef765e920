// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers: memory that the process has registered. Each buffer has an interval,
 * so the driver is notified before the page table entries of the buffer change.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "buffer.h"
#include "mapping.h"

/*
 * The page tables of the process are about to change. From here on no new DMA
 * may use the pages. edu_invalidate_finish() waits for the DMA in flight, after
 * every other device has been notified.
 */
static bool edu_invalidate_start(struct hmm_interval_notifier *interval,
				 const struct mmu_notifier_range *range)
{
	struct edu_buffer *buf = container_of(interval, struct edu_buffer,
					      interval);

	/* A non-blockable invalidation must not wait for a DMA. */
	return edu_mappings_disable(buf, range->start, range->end,
				    mmu_notifier_range_blockable(range));
}

static void edu_invalidate_finish(struct hmm_interval_notifier *interval,
				  const struct mmu_notifier_range *range)
{
	struct edu_buffer *buf = container_of(interval, struct edu_buffer,
					      interval);

	edu_mappings_unmap(buf, range->start, range->end);
}

static const struct hmm_interval_notifier_ops edu_interval_ops = {
	.invalidate_start = edu_invalidate_start,
	.invalidate_finish = edu_invalidate_finish,
};

int edu_buffer_create(struct edu_client *client, unsigned long addr,
		      unsigned long length, unsigned int flags)
{
	struct edu_buffer *buf;
	int ret;

	if (!PAGE_ALIGNED(addr) || !PAGE_ALIGNED(length))
		return -EINVAL;
	if (client->nr_buffers == EDU_BUFFERS_MAX)
		return -ENOSPC;
	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	buf->client = client;
	buf->start = addr;
	buf->end = addr + length;
	buf->flags = flags;
	buf->dir = DMA_TO_DEVICE;
	if (flags & HMM_EDU_WRITE)
		buf->dir = DMA_BIDIRECTIONAL;

	/* Callbacks may run from here on. They find nothing mapped. */
	ret = hmm_interval_notifier_insert(&buf->interval, &client->mirror,
					   addr, length, &edu_interval_ops);
	if (ret) {
		kfree(buf);
		return ret;
	}
	list_add(&buf->node, &client->buffers);
	WRITE_ONCE(client->nr_buffers, client->nr_buffers + 1);
	return 0;
}

void edu_buffer_destroy(struct edu_buffer *buf)
{
	struct edu_client *client = buf->client;

	list_del(&buf->node);
	WRITE_ONCE(client->nr_buffers, client->nr_buffers - 1);
	edu_mappings_destroy(buf, buf->start, buf->end);
	/*
	 * This waits for callbacks in flight, so the caller must not hold a
	 * lock that they acquire.
	 */
	hmm_interval_notifier_remove(&buf->interval);
	kfree(buf);
}

/*
 * Find a buffer that contains [addr, addr + length) and has all of @flags.
 * Returns the most recently registered one, or NULL if there is no such buffer.
 */
struct edu_buffer *edu_buffer_find(struct edu_client *client,
				   unsigned long addr, size_t length,
				   unsigned int flags)
{
	struct edu_buffer *buf;

	lockdep_assert_held(&client->ioctl_lock);
	list_for_each_entry(buf, &client->buffers, node)
		if (addr >= buf->start && addr < buf->end &&
		    length <= buf->end - addr &&
		    (buf->flags & flags) == flags)
			return buf;
	return NULL;
}

/*
 * Find a buffer that begins at @addr. Returns the most recently registered one,
 * or NULL if there is no such buffer.
 */
struct edu_buffer *edu_buffer_find_start(struct edu_client *client,
					 unsigned long addr)
{
	struct edu_buffer *buf;

	lockdep_assert_held(&client->ioctl_lock);
	list_for_each_entry(buf, &client->buffers, node)
		if (buf->start == addr)
			return buf;
	return NULL;
}
