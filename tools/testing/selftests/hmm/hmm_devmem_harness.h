/* SPDX-License-Identifier: GPL-2.0 */
/* Fixture for tests of device memory. */
#ifndef _HMM_DEVMEM_HARNESS_H
#define _HMM_DEVMEM_HARNESS_H

#include "hmm_devmem.h"
#include "hmm_harness.h"

/* used: the number of device pages in use when the test begins. */
#define HMM_DEVMEM_FIXTURE_MEMBERS					\
	HMM_FIXTURE_MEMBERS;						\
	long used

/*
 * Sets up memory that does not cross a PMD boundary, and fills it with the
 * pattern of seed 1. Its pages are in system memory. Waits for a process of an
 * earlier test, which may still be freeing pages of the device.
 */
#define HMM_SETUP_DEVMEM(npages) do {					\
	size_t _filled = (npages);					\
									\
	HMM_SETUP_MAPPED_BY(hmm_map_within_pmd, _filled);		\
	hmm_fill(self->mem, _filled, 1, 0);				\
	if (hmm_probe_devmem(self->fd, self->mem, self->buf) ==		\
	    -EOPNOTSUPP)						\
		SKIP(return, HMM_SKIP_NO_DEVMEM, 0);			\
	self->used = hmm_devmem_wait_used(self->fd, 0);			\
	ASSERT_LE(0, self->used);					\
} while (0)

/*
 * The device and then the CPU must read the pattern of a seed. The reads by the
 * CPU migrate all pages back.
 */
#define EXPECT_INTACT(seed) do {					\
	unsigned int _seed = (seed);					\
									\
	memset(self->buf, 0, NPAGES * self->page);			\
	EXPECT_EQ(0, hmm_read(self->fd, self->mem, self->buf, NPAGES,	\
			      NULL));					\
	EXPECT_TRUE(hmm_is_filled(self->buf, NPAGES, _seed, 0));	\
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));	\
	EXPECT_TRUE(hmm_is_filled(self->mem, NPAGES, _seed, 0));	\
	EXPECT_EQ(0, hmm_mismatches(self->fd, self->mem, NPAGES));	\
	EXPECT_EQ(self->used,						\
		  hmm_devmem_wait_used(self->fd, self->used));		\
} while (0)

#endif /* _HMM_DEVMEM_HARNESS_H */
