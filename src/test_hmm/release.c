// SPDX-License-Identifier: GPL-2.0
/*
 * RELEASE: migrate all pages out of the device and remove its memory, while
 * other tasks use it.
 *
 *   RELEASE                              MIGRATE_TO_DEV
 *   removing = true: no page of the      allocates a page frame under
 *   chunk is allocated any more          device->lock, so before that or not
 *                                        at all
 *                                        initializes the page: the reference
 *                                        count becomes 1, then it is locked
 *   migrate_device_range(): acquires a   (RELEASE must not find the page in
 *   reference to each page whose count   between: it would lock the page
 *   is not 0, and tries to lock it       first)
 *
 * So page_init_lock is held for reading while a page is initialized, and for
 * writing around migrate_device_range(). After its initialization, a page stays
 * locked until it is mapped: RELEASE fails to lock the page, and tries again
 * later. RELEASE removes the chunk when no page of the chunk is in use. It
 * holds only release_lock while it waits, so tasks that use a page are not
 * blocked. If MIGRATE_TO_SYS or a CPU fault migrates a page at the same time,
 * the migrating task holds the page lock and frees the page.
 *
 * If the caller is killed, the remaining chunks are usable again, and no page
 * is lost.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "chunk.h"
#include "device.h"
#include "dmirror.h"
#include "migrate_to_sys.h"
#include "release.h"

#if HMM_HAS_DEVICE_MEMORY

/* If no page is freed for this long, RELEASE logs a page that it waits for. */
#define DMIRROR_REPORT_AFTER	(2 * HZ)

/* Stop or resume allocating pages of a chunk. */
static void dmirror_chunk_set_removing(struct dmirror_chunk *chunk,
				       bool removing)
{
	struct dmirror_device *device = chunk->device;

	lockdep_assert_held(&device->lock);

	chunk->removing = removing;
	if (removing) {
		device->capacity -= chunk->npages;
		device->used -= chunk->used;
	} else {
		device->capacity += chunk->npages;
		device->used += chunk->used;
	}
}

/* Log one of the pages that RELEASE waits for. */
static void dmirror_report_waiting(struct dmirror_chunk *chunk)
{
	struct dmirror_device *device = chunk->device;
	unsigned long i, used;
	struct page *page;

	spin_lock_irq(&device->lock);
	used = chunk->used;
	i = find_first_bit(chunk->in_use, chunk->npages);
	spin_unlock_irq(&device->lock);
	if (!used)
		return;

	/* The page may have been freed, but its page struct still exists. */
	page = compound_head(pfn_to_page(chunk->first_pfn + i));
	pr_warn("%s waits for %lu pages that are still referenced, for example by a pipe or for DMA; pfn %#lx has %d references\n",
		device->name, used, page_to_pfn(page), page_ref_count(page));
}

/*
 * Evict the pages of a chunk until no page is in use. The wait has no time
 * limit: a page in a pipe, for example, is only freed when the pipe is read.
 * Returns 0, or -EINTR if the caller was killed.
 */
static int dmirror_empty_chunk(struct dmirror_chunk *chunk, struct dmirror *dm)
{
	unsigned long since = jiffies, seen = ULONG_MAX, used;
	bool reported = false;
	long delay;

	while ((used = READ_ONCE(chunk->used))) {
		if (used != seen)
			since = jiffies;
		seen = used;
		/* An error means that an allocation failed: try again. */
		dmirror_evict_chunk(chunk, dm);
		if (!READ_ONCE(chunk->used))
			break;
		if (dm && fatal_signal_pending(current))
			return -EINTR;
		if (!reported &&
		    time_after(jiffies, since + DMIRROR_REPORT_AFTER)) {
			dmirror_report_waiting(chunk);
			reported = true;
		}
		delay = reported ? HZ / 10 : 1;
		if (dm)
			schedule_timeout_killable(delay);
		else
			schedule_timeout_uninterruptible(delay);
	}
	return 0;
}

static struct dmirror_chunk *
dmirror_find_removing(struct dmirror_device *device)
{
	struct dmirror_chunk *chunk;

	spin_lock_irq(&device->lock);
	list_for_each_entry(chunk, &device->chunks, node) {
		if (chunk->removing) {
			spin_unlock_irq(&device->lock);
			return chunk;
		}
	}
	spin_unlock_irq(&device->lock);
	return NULL;
}

/**
 * dmirror_devmem_release() - remove all memory of a device
 * @device: the device
 * @dm: the file on which RELEASE was called, or NULL when the module is
 *	unloaded. With a file, the wait ends when the caller is killed; without
 *	one, it ends only when all pages are free.
 *
 * Context: may sleep; the caller holds no lock.
 * Return: 0, or -EINTR if the caller was killed.
 */
int dmirror_devmem_release(struct dmirror_device *device, struct dmirror *dm)
{
	struct dmirror_chunk *chunk;
	int ret = 0;

	if (!dm)
		mutex_lock(&device->release_lock);
	else if (mutex_lock_killable(&device->release_lock))
		return -EINTR;

	/* Chunks that are added later are left for the next RELEASE. */
	spin_lock_irq(&device->lock);
	list_for_each_entry(chunk, &device->chunks, node)
		dmirror_chunk_set_removing(chunk, true);
	spin_unlock_irq(&device->lock);

	while (!ret) {
		chunk = dmirror_find_removing(device);
		if (!chunk)
			break;
		ret = dmirror_empty_chunk(chunk, dm);
		if (!ret)
			dmirror_chunk_remove(chunk);
	}

	spin_lock_irq(&device->lock);
	list_for_each_entry(chunk, &device->chunks, node)
		if (chunk->removing)
			dmirror_chunk_set_removing(chunk, false);
	spin_unlock_irq(&device->lock);

	mutex_unlock(&device->release_lock);
	return ret;
}

#endif /* HMM_HAS_DEVICE_MEMORY */
