/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of the dummy devices, /dev/hmm_dmirror0 to /dev/hmm_dmirror3.
 * Devices 0 and 1 have memory that the CPU cannot access, if the kernel
 * supports such memory. Devices 2 and 3 have memory that the CPU can access;
 * they exist only if the kernel supports such memory and the module was loaded
 * with its address.
 *
 * An open file mirrors the process that opened it. open() fails with EMFILE if
 * 64 open files of the device already mirror the process.
 *
 * Commands 0x00 to 0x09 and struct hmm_dmirror_cmd have the same numbers and
 * the same layout as in the kernel's own test device, so that a program written
 * for one device runs on the other. Commands from 0x80 exist only here. With
 * these commands, a test forces situations that otherwise depend on timing.
 */
#ifndef _UAPI_HMM_TEST_HMM_H
#define _UAPI_HMM_TEST_HMM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct hmm_dmirror_cmd - a command to the device
 * @addr: in: address in the mirrored process; page aligned
 * @ptr: in: buffer of the caller, for commands that copy data: one byte per
 *       page for SNAPSHOT, the contents of the pages for other commands
 * @npages: in: number of pages; for FLAGS, HMM_DMIRROR_FLAG_*
 * @cpages: out: number of pages that were processed, even if the command
 *          failed; some commands define it differently
 * @faults: out: number of times that the device page table did not permit a
 *          READ or WRITE. A command is processed in parts of up to 4 MiB. A
 *          fault fetches all remaining pages of the current part.
 *
 * Except for EXCLUSIVE, pages are processed in order: if a command fails, all
 * pages below the page that failed have been processed. @addr is an address in
 * the process that opened the file, even if another process issues the command.
 *
 * Errors of commands with an address: -EINVAL if @addr is not page aligned,
 * @npages is 0, or an address is not a user address; -EFAULT if a page cannot
 * be faulted in or accessed, or if @ptr is invalid; -EPERM if the mapping does
 * not permit writing; -ESRCH after the mirrored process has exited; -ENOMEM if
 * out of memory; -EINTR if the caller is killed. Commands that need
 * CAP_SYS_RAWIO fail with -EPERM if the caller does not have it.
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
 * Migrate npages of private anonymous memory to the device's memory, map them
 * on the device and copy them to ptr. cpages: the number of pages that were
 * copied. -EINVAL if no memory is mapped at an address, or if the mapping is
 * not readable or cannot migrate; -ENOENT if a page did not migrate in several
 * attempts or was invalidated before it was copied; -EOPNOTSUPP if the device
 * has no memory.
 */
#define HMM_DMIRROR_MIGRATE_TO_DEV	_IOWR('H', 0x02, struct hmm_dmirror_cmd)
/*
 * Of npages from addr, migrate those that are in this device's memory to system
 * memory. cpages: the number of pages that migrated. -EINVAL and -EOPNOTSUPP
 * have the same causes as for MIGRATE_TO_DEV.
 */
#define HMM_DMIRROR_MIGRATE_TO_SYS	_IOWR('H', 0x03, struct hmm_dmirror_cmd)
/* Write one HMM_DMIRROR_PROT_* byte per page to ptr. No page is faulted in. */
#define HMM_DMIRROR_SNAPSHOT		_IOWR('H', 0x04, struct hmm_dmirror_cmd)
/*
 * Get exclusive access to npages of private anonymous memory for the device,
 * and copy them to ptr. Any access by the CPU to a page ends the exclusive
 * access to that page. cpages: the number of pages that were copied. If the
 * device cannot write to one of the pages, no page becomes exclusive. -EBUSY if
 * a page is in use elsewhere or is not anonymous memory; -ENOENT if a page was
 * invalidated before it was copied; -EOPNOTSUPP if the kernel does not support
 * exclusive access.
 */
