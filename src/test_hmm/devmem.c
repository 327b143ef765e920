// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a device: chunks of page frames, which come when a migration
 * needs them and go with RELEASE or with the module.
 *
 * A frame of private memory has no memory behind it, since there is no device:
 * each page in use has a spare page from the system that holds its content.
 * The array of these is beside the pages and not in them, as the page struct
 * of a huge page's tail has no room for a pointer. Coherent memory is memory.
 *
 *   frames of the chunk   map   content
 *   +--------------+
 *   |              |       0    NULL
 *   | device page  |       1    -> spare page
 *   |              |       0    NULL
 *   +--------------+
 *
 * Locks, outermost first:
 *
 *   release_lock   one RELEASE at a time
 *   grow_lock      one chunk comes at a time. memremap_pages() waits for
 *                  memory hotplug, and that waits for page locks: so chunks
 *                  come before a migration takes pages from the CPU, by
 *                  reservation, and never in its midst.
 *   (mmap lock, page locks)
 *   setup_lock     see below
 *   lock           innermost; also taken where a page is freed, with
 *                  whatever spinlocks held, and in interrupts
 *
 * RELEASE empties a chunk while others use it:
 *
 *   RELEASE                                  MIGRATE_TO_DEV
 *   removing = true: no page of the          takes a free page, lock held, so
 *   chunk is given out from now on           before or not at all
 *                                            makes it alive: its count becomes
 *                                            1, then it is locked
 *   takes a reference on each page that      (between these two, RELEASE would
 *   is alive, and tries to lock it           have the page first)
 *
 * hence setup_lock: for reading where a page is made alive, for writing where
 * live pages are taken. Once alive, a page stays locked until it is mapped, so
 * RELEASE fails to lock it and comes by again. It ends when no page of the
 * chunk is in use. RELEASE holds no other lock while it waits, thus whoever
 * has a page goes on. A page that somebody migrates back at the same time, or
 * that a CPU fault brings back, is locked by them and freed: one less to do.
 *
 * RELEASE may be killed in between: the chunk is usable again, no page of it
 * was lost.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/ioport.h>
#include <linux/page_ref.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "devmem.h"

#if HMM_HAS_DEVICE_MEMORY

/* The memory of a private device grows by so much. */
#define DMIRROR_CHUNK_SIZE	SZ_8M
/* Without a page coming back for so long, RELEASE reports that it waits. */
#define DMIRROR_REPORT		(2 * HZ)

static const struct dev_pagemap_ops dmirror_pgmap_ops;

static struct dmirror_chunk *dmirror_page_chunk(struct page *page)
{
	return container_of(hmm_page_pgmap(page), struct dmirror_chunk,
			    pagemap);
}

/* A page in the memory of one of the devices here, not of some other driver. */
static bool dmirror_page_is_ours(struct page *page)
{
	return is_zone_device_page(page) &&
	       hmm_page_pgmap(page)->ops == &dmirror_pgmap_ops;
}

/**
 * dmirror_devmem_content() - the memory that has the content of a page
 * @page: a page that a device maps
 *
 * Return: the page itself if it is memory, else its spare page; NULL for a
 * page in a device's memory that is not in use.
 */
struct page *dmirror_devmem_content(struct page *page)
{
	struct dmirror_chunk *chunk;
	unsigned long i;

	if (!dmirror_page_is_ours(page))
		return page;

	chunk = dmirror_page_chunk(page);
	i = page_to_pfn(page) - chunk->first;
	if (chunk->content)
		return READ_ONCE(chunk->content[i]);
	return test_bit(i, chunk->map) ? page : NULL;
}

bool dmirror_devmem_owns(struct dmirror_device *device, struct page *page)
{
	return dmirror_page_is_ours(page) &&
	       dmirror_page_chunk(page)->device == device;
}

