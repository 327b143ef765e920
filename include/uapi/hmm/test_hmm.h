/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of the dummy device, /dev/hmm_dmirror0 and 1.
 *
 * Commands 0x00 to 0x08 and struct hmm_dmirror_cmd have the numbers and the
 * layout that the kernel's own test device has, so that programs written for
 * the one run on the other. The commands from 0x80 on exist only here: with
 * them a test forces what would otherwise be luck.
 */
#ifndef _UAPI_HMM_TEST_HMM_H
#define _UAPI_HMM_TEST_HMM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct hmm_dmirror_cmd - one command to the device
 * @addr: in: address in the mirrored process; page aligned
 * @ptr: in: buffer in the caller: bytes for READ and WRITE, one byte a page
 *       for SNAPSHOT
 * @npages: in: how many pages
 * @cpages: out: how many pages were done, also when the command failed
 * @faults: out: how many times the device page table lacked an entry, or a
 *          right. A fault fetches all that is left of the command; of a
 *          command beyond 4 MiB, all that is left of the 4 MiB at hand.
 *
 * Pages are done in order: a command that fails has done all those before
 * the page that failed. -EINVAL for addresses that are no page's or no user's;
 * -EFAULT for a hole or a buffer that is none; -EPERM where the mapping
 * forbids writing; -ESRCH after the mirrored process has exited. @addr counts
 * in the process that opened the file, whoever issues the command.
 */
struct hmm_dmirror_cmd {
	__u64 addr;
	__u64 ptr;
	__u64 npages;
	__u64 cpages;
	__u64 faults;
};

/* Copy npages from the mirrored memory to ptr, as the device sees it. */
#define HMM_DMIRROR_READ		_IOWR('H', 0x00, struct hmm_dmirror_cmd)
/* Copy npages from ptr to the mirrored memory. */
#define HMM_DMIRROR_WRITE		_IOWR('H', 0x01, struct hmm_dmirror_cmd)
/* Write one HMM_DMIRROR_PROT_* byte a page to ptr; fault nothing. */
#define HMM_DMIRROR_SNAPSHOT		_IOWR('H', 0x04, struct hmm_dmirror_cmd)

/*
 * What SNAPSHOT says of a page: one of the first four, with PMD, PUD and
 * ZERO on top where they hold.
 */
enum {
	HMM_DMIRROR_PROT_NONE	= 0x00,	/* mapped by a vma, nothing there */
	HMM_DMIRROR_PROT_READ	= 0x01,	/* the device may read */
	HMM_DMIRROR_PROT_WRITE	= 0x02,	/* the device may read and write */
	HMM_DMIRROR_PROT_ERROR	= 0xff,	/* the device can never use it */
	HMM_DMIRROR_PROT_PMD	= 0x04,	/* mapped by a PMD entry */
	HMM_DMIRROR_PROT_PUD	= 0x08,	/* mapped by a PUD entry */
	HMM_DMIRROR_PROT_ZERO	= 0x10,	/* the shared zero page */
};

/**
 * struct hmm_dmirror_stats - what one open file of the device has seen
 * @faults: times the device page table lacked an entry or a right
 * @invalidations: callbacks that overlapped the device's interval
 * @collisions: times that pages were read in vain, since an invalidation
 *              came between the reading and the update lock
 * @entries: entries in the device page table now
 * @dropped: entries that invalidations have removed
 * @refused: invalidations answered with "would block"
 * @released: 1 once the mirrored mm has exited
 */
struct hmm_dmirror_stats {
	__u64 faults;
	__u64 invalidations;
	__u64 collisions;
	__u64 entries;
	__u64 dropped;
	__u64 refused;
	__u64 released;
};

#define HMM_DMIRROR_STATS		_IOR('H', 0x80, struct hmm_dmirror_stats)

/* Points at which the device stops on request. */
enum {
	/* READ/WRITE: after read_begin, before the page tables are read */
	HMM_DMIRROR_POINT_BEGUN,
	/* READ/WRITE: pages are known, the update lock not yet taken */
	HMM_DMIRROR_POINT_FAULTED,
	/* in the invalidate callback, before it takes the update lock */
	HMM_DMIRROR_POINT_INVALIDATE,
	/*
	 * READ/WRITE: with the update lock held, either before pages that were
	 * found valid enter the device page table, or before the first page
	 * that the device page table has is accessed
	 */
	HMM_DMIRROR_POINT_LOCKED,
	/* in the release callback of a mirror whose mm exits */
	HMM_DMIRROR_POINT_RELEASE,
	HMM_DMIRROR_POINTS,
};

/**
 * struct hmm_dmirror_point - which point, and for how long
 * @point: one of HMM_DMIRROR_POINT_*
 * @timeout_ms: WAIT: give up after so long, with ETIME; 0 or more than 60
 *              seconds means 60 seconds. A task that nobody resumes goes on
 *              by itself after 60 seconds or when killed.
 *
 * Each open file has its own points. Kernel threads and invalidations that
 * must not block never stop. While a task is stopped at INVALIDATE or LOCKED,
 * threads of the mirrored process must not touch new memory, unmap any, nor
 * create threads before GO_ON: they would wait for the stopped task.
 */
struct hmm_dmirror_point {
	__u32 point;
	__u32 timeout_ms;
};

/* The next task that comes to the point stops there, once; EBUSY if one has. */
#define HMM_DMIRROR_STOP_AT	_IOW('H', 0x81, struct hmm_dmirror_point)
/* Wait until a task has stopped at the point. */
#define HMM_DMIRROR_WAIT_AT	_IOW('H', 0x82, struct hmm_dmirror_point)
/* Let the task that stopped at the point go on; disarm it if none did. */
#define HMM_DMIRROR_GO_ON	_IOW('H', 0x83, struct hmm_dmirror_point)

/**
 * struct hmm_dmirror_config - how the device behaves
 * @invalidate_delay_us: sleep so long in each blockable invalidation, before
 *                       the update lock is taken; at most 10 seconds
 * @refuse_nonblock: refuse this many of the coming non-blockable ones
 *
 * The device refuses a non-blockable invalidation also while its update lock
 * is held.
 */
struct hmm_dmirror_config {
	__u32 invalidate_delay_us;
	__u32 refuse_nonblock;
};

#define HMM_DMIRROR_CONFIG	_IOW('H', 0x84, struct hmm_dmirror_config)

/*
 * Compare the device page table with the CPU's for npages from addr on.
 * cpages: how many entries the device has there; faults: how many of them
 * map a page, or grant a right, that the CPU's page table does not.
 */
#define HMM_DMIRROR_CHECK	_IOWR('H', 0x85, struct hmm_dmirror_cmd)

#endif /* _UAPI_HMM_TEST_HMM_H */
