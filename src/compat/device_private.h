/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels: page table entries of device-private memory.
 */
#ifndef _HMM_COMPAT_DEVICE_PRIVATE_H
#define _HMM_COMPAT_DEVICE_PRIVATE_H

#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/version.h>

#include <hmm/pfn.h>

#include "pgmap.h"

/*
 * Since 6.19, an entry that is not present is a softleaf entry, and a PMD may
 * be device-private. Before 6.19, an entry that is not present is a swap entry,
 * and only PTEs are device-private.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#include <linux/leafops.h>

#define hmm_softleaf_t			softleaf_t
#define hmm_softleaf_from_pte		softleaf_from_pte
#define hmm_softleaf_from_pmd		softleaf_from_pmd
#define hmm_softleaf_pfn			softleaf_to_pfn
#define hmm_softleaf_is_device_private		softleaf_is_device_private
#define hmm_softleaf_is_device_private_write	softleaf_is_device_private_write
#else
#define hmm_softleaf_t			swp_entry_t
#define hmm_softleaf_from_pte		pte_to_swp_entry
#define hmm_softleaf_is_device_private		is_device_private_entry
/* Since 6.1, the offset of a swap entry has flags besides the page frame number. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
#define hmm_softleaf_pfn			swp_offset_pfn
#else
#define hmm_softleaf_pfn			swp_offset
#endif
/* 5.14 renamed this function. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
#define hmm_softleaf_is_device_private_write	is_writable_device_private_entry
#else
#define hmm_softleaf_is_device_private_write	is_write_device_private_entry
#endif

static inline hmm_softleaf_t hmm_softleaf_from_pmd(pmd_t pmd)
{
	return swp_entry(0, 0);
}
#endif

/*
 * Convert an entry that is not present to a pfn entry. Returns 0 unless the
 * entry maps device-private memory of @owner. The CPU page table holds a
 * reference to a page of such memory.
 */
static inline unsigned long hmm_softleaf_pfn_entry(hmm_softleaf_t leaf,
						   const void *owner)
{
	unsigned long pfn;

	if (!hmm_softleaf_is_device_private(leaf))
		return 0;
	pfn = hmm_softleaf_pfn(leaf);
	if (hmm_page_pgmap(pfn_to_page(pfn))->owner != owner)
		return 0;
	return hmm_mirror_pfn_entry(pfn,
				    hmm_softleaf_is_device_private_write(leaf),
				    0);
}

static inline unsigned long hmm_pte_device_entry(pte_t pte, const void *owner)
{
	return hmm_softleaf_pfn_entry(hmm_softleaf_from_pte(pte), owner);
}

static inline unsigned long hmm_pmd_device_entry(pmd_t pmd, const void *owner)
{
	return hmm_softleaf_pfn_entry(hmm_softleaf_from_pmd(pmd), owner);
}

#endif /* _HMM_COMPAT_DEVICE_PRIVATE_H */