/* What SNAPSHOT says of where a page lies; 0 for ordinary memory. */
u8 dmirror_devmem_protection(struct dmirror_device *device, struct page *page)
{
	bool local = dmirror_devmem_owns(device, page);

	if (is_device_private_page(page))
		return local ? HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL :
			       HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE;
	if (is_device_coherent_page(page))
		return local ? HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL :
			       HMM_DMIRROR_PROT_DEV_COHERENT_REMOTE;
	return 0;
}

/**
 * dmirror_devmem_get_content() - the content of a huge page as one huge page
 * @page: a huge page in private memory, locked and unmapped
 *
 * Return: the content's first page with a reference, or NULL.
 */
struct page *dmirror_devmem_get_content(struct page *page)
{
	struct page *content = dmirror_devmem_content(page);

	if (!content || content == page ||
	    compound_order(content) != HMM_HUGE_ORDER)
		return NULL;
	get_page(content);
	return content;
}

static void dmirror_free_content(struct dmirror_chunk *chunk, unsigned long i,
				 unsigned long npages)
{
	struct page *page;

	for (; chunk->content && npages; npages--, i++) {
		page = chunk->content[i];
		WRITE_ONCE(chunk->content[i], NULL);
		if (page)
			put_page(page);
	}
}

/*
 * The content of a huge page is huge, so that there is always a destination
 * for it: see dmirror_evict_huge(). Each page holds a reference on it, because
 * the kernel may split the huge page and free the pages one by one.
 */
static int dmirror_alloc_content(struct dmirror_chunk *chunk, unsigned long i,
				 unsigned long npages)
{
	struct page *page;
	unsigned long j;

	if (!chunk->content)
		return 0;
	if (npages > 1)
		page = hmm_alloc_huge_page(GFP_TRANSHUGE & ~__GFP_MOVABLE,
					   NULL, 0);
	else
		page = alloc_page(GFP_HIGHUSER | __GFP_NOWARN);
	if (!page)
		return -ENOMEM;

	page_ref_add(page, npages - 1);
	for (j = 0; j < npages; j++)
		WRITE_ONCE(chunk->content[i + j],
			   pfn_to_page(page_to_pfn(page) + j));
	return 0;
}

static void dmirror_put_pages(struct dmirror_chunk *chunk, unsigned long i,
			      unsigned long npages)
{
	struct dmirror_device *device = chunk->device;
	unsigned long flags;

	spin_lock_irqsave(&device->lock, flags);
	bitmap_clear(chunk->map, i, npages);
	chunk->hint = i;
	chunk->used -= npages;
	if (!chunk->removing)
		device->used -= npages;
	spin_unlock_irqrestore(&device->lock, flags);
}

/*
 * The last reference is gone. The caller may hold a page table lock or be an
 * interrupt. What belongs to the process stays in the page struct otherwise,
 * and the next owner of the page would have it.
 */
static void dmirror_page_freed(struct page *page, unsigned int order)
{
	struct dmirror_chunk *chunk = dmirror_page_chunk(page);
	unsigned long i = page_to_pfn(page) - chunk->first;

	ClearPageDirty(page);
	dmirror_free_content(chunk, i, 1UL << order);
	atomic64_add(1UL << order, &chunk->device->freed);
	dmirror_put_pages(chunk, i, 1UL << order);
}

HMM_DEFINE_PGMAP_FREE(dmirror_pgmap_free, dmirror_page_freed)

static const struct dev_pagemap_ops dmirror_pgmap_ops = {
	.HMM_PGMAP_FREE = dmirror_pgmap_free,
	.migrate_to_ram = dmirror_migrate_to_ram,
};

static void dmirror_free_chunk(struct dmirror_chunk *chunk)
{
	kvfree(chunk->content);
	bitmap_free(chunk->map);
	kfree(chunk);
}

