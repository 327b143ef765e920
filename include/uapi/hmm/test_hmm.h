/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of the dummy devices, /dev/hmm_dmirror0 to /dev/hmm_dmirror3.
 * Devices 0 and 1 have memory that the CPU cannot access. Devices 2 and 3 have
 * memory that the CPU can access; they exist only if the module was loaded with
 * the address of such memory.
 *
 * Commands 0x00 to 0x09 and struct hmm_dmirror_cmd have the numbers and the
 * layout of the kernel's own test device, so that a program written for one
 * runs on the other. Commands from 0x80 exist only here. With them, a test
 * forces situations that otherwise depend on timing.
 */
#ifndef _UAPI_HMM_TEST_HMM_H
#define _UAPI_HMM_TEST_HMM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct hmm_dmirror_cmd - a command to the device
 * @addr: in: address in the mirrored process; page aligned
 * @ptr: in: buffer of the caller: one byte per page for SNAPSHOT, the contents
 *       of the pages for other commands
 * @npages: in: number of pages; for FLAGS, HMM_DMIRROR_FLAG_*
 * @cpages: out: number of pages that were processed, even if the command failed
 * @faults: out: how many times the device page table had no entry, or one that
 *          did not permit the access. A fault fetches all remaining pages of
 *          the command. A command longer than 4 MiB is split into parts of
 *          4 MiB, and a fault fetches the remaining pages of the current part.
 *
 * Pages are processed in order: if a command fails, all pages below the one
 * that failed have been processed. Errors: -EINVAL if an address is not page
 * aligned or not a user address; -EFAULT for a hole or an invalid buffer;
 * -EPERM if the mapping forbids writing, or if the caller lacks the capability;
 * -ESRCH after the mirrored process has exited. @addr is an address in the
 * process that opened the file, even if another process issues the command.
 */
struct hmm_dmirror_cmd {
	__u64 addr;
	__u64 ptr;
	__u64 npages;
	__u64 cpages;
	__u64 faults;
};

/* Read npages of the mirrored memory with the device, and copy them to ptr. */
#define HMM_DMIRROR_READ		_IOWR('H', 0x00, struct hmm_dmirror_cmd)
/* Write npages from ptr to the mirrored memory with the device. */
#define HMM_DMIRROR_WRITE		_IOWR('H', 0x01, struct hmm_dmirror_cmd)
/*
 * Migrate npages of private memory to the device's memory, map them on the
 * device and copy them to ptr. -EINVAL where no memory is mapped or the mapping
 * is not readable; -ENOENT for a page that did not migrate; -EOPNOTSUPP if the
 * device has no memory.
 */
#define HMM_DMIRROR_MIGRATE_TO_DEV	_IOWR('H', 0x02, struct hmm_dmirror_cmd)
/*
 * Of npages, migrate those that are in this device's memory to the system's.
 * cpages: the number of pages that migrated.
 */
#define HMM_DMIRROR_MIGRATE_TO_SYS	_IOWR('H', 0x03, struct hmm_dmirror_cmd)
/* Write one HMM_DMIRROR_PROT_* byte per page to ptr. Faults no page in. */
#define HMM_DMIRROR_SNAPSHOT		_IOWR('H', 0x04, struct hmm_dmirror_cmd)
/*
 * Get exclusive access to npages of private memory for the device, and copy
 * them to ptr. Any access by the CPU ends the exclusive access to that page.
 * -EBUSY for a page that is in use elsewhere.
 */
#define HMM_DMIRROR_EXCLUSIVE		_IOWR('H', 0x05, struct hmm_dmirror_cmd)
/*
 * Fail with -EPERM if the device still has exclusive access to any of npages.
 * cpages: the number of pages to which it has exclusive access.
 */
