// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation of pages in the memory of a device. A migration to the device adds
 * chunks of page frames when it needs them; RELEASE and unloading the module
 * remove them.
 *
 * No memory exists at the page frames of private memory, because the device is
 * a dummy. Instead, each page in use has a backing page, an ordinary page that
 * holds the content. The chunk has an array of pointers to the backing pages,
 * because the page struct of a huge page's tail page has no room for a pointer.
 * The page frames of coherent memory are real memory and have no backing pages.
 *
 *   frames of the chunk   in_use   backing
 *   +--------------+
 *   |              |        0      NULL
 *   | device page  |        1      -> backing page
 *   |              |        0      NULL
 *   +--------------+
 *
 * Locks, outermost first:
 *
 *   release_lock    one RELEASE at a time
 *   grow_lock       one dmirror_chunk_add() at a time. memremap_pages() waits
 *                   for memory hotplug, and memory hotplug waits for page
 *                   locks. So a migration reserves pages, and adds a chunk if
 *                   necessary, before it locks the pages that migrate.
 *   (mmap lock, page locks)
 *   page_init_lock  see release.c
 *   lock            innermost; also acquired when a page is freed, possibly
 *                   under another spinlock or in an interrupt
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/page_ref.h>

#include "chunk.h"
#include "device.h"
#include "devmem.h"
#include "dmirror.h"

/**
 * dmirror_devmem_stats() - HMM_DMIRROR_DEVMEM
 * @device: the device
 * @stats: filled in, except for its member own
 */
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

#if HMM_HAS_DEVICE_MEMORY

#define DMIRROR_FAIL_ALLOC_BIT	ilog2(HMM_DMIRROR_FLAG_FAIL_ALLOC)
#define DMIRROR_NO_HUGE_BIT	ilog2(HMM_DMIRROR_FLAG_NO_HUGE)

static struct dmirror_chunk *dmirror_page_chunk(struct page *page)
{
	return container_of(hmm_page_pgmap(page), struct dmirror_chunk,
			    pagemap);
}

/* Returns true if @page is in the memory of one of our devices. */
static bool dmirror_page_is_devmem(struct page *page)
{
	return is_zone_device_page(page) &&
	       dmirror_is_device(hmm_page_pgmap(page)->owner);
}

/**
 * dmirror_devmem_backing() - find the memory that holds the content of a page
 * @page: a page that a device maps
 *
 * Return: the backing page if @page is in private memory, otherwise @page; NULL
 * if @page is in the memory of a device and not in use.
 */
struct page *dmirror_devmem_backing(struct page *page)
{
	struct dmirror_chunk *chunk;
	unsigned long i;

	if (!dmirror_page_is_devmem(page))
		return page;

	chunk = dmirror_page_chunk(page);
	i = page_to_pfn(page) - chunk->first_pfn;
	if (chunk->backing)
		return READ_ONCE(chunk->backing[i]);
	return test_bit(i, chunk->in_use) ? page : NULL;
}

/**
 * dmirror_devmem_owns() - check whether a page is in the memory of a device
 * @device: the device
 * @page: any page
 *
 * Return: true if @page is in the memory of @device.
 */
bool dmirror_devmem_owns(struct dmirror_device *device, struct page *page)
{
	return dmirror_page_is_devmem(page) &&
	       dmirror_page_chunk(page)->device == device;
}

/**
 * dmirror_devmem_protection() - get the location of a page for SNAPSHOT
 * @device: the device that makes the snapshot
 * @page: the page
 *
 * Return: HMM_DMIRROR_PROT_DEV_*, or 0 for a page that is not in the memory of
 * a device.
 */
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
 * dmirror_devmem_get_huge_backing() - get the huge backing page of a huge page
 * @page: a huge page in private memory, locked and unmapped
 *
 * Return: the first backing page, with a reference; NULL if the backing pages
 * are not one huge page.
 */
