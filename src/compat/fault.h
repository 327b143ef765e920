/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in what handle_mm_fault() returns.
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

#endif /* _HMM_COMPAT_FAULT_H */
