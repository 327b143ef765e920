/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of hmm_api_test.ko.
 *
 * The module contains the cases; api_test lists them, runs each one in a
 * separate process and prints the result.
 */
#ifndef _HMM_API_TEST_H
#define _HMM_API_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HMM_API_DEVICE		"/dev/hmm_api_test"

/*
 * The arena: private anonymous memory for the invalidations of a case. The
 * program maps it and does not access it. It is aligned to half of its size,
 * which is the size of a huge page. The last page of the first half is
 * PROT_NONE, so that no mapping in this half can contain a huge page. If the
 * kernel splits a mapping that can contain a huge page, it invalidates the
 * range of the whole huge page. The cases need invalidations of single pages in
 * this half.
 */
#ifdef __KERNEL__
#define HMM_API_PAGE_SIZE	PAGE_SIZE
#else
#define HMM_API_PAGE_SIZE	((unsigned long)sysconf(_SC_PAGESIZE))
#endif
#define HMM_API_ARENA_SIZE	(2 * HMM_API_PAGE_SIZE * (HMM_API_PAGE_SIZE / 8))

/* A child process has to call HMM_API_SET_CHILD before the case runs. */
#define HMM_API_CHILD		0x1
/*
 * The child must also call HMM_API_BLOCK_CHILD, which signals do not interrupt.
 */
#define HMM_API_UNKILLABLE		0x8
/* A workqueue frees the objects of the case after its process has exited. */
#define HMM_API_DEFERRED	0x10
/* A helper thread has to call HMM_API_SYSCALL in a loop during the case. */
#define HMM_API_HELPER		0x2
/*
 * The case provokes a lockdep report, after which lockdep is off until reboot.
 */
#define HMM_API_LOCKDEP		0x4

/**
 * struct hmm_api_case - description of a case
 * @index: in: number of the case, starting at 0; the ioctl fails with ENOENT
 *         past the last case
 * @flags: out: HMM_API_* flags
 * @name: out: name, a C identifier
 * @expect: out: regular expression that matches the kernel report that the case
 *          provokes, or empty
 */
struct hmm_api_case {
	__u32 index;
	__u32 flags;
	char name[96];
	char expect[160];
};

/**
 * struct hmm_api_run - run a case
 * @index: in: number of the case
 * @result: out: 0 passed, 1 skipped, -1 failed
 * @arena: in: address of the arena, HMM_API_ARENA_SIZE bytes
 * @why: out: the first failure or the reason for the skip; empty if the case
 *       passed
 */
struct hmm_api_run {
	__u32 index;
	__s32 result;
	__u64 arena;
	char why[240];
};

/**
 * struct hmm_api_syscall - a system call for the helper thread
 * @result: in: return value of the previous call, or -errno
 * @nr: in: number of the previous call, or 0 in the first ioctl; out: number of
 *      the next call
 * @arg: out: arguments of the next call
 */
struct hmm_api_syscall {
	__s64 result;
	__u64 nr;
	__u64 arg[3];
};

#define HMM_API_CASE	_IOWR('T', 0, struct hmm_api_case)
#define HMM_API_RUN	_IOWR('T', 1, struct hmm_api_run)
#define HMM_API_SET_CHILD	_IO('T', 2)
#define HMM_API_SYSCALL	_IOWR('T', 3, struct hmm_api_syscall)
#define HMM_API_BLOCK_CHILD	_IO('T', 4)

#endif /* _HMM_API_TEST_H */