static int dmirror_request_frames(struct dmirror_chunk *chunk)
{
	struct dmirror_device *device = chunk->device;
	unsigned long size = DMIRROR_CHUNK_SIZE;
	struct resource *region;

	if (device->memory == DMIRROR_MEMORY_COHERENT) {
		size = device->size;
		chunk->pagemap.type = MEMORY_DEVICE_COHERENT;
		region = request_mem_region(device->start, size, device->name);
		if (!region)
			return -EBUSY;
	} else {
#if HMM_HAS_DEVICE_PRIVATE
		chunk->pagemap.type = MEMORY_DEVICE_PRIVATE;
		/* The kernel gives a whole section at least. */
		region = request_free_mem_region(&iomem_resource, size,
						 device->name);
		if (IS_ERR(region))
			return PTR_ERR(region);
#else
		return -EOPNOTSUPP;
#endif
	}

	chunk->region = region;
	chunk->pagemap.range.start = region->start;
	chunk->pagemap.range.end = region->start + size - 1;
	chunk->pagemap.nr_range = 1;
	chunk->pagemap.ops = &dmirror_pgmap_ops;
	chunk->pagemap.owner = device;
	chunk->first = PHYS_PFN(region->start);
	chunk->npages = size >> PAGE_SHIFT;
	return 0;
}

static void dmirror_release_frames(struct dmirror_chunk *chunk)
{
	release_mem_region(chunk->region->start, resource_size(chunk->region));
}

static int dmirror_add_chunk(struct dmirror_device *device)
{
	struct dmirror_chunk *chunk;
	int ret = -ENOMEM;
	void *ptr;

	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL);
	if (!chunk)
		return -ENOMEM;
	chunk->device = device;

	ret = dmirror_request_frames(chunk);
	if (ret)
		goto err_free;

	ret = -ENOMEM;
	chunk->map = bitmap_zalloc(chunk->npages, GFP_KERNEL);
	if (!chunk->map)
		goto err_release;
	if (device->memory == DMIRROR_MEMORY_PRIVATE) {
		chunk->content = kvcalloc(chunk->npages,
					  sizeof(*chunk->content), GFP_KERNEL);
		if (!chunk->content)
			goto err_release;
	}

	ptr = memremap_pages(&chunk->pagemap, numa_node_id());
	if (IS_ERR(ptr)) {
		ret = PTR_ERR(ptr);
		goto err_release;
	}

	spin_lock_irq(&device->lock);
	list_add_tail(&chunk->node, &device->chunks);
	device->nr_chunks++;
	device->capacity += chunk->npages;
	spin_unlock_irq(&device->lock);
	return 0;

err_release:
	dmirror_release_frames(chunk);
err_free:
	dmirror_free_chunk(chunk);
	return ret;
}

/* Make the device larger than @capacity, unless somebody has done so. */
static int dmirror_grow(struct dmirror_device *device, unsigned long capacity)
{
	int ret = 0;

	if (mutex_lock_killable(&device->grow_lock))
		return -EINTR;
	if (READ_ONCE(device->capacity) > capacity)
		goto out;
	/* Coherent memory is what it is, and may be about to be released. */
	if (device->memory == DMIRROR_MEMORY_COHERENT &&
	    READ_ONCE(device->nr_chunks))
		ret = -ENOSPC;
	else
		ret = dmirror_add_chunk(device);
out:
	mutex_unlock(&device->grow_lock);
	return ret;
}

/**
 * dmirror_devmem_reserve() - see to it that the device has room
 * @dm: the file
 * @npages: for how many pages
 *
 * Context: may sleep; no mmap lock, no page locks.
 * Return: for how many pages there is room, at most @npages; the caller gives
 * back with dmirror_devmem_unreserve() what dmirror_devmem_alloc() has left.
 */
