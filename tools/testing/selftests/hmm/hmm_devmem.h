/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device's memory: commands as functions, and where pages are. Functions
 * return 0 or -errno, unless stated otherwise.
 */
#ifndef _HMM_DEVMEM_H
#define _HMM_DEVMEM_H

#include <stddef.h>

#include <linux/types.h>

#include <hmm/test_hmm.h>

#define HMM_SKIP_NO_DEVMEM \
	"unit %d has no device memory: see the kernel log of test_hmm.ko"

#define HMM_SKIP_NO_EXCLUSIVE \
	"no exclusive access: see the kernel log of test_hmm.ko"

/* Migrate pages to the device's memory, and back to system memory. */
int hmm_to_dev(int fd, const void *addr, void *ptr, size_t npages,
	       struct hmm_dmirror_cmd *out);
int hmm_to_sys(int fd, const void *addr, size_t npages,
	       struct hmm_dmirror_cmd *out);
/* Empties the device's memory and releases it: HMM_DMIRROR_RELEASE. */
int hmm_devmem_release(int fd);
int hmm_set_flags(int fd, __u64 flags);
int hmm_devmem_limit(int fd, __u64 pages);
int hmm_devmem_stats(int fd, struct hmm_dmirror_devmem *devmem);

/* Returns how many pages of the device are in use, or -errno. */
long hmm_devmem_used(int fd);
/*
 * Waits until at most max pages are in use, because an exiting process may
 * still be freeing its memory. Returns the last value read.
 */
long hmm_devmem_wait_used(int fd, long max);

/*
 * Returns for how many pages SNAPSHOT reports a location, 0 or
 * HMM_DMIRROR_PROT_DEV_*, or -errno.
 */
long hmm_pages_at(int fd, const void *addr, size_t npages, __u8 location);
/* Returns how many pages are in this device, or -errno. */
long hmm_pages_in_device(int fd, const void *addr, size_t npages);

/*
 * Migrates one page of the caller's to the device and back: -EOPNOTSUPP if
 * the device has no memory.
 */
int hmm_probe_devmem(int fd, void *addr, void *ptr);

/*
 * Maps memory that one PMD entry covers. A migration collects at most that
 * much in one step, and a test that stops it expects all of the pages to be
 * in flight.
 */
char *hmm_map_within_pmd(size_t npages);

#endif /* _HMM_DEVMEM_H */