#define HMM_DMIRROR_CHECK_EXCLUSIVE	_IOWR('H', 0x06, struct hmm_dmirror_cmd)
/*
 * Migrate the pages of all processes from the device's memory to the system's,
 * and remove the device's memory. Needs CAP_SYS_RAWIO. RELEASE waits while
 * another user, such as a pipe, has a reference to a page, and reports such a
 * page in the kernel log. -EINTR if the caller is killed; the memory stays
 * usable then.
 */
#define HMM_DMIRROR_RELEASE		_IOWR('H', 0x07, struct hmm_dmirror_cmd)
/* Replace the flags of the file by those in npages. Needs CAP_SYS_RAWIO. */
#define HMM_DMIRROR_FLAGS		_IOWR('H', 0x08, struct hmm_dmirror_cmd)

/*
 * The same as READ. The kernel's tests use this command since 7.3, where it
 * holds no lock of the mm while a fault sleeps, for example until userfaultfd
 * provides the page. Here, READ never holds such a lock either.
 */
#define HMM_DMIRROR_READ_UNLOCKED	_IOWR('H', 0x09, struct hmm_dmirror_cmd)

/*
 * The next allocation for a migration, in either direction, fails; then the
 * flag is cleared. If an aligned range of 2 MiB migrates, the flag applies to
 * the allocation of a huge page, even where the device has no huge pages; small
 * pages are allocated instead.
 */
#define HMM_DMIRROR_FLAG_FAIL_ALLOC	(1ULL << 0)
/* No huge page is allocated for a migration, until FLAGS clears the flag. */
#define HMM_DMIRROR_FLAG_NO_HUGE	(1ULL << 1)

/*
 * What SNAPSHOT reports about a page: one of the first four values, combined
 * with PMD or PUD and with one of the last five where they apply.
 */
enum {
	HMM_DMIRROR_PROT_NONE	= 0x00,	/* a vma maps it, no entry is present */
	HMM_DMIRROR_PROT_READ	= 0x01,	/* the device may read */
	HMM_DMIRROR_PROT_WRITE	= 0x02,	/* the device may read and write */
	HMM_DMIRROR_PROT_ERROR	= 0xff,	/* the device can never use it */
	HMM_DMIRROR_PROT_PMD	= 0x04,	/* mapped by a PMD entry */
	HMM_DMIRROR_PROT_PUD	= 0x08,	/* mapped by a PUD entry */
	HMM_DMIRROR_PROT_ZERO	= 0x10,	/* the shared zero page */
	/* in memory that the CPU cannot access, of this or another device */
	HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL	= 0x20,
	HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE	= 0x30,
	/* in memory that the CPU can access, of this or another device */
	HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL	= 0x40,
	HMM_DMIRROR_PROT_DEV_COHERENT_REMOTE	= 0x50,
};

/**
 * struct hmm_dmirror_stats - counters of one open file
 * @faults: how many times the device page table had no entry, or one that did
 *          not permit the access
 * @invalidations: callbacks of the device's interval
 * @collisions: how many times entries were read and discarded, because an
 *              invalidation began before the update lock was acquired
 * @entries: entries in the device page table now
 * @dropped: entries that invalidations have removed
 * @refused: non-blockable invalidations that the device has refused
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

/* Stop points: places at which a test can make the device stop. */
enum {
	/* READ/WRITE: after read_begin, before the page tables are read */
	HMM_DMIRROR_POINT_BEGUN,
	/* READ/WRITE: after the pages are known, before the update lock */
	HMM_DMIRROR_POINT_FAULTED,
	/* in the invalidate callback, before it acquires the update lock */
	HMM_DMIRROR_POINT_INVALIDATE,
	/*
	 * READ/WRITE: with the update lock held, either after the range was
	 * found valid and before its pages enter the device page table, or
	 * before the first page in the device page table is accessed
	 */
	HMM_DMIRROR_POINT_LOCKED,
	/* in the release callback of the mirror, when the mm exits */
	HMM_DMIRROR_POINT_RELEASE,
	/* MIGRATE_TO_DEV: pages are isolated, and not yet copied */
	HMM_DMIRROR_POINT_MIGRATING,
	/*
	 * The same in the other direction: in MIGRATE_TO_SYS, and when the CPU
	 * faults on a page in the device's memory. If several files mirror the
	 * faulting mm with that device, the point of the file that was opened
	 * last applies.
	 */
	HMM_DMIRROR_POINT_RETURNING,
	/* EXCLUSIVE: neither the CPU nor the device can access the page */
	HMM_DMIRROR_POINT_EXCLUSIVE,
	HMM_DMIRROR_POINTS,
};