unsigned long dmirror_devmem_reserve(struct dmirror *dm, unsigned long npages)
{
	u64 limit = READ_ONCE(dm->devmem_limit);
	struct dmirror_device *device = dm->device;
	unsigned long room, taken, capacity;
	int ret;

	do {
		ret = 0;
		spin_lock_irq(&device->lock);
		capacity = device->capacity;
		taken = device->used + device->reserved;
		room = limit > taken ? min_t(u64, npages, limit - taken) : 0;
		if (taken + room <= capacity) {
			device->reserved += room;
			spin_unlock_irq(&device->lock);
			return room;
		}
		spin_unlock_irq(&device->lock);
		ret = dmirror_grow(device, capacity);
	} while (!ret);

	/* No more to be had: take what is left. */
	spin_lock_irq(&device->lock);
	taken = device->used + device->reserved;
	room = device->capacity > taken ?
	       min(room, device->capacity - taken) : 0;
	device->reserved += room;
	spin_unlock_irq(&device->lock);
	return room;
}

void dmirror_devmem_unreserve(struct dmirror *dm, unsigned long npages)
{
	spin_lock_irq(&dm->device->lock);
	dm->device->reserved -= npages;
	spin_unlock_irq(&dm->device->lock);
}

/* Take free pages, naturally aligned; they are not alive yet. */
static struct dmirror_chunk *dmirror_get_pages(struct dmirror_device *device,
					       unsigned long npages,
					       unsigned long *first)
{
	struct dmirror_chunk *chunk;
	unsigned long i;

	spin_lock_irq(&device->lock);
	list_for_each_entry(chunk, &device->chunks, node) {
		if (chunk->removing || chunk->npages - chunk->used < npages)
			continue;
		i = bitmap_find_next_zero_area(chunk->map, chunk->npages,
					       chunk->hint, npages, npages - 1);
		if (i + npages > chunk->npages)
			i = bitmap_find_next_zero_area(chunk->map,
						       chunk->npages, 0, npages,
						       npages - 1);
		if (i + npages > chunk->npages)
			continue;

		bitmap_set(chunk->map, i, npages);
		chunk->hint = i + npages;
		chunk->used += npages;
		device->used += npages;
		device->reserved -= npages;
		spin_unlock_irq(&device->lock);
		*first = i;
		return chunk;
	}
	spin_unlock_irq(&device->lock);
	return NULL;
}

/**
 * dmirror_devmem_alloc() - take a page of the device's memory
 * @dm: the file
 * @order: 0, or the order of a huge page
 * @reserved: in and out: how many pages the caller has reserved
 *
 * Context: may sleep; the caller may hold page locks.
 * Return: the page, locked, with a reference and with room for content; or
 * NULL.
 */
struct page *dmirror_devmem_alloc(struct dmirror *dm, unsigned int order,
				  unsigned long *reserved)
{
	struct dmirror_device *device = dm->device;
	unsigned long npages = 1UL << order;
	struct dmirror_chunk *chunk;
	struct page *page;
	unsigned long i;

	if (*reserved < npages || dmirror_fail_alloc(dm, order))
		return NULL;
	chunk = dmirror_get_pages(device, npages, &i);
	if (!chunk)
		return NULL;
	*reserved -= npages;

	if (dmirror_alloc_content(chunk, i, npages)) {
		dmirror_put_pages(chunk, i, npages);
		return NULL;
	}

	page = pfn_to_page(chunk->first + i);
	down_read(&device->setup_lock);
	hmm_device_page_init(page, &chunk->pagemap, order);
	up_read(&device->setup_lock);
	atomic64_add(npages, &device->allocated);
	return page;
}

/* Give pages of the chunk out no more; or again. */
static void dmirror_set_removing(struct dmirror_chunk *chunk, bool removing)
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

/* Name a page whose reference keeps RELEASE from coming to an end. */
static void dmirror_report_waiting(struct dmirror_chunk *chunk)
{
	struct dmirror_device *device = chunk->device;
	unsigned long i, used;
	struct page *page;

	spin_lock_irq(&device->lock);
	used = chunk->used;
	i = find_first_bit(chunk->map, chunk->npages);
	spin_unlock_irq(&device->lock);
	if (!used)
		return;

	/* The chunk stays, so the page struct does. */
	page = compound_head(pfn_to_page(chunk->first + i));
	pr_warn("%s waits for %lu pages that are in use elsewhere, such as in a pipe or for DMA; frame %#lx has %d references\n",
		device->name, used, page_to_pfn(page), page_ref_count(page));
}

