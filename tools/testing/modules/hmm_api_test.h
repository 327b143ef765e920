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
 * The arena: private anonymous memory that the program maps and never touches,
 * so that a case can invalidate it. It is aligned to half of its size, which
 * is the size of a huge page. The last page of the first half is PROT_NONE:
 * the kernel invalidates a whole huge page's worth when it splits a mapping
 * that could contain a huge page, and the cases need invalidations of single
 * pages there.
 */
#define HMM_API_ARENA_SIZE	(4UL << 20)
#define HMM_API_PAGE_SIZE	4096UL

/* A child process has to call HMM_API_SET_CHILD before the case runs. */
#define HMM_API_CHILD		0x1
/* That child also calls HMM_API_BLOCK_CHILD, which no signal interrupts. */
#define HMM_API_UNKILLABLE		0x8
/* A helper thread has to call HMM_API_SYSCALL in a loop during the case. */
#define HMM_API_HELPER		0x2
/* The case provokes a lockdep report, which turns lockdep off until reboot. */
#define HMM_API_LOCKDEP		0x4

/**
 * struct hmm_api_case - describes a case
 * @index: in: number of the case, from 0; ENOENT past the last one
 * @flags: out: HMM_API_CHILD and others
 * @name: out: name, a C identifier
 * @expect: out: regular expression for the kernel log that the case provokes,
 *          or empty
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
 * @why: out: the first failure, or the reason for the skip
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
 * @nr: in: number of the previous call, or 0; out: number of the next one
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
