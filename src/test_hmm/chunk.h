/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chunks of device memory.
 */
#ifndef _TEST_HMM_CHUNK_H
#define _TEST_HMM_CHUNK_H

#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/memremap.h>
#include <linux/types.h>

struct dmirror_device;
struct page;

/* A part of a device's memory, created by one memremap_pages() call. */
struct dmirror_chunk {
	struct dev_pagemap pagemap;
	struct dmirror_device *device;
	struct list_head node;
	struct resource *region;
	unsigned long first_pfn;
	unsigned long npages;

	/* protected by device->lock */
	bool removing;			/* allocate no more pages */
	unsigned long used;		/* pages in use */
	unsigned long hint;		/* first index of the next search */
	unsigned long *in_use;		/* one bit per page */

	/* one pointer per page; NULL for coherent memory. See devmem.c. */
	struct page **backing;
};

int dmirror_chunk_add(struct dmirror_device *device);
void dmirror_chunk_remove(struct dmirror_chunk *chunk);

#endif /* _TEST_HMM_CHUNK_H */
