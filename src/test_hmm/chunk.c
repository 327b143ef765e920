// SPDX-License-Identifier: GPL-2.0
/*
 * Chunks: the memory of a device grows by one chunk at a time. devmem.c
 * allocates the pages of a chunk.
 */
#include <linux/bitmap.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../compat/test_hmm/devmem.h"
#include "chunk.h"
#include "device.h"

#if HMM_HAS_DEVICE_MEMORY

/* The size of a chunk of private memory: some huge pages. */
#define DMIRROR_CHUNK_SIZE	(4 * PMD_SIZE)

/*
 * The memory of a device never shrinks before RELEASE, and describing it needs
 * memory of the system, which is not charged to a process.
 */
static unsigned long private_limit = SZ_1G;
module_param(private_limit, ulong, 0600);
MODULE_PARM_DESC(private_limit,
		 "maximum size of the memory of unit 0, and of unit 1, in bytes; rounded up to whole chunks, of 8M on x86-64");

static unsigned long dmirror_max_chunks(const struct dmirror_device *device)
{
	if (device->memory == DMIRROR_MEMORY_COHERENT)
		return 1;
	return DIV_ROUND_UP(READ_ONCE(private_limit), DMIRROR_CHUNK_SIZE);
}

static void dmirror_free_chunk(struct dmirror_chunk *chunk)
{
	kvfree(chunk->backing);
	bitmap_free(chunk->in_use);
	kfree(chunk);
}

static int dmirror_request_region(struct dmirror_chunk *chunk)
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
		/* The kernel rounds the size up to whole memory sections. */
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
	chunk->pagemap.ops = device->pagemap_ops;
	chunk->pagemap.owner = device;
	chunk->first_pfn = PHYS_PFN(region->start);
	chunk->npages = size >> PAGE_SHIFT;
	return 0;
}

static void dmirror_release_region(struct dmirror_chunk *chunk)
{
	release_mem_region(chunk->region->start, resource_size(chunk->region));
}

/**
 * dmirror_chunk_add() - add a chunk to a device
 * @device: the device
 *
 * Context: may sleep; grow_lock held. The caller must not hold an mmap lock or
 * a page lock, because memremap_pages() waits for memory hotplug, and memory
 * hotplug waits for page locks.
 * Return: 0; -ENOSPC if the device has its maximum size, which includes chunks
 * that RELEASE has not removed yet; -ENOMEM if out of memory; -EBUSY if the
 * physical addresses of coherent memory are already in use; -EOPNOTSUPP if the
 * kernel has no device-private memory; or another error of
 * request_free_mem_region() or memremap_pages().
 */
int dmirror_chunk_add(struct dmirror_device *device)
{
	struct dmirror_chunk *chunk;
	int ret = -ENOMEM;
	void *ptr;

	lockdep_assert_held(&device->grow_lock);

	if (READ_ONCE(device->nr_chunks) >= dmirror_max_chunks(device))
		return -ENOSPC;
	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL);
	if (!chunk)
		return -ENOMEM;
	chunk->device = device;

	ret = dmirror_request_region(chunk);
	if (ret)
		goto err_free;

	ret = -ENOMEM;
	chunk->in_use = bitmap_zalloc(chunk->npages, GFP_KERNEL);
	if (!chunk->in_use)
		goto err_release;
	if (device->memory == DMIRROR_MEMORY_PRIVATE) {
		chunk->backing = kvcalloc(chunk->npages,
					  sizeof(*chunk->backing), GFP_KERNEL);
		if (!chunk->backing)
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
	dmirror_release_region(chunk);
err_free:
	dmirror_free_chunk(chunk);
	return ret;
}

/**
 * dmirror_chunk_remove() - remove a chunk from its device and free it
 * @chunk: a chunk without pages in use, which no longer counts towards the
 *	device's capacity
 *
 * Context: may sleep.
 */
void dmirror_chunk_remove(struct dmirror_chunk *chunk)
{
	struct dmirror_device *device = chunk->device;

	/* Waits until the callback that freed the last page has returned. */
	memunmap_pages(&chunk->pagemap);
	dmirror_release_region(chunk);

	spin_lock_irq(&device->lock);
	list_del(&chunk->node);
	device->nr_chunks--;
	spin_unlock_irq(&device->lock);
	dmirror_free_chunk(chunk);
}

#endif /* HMM_HAS_DEVICE_MEMORY */
