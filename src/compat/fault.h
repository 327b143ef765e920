/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels: results of handle_mm_fault(), and the flags of a
 * vma that permit writing.
 */
#ifndef _HMM_COMPAT_FAULT_H
#define _HMM_COMPAT_FAULT_H

#include <linux/mm.h>
#include <linux/version.h>

/*
 * handle_mm_fault() has dropped the mmap lock if it returns VM_FAULT_RETRY, or,
 * since 6.0, VM_FAULT_COMPLETED. With FAULT_FLAG_RETRY_NOWAIT, the lock is
 * still held.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
#define HMM_FAULT_UNLOCKED	(VM_FAULT_RETRY | VM_FAULT_COMPLETED)
#else
#define HMM_FAULT_UNLOCKED	(VM_FAULT_RETRY)
#endif

/*
 * Returns true if a device may write to the vma. Shadow stacks (since 6.6) have
 * VM_WRITE, but only the CPU may write to them.
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
