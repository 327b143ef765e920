/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels in huge faults on mappings of a driver: the type
 * of a frame number and the size argument of the handler. Only tests use this
 * header.
 */
#ifndef _HMM_COMPAT_HUGE_FAULT_H
#define _HMM_COMPAT_HUGE_FAULT_H

#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#endif

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/*
 * Since 6.6, the handler receives the order of the fault. Before 6.6, it
 * receives an enum page_entry_size. The tests need the argument only since
 * 6.12, because older kernels do not mark the PMD entry of a frame as special.
 * Before 6.6, hmm_huge_fault_is_pmd() therefore returns false.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define HMM_HUGE_FAULT_SIZE		unsigned int
#define hmm_huge_fault_is_pmd(size)	((size) == HPAGE_PMD_ORDER)
#else
#define HMM_HUGE_FAULT_SIZE		enum page_entry_size
#define hmm_huge_fault_is_pmd(size)	((void)(size), false)
#endif

/*
 * Map a huge page of frames that have no struct pages. Since 6.12, the PMD
 * entry is marked special.
 */
static inline vm_fault_t hmm_insert_pfn_pmd(struct vm_fault *vmf,
					    unsigned long pfn)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return vmf_insert_pfn_pmd(vmf, pfn, write);
#else
	return vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write);
#endif
}
#endif /* CONFIG_TRANSPARENT_HUGEPAGE */

#endif /* _HMM_COMPAT_HUGE_FAULT_H */
