/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HMM_DIFF_KERNEL_H
#define _HMM_DIFF_KERNEL_H

#include "request.h"

struct diff_kernel;

struct diff_kernel *diff_kernel_open(const struct diff_request *request);
void diff_kernel_close(struct diff_kernel *kernel);

/* The same as diff_ours(), but with the kernel's own HMM. */
int diff_kernel(struct diff_kernel *kernel, const struct diff_request *request,
		unsigned long *pfns, u64 *entries);

/* Returns true if the addresses were invalidated since the previous call. */
bool diff_kernel_changed(struct diff_kernel *kernel);

#endif /* _HMM_DIFF_KERNEL_H */
