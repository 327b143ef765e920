/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of /dev/hmm_edu.
 *
 * A program registers ordinary memory as buffers, and has the device copy
 * between them by DMA. It may unmap, move or fork this memory at any time
 * without notifying the driver. A file serves the process that calls the first
 * ioctl, and no other (EPERM).
 */
#ifndef _HMM_EDU_H
#define _HMM_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The device may write to the buffer, too. */
#define HMM_EDU_WRITE		0x1

/**
 * struct hmm_edu_buffer - memory that the device may use
 * @addr: first address, page aligned
 * @length: in bytes, a multiple of the page size
 * @flags: %HMM_EDU_WRITE or 0
 * @pad: 0
 */
struct hmm_edu_buffer {
	__u64 addr;
	__u64 length;
	__u32 flags;
	__u32 pad;
};

/**
 * struct hmm_edu_copy - one copy
 * @src: source address; a buffer contains the source
 * @dst: destination address; a buffer with %HMM_EDU_WRITE contains the
 *       destination
 * @length: in bytes
 * @copied: out: number of bytes copied, also after an error
 */
struct hmm_edu_copy {
	__u64 src;
	__u64 dst;
	__u64 length;
	__u64 copied;
};

/*
 * EINVAL: not aligned, or not addresses of a process. ENOSPC: the file has too
 * many buffers.
 */
#define HMM_EDU_REGISTER	_IOW('E', 0x00, struct hmm_edu_buffer)
/* The buffer that begins at this address, the latest if there are several. */
#define HMM_EDU_UNREGISTER	_IOW('E', 0x01, __u64)
/*
 * ENOENT: no buffer. EFAULT, EPERM: the process itself cannot access the
 * memory so. EIO: the device failed, and does so until it is bound again.
 * ENODEV: the device was unbound.
 */
#define HMM_EDU_COPY		_IOWR('E', 0x02, struct hmm_edu_copy)

/*
 * For tests, with CAP_SYS_RAWIO only. No real driver has these.
 */

/* A wrong driver: requests pages for reading, and maps them for writing. */
#define HMM_EDU_TEST_REQ_READ	0x80000000

/**
 * struct hmm_edu_test_page - what the driver has for an address
 * @addr: in: an address that was copied from or to
 * @dma: out: its DMA address, also after it was unmapped
 * @usable: out: 1 if a DMA may use it
 */
struct hmm_edu_test_page {
	__u64 addr;
	__u64 dma;
	__u64 usable;
};

/**
 * struct hmm_edu_test_dma - a DMA to or from any address
 * @dma: the address
 * @write: 1: the device writes to memory
 */
struct hmm_edu_test_dma {
	__u64 dma;
	__u64 write;
};

/**
 * struct hmm_edu_test_stats - the device, for all files together
 * @busy: 1 if a DMA is in flight
 * @started: number of DMAs started
 * @waited: how often a DMA in flight delayed an unmap
 * @buffers: number of buffers
 * @mappings: number of their DMA mappings
 */
struct hmm_edu_test_stats {
	__u64 busy;
	__u64 started;
	__u64 waited;
	__u64 buffers;
	__u64 mappings;
};

/* One DMA raises no interrupt: the one after @arg others. */
#define HMM_EDU_FAULT_LOST_IRQ		0
/* Now: the interrupt that ends a DMA. */
#define HMM_EDU_FAULT_SPURIOUS_IRQ	1
/* From now on registers read as all ones, until the device is bound again. */
#define HMM_EDU_FAULT_REMOVED		2
/* From now on DMA addresses have @arg bits. */
#define HMM_EDU_FAULT_DMA_MASK		3

/**
 * struct hmm_edu_test_fault - have the device misbehave
 * @kind: HMM_EDU_FAULT_*
 * @arg: for %HMM_EDU_FAULT_LOST_IRQ and %HMM_EDU_FAULT_DMA_MASK
 */
struct hmm_edu_test_fault {
	__u32 kind;
	__u32 arg;
};

#define HMM_EDU_TEST_PAGE	_IOWR('E', 0x40, struct hmm_edu_test_page)
#define HMM_EDU_TEST_DMA	_IOW('E', 0x41, struct hmm_edu_test_dma)
#define HMM_EDU_TEST_STATS	_IOR('E', 0x42, struct hmm_edu_test_stats)
#define HMM_EDU_TEST_FAULT	_IOW('E', 0x43, struct hmm_edu_test_fault)

#endif /* _HMM_EDU_H */
