// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: pages of a buffer that are mapped for DMA. A mapping is created
 * when a copy needs its pages, and is kept for later copies. The number of
 * mappings of a client is limited: beyond the limit, a new mapping replaces the
 * least recently used mapping.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "engine.h"
#include "mapping.h"

/* How long hmm_mirror_range_populate() may retry, in milliseconds. */
#define EDU_POPULATE_MS		10000

/*
 * Returns the number of pages of @m that must be unmapped when [start, end) is
 * invalidated, and stores the index of the first one in *@first. A huge page is
 * mapped for DMA as a unit, so all of its pages are unmapped together.
 */
static unsigned int edu_mapping_overlap(const struct edu_mapping *m,
					unsigned long start, unsigned long end,
					unsigned int *first)
{
	if (!hmm_mirror_range_dma_widen(&m->range, &start, &end))
		return 0;
	*first = (start - m->range.start) >> PAGE_SHIFT;
	return (end - start) >> PAGE_SHIFT;
}

/*
 * Returns the number of the last DMA to or from the pages that are unmapped
 * with [start, end).
 */
static unsigned long edu_mappings_last_dma(const struct edu_buffer *buf,
					   unsigned long start,
					   unsigned long end)
{
	const struct edu_mapping *m;
	unsigned int first, n, i;
	unsigned long last = 0;

	lockdep_assert_held(&buf->client->lock);
	list_for_each_entry(m, &buf->client->mappings, node) {
		if (m->buf != buf)
			continue;
		n = edu_mapping_overlap(m, start, end, &first);
		for (i = 0; i < n; i++)
			last = max(last, m->last_dma[first + i]);
	}
	return last;
}

/*
 * Prevent new DMAs to or from [start, end). If a DMA to or from these pages is
 * in flight and the caller must not block, change nothing and return false.
 */
bool edu_mappings_disable(struct edu_buffer *buf, unsigned long start,
			  unsigned long end, bool blockable)
{
	struct edu_client *client = buf->client;
	struct edu_mapping *m;
	unsigned int first, n;
	unsigned long dma;
	bool done = true;

	spin_lock(&client->lock);
	if (!blockable) {
		dma = edu_mappings_last_dma(buf, start, end);
		done = edu_dma_has_ended(client->edu, dma);
	}
	list_for_each_entry(m, &client->mappings, node) {
		if (!done || m->buf != buf)
			continue;
		n = edu_mapping_overlap(m, start, end, &first);
		if (n)
			bitmap_clear(m->usable, first, n);
	}
	spin_unlock(&client->lock);
	return done;
}

/*
 * Unmap [start, end), after edu_mappings_disable() has prevented new DMAs. Wait
 * for a DMA in flight without a lock, so that invalidations of other clients
 * and of other pages do not wait for this DMA.
 *
 * The driver holds no reference to the pages. They cannot be freed before they
 * are unmapped here, because the invalidation waits for this function.
 */
void edu_mappings_unmap(struct edu_buffer *buf, unsigned long start,
			unsigned long end)
{
	struct edu_client *client = buf->client;
	struct edu_mapping *m;
	unsigned long dma;

	spin_lock(&client->lock);
	dma = edu_mappings_last_dma(buf, start, end);
	spin_unlock(&client->lock);

	edu_dma_wait(client->edu, dma);

	spin_lock(&client->lock);
	list_for_each_entry(m, &client->mappings, node)
		if (m->buf == buf && !client->detached)
			hmm_mirror_range_dma_unmap(&m->range, client->edu->dev,
						   buf->dir, m->addrs,
						   start, end);
	spin_unlock(&client->lock);
}

/* Mappings of one buffer never overlap, so this unmaps only @m. */
static void edu_mapping_destroy(struct edu_mapping *m)
{
	struct edu_client *client = m->buf->client;

	edu_mappings_disable(m->buf, m->range.start, m->range.end, true);
	edu_mappings_unmap(m->buf, m->range.start, m->range.end);
	spin_lock(&client->lock);
	list_del(&m->node);
	client->nr_mappings--;
	spin_unlock(&client->lock);
	kfree(m);
}

/* Destroy every mapping that overlaps [start, end). */
void edu_mappings_destroy(struct edu_buffer *buf, unsigned long start,
			  unsigned long end)
{
	struct edu_mapping *m, *next;

	/* Mappings are added and removed only under this lock. */
	lockdep_assert_held(&buf->client->ioctl_lock);
	list_for_each_entry_safe(m, next, &buf->client->mappings, node)
		if (m->buf == buf && m->range.start < end &&
		    m->range.end > start)
			edu_mapping_destroy(m);
}

