/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of /dev/hmm_edu.
 *
 * A program registers parts of its memory as buffers, and the device copies
 * between them by DMA. The program may unmap or move this memory, or fork, at
 * any time without notifying the driver. A file serves only the process that
 * first calls REGISTER, UNREGISTER or COPY. These ioctls fail with EPERM in all
 * other processes.
 */
#ifndef _HMM_EDU_H
#define _HMM_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The device may also write to the buffer. */
#define HMM_EDU_WRITE		0x1

/**
 * struct hmm_edu_buffer - memory that the device may use
 * @addr: first address, page aligned
 * @length: in bytes, a multiple of the page size
 * @flags: %HMM_EDU_WRITE or 0; tests may add %HMM_EDU_TEST_REQ_READ
 * @pad: must be 0
 */
struct hmm_edu_buffer {
	__u64 addr;
	__u64 length;
	__u32 flags;
	__u32 pad;
};

/**
 * struct hmm_edu_copy - one copy
 * @src: source address; the source must lie within buffers
 * @dst: destination address; the destination must lie within buffers that have
 *       %HMM_EDU_WRITE
 * @length: in bytes
 * @copied: out: number of bytes copied; also valid if the copy fails
 */
struct hmm_edu_copy {
	__u64 src;
	__u64 dst;
	__u64 length;
	__u64 copied;
};

/*
 * Errors of the following three ioctls:
 *
 * EFAULT: the address of the argument is invalid
 * EPERM:  the file serves another process
 * ENOMEM: out of memory, or of DMA addresses
 * EMFILE: 16 files already serve the process
 */

/*
 * Register a buffer.
 *
 * EINVAL:    @addr or @length is not page aligned, @length is 0, @addr is not a
 *            user address, a flag is unknown, or @pad is not 0
 * EOVERFLOW: the end of the buffer is past the end of the 64-bit addresses
 * ENOSPC:    the file has the maximum number of buffers
 */
#define HMM_EDU_REGISTER	_IOW('E', 0x00, struct hmm_edu_buffer)
/*
 * Unregister the buffer that begins at this address. If there are several, the
 * most recently registered one is unregistered.
 *
 * ENOENT: no buffer begins at the address
 */
#define HMM_EDU_UNREGISTER	_IOW('E', 0x01, __u64)
/*
 * Copy memory.
 *
 * ENOENT:     no suitable buffer contains the source or the destination
 * EFAULT:     the process cannot access the source or the destination
 * EPERM:      the process may not write to a buffer that has HMM_EDU_WRITE
 * ETIME:      invalidations prevented a DMA mapping for 10 seconds
 * EOPNOTSUPP: a page cannot be mapped for DMA
 * EIO:        the device has failed; unbind it and bind it again
 * ENODEV:     the device was unbound
 */
#define HMM_EDU_COPY		_IOWR('E', 0x02, struct hmm_edu_copy)

/*
 * The following definitions are for tests. They need CAP_SYS_RAWIO. A real
 * driver does not have them.
 */

/*
 * A flag of a buffer: emulate a driver bug. Pages are requested for reading and
 * mapped for writing.
 */
#define HMM_EDU_TEST_REQ_READ	0x80000000

/**
 * struct hmm_edu_test_page - the DMA mapping of a page
 * @addr: in: an address in the source or destination of an earlier copy
 * @dma: out: the DMA address of the page, even if the page is unmapped now
 * @usable: out: 1 if a new DMA may access the page, else 0
 */
struct hmm_edu_test_page {
	__u64 addr;
	__u64 dma;
	__u64 usable;
};

/**
 * struct hmm_edu_test_dma - a DMA to or from any DMA address
 * @dma: the DMA address
 * @write: 1: the device writes to memory; 0: it reads from memory
 */
struct hmm_edu_test_dma {
	__u64 dma;
	__u64 write;
};

/**
 * struct hmm_edu_test_stats - counters of the device, over all files
 * @busy: 1 if a DMA is in flight, else 0
 * @started: number of DMAs that were started
 * @waited: number of unmaps that had to wait for a DMA in flight
 * @buffers: number of registered buffers
 * @mappings: number of DMA mappings of these buffers
 */
struct hmm_edu_test_stats {
	__u64 busy;
	__u64 started;
	__u64 waited;
	__u64 buffers;
	__u64 mappings;
};

/* The DMA after the next @arg DMAs raises no interrupt. */
#define HMM_EDU_FAULT_LOST_IRQ		0
/* Raise the DMA interrupt now. */
#define HMM_EDU_FAULT_SPURIOUS_IRQ	1
/* Registers read as all ones until the device is bound again. */
#define HMM_EDU_FAULT_REMOVED		2
/* Set the DMA mask of the device to @arg bits. */
#define HMM_EDU_FAULT_DMA_MASK		3

/**
 * struct hmm_edu_test_fault - inject a fault into the device
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
