// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers: from register to unregister, and what the process does to its
 * memory in between.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "edu.h"

/* Just to have a limit; the arrays are 16 bytes a page. */
#define EDU_BUFFER_MAX	SZ_1G

/*
 * Take what lies in [start, end) from the device. It cannot stop a DMA, so
 * what is in flight is waited for. That the page is unmapped only then, and
 * that the caller returns only after that, is all that keeps the device out
 * of memory which is no longer the process's: nobody holds a reference on it.
 */
void edu_buffer_unmap(struct edu_buffer *buf, unsigned long start,
		      unsigned long end)
{
	struct edu_device *edu = buf->client->edu;

	lockdep_assert_held(&edu->update_lock);
	buf->prepared = false;
	/* Whoever set it has unmapped everything. */
	if (edu->gone)
		return;
	edu_quiesce(edu, buf);
	hmm_mirror_range_dma_unmap(&buf->range, edu->dev, buf->dir, buf->addrs,
				   start, end);
}

/*
 * The process's page tables are about to change. Only what overlaps goes; the
 * rest stays mapped, but unused, until the buffer is prepared again.
 */
static bool edu_invalidate(struct hmm_interval_notifier *interval,
			   const struct mmu_notifier_range *range)
{
	struct edu_buffer *buf = container_of(interval, struct edu_buffer,
					      interval);
	struct edu_device *edu = buf->client->edu;
	bool done = true;

	if (mmu_notifier_range_blockable(range))
		mutex_lock(&edu->update_lock);
	else if (!mutex_trylock(&edu->update_lock))
		return false;

	/* To wait for a DMA is to block, too. */
	if (!mmu_notifier_range_blockable(range) &&
	    READ_ONCE(edu->busy) == buf)
		done = false;
	else
		edu_buffer_unmap(buf, range->start, range->end);
	mutex_unlock(&edu->update_lock);
	return done;
}

static const struct hmm_interval_notifier_ops edu_interval_ops = {
	.invalidate = edu_invalidate,
};

int edu_buffer_create(struct edu_client *client, unsigned long addr,
		      unsigned long length, unsigned int flags)
{
	struct edu_device *edu = client->edu;
	struct hmm_mirror_range *range;
	struct edu_buffer *buf;
	int ret = -ENOMEM;

	if (!PAGE_ALIGNED(addr) || !PAGE_ALIGNED(length) ||
	    !length || length > EDU_BUFFER_MAX)
		return -EINVAL;
	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	buf->client = client;
	buf->flags = flags;
	buf->dir = DMA_TO_DEVICE;
	if (flags & HMM_EDU_WRITE)
		buf->dir = DMA_BIDIRECTIONAL;

	range = &buf->range;
	range->start = addr;
	range->end = addr + length;
	/* Asked for no more than what it is mapped for. */
	range->default_flags = HMM_MIRROR_PFN_REQ_FAULT;
	if ((flags & HMM_EDU_WRITE) && !(flags & HMM_EDU_TEST_ASK_READ))
		range->default_flags = HMM_MIRROR_PFN_REQ_WRITE;
	range->pfns = kvcalloc(length >> PAGE_SHIFT, sizeof(*range->pfns),
			       GFP_KERNEL_ACCOUNT);
	buf->addrs = kvcalloc(length >> PAGE_SHIFT, sizeof(*buf->addrs),
			      GFP_KERNEL_ACCOUNT);
	if (!range->pfns || !buf->addrs)
		goto free;

	/* From here on the callback may run; nothing is mapped. */
	ret = hmm_interval_notifier_insert(&buf->interval, &client->mirror,
					   addr, length, &edu_interval_ops);
	if (ret)
		goto free;
	ret = hmm_mirror_range_bind(range, &buf->interval);
	if (ret)
		goto remove;

	mutex_lock(&edu->update_lock);
	list_add(&buf->node, &client->buffers);
	mutex_unlock(&edu->update_lock);
	return 0;

remove:
	hmm_interval_notifier_remove(&buf->interval);
free:
	kvfree(buf->addrs);
	kvfree(range->pfns);
	kfree(buf);
	return ret;
}

void edu_buffer_free(struct edu_buffer *buf)
{
	struct edu_device *edu = buf->client->edu;

	mutex_lock(&edu->update_lock);
	list_del(&buf->node);
	edu_buffer_unmap(buf, buf->range.start, buf->range.end);
	mutex_unlock(&edu->update_lock);
	/* Waits for a callback that runs: not under the lock that it takes. */
	hmm_interval_notifier_remove(&buf->interval);
	kvfree(buf->addrs);
	kvfree(buf->range.pfns);
	kfree(buf);
}

/* The caller holds the client's lock, so that the buffer stays. */
struct edu_buffer *edu_buffer_find(struct edu_client *client,
				   unsigned long addr, size_t length,
				   unsigned int flags)
{
	struct edu_buffer *buf;

	lockdep_assert_held(&client->lock);
	list_for_each_entry(buf, &client->buffers, node)
		if (addr >= buf->range.start && addr < buf->range.end &&
		    length <= buf->range.end - addr &&
		    (buf->flags & flags) == flags)
			return buf;
	return NULL;
}
