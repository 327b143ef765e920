// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings with special page table entries, alone or next to ordinary pages.
 * Only a driver can create them. The tests map them and read them through the
 * dummy device.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "../../../src/compat/huge_fault.h"
#include "hmm_special_test.h"

static struct page *special_pages[HMM_SPECIAL_PAGES];

/*
 * Returns a page frame number below 4 GiB that is aligned to a huge page and
 * has no struct page, like an address in a PCI BAR. Returns 0 if no such frame
 * exists. On QEMU's virt machine, such addresses are below 1 GiB.
 */
static unsigned long special_frame(void)
{
	unsigned long pfn;

	for (pfn = PMD_SIZE >> PAGE_SHIFT; pfn < SZ_4G >> PAGE_SHIFT;
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
	/* Page 0 is an ordinary page. Inserting it sets VM_MIXEDMAP. */
	if (kind == HMM_SPECIAL_MIXED && i & 1)
		return special_insert_frame(vma, addr);
	return vm_insert_page(vma, addr, special_pages[i]);
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static vm_fault_t special_huge_fault(struct vm_fault *vmf,
				     HMM_HUGE_FAULT_SIZE size)
{
	unsigned long pfn = special_frame();

	if (!hmm_huge_fault_is_pmd(size) || !pfn ||
	    (vmf->address & PMD_MASK) < vmf->vma->vm_start + PMD_SIZE)
		return VM_FAULT_FALLBACK;
	return hmm_insert_pfn_pmd(vmf, pfn);
}
#endif

static vm_fault_t special_fault(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct special_vm_ops = {
	.fault = special_fault,
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	.huge_fault = special_huge_fault,
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
