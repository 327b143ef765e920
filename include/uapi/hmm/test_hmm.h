/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of the dummy devices, /dev/hmm_dmirror0 to 3: 0 and 1 have memory
 * that the CPU cannot reach, 2 and 3 memory that it can, if the module was
 * given some.
 *
 * Commands 0x00 to 0x09 and struct hmm_dmirror_cmd have the numbers and the
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
 * @ptr: in: buffer in the caller: one byte a page for SNAPSHOT, else the
 *       bytes of the pages
 * @npages: in: how many pages; FLAGS: HMM_DMIRROR_FLAG_*
 * @cpages: out: how many pages were done, also when the command failed
 * @faults: out: how many times the device page table lacked an entry, or a
 *          right. A fault fetches all that is left of the command; of a
 *          command beyond 4 MiB, all that is left of the 4 MiB at hand.
 *
 * Pages are done in order: a command that fails has done all those before
 * the page that failed. -EINVAL for addresses that are no page's or no user's;
 * -EFAULT for a hole or a buffer that is none; -EPERM where the mapping
 * forbids writing, and for a command that needs a capability; -ESRCH after the
 * mirrored process has exited. @addr counts in the process that opened the
 * file, whoever issues the command.
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
/*
 * Move npages of private memory into the device's own, map them on the device
 * and copy them to ptr. -EINVAL where nothing is mapped or nothing may be
 * read; -ENOENT for a page that did not get there; -EOPNOTSUPP if the device
 * has no memory.
 */
#define HMM_DMIRROR_MIGRATE_TO_DEV	_IOWR('H', 0x02, struct hmm_dmirror_cmd)
/* Move back those of npages that are in this device. cpages: how many were. */
#define HMM_DMIRROR_MIGRATE_TO_SYS	_IOWR('H', 0x03, struct hmm_dmirror_cmd)
/* Write one HMM_DMIRROR_PROT_* byte a page to ptr; fault nothing. */
#define HMM_DMIRROR_SNAPSHOT		_IOWR('H', 0x04, struct hmm_dmirror_cmd)
/*
 * Take npages of private memory from the CPU, so that the device may access
 * them alone, and copy them to ptr. Whatever the CPU then does with a page
 * takes it from the device. -EBUSY for a page that others use.
 */
#define HMM_DMIRROR_EXCLUSIVE		_IOWR('H', 0x05, struct hmm_dmirror_cmd)
/* -EPERM if the device still has one of npages alone; cpages: how many. */
#define HMM_DMIRROR_CHECK_EXCLUSIVE	_IOWR('H', 0x06, struct hmm_dmirror_cmd)
/*
 * Move all that any process has in the device back, and give its memory up.
 * Needs CAP_SYS_RAWIO. A page that something else holds, such as a pipe, stays
 * until that lets go of it: RELEASE waits, and the kernel log says for what.
 * -EINTR if the caller is killed; the memory stays usable then.
 */
#define HMM_DMIRROR_RELEASE		_IOWR('H', 0x07, struct hmm_dmirror_cmd)
/* Behave as the flags say, instead of as before. Needs CAP_SYS_RAWIO. */
#define HMM_DMIRROR_FLAGS		_IOWR('H', 0x08, struct hmm_dmirror_cmd)

/*
 * READ, by the name that the kernel's tests use since 7.3: a fault that sleeps,
 * as on a page that userfaultfd has to provide, holds no lock of the mm. READ
 * here never does.
 */
#define HMM_DMIRROR_READ_UNLOCKED	_IOWR('H', 0x09, struct hmm_dmirror_cmd)

/*
 * Once: the next allocation for a migration, either way, fails. For an aligned
 * 2M, this is the one of a huge page, also where the device has none; small
 * pages take its place.
 */
#define HMM_DMIRROR_FLAG_FAIL_ALLOC	(1ULL << 0)
/* Until FLAGS again: no huge page can be allocated for a migration. */
#define HMM_DMIRROR_FLAG_NO_HUGE	(1ULL << 1)

/*
 * What SNAPSHOT says of a page: one of the first four, with PMD, PUD and one
 * of the last five on top where they hold.
 */
