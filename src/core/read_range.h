/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading page tables where the vma has a say, and faulting in.
 */
#ifndef _HMM_CORE_READ_RANGE_H
#define _HMM_CORE_READ_RANGE_H

#include "walk.h"

/**
 * struct hmm_read_request - one request
 * @walk: what is asked for, and of whom
 * @keep_lock: the caller holds the mmap lock for reading and it must be kept
 * @tries: how often the page that is in turn was faulted
 */
struct hmm_read_request {
	struct hmm_walk walk;
	bool keep_lock;
	unsigned int tries;
};

int hmm_read_range(struct hmm_read_request *request, unsigned long start,
		   unsigned long end);

#endif /* _HMM_CORE_READ_RANGE_H */
