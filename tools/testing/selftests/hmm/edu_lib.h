/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's edu device behind an IOMMU, driven by samples/edu. Functions return 0
 * or -errno, unless stated otherwise.
 */
#ifndef _EDU_LIB_H
#define _EDU_LIB_H

#include <stddef.h>

#include <linux/types.h>

#include "../../../../samples/edu/hmm_edu.h"
#include "hmm_lib.h"

#define DEVICE		"/dev/hmm_edu"
#define TRACING		"/sys/kernel/tracing/"
#define DRIVER		"/sys/bus/pci/drivers/hmm_edu/"

/* The largest number of bytes that the driver copies with one DMA. */
#define CHUNK		2048

int edu_register(int fd, void *addr, size_t npages, __u32 flags);
int edu_unregister(int fd, void *addr);
int edu_copy(int fd, void *dst, const void *src, size_t length);
/* Returns all ones on an error. */
struct hmm_edu_test_stats edu_stats(int fd);
/* Makes the device misbehave. kind is one of HMM_EDU_FAULT_*. */
int edu_fault(int fd, __u32 kind, __u32 arg);

/* Argument of edu_job_run(), which copies one chunk. */
struct edu_job {
	int fd;
	void *dst;
	void *src;
};

int edu_job_run(void *arg);

/* Waits until the device has started this many DMAs in total. */
int edu_wait_started(int fd, __u64 started);

/* Stores the name of the PCI device that is bound to the driver. */
int edu_name(char *name, size_t size);

/*
 * For a child: opens the device, and maps and registers two pages. Returns the
 * file descriptor or -EIO.
 */
int edu_map_and_register(char **src, char **dst);

/* Returns how many faults the IOMMU has reported since the last call. */
int iommu_faults(int kmsg);

/*
 * Starts ("1") or stops ("0") the trace of the mappings that the kernel adds to
 * and removes from an IOMMU. Returns -errno if the kernel has no such
 * tracepoints.
 */
int iommu_trace(const char *on);
/* Return how many bytes the traced events mapped or unmapped, or -1. */
long iommu_mapped(void);
long iommu_unmapped(void);

#endif /* _EDU_LIB_H */
