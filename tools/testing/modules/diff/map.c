// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that only a driver can create.
 */
#include <linux/mm.h>

#include "hmm_diff_test.h"
#include "map.h"

#define DIFF_MAP_ORDER	6
#define DIFF_MAP_PAGES	BIT(DIFF_MAP_ORDER)

static struct page *diff_map_pages[DIFF_MAP_PAGES];
static struct page *diff_map_block;
/* A page frame without a struct page. It is never accessed. */
static unsigned long diff_map_frame;

/*
 * Returns the kind of a page, HMM_DIFF_MIX_*. A split of the vma changes its
 * start and its offset by the same number of pages, so the kind stays the same.
 */
static unsigned long diff_map_kind(const struct vm_area_struct *vma,
				   unsigned long addr)
{
	unsigned long i = (addr - vma->vm_start) >> PAGE_SHIFT;
	unsigned long offset = vma->vm_pgoff & (BIT(HMM_DIFF_KIND_SHIFT) - 1);
	unsigned long kind = (i + offset) % HMM_DIFF_MIX;

	if (vma->vm_flags & VM_SHARED)
		return kind;
	if (kind == HMM_DIFF_MIX_PFN)
		return HMM_DIFF_MIX_PAGE;
	return kind == HMM_DIFF_MIX_LATE_PFN ? HMM_DIFF_MIX_LATE_PAGE : kind;
}

static struct page *diff_map_page(const struct vm_area_struct *vma,
				  unsigned long addr)
{
	unsigned long i = (addr - vma->vm_start) >> PAGE_SHIFT;

	return diff_map_pages[(i + vma->vm_pgoff) % DIFF_MAP_PAGES];
}

static vm_fault_t diff_map_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;

	switch (diff_map_kind(vma, vmf->address)) {
	case HMM_DIFF_MIX_PAGE:
	case HMM_DIFF_MIX_LATE_PAGE:
		vmf->page = diff_map_page(vma, vmf->address);
		get_page(vmf->page);
		return 0;
	case HMM_DIFF_MIX_PFN:
	case HMM_DIFF_MIX_LATE_PFN:
		return vmf_insert_pfn(vma, vmf->address, diff_map_frame);
	default:
		return VM_FAULT_SIGBUS;
	}
}

static const struct vm_operations_struct diff_map_ops = {
	.fault = diff_map_fault,
};

static int diff_map_mixed(struct vm_area_struct *vma)
{
	unsigned long addr;
	int ret;

	/* The first vm_insert_page() sets VM_MIXEDMAP. */
	ret = vm_insert_page(vma, vma->vm_start,
			     diff_map_page(vma, vma->vm_start));
	for (addr = vma->vm_start + PAGE_SIZE; !ret && addr < vma->vm_end;
	     addr += PAGE_SIZE) {
		switch (diff_map_kind(vma, addr)) {
		case HMM_DIFF_MIX_PAGE:
			ret = vm_insert_page(vma, addr,
					     diff_map_page(vma, addr));
			break;
		case HMM_DIFF_MIX_PFN:
			if (vmf_insert_pfn(vma, addr, diff_map_frame) !=
			    VM_FAULT_NOPAGE)
				ret = -EFAULT;
			break;
		}
	}
	return ret;
}

int diff_map(struct file *file, struct vm_area_struct *vma)
{
	unsigned long size = vma->vm_end - vma->vm_start;

	vma->vm_ops = &diff_map_ops;
	switch (vma->vm_pgoff >> HMM_DIFF_KIND_SHIFT) {
	case HMM_DIFF_MIXED:
		return diff_map_mixed(vma);
	case HMM_DIFF_PFNMAP:
		if (size > DIFF_MAP_PAGES << PAGE_SHIFT)
			return -EINVAL;
		return remap_pfn_range(vma, vma->vm_start,
				       page_to_pfn(diff_map_block), size,
				       vma->vm_page_prot);
	default:
		return -EINVAL;
	}
}

void diff_map_exit(void)
{
	unsigned long i;

	for (i = 0; i < DIFF_MAP_PAGES; i++)
		if (diff_map_pages[i])
			put_page(diff_map_pages[i]);
	if (diff_map_block)
		__free_pages(diff_map_block, DIFF_MAP_ORDER);
}

int diff_map_init(void)
{
	unsigned long i;

	/* A PC has device registers below 4 GiB, which have no struct page. */
	for (i = SZ_4G >> PAGE_SHIFT; !diff_map_frame && i--; )
		if (!pfn_valid(i))
			diff_map_frame = i;
	if (!diff_map_frame)
		return -ENODEV;

	diff_map_block = alloc_pages(GFP_KERNEL | __GFP_ZERO, DIFF_MAP_ORDER);
	for (i = 0; i < DIFF_MAP_PAGES; i++)
		diff_map_pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	for (i = 0; i < DIFF_MAP_PAGES; i++)
		if (!diff_map_pages[i] || !diff_map_block)
			goto nomem;
	return 0;

nomem:
	diff_map_exit();
	return -ENOMEM;
}
