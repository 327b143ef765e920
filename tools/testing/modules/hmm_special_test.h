/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The mappings of hmm_special_test.ko. They require MAP_SHARED. The offset for
 * mmap() selects a mapping: it is the number of the mapping, shifted left by
 * HMM_SPECIAL_SHIFT.
 */
#ifndef _HMM_SPECIAL_TEST_H
#define _HMM_SPECIAL_TEST_H

#define HMM_SPECIAL_DEVICE	"/dev/hmm_special_test"

#define HMM_SPECIAL_SHIFT	30
#define HMM_SPECIAL_PAGES	16

/* VM_MIXEDMAP with up to HMM_SPECIAL_PAGES ordinary pages. */
#define HMM_SPECIAL_ORDINARY	0UL
/* VM_IO and VM_PFNMAP, with special entries for the same pages. */
#define HMM_SPECIAL_PFNMAP	1UL
/*
 * VM_MIXEDMAP: even pages are ordinary pages. Odd pages have special entries
 * without a struct page.
 */
#define HMM_SPECIAL_MIXED	2UL
/*
 * VM_MIXEDMAP, of the size of two huge pages and aligned to a huge page. The
 * first page is an ordinary page. A fault in the second half maps that half
 * with one special entry, if the kernel has special huge entries and
 * madvise(MADV_HUGEPAGE) was called. All other faults fail.
 */
#define HMM_SPECIAL_HUGE	3UL

#endif /* _HMM_SPECIAL_TEST_H */
