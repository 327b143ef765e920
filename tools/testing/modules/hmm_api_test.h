/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What a user program and hmm_api_test.ko say to each other.
 *
 * The module knows the cases; the program lists them, runs each in a process
 * of its own and prints what came out.
 */
#ifndef _HMM_API_TEST_H
#define _HMM_API_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HMM_API_DEVICE		"/dev/hmm_api_test"

/*
 * Memory that the program maps, private and anonymous, never touched, for a
 * case to have it invalidated. It is aligned to its half, which is the size of
 * a huge page. The last page of the first half is left out: a part that could
 * hold a huge page is invalidated as a whole whenever a mapping in it is
 * split, and invalidations of single pages are wanted there.
 */
#define HMM_API_ARENA_SIZE	(4UL << 20)
#define HMM_API_PAGE_SIZE	4096UL

/* A second process has to call HMM_API_SET_CHILD before the case is run. */
#define HMM_API_CHILD		0x1
/* And it is in HMM_API_BLOCK_CHILD, where no signal reaches it. */
#define HMM_API_UNKILLABLE		0x8
/* A second thread has to call HMM_API_SYSCALL in a loop meanwhile. */
#define HMM_API_HELPER		0x2
/* It makes lockdep report, after which lockdep is off until the next boot. */
#define HMM_API_LOCKDEP		0x4

/**
 * struct hmm_api_case - one of the cases
 * @index: in: which; counted from 0 until ENOENT
 * @flags: out: HMM_API_CHILD and so on
 * @name: out: in one word
 * @expect: out: regular expression for the report that it provokes, or empty
 */
struct hmm_api_case {
	__u32 index;
	__u32 flags;
	char name[96];
	char expect[160];
};

/**
 * struct hmm_api_run - run a case
 * @index: in: which
 * @result: out: 0 passed, 1 skipped, -1 failed
 * @arena: in: HMM_API_ARENA_SIZE of memory
 * @why: out: what failed first, or why it was skipped
 */
struct hmm_api_run {
	__u32 index;
	__s32 result;
	__u64 arena;
	char why[240];
};

/**
 * struct hmm_api_syscall - a system call that a case wants to be made
 * @result: in: what the one before returned, or -errno
 * @nr: in: number of the one before, or 0; out: number
 * @arg: out: arguments
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
