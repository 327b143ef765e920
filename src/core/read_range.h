/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading a range: the walk of the page tables, and page faults.
 */
#ifndef _HMM_CORE_READ_RANGE_H
#define _HMM_CORE_READ_RANGE_H

#include "walk.h"

/**
 * struct hmm_read_request - one read of a range
 * @walk: the mm, the array and the requested flags
 * @keep_lock: the caller holds the mmap lock for reading; do not drop it
 * @vma_locked: the lock of the current vma is held instead of the mmap lock
 * @need_mmap_lock: a fault cannot be handled under the lock of its vma
 * @tries: number of faults on the current page
 * @retries: how often the caller has read the range again, after a page did not
 *           satisfy its request
 * @faults: number of faults on all pages
 * @reached: after an error, the end of the part that has been read, in bytes
 */
struct hmm_read_request {
	struct hmm_walk walk;
	bool keep_lock;
	bool vma_locked;
	bool need_mmap_lock;
	unsigned int tries;
	unsigned int retries;
	unsigned long faults;
	unsigned long reached;
};

int hmm_read_range(struct hmm_read_request *request, unsigned long start,
		   unsigned long end);

#endif /* _HMM_CORE_READ_RANGE_H */
