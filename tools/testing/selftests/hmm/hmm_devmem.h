/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions for the device memory commands, and functions that locate pages.
 * They return 0 or -errno, unless stated otherwise.
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
/* Migrates all pages to system memory and removes the device's memory. */
int hmm_devmem_release(int fd);
int hmm_set_flags(int fd, __u64 flags);
int hmm_devmem_limit(int fd, __u64 pages);
int hmm_devmem_stats(int fd, struct hmm_dmirror_devmem *devmem);

/* Returns how many pages of the device are in use, or -errno. */
long hmm_devmem_used(int fd);
/*
 * Waits until at most max pages are in use, because an exiting process may
 * still be freeing its memory. Returns the last value read, or -errno.
 */
long hmm_devmem_wait_used(int fd, long max);

/*
 * Returns how many pages SNAPSHOT reports at a location, or -errno. The
 * location is one of HMM_DMIRROR_PROT_DEV_*, or 0 for absent pages and for
 * pages outside of device memory, except the zero page.
 */
long hmm_pages_at(int fd, const void *addr, size_t npages, __u8 location);
/* Returns how many pages are in this device's private memory, or -errno. */
long hmm_pages_in_device(int fd, const void *addr, size_t npages);

/*
 * Migrates one page to the device and back. Returns -EOPNOTSUPP if the device
 * has no memory.
 */
int hmm_probe_devmem(int fd, void *addr, void *ptr);

/*
 * Maps memory that does not cross a PMD boundary. One step of a migration
 * collects at most the pages below one PMD entry, and a test that stops a
 * migration expects all of its pages to be in flight.
 */
char *hmm_map_within_pmd(size_t npages);

#endif /* _HMM_DEVMEM_H */
