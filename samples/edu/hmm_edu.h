/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What user programs say to /dev/hmm_edu.
 *
 * A program registers buffers, which are memory that it has anyway, and has
 * the device copy between them by DMA. What becomes of the memory meanwhile
 * (unmapped, forked, moved) needs no word to the driver.
 */
#ifndef _HMM_EDU_H
#define _HMM_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The device may write to the buffer, too. */
#define HMM_EDU_WRITE		0x1

/**
 * struct hmm_edu_buffer - memory that the device may use
 * @addr: its first address, page aligned
 * @length: in bytes, whole pages
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
 * @src: where from, within one buffer
 * @dst: where to, within one buffer that the device may write
 * @length: in bytes
 * @copied: out: how many of them were copied, also when it failed
 */
struct hmm_edu_copy {
	__u64 src;
	__u64 dst;
	__u64 length;
	__u64 copied;
};

#define HMM_EDU_REGISTER	_IOW('E', 0x00, struct hmm_edu_buffer)
/* The buffer that begins at this address, the latest if there are several. */
#define HMM_EDU_UNREGISTER	_IOW('E', 0x01, __u64)
#define HMM_EDU_COPY		_IOWR('E', 0x02, struct hmm_edu_copy)

/*
 * For tests, and for CAP_SYS_RAWIO only: no driver should have these.
 */

/* A wrong driver: asks for pages to read, and maps them for writing. */
#define HMM_EDU_TEST_ASK_READ	0x80000000

/**
 * struct hmm_edu_test_page - what the driver has for an address
 * @addr: in: an address within a buffer
 * @dma: out: its DMA address, or what it was when it last had one
 * @prepared: out: 1 if the buffer is ready for DMA
 */
struct hmm_edu_test_page {
	__u64 addr;
	__u64 dma;
	__u64 prepared;
};

/**
 * struct hmm_edu_test_dma - a DMA that asks nobody
 * @dma: where to, or from
 * @write: 1: the device writes to memory
 */
struct hmm_edu_test_dma {
	__u64 dma;
	__u64 write;
};

/**
 * struct hmm_edu_test_stats - of the device, for all who have it open
 * @busy: 1 if a DMA is in flight
 * @started: how many DMAs were started
 * @waited: how often what was to be unmapped had a DMA in flight
 * @buffers: how many there are
 * @mappings: how many mappings of the DMA API they have
 */
struct hmm_edu_test_stats {
	__u64 busy;
	__u64 started;
	__u64 waited;
	__u64 buffers;
	__u64 mappings;
};

#define HMM_EDU_TEST_PAGE	_IOWR('E', 0x40, struct hmm_edu_test_page)
#define HMM_EDU_TEST_DMA	_IOW('E', 0x41, struct hmm_edu_test_dma)
#define HMM_EDU_TEST_STATS	_IOR('E', 0x42, struct hmm_edu_test_stats)

#endif /* _HMM_EDU_H */
