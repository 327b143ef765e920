/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What hmm_special_test.ko offers to mmap(), MAP_SHARED: which kind, the
 * offset says.
 */
#ifndef _HMM_SPECIAL_TEST_H
#define _HMM_SPECIAL_TEST_H

#define HMM_SPECIAL_DEVICE	"/dev/hmm_special_test"

#define HMM_SPECIAL_SHIFT	30
#define HMM_SPECIAL_PAGES	16

/* At most HMM_SPECIAL_PAGES: VM_MIXEDMAP, each an ordinary page. */
#define HMM_SPECIAL_ORDINARY	0UL
/* Likewise: VM_IO and VM_PFNMAP, of the same pages, all entries special. */
#define HMM_SPECIAL_PFNMAP	1UL
/* Likewise: VM_MIXEDMAP, even ones ordinary, odd ones special: no page. */
#define HMM_SPECIAL_MIXED	2UL
/*
 * Two huge pages, aligned: VM_MIXEDMAP, one ordinary page at the beginning of
 * the first. A fault in the second maps it whole by one special entry, if the
 * kernel knows such and madvise(MADV_HUGEPAGE) was called; else it fails.
 */
#define HMM_SPECIAL_HUGE	3UL

#endif /* _HMM_SPECIAL_TEST_H */