enum {
	HMM_DMIRROR_PROT_NONE	= 0x00,	/* mapped by a vma, nothing there */
	HMM_DMIRROR_PROT_READ	= 0x01,	/* the device may read */
	HMM_DMIRROR_PROT_WRITE	= 0x02,	/* the device may read and write */
	HMM_DMIRROR_PROT_ERROR	= 0xff,	/* the device can never use it */
	HMM_DMIRROR_PROT_PMD	= 0x04,	/* mapped by a PMD entry */
	HMM_DMIRROR_PROT_PUD	= 0x08,	/* mapped by a PUD entry */
	HMM_DMIRROR_PROT_ZERO	= 0x10,	/* the shared zero page */
	/* In memory of this device, or of another, that the CPU cannot reach. */
	HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL	= 0x20,
	HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE	= 0x30,
	/* The same, where the CPU can. */
	HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL	= 0x40,
	HMM_DMIRROR_PROT_DEV_COHERENT_REMOTE	= 0x50,
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
	/* MIGRATE_TO_DEV: pages are taken from the CPU, none copied yet */
	HMM_DMIRROR_POINT_MIGRATING,
	/*
	 * the same on the way back: in MIGRATE_TO_SYS, and when the CPU faults
	 * on a page in the device, by the file opened last of those that mirror
	 * the faulting mm with that device
	 */
	HMM_DMIRROR_POINT_RETURNING,
	/* EXCLUSIVE: a page is taken from the CPU, not yet on the device */
	HMM_DMIRROR_POINT_EXCLUSIVE,
	HMM_DMIRROR_POINTS,
};

/**
 * struct hmm_dmirror_point - which point, and for how long
 * @point: one of HMM_DMIRROR_POINT_*
 * @timeout_ms: WAIT: give up after so long, with ETIME; 0 or more than three
 *              minutes means three minutes. A stopped task that is not resumed
 *              goes on after three minutes or when killed.
 *
 * Each open file has its own points. Kernel threads, tasks that reclaim memory
 * and invalidations that must not block never stop. While a task is stopped at INVALIDATE, LOCKED,
 * MIGRATING or RETURNING, threads of the mirrored process must not touch new
 * memory, unmap any, nor create threads before GO_ON: they would wait for the
 * stopped task. The same goes for the page itself at EXCLUSIVE.
 */
struct hmm_dmirror_point {
	__u32 point;
	__u32 timeout_ms;
};

/*
 * The next task that comes to the point stops there, once; EBUSY if one has.
 * Needs CAP_SYS_RAWIO.
 */
#define HMM_DMIRROR_STOP_AT	_IOW('H', 0x81, struct hmm_dmirror_point)
/* Wait until a task has stopped at the point. */
#define HMM_DMIRROR_WAIT_AT	_IOW('H', 0x82, struct hmm_dmirror_point)
/* Let the task that stopped at the point go on; disarm it if none did. */
#define HMM_DMIRROR_GO_ON	_IOW('H', 0x83, struct hmm_dmirror_point)

/**
 * struct hmm_dmirror_config - how the device behaves
 * @invalidate_delay_us: sleep so long in each blockable invalidation, before
 *                       the update lock is taken; at most 60 seconds. No signal
 *                       ends it; another CONFIG does, and so does the last
 *                       close. Kernel threads and tasks that reclaim memory do
 *                       not sleep.
 * @refuse_nonblock: refuse this many of the coming non-blockable ones
 *
 * The device refuses a non-blockable invalidation also while its update lock
 * is held. CONFIG needs CAP_SYS_RAWIO.
 */
struct hmm_dmirror_config {
	__u32 invalidate_delay_us;
	__u32 refuse_nonblock;
};

#define HMM_DMIRROR_CONFIG	_IOW('H', 0x84, struct hmm_dmirror_config)

/*
 * Compare the device page table with the CPU's for npages from addr on.
 * cpages: how many entries the device has there; faults: how many of them
 * map a page, or grant a right, that the CPU's page table does not; or claim
 * a page for the device alone that the CPU can access; or are in device memory
 * that is free.
 */
#define HMM_DMIRROR_CHECK	_IOWR('H', 0x85, struct hmm_dmirror_cmd)

/**
 * struct hmm_dmirror_devmem - the memory of a device, for all of its files
 * @capacity: pages that the device has now; it grows on demand
 * @used: pages that are in use
 * @allocated: pages that were ever given out
 * @freed: pages that ever came back
 * @chunks: pieces that the capacity consists of
 * @own: invalidations that this file saw and that migrations of this device
 *       or EXCLUSIVE on this file have caused
 */
struct hmm_dmirror_devmem {
	__u64 capacity;
	__u64 used;
	__u64 allocated;
	__u64 freed;
	__u64 chunks;
	__u64 own;
};

#define HMM_DMIRROR_DEVMEM	_IOR('H', 0x86, struct hmm_dmirror_devmem)

/*
 * MIGRATE_TO_DEV on this file takes no page while the device has so many in
 * use; ~0, as at first, is no limit. Needs CAP_SYS_RAWIO.
 */
#define HMM_DMIRROR_DEVMEM_LIMIT	_IOW('H', 0x87, __u64)

#endif /* _UAPI_HMM_TEST_HMM_H */
