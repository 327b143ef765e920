// SPDX-License-Identifier: GPL-2.0
/*
 * Copies: populate, map, DMA.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "edu.h"

/* How long the process may change its memory faster than we look at it. */
#define EDU_POPULATE_MS	10000

/*
 * Give every page of a buffer a DMA address, unless they all have one since
 * the last time. What comes of it can be gone when this returns: the one who
 * starts a DMA has to look under the update lock.
 */
static int edu_prepare(struct edu_buffer *buf)
{
	struct edu_device *edu = buf->client->edu;
	bool prepared;
	int ret;

	mutex_lock(&edu->update_lock);
	prepared = buf->prepared;
	/* What is left of the last time: pages are not read while mapped. */
	if (!prepared)
		edu_buffer_unmap(buf, buf->range.start, buf->range.end);
	mutex_unlock(&edu->update_lock);
	if (prepared)
		return 0;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = hmm_mirror_range_populate(&buf->range, EDU_POPULATE_MS);
		if (ret)
			return ret;

		/*
		 * An invalidation since then has either had its callback's
		 * turn already, and the range is no longer valid: -EBUSY; or
		 * its callback waits for this lock and will unmap what we map.
		 */
		mutex_lock(&edu->update_lock);
		if (edu->gone)
			ret = -ENODEV;
		else
			ret = hmm_mirror_range_dma_map(&buf->range, edu->dev,
						       buf->dir, buf->addrs);
		if (!ret)
			buf->prepared = true;
		mutex_unlock(&edu->update_lock);
	} while (ret == -EBUSY);
	return ret;
}

/*
 * One DMA, started under the update lock and waited for without it, so that a
 * callback comes to wait for the device and not for us. -EAGAIN: the buffer
 * was invalidated, prepare it again.
 *
 * A task that is killed does not wait. Then the DMA goes on without it, and
 * whoever unmaps the buffer waits: the process's exit, if nobody else.
 */
static int edu_dma(struct edu_buffer *buf, unsigned long addr, size_t length,
		   enum dma_data_direction dir)
{
	struct edu_device *edu = buf->client->edu;
	unsigned long offset = addr - buf->range.start;
	int ret;

	lockdep_assert_held(&edu->engine);
	ret = edu_wait_idle(edu);
	if (ret)
		return ret;

	mutex_lock(&edu->update_lock);
	if (edu->gone)
		ret = -ENODEV;
	else if (!buf->prepared)
		ret = -EAGAIN;
	else
		edu_start(edu, buf, buf->addrs[offset >> PAGE_SHIFT] +
			  offset_in_page(addr), length, dir);
	mutex_unlock(&edu->update_lock);
	return ret ?: edu_wait_idle(edu);
}

/* Both parts of it have to lie within a page each. */
static int edu_copy_chunk(struct edu_client *client, unsigned long src,
			  unsigned long dst, size_t length)
{
	struct edu_buffer *from = edu_buffer_find(client, src, length, 0);
	struct edu_buffer *to = edu_buffer_find(client, dst, length,
						HMM_EDU_WRITE);
	struct edu_device *edu = client->edu;
	int ret;

	if (!from || !to)
		return -ENOENT;
	do {
		/* This may fault, for as long as the process likes. */
		ret = edu_prepare(from) ?: edu_prepare(to);
		if (ret)
			return ret;
		ret = mutex_lock_killable(&edu->engine);
		if (ret)
			return ret;
		ret = edu_dma(from, src, length, DMA_TO_DEVICE);
		if (!ret)
			ret = edu_dma(to, dst, length, DMA_FROM_DEVICE);
		mutex_unlock(&edu->engine);
	} while (ret == -EAGAIN);
	return ret;
}

/* As much as can be copied; copy->copied says how much that was. */
int edu_copy(struct edu_client *client, struct hmm_edu_copy *copy)
{
	int ret = 0;

	for (copy->copied = 0; !ret && copy->copied < copy->length;) {
		unsigned long src = copy->src + copy->copied;
		unsigned long dst = copy->dst + copy->copied;
		size_t length = min_t(u64, copy->length - copy->copied,
				      EDU_CHUNK);

		length = min(length, PAGE_SIZE - offset_in_page(src));
		length = min(length, PAGE_SIZE - offset_in_page(dst));
		ret = edu_copy_chunk(client, src, dst, length);
		if (!ret)
			copy->copied += length;
	}
	return ret;
}
