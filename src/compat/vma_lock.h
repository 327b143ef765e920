/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels: the lock of a vma, which is sufficient for most
 * page faults.
 *
 * Since 7.2, modules may acquire it (lock_vma_under_rcu() is exported).
 * core/read_range.c depends on it.
 */
#ifndef _HMM_COMPAT_VMA_LOCK_H
#define _HMM_COMPAT_VMA_LOCK_H

#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0) && \
	defined(CONFIG_PER_VMA_LOCK)
#define HMM_HAS_VMA_LOCK	1
#define HMM_FAULT_VMA_LOCK	FAULT_FLAG_VMA_LOCK

/*
 * Returns the vma that contains @addr, with its lock held for reading. Returns
 * NULL if there is no such vma, or if its lock is not available.
 */
static inline struct vm_area_struct *hmm_vma_lock(struct mm_struct *mm,
						  unsigned long addr)
{
	return lock_vma_under_rcu(mm, addr);
}

static inline void hmm_vma_unlock(struct vm_area_struct *vma)
{
	vma_end_read(vma);
}
#else
#define HMM_HAS_VMA_LOCK	0
#define HMM_FAULT_VMA_LOCK	0

static inline struct vm_area_struct *hmm_vma_lock(struct mm_struct *mm,
						  unsigned long addr)
{
	return NULL;
}

static inline void hmm_vma_unlock(struct vm_area_struct *vma)
{
}
#endif

#endif /* _HMM_COMPAT_VMA_LOCK_H */
