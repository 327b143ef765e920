/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RELEASE: removal of a device's memory.
 */
#ifndef _TEST_HMM_RELEASE_H
#define _TEST_HMM_RELEASE_H

#include "../compat/test_hmm/devmem.h"

struct dmirror;
struct dmirror_device;

#if HMM_HAS_DEVICE_MEMORY
int dmirror_devmem_release(struct dmirror_device *device, struct dmirror *dm);
#else
static inline int dmirror_devmem_release(struct dmirror_device *device,
					 struct dmirror *dm)
{
	return 0;
}
#endif

#endif /* _TEST_HMM_RELEASE_H */
