/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels in exclusive device access: 5.14 added it for a
 * range of pages; since 6.15 a call handles one page.
 */
#ifndef _HMM_COMPAT_TEST_HMM_EXCLUSIVE_H
#define _HMM_COMPAT_TEST_HMM_EXCLUSIVE_H

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/rmap.h>
#include <linux/version.h>

#if defined(CONFIG_DEVICE_PRIVATE) && \
	LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
#define HMM_HAS_EXCLUSIVE	1
#else
#define HMM_HAS_EXCLUSIVE	0
#endif

#if HMM_HAS_EXCLUSIVE
/*
 * Replaces the CPU's entry for the page at @addr with a device-exclusive entry.
 * Returns the page, locked and with a reference, or an error pointer. The error
 * is -EBUSY if the page cannot be made exclusive now, or is not anonymous
 * memory. The caller holds the mmap lock for reading.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
static inline struct page *
hmm_make_device_exclusive(struct mm_struct *mm, unsigned long addr, void *owner)
{
	struct folio *folio;
	struct page *page;

	page = make_device_exclusive(mm, addr, owner, &folio);
	/* The page is not anonymous memory; the older function skips it. */
	return page == ERR_PTR(-EOPNOTSUPP) ? ERR_PTR(-EBUSY) : page;
}
#else
static inline struct page *
hmm_make_device_exclusive(struct mm_struct *mm, unsigned long addr, void *owner)
{
	struct page *page = NULL;
	int ret;

	ret = make_device_exclusive_range(mm, addr, addr + PAGE_SIZE, &page,
					  owner);
	if (ret < 0)
		return ERR_PTR(ret);
	return ret && page ? page : ERR_PTR(-EBUSY);
}
#endif
#endif /* HMM_HAS_EXCLUSIVE */

#endif /* _HMM_COMPAT_TEST_HMM_EXCLUSIVE_H */
