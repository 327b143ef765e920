/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HMM_DIFF_OURS_H
#define _HMM_DIFF_OURS_H

#include "request.h"

/*
 * Make the request by HMM_DIFF_OURS or a variant of it. @pfns is scratch memory
 * for an entry per page. @entries are filled on failure, too.
 */
int diff_ours(const struct diff_request *request, unsigned int way,
	      unsigned long *pfns, u64 *entries);

#endif /* _HMM_DIFF_OURS_H */
