/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in what handle_mm_fault() returns, and in what a
 * vma permits.
 */
#ifndef _HMM_COMPAT_FAULT_H
#define _HMM_COMPAT_FAULT_H

#include <linux/mm.h>
#include <linux/version.h>

/*
 * Since 6.0 a fault may be complete and yet have let the mmap lock go. Before,
 * it was to be tried again, which VM_FAULT_RETRY says.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
#define HMM_FAULT_UNLOCKED	(VM_FAULT_RETRY | VM_FAULT_COMPLETED)
#else
#define HMM_FAULT_UNLOCKED	(VM_FAULT_RETRY)
#endif

/*
 * Whether a device may write to the vma. Shadow stacks have VM_WRITE since
 * 6.6, but only the CPU may write to them.
 */
static inline bool hmm_vma_writable(const struct vm_area_struct *vma)
{
#ifdef VM_SHADOW_STACK
	if (vma->vm_flags & VM_SHADOW_STACK)
		return false;
#endif
	return vma->vm_flags & VM_WRITE;
}

#endif /* _HMM_COMPAT_FAULT_H */
