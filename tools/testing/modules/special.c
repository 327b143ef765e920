// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that no program gets without a driver: page tables that hold
 * special entries, alone or beside ordinary pages.
 *
 * Nothing here knows of mirrors; the tests map it and let the device look.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "hmm_special_test.h"

/*
 * A frame number had a type of its own before 2025. sparse, which runs on such
 * kernels, does not know how to ask.
 */
#ifdef __CHECKER__
#define SPECIAL_PFN_T
#elif __has_include("linux/pfn_t.h")
#define SPECIAL_PFN_T
#endif
#ifdef SPECIAL_PFN_T
#include <linux/pfn_t.h>
#endif

static struct page *special_pages[HMM_SPECIAL_PAGES];

/*
 * A page frame below 4 GiB without a struct page, as PCI devices have, for a
 * huge mapping; 0 if all of that is memory.
 */
static unsigned long special_frame(void)
{
	unsigned long pfn;

	for (pfn = SZ_1G >> PAGE_SHIFT; pfn < SZ_4G >> PAGE_SHIFT;
	     pfn += PMD_SIZE >> PAGE_SHIFT)
		if (!pfn_valid(pfn))
			return pfn;
	return 0;
}

static int special_insert_frame(struct vm_area_struct *vma, unsigned long addr)
{
	unsigned long pfn = special_frame();

	if (!pfn)
		return -ENODEV;
	return vmf_insert_pfn(vma, addr, pfn) == VM_FAULT_NOPAGE ? 0 : -EFAULT;
}

static int special_map_page(struct vm_area_struct *vma, unsigned long kind,
			    unsigned long i)
{
	unsigned long addr = vma->vm_start + (i << PAGE_SHIFT);

	if (kind == HMM_SPECIAL_PFNMAP)
		return remap_pfn_range(vma, addr,
				       page_to_pfn(special_pages[i]),
				       PAGE_SIZE, vma->vm_page_prot);
	/* The first page is ordinary, which makes the vma VM_MIXEDMAP. */
	if (kind == HMM_SPECIAL_MIXED && i & 1)
		return special_insert_frame(vma, addr);
	return vm_insert_page(vma, addr, special_pages[i]);
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/*
 * Called with an order; before 6.6 with another number for the size, which is
 * never that of the order. There it is of no use: entries that are no PTEs
 * are marked special only since 6.12.
 */
static vm_fault_t special_huge_fault(struct vm_fault *vmf, unsigned int order)
{
#ifdef SPECIAL_PFN_T
	pfn_t pfn = __pfn_to_pfn_t(special_frame(), PFN_DEV);
#else
	unsigned long pfn = special_frame();
#endif

	if (order != HPAGE_PMD_ORDER || !special_frame() ||
	    (vmf->address & PMD_MASK) < vmf->vma->vm_start + PMD_SIZE)
		return VM_FAULT_FALLBACK;
	return vmf_insert_pfn_pmd(vmf, pfn, vmf->flags & FAULT_FLAG_WRITE);
}
#endif

static vm_fault_t special_fault(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct special_vm_ops = {
	.fault = special_fault,
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	/* The type of its last argument is not the same on every kernel. */
	.huge_fault = (void *)special_huge_fault,
#endif
};

static int special_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long kind = vma->vm_pgoff >> (HMM_SPECIAL_SHIFT - PAGE_SHIFT);
	unsigned long i, npages = vma_pages(vma);
	int ret = 0;

	if (kind > HMM_SPECIAL_HUGE || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (kind == HMM_SPECIAL_HUGE) {
		if (npages != 2 * (PMD_SIZE >> PAGE_SHIFT) ||
		    vma->vm_start & ~PMD_MASK)
			return -EINVAL;
		npages = 1;
	}
	if (npages > HMM_SPECIAL_PAGES)
		return -EINVAL;
	vma->vm_ops = &special_vm_ops;
	for (i = 0; !ret && i < npages; i++)
		ret = special_map_page(vma, kind, i);
	return ret;
}

static const struct file_operations special_fops = {
	.owner = THIS_MODULE,
	.mmap = special_mmap,
};

static struct miscdevice special_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hmm_special_test",
	.fops = &special_fops,
	.mode = 0600,
};

static void special_free(void)
{
	unsigned int i;

	for (i = 0; i < HMM_SPECIAL_PAGES; i++)
		if (special_pages[i])
			__free_page(special_pages[i]);
}

static int __init special_init(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < HMM_SPECIAL_PAGES; i++) {
		special_pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!special_pages[i]) {
			special_free();
			return -ENOMEM;
		}
	}
	ret = misc_register(&special_device);
	if (ret)
		special_free();
	return ret;
}

static void __exit special_exit(void)
{
	misc_deregister(&special_device);
	special_free();
}

module_init(special_init);
module_exit(special_exit);

MODULE_DESCRIPTION("Mappings with special page table entries, for tests");
MODULE_LICENSE("GPL");
