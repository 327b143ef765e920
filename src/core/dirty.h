/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marking pages as dirty after a device has written to them.
 */
#ifndef _HMM_CORE_DIRTY_H
#define _HMM_CORE_DIRTY_H

void hmm_pfns_mark_dirty(unsigned long pfn, unsigned long n);

#endif /* _HMM_CORE_DIRTY_H */