#define HMM_DMIRROR_EXCLUSIVE		_IOWR('H', 0x05, struct hmm_dmirror_cmd)
/*
 * Fail with -EPERM if the device still has exclusive access to any of npages.
 * cpages: the number of pages to which it has exclusive access.
 */
#define HMM_DMIRROR_CHECK_EXCLUSIVE	_IOWR('H', 0x06, struct hmm_dmirror_cmd)
/*
 * Migrate the pages of all processes from the device's memory to system memory,
 * and remove the device's memory. Needs CAP_SYS_RAWIO. RELEASE waits while
 * another user, such as a pipe, holds a reference to a page, and reports such a
 * page in the kernel log. -EINTR if the caller is killed; the memory that has
 * not been removed remains usable.
 */
#define HMM_DMIRROR_RELEASE		_IOWR('H', 0x07, struct hmm_dmirror_cmd)
/*
 * Replace the flags of the file with the flags in npages. Needs CAP_SYS_RAWIO.
 * -EINVAL if a flag is unknown.
 */
#define HMM_DMIRROR_FLAGS		_IOWR('H', 0x08, struct hmm_dmirror_cmd)

/*
 * The same as READ. The kernel's tests have used this command since 7.3. In the
 * kernel's test device, it holds no lock of the mm while a fault sleeps, for
 * example until userfaultfd provides the page. In this device, READ does not
 * hold such a lock either.
 */
#define HMM_DMIRROR_READ_UNLOCKED	_IOWR('H', 0x09, struct hmm_dmirror_cmd)

/*
 * The next page allocation for a migration in either direction fails, and the
 * flag is cleared. If an aligned range of 2 MiB migrates, the flag applies to
 * the allocation of the huge page, and small pages are allocated instead. If no
 * huge page would be allocated for such a range, the flag is only cleared.
 */
#define HMM_DMIRROR_FLAG_FAIL_ALLOC	(1ULL << 0)
/* No huge page is allocated for a migration, until FLAGS clears the flag. */
#define HMM_DMIRROR_FLAG_NO_HUGE	(1ULL << 1)

/*
 * The byte that SNAPSHOT writes for a page: one of the first four values,
 * combined with PMD or PUD and with one of the last five values if they apply.
 */
