// SPDX-License-Identifier: GPL-2.0
/*
 * mmap() of the device: ordinary pages, zeroed, that belong to no file and are
 * inserted one by one; what makes it VM_MIXEDMAP memory.
 */
#include <linux/fs.h>
#include <linux/mm.h>

#include "dmirror.h"

/* The longest mapping of the device, in bytes. */
#define DMIRROR_MAX_MMAP_SIZE	SZ_4M

int dmirror_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long addr;
	struct page *page;
	int ret = 0;

	if (vma->vm_end - vma->vm_start > DMIRROR_MAX_MMAP_SIZE)
		return -EINVAL;

	for (addr = vma->vm_start; !ret && addr < vma->vm_end;
	     addr += PAGE_SIZE) {
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!page)
			return -ENOMEM;
		ret = vm_insert_page(vma, addr, page);
		put_page(page);
	}
	return ret;
}