/*
 * As long as it takes: a page in a pipe leaves when the pipe is read. The
 * kernel log says what this waits for.
 */
static int dmirror_empty_chunk(struct dmirror_chunk *chunk, struct dmirror *dm)
{
	unsigned long since = jiffies, seen = ULONG_MAX, used;
	bool reported = false;

	while ((used = READ_ONCE(chunk->used))) {
		if (used != seen)
			since = jiffies;
		seen = used;
		/* An error means that memory is short: try again. */
		dmirror_evict_chunk(chunk, dm);
		if (!READ_ONCE(chunk->used))
			break;
		if (dm && fatal_signal_pending(current))
			return -EINTR;
		if (!reported && time_after(jiffies, since + DMIRROR_REPORT)) {
			dmirror_report_waiting(chunk);
			reported = true;
		}
		if (dm)
			schedule_timeout_killable(reported ? HZ / 10 : 1);
		else
			schedule_timeout_uninterruptible(reported ? HZ / 10 : 1);
	}
	return 0;
}

static void dmirror_remove_chunk(struct dmirror_chunk *chunk)
{
	struct dmirror_device *device = chunk->device;

	/* Whoever frees the last page may still be in there. */
	memunmap_pages(&chunk->pagemap);
	dmirror_release_frames(chunk);

	spin_lock_irq(&device->lock);
	list_del(&chunk->node);
	device->nr_chunks--;
	spin_unlock_irq(&device->lock);
	dmirror_free_chunk(chunk);
}

static struct dmirror_chunk *
dmirror_first_removing(struct dmirror_device *device)
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
 * dmirror_devmem_release() - give up all memory that the device has
 * @device: the device
 * @dm: the file whose RELEASE this is, which ends when the caller is killed;
 *	NULL for the unloading module, which waits until all pages are back
 *
 * Return: 0 or -EINTR.
 */
int dmirror_devmem_release(struct dmirror_device *device, struct dmirror *dm)
{
	struct dmirror_chunk *chunk;
	int ret = 0;

	if (!dm)
		mutex_lock(&device->release_lock);
	else if (mutex_lock_killable(&device->release_lock))
		return -EINTR;

	/* A chunk that comes from now on is the business of the next RELEASE. */
	spin_lock_irq(&device->lock);
	list_for_each_entry(chunk, &device->chunks, node)
		dmirror_set_removing(chunk, true);
	spin_unlock_irq(&device->lock);

	while (!ret) {
		chunk = dmirror_first_removing(device);
		if (!chunk)
			break;
		ret = dmirror_empty_chunk(chunk, dm);
		if (!ret)
			dmirror_remove_chunk(chunk);
	}

	spin_lock_irq(&device->lock);
	list_for_each_entry(chunk, &device->chunks, node)
		if (chunk->removing)
			dmirror_set_removing(chunk, false);
	spin_unlock_irq(&device->lock);

	mutex_unlock(&device->release_lock);
	return ret;
}

#else /* !HMM_HAS_DEVICE_MEMORY */

struct page *dmirror_devmem_content(struct page *page)
{
	return page;
}

u8 dmirror_devmem_protection(struct dmirror_device *device, struct page *page)
{
	return 0;
}

int dmirror_devmem_release(struct dmirror_device *device, struct dmirror *dm)
{
	return 0;
}

#endif /* HMM_HAS_DEVICE_MEMORY */

void dmirror_devmem_stats(struct dmirror_device *device,
			  struct hmm_dmirror_devmem *stats)
{
	spin_lock_irq(&device->lock);
	stats->capacity = device->capacity;
	stats->used = device->used;
	stats->chunks = device->nr_chunks;
	spin_unlock_irq(&device->lock);
	stats->allocated = atomic64_read(&device->allocated);
	stats->freed = atomic64_read(&device->freed);
}