enum {
	HMM_DMIRROR_PROT_NONE	= 0x00,	/* in a vma, but no page is present */
	HMM_DMIRROR_PROT_READ	= 0x01,	/* the device may read */
	HMM_DMIRROR_PROT_WRITE	= 0x02,	/* the device may read and write */
	HMM_DMIRROR_PROT_ERROR	= 0xff,	/* no vma, or not usable by a device */
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
 * @faults: faults of the device: READ and WRITE fault if the device page table
 *          does not permit the access, and EXCLUSIVE always faults
 * @invalidations: calls of the callback of the file's interval
 * @collisions: reads of the CPU's page tables that were discarded, because an
 *              invalidation began before the update lock was acquired
 * @entries: entries in the device page table now
 * @dropped: entries that invalidations have removed
 * @refused: non-blockable invalidations that the callback has refused
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

/*
 * Stop points: points in the device's code at which a test can stop a task. A
 * fault of the device is part of READ, WRITE or EXCLUSIVE.
 */
enum {
	/* fault of the device: before the CPU's page tables are read */
	HMM_DMIRROR_POINT_BEGUN,
	/* fault of the device: after the read, before the update lock */
	HMM_DMIRROR_POINT_FAULTED,
	/* in the invalidate callback, before it acquires the update lock */
	HMM_DMIRROR_POINT_INVALIDATE,
	/*
	 * with the update lock held: in a fault of the device, before the pages
	 * are added to the device page table; or in a command that copies
	 * pages, before the first page is copied
	 */
	HMM_DMIRROR_POINT_LOCKED,
	/* in the release callback of the mirror, when the mm exits */
	HMM_DMIRROR_POINT_RELEASE,
	/* MIGRATE_TO_DEV: pages are isolated, but not yet copied */
	HMM_DMIRROR_POINT_MIGRATING,
	/*
	 * the same for the other direction: in MIGRATE_TO_SYS, and when the CPU
	 * faults on a page in the device's memory. If several files mirror the
	 * faulting mm with that device, the point of the file that was opened
	 * last applies.
	 */
	HMM_DMIRROR_POINT_RETURNING,
	/*
	 * EXCLUSIVE: after the CPU has lost its access to the page, before the
	 * exclusive access is recorded in the device page table
	 */
	HMM_DMIRROR_POINT_EXCLUSIVE,
	HMM_DMIRROR_POINTS,
};

/**
 * struct hmm_dmirror_point - a stop point, and the time limit of a wait
 * @point: HMM_DMIRROR_POINT_*; any other value fails with -EINVAL
 * @timeout_ms: WAIT_AT fails with -ETIME after this many milliseconds; 0, or
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
 * Stop the next task that reaches the point. -EBUSY if a task is stopped there
 * now. Needs CAP_SYS_RAWIO.
 */
#define HMM_DMIRROR_STOP_AT	_IOW('H', 0x81, struct hmm_dmirror_point)
/* Wait until a task stops at the point. -EINTR if the caller is killed. */
#define HMM_DMIRROR_WAIT_AT	_IOW('H', 0x82, struct hmm_dmirror_point)
/* Resume the task that is stopped at the point, or disarm the point. */
#define HMM_DMIRROR_GO_ON	_IOW('H', 0x83, struct hmm_dmirror_point)

/**
 * struct hmm_dmirror_config - how the device handles invalidations
 * @invalidate_delay_us: sleep for this many microseconds in each blockable
 *                       invalidation, before the update lock is acquired; at
 *                       most 60 seconds. Signals do not end the sleep; a CONFIG
 *                       that changes the delay and the last close do. Kernel
 *                       threads and tasks that reclaim memory do not sleep.
 * @refuse_nonblock: refuse this many of the next non-blockable invalidations;
 *                   at most INT_MAX
 *
 * The device also refuses a non-blockable invalidation while the update lock of
 * the file is held. CONFIG needs CAP_SYS_RAWIO, and fails with -EINVAL if a
 * value is too large.
 */
struct hmm_dmirror_config {
	__u32 invalidate_delay_us;
	__u32 refuse_nonblock;
};

#define HMM_DMIRROR_CONFIG	_IOW('H', 0x84, struct hmm_dmirror_config)

/*
 * Compare the device page table with the CPU's page table for npages from addr.
 * cpages: the number of entries that the device has there. faults: the number
 * of these entries that are wrong. An entry is wrong if it maps a page or
 * grants a permission that the CPU's page table does not; if it is exclusive
 * and the CPU can access the page; or if it maps free device memory.
 */
#define HMM_DMIRROR_CHECK	_IOWR('H', 0x85, struct hmm_dmirror_cmd)

/**
 * struct hmm_dmirror_devmem - the memory of a device, shared by all its files
 * @capacity: pages that the device has now; the memory grows on demand, that of
 *            devices 0 and 1 up to the module parameter private_limit
 * @used: pages that are in use now
 * @allocated: pages allocated since the module was loaded
 * @freed: pages freed since the module was loaded
 * @chunks: the number of memory ranges that the device has now
 * @own: calls of this file's callback for invalidations that are caused by
 *       EXCLUSIVE on this file, or by migrations on any file of this device.
 *       The migrations of RELEASE are not counted.
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
 * MIGRATE_TO_DEV on this file allocates no page while this many pages of the
 * device are in use. The default, ~0, means no limit. Needs CAP_SYS_RAWIO.
 */
#define HMM_DMIRROR_DEVMEM_LIMIT	_IOW('H', 0x87, __u64)

#endif /* _UAPI_HMM_TEST_HMM_H */
