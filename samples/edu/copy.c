// SPDX-License-Identifier: GPL-2.0
/*
 * Copies. A copy is split into pieces of at most EDU_CHUNK bytes. Neither the
 * source nor the destination of a piece crosses a page boundary. Each piece
 * takes two DMAs.
 */
#include <linux/mm.h>

#include "buffer.h"
#include "copy.h"
#include "engine.h"
#include "mapping.h"

/*
 * Start a DMA under the update lock, after a check that the page is mapped, and
 * wait for it without the lock. Returns -EAGAIN if the page was invalidated.
 */
static int edu_copy_dma(struct edu_buffer *buf, unsigned long addr,
			size_t length, enum dma_data_direction dir)
{
	struct edu_client *client = buf->client;
	struct edu_device *edu = client->edu;
	unsigned long page, dma = 0;
	struct edu_mapping *m;
	int ret = -EAGAIN;

	spin_lock(&client->lock);
	m = edu_mapping_find(buf, addr);
	if (m) {
		page = PFN_DOWN(addr - m->range.start);
		ret = edu_dma_start(edu, m->addrs[page] + offset_in_page(addr),
				    length, dir, &m->last_dma[page]);
		dma = m->last_dma[page];
	}
	spin_unlock(&client->lock);
	return ret ?: edu_dma_wait_killable(edu, dma);
}

/*
 * Copy @length bytes. @left is the number of bytes that remain of the whole
 * copy, including this piece.
 */
static int edu_copy_piece(struct edu_client *client, unsigned long src,
			  unsigned long dst, size_t length, size_t left)
{
	struct edu_buffer *from = edu_buffer_find(client, src, length, 0);
	struct edu_buffer *to = edu_buffer_find(client, dst, length,
						HMM_EDU_WRITE);
	struct edu_device *edu = client->edu;
	int ret;

	if (!from || !to)
		return -ENOENT;
	do {
		/* Page faults may take long, so do not hold the engine lock. */
		ret = edu_map(from, src, left) ?: edu_map(to, dst, left);
		if (ret)
			return ret;
		ret = edu_engine_lock(edu);
		if (ret)
			return ret;
		ret = edu_copy_dma(from, src, length, DMA_TO_DEVICE);
		if (!ret)
			ret = edu_copy_dma(to, dst, length, DMA_FROM_DEVICE);
		edu_engine_unlock(edu);
	} while (ret == -EAGAIN);
	return ret;
}

/* On return, copy->copied is the number of bytes copied, even on an error. */
int edu_copy(struct edu_client *client, struct hmm_edu_copy *copy)
{
	int ret = 0;

	for (copy->copied = 0; !ret && copy->copied < copy->length;) {
		unsigned long src = copy->src + copy->copied;
		unsigned long dst = copy->dst + copy->copied;
		size_t left = copy->length - copy->copied;
		size_t length = min_t(size_t, left, EDU_CHUNK);

		length = min(length, PAGE_SIZE - offset_in_page(src));
		length = min(length, PAGE_SIZE - offset_in_page(dst));
		ret = edu_copy_piece(client, src, dst, length, left);
		if (!ret)
			copy->copied += length;
	}
	return ret;
}
