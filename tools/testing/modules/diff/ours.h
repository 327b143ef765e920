/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HMM_DIFF_OURS_H
#define _HMM_DIFF_OURS_H

#include "request.h"

/*
 * Make the request with the variant @way of this project's ranges. @pfns is
 * scratch memory for one entry per page. @entries are also filled if the read
 * fails. Returns 0 or -errno.
 */
int diff_ours(const struct diff_request *request, unsigned int way,
	      unsigned long *pfns, u64 *entries);

#endif /* _HMM_DIFF_OURS_H */