struct page *dmirror_devmem_get_huge_backing(struct page *page)
{
	struct page *backing = dmirror_devmem_backing(page);

	if (!backing || backing == page ||
	    compound_order(backing) != HMM_HUGE_ORDER)
		return NULL;
	get_page(backing);
	return backing;
}

static void dmirror_free_backing(struct dmirror_chunk *chunk, unsigned long i,
				 unsigned long npages)
{
	struct page *page;

	for (; chunk->backing && npages; npages--, i++) {
		page = chunk->backing[i];
		WRITE_ONCE(chunk->backing[i], NULL);
		if (page)
			put_page(page);
	}
}

/*
 * The backing page of a huge device page is also huge, so that it can become
 * the destination when the device page is evicted: see
 * dmirror_copy_huge_to_sys(). Each small page of the device page holds a
 * reference to the backing page, because the kernel may split the device page
 * and free the small pages one by one.
 */
static int dmirror_alloc_backing(struct dmirror_chunk *chunk, unsigned long i,
				 unsigned long npages)
{
	struct page *page;
	unsigned long j;

	if (!chunk->backing)
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
		WRITE_ONCE(chunk->backing[i + j],
			   pfn_to_page(page_to_pfn(page) + j));
	return 0;
}

/* Allocate naturally aligned page frames that the caller has reserved. */
static struct dmirror_chunk *dmirror_alloc_frames(struct dmirror_device *device,
						  unsigned long npages,
						  unsigned long *first)
{
	struct dmirror_chunk *chunk;
	unsigned long i;

	spin_lock_irq(&device->lock);
	list_for_each_entry(chunk, &device->chunks, node) {
		if (chunk->removing || chunk->npages - chunk->used < npages)
			continue;
		i = bitmap_find_next_zero_area(chunk->in_use, chunk->npages,
					       chunk->hint, npages, npages - 1);
		if (i + npages > chunk->npages)
			i = bitmap_find_next_zero_area(chunk->in_use,
						       chunk->npages, 0, npages,
						       npages - 1);
		if (i + npages > chunk->npages)
			continue;

		bitmap_set(chunk->in_use, i, npages);
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

static void dmirror_free_frames(struct dmirror_chunk *chunk, unsigned long i,
				unsigned long npages)
{
	struct dmirror_device *device = chunk->device;
	unsigned long flags;

	spin_lock_irqsave(&device->lock, flags);
	bitmap_clear(chunk->in_use, i, npages);
	chunk->hint = i;
	chunk->used -= npages;
	if (!chunk->removing)
		device->used -= npages;
	spin_unlock_irqrestore(&device->lock, flags);
}

/* Add a chunk, unless the capacity is already larger than @capacity. */
static int dmirror_grow(struct dmirror_device *device, unsigned long capacity)
{
	int ret = 0;

	if (mutex_lock_killable(&device->grow_lock))
		return -EINTR;
	if (READ_ONCE(device->capacity) <= capacity)
		ret = dmirror_chunk_add(device);
	mutex_unlock(&device->grow_lock);
	return ret;
}

/**
 * dmirror_devmem_reserve() - reserve pages of the device's memory
 * @dm: the file, whose limit applies
 * @npages: number of pages
 *
 * Adds a chunk to the device if necessary.
 *
 * Context: may sleep; the caller must not hold an mmap lock or a page lock.
 * Return: the number of reserved pages. It is less than @npages, and may be 0,
 * if the limit of the file is reached, the device cannot grow, or the calling
 * task was killed. Pages that dmirror_devmem_alloc() does not use must be
 * returned with dmirror_devmem_unreserve().
 */
unsigned long dmirror_devmem_reserve(struct dmirror *dm, unsigned long npages)
{
	u64 limit = READ_ONCE(dm->devmem_limit);
	struct dmirror_device *device = dm->device;
	unsigned long room, taken, capacity;
	int err = 0;

	for (;;) {
		spin_lock_irq(&device->lock);
		capacity = device->capacity;
		taken = device->used + device->reserved;
		room = limit > taken ? min_t(u64, npages, limit - taken) : 0;
		/* Growing failed: reserve only pages that the device has. */
		if (err)
			room = capacity > taken ? min(room, capacity - taken) : 0;
		if (err || taken + room <= capacity) {
			device->reserved += room;
			spin_unlock_irq(&device->lock);
			return room;
		}
		spin_unlock_irq(&device->lock);
		err = dmirror_grow(device, capacity);
	}
}

/**
 * dmirror_devmem_unreserve() - return reserved pages
 * @dm: the file
 * @npages: number of pages
 */
void dmirror_devmem_unreserve(struct dmirror *dm, unsigned long npages)
{
	spin_lock_irq(&dm->device->lock);
	dm->device->reserved -= npages;
	spin_unlock_irq(&dm->device->lock);
}

/**
 * dmirror_alloc_must_fail() - check whether FLAGS makes an allocation fail
 * @dm: the file, or NULL
 * @order: 0, or the order of a huge page
 *
 * FAIL_ALLOC applies to one allocation, so this function clears the flag.
 *
 * Return: true if the caller must treat the allocation as failed.
 */
bool dmirror_alloc_must_fail(struct dmirror *dm, unsigned int order)
{
	if (!dm || likely(!READ_ONCE(dm->flags)))
		return false;
	return test_and_clear_bit(DMIRROR_FAIL_ALLOC_BIT, &dm->flags) ||
	       (order && test_bit(DMIRROR_NO_HUGE_BIT, &dm->flags));
}

/**
 * dmirror_devmem_alloc() - allocate a page of the device's memory
 * @dm: the file
 * @order: 0, or the order of a huge page
 * @reserved: in and out: number of pages that the caller has reserved
 *
 * Context: may sleep; the caller may hold page locks.
 * Return: the page, locked and with a reference; in private memory, the page
 * also has a backing page. NULL if too few pages are reserved, FLAGS makes the
 * allocation fail, no suitable page frames are free, or the system has no
 * memory for the backing page.
 */
struct page *dmirror_devmem_alloc(struct dmirror *dm, unsigned int order,
				  unsigned long *reserved)
{
	struct dmirror_device *device = dm->device;
	unsigned long npages = 1UL << order;
	struct dmirror_chunk *chunk;
	struct page *page;
	unsigned long i;

	if (*reserved < npages || dmirror_alloc_must_fail(dm, order))
		return NULL;
	chunk = dmirror_alloc_frames(device, npages, &i);
	if (!chunk)
		return NULL;
	*reserved -= npages;

	if (dmirror_alloc_backing(chunk, i, npages)) {
		dmirror_free_frames(chunk, i, npages);
		return NULL;
	}

	page = pfn_to_page(chunk->first_pfn + i);
	down_read(&device->page_init_lock);
	hmm_device_page_init(page, &chunk->pagemap, order);
	up_read(&device->page_init_lock);
	atomic64_add(npages, &device->allocated);
	return page;
}

/**
 * dmirror_devmem_free() - free a page whose last reference was dropped
 * @page: the page
 * @order: its order
 *
 * Context: any; the caller may hold a page table lock or run in an interrupt.
 */
void dmirror_devmem_free(struct page *page, unsigned int order)
{
	struct dmirror_chunk *chunk = dmirror_page_chunk(page);
	unsigned long i = page_to_pfn(page) - chunk->first_pfn;

	/* The flag would stay in the page struct for the next user. */
	ClearPageDirty(page);
	dmirror_free_backing(chunk, i, 1UL << order);
	atomic64_add(1UL << order, &chunk->device->freed);
	dmirror_free_frames(chunk, i, 1UL << order);
}

#endif /* HMM_HAS_DEVICE_MEMORY */