/**
 * struct hmm_dmirror_point - a stop point, and the time limit of a wait
 * @point: one of HMM_DMIRROR_POINT_*
 * @timeout_ms: WAIT_AT fails with ETIME after this many milliseconds; 0, or
 *              more than three minutes, means three minutes. A stopped task
 *              that is not resumed continues after three minutes or when it is
 *              killed.
 *
 * Each open file has its own stop points. Kernel threads, tasks that reclaim
 * memory and non-blockable invalidations do not stop. While a task is stopped
 * at INVALIDATE, LOCKED, MIGRATING or RETURNING, threads of the mirrored
 * process must not touch new memory, unmap memory or create threads before
 * GO_ON, because they would wait for the stopped task. At EXCLUSIVE, they must
 * not touch the page.
 */
struct hmm_dmirror_point {
	__u32 point;
	__u32 timeout_ms;
};

/*
 * The next task that reaches the point stops there. EBUSY if a task is stopped
 * there now. Needs CAP_SYS_RAWIO.
 */
#define HMM_DMIRROR_STOP_AT	_IOW('H', 0x81, struct hmm_dmirror_point)
/* Wait until a task has stopped at the point. */
#define HMM_DMIRROR_WAIT_AT	_IOW('H', 0x82, struct hmm_dmirror_point)
/* Resume the task that is stopped at the point, or disarm the point. */
#define HMM_DMIRROR_GO_ON	_IOW('H', 0x83, struct hmm_dmirror_point)

/**
 * struct hmm_dmirror_config - how the device handles invalidations
 * @invalidate_delay_us: sleep for this many microseconds in each blockable
 *                       invalidation, before the update lock is acquired; at
 *                       most 60 seconds. Signals do not end the sleep; another
 *                       CONFIG and the last close do. Kernel threads and tasks
 *                       that reclaim memory do not sleep.
 * @refuse_nonblock: refuse this many of the next non-blockable invalidations
 *
 * The device also refuses a non-blockable invalidation while its update lock is
 * held. CONFIG needs CAP_SYS_RAWIO.
 */
struct hmm_dmirror_config {
	__u32 invalidate_delay_us;
	__u32 refuse_nonblock;
};

#define HMM_DMIRROR_CONFIG	_IOW('H', 0x84, struct hmm_dmirror_config)

/*
 * Compare the device page table with the CPU's for npages from addr. cpages:
 * the number of entries that the device has there. faults: the number of these
 * entries that are wrong, because they map a page or grant a permission that
 * the CPU's page table does not; because they are exclusive and the CPU can
 * access the page; or because they map free device memory.
 */
#define HMM_DMIRROR_CHECK	_IOWR('H', 0x85, struct hmm_dmirror_cmd)

/**
 * struct hmm_dmirror_devmem - the memory of a device, shared by all its files
 * @capacity: pages that the device has now; it grows on demand
 * @used: pages that are in use now
 * @allocated: pages allocated since the module was loaded
 * @freed: pages freed since the module was loaded
 * @chunks: the number of memory ranges that the device has now
 * @own: callbacks of this file for invalidations that migrations of this device
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
 * MIGRATE_TO_DEV on this file allocates no page while the device has this many
 * in use. The default, ~0, means no limit. Needs CAP_SYS_RAWIO.
 */
#define HMM_DMIRROR_DEVMEM_LIMIT	_IOW('H', 0x87, __u64)

#endif /* _UAPI_HMM_TEST_HMM_H */