/* Unmap all pages of a client. The caller has stopped the device. */
void edu_mappings_detach(struct edu_client *client)
{
	struct edu_mapping *m;

	spin_lock(&client->lock);
	list_for_each_entry(m, &client->mappings, node) {
		bitmap_zero(m->usable, EDU_MAPPING_PAGES);
		hmm_mirror_range_dma_unmap(&m->range, client->edu->dev,
					   m->buf->dir, m->addrs,
					   m->range.start, m->range.end);
	}
	client->detached = true;
	spin_unlock(&client->lock);
}

/* Fault in the pages of @m, map them, and make them usable. */
static int edu_mapping_populate(struct edu_mapping *m)
{
	struct edu_buffer *buf = m->buf;
	struct edu_client *client = buf->client;
	int ret;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = hmm_mirror_range_populate(&m->range, EDU_POPULATE_MS);
		if (ret)
			return ret;

		/*
		 * If the range was invalidated before this lock is acquired, it
		 * is no longer valid and the map returns -EBUSY. The callback
		 * of a later invalidation waits for this lock, finds the
		 * mapping in the list and unmaps it.
		 */
		spin_lock(&client->lock);
		if (client->detached)
			ret = -ENODEV;
		else
			ret = hmm_mirror_range_dma_map(&m->range,
						       client->edu->dev,
						       buf->dir, m->addrs);
		if (!ret) {
			bitmap_fill(m->usable, EDU_MAPPING_PAGES);
			list_add(&m->node, &client->mappings);
			client->nr_mappings++;
		}
		spin_unlock(&client->lock);
	} while (ret == -EBUSY);
	return ret;
}

/*
 * Find the mapping through which the device may access @addr. The mapping stays
 * usable until the caller drops the update lock. Returns NULL if the device may
 * not access @addr.
 */
struct edu_mapping *edu_mapping_find(const struct edu_buffer *buf,
				     unsigned long addr)
{
	struct edu_mapping *m;

	lockdep_assert_held(&buf->client->lock);
	list_for_each_entry(m, &buf->client->mappings, node)
		if (m->buf == buf && addr >= m->range.start &&
		    addr < m->range.end &&
		    test_bit(PFN_DOWN(addr - m->range.start), m->usable))
			return m;
	return NULL;
}

/* Fault in and map [start, end), which lies within @buf. */
static int edu_mapping_create(struct edu_buffer *buf, unsigned long start,
			      unsigned long end)
{
	struct edu_client *client = buf->client;
	struct edu_mapping *m;
	int ret;

	edu_mappings_destroy(buf, start, end);
	if (client->nr_mappings == EDU_MAPPINGS_MAX)
		edu_mapping_destroy(list_last_entry(&client->mappings,
						    struct edu_mapping, node));

	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOMEM;
	m->buf = buf;
	m->range.start = start;
	m->range.end = end;
	m->range.pfns = m->pfns;
	/* Request write access only if the device needs it. */
	m->range.default_flags = HMM_MIRROR_PFN_REQ_FAULT;
	if ((buf->flags & HMM_EDU_WRITE) &&
	    !(buf->flags & HMM_EDU_TEST_REQ_READ))
		m->range.default_flags = HMM_MIRROR_PFN_REQ_WRITE;
	ret = hmm_mirror_range_bind(&m->range, &buf->interval);
	if (!ret)
		ret = edu_mapping_populate(m);
	if (ret)
		kfree(m);
	return ret;
}

/*
 * Ensure that the page of @addr is mapped. If it is not, map it and the pages
 * that follow it, up to @addr + @length but at most EDU_MAPPING_PAGES. The
 * pages can be invalidated at any time, so the caller must look up the mapping
 * with edu_mapping_find() under the update lock before it starts a DMA.
 */
int edu_map(struct edu_buffer *buf, unsigned long addr, size_t length)
{
	const size_t max = EDU_MAPPING_PAGES * PAGE_SIZE;
	struct edu_client *client = buf->client;
	unsigned long start = addr & PAGE_MASK, end;
	struct edu_mapping *m;

	spin_lock(&client->lock);
	m = edu_mapping_find(buf, addr);
	if (m)
		list_move(&m->node, &client->mappings);
	spin_unlock(&client->lock);
	if (m)
		return 0;
	end = min(PAGE_ALIGN(addr + min(length, max)), start + max);
	return edu_mapping_create(buf, start, min(end, buf->end));
}
