/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What a user program and hmm_diff_test.ko say to each other.
 *
 * The module reads the same addresses of the calling process several times,
 * by this project's ranges and by the kernel's own hmm_range_fault(), and
 * gives the results in one form. What they ought to be, it does not know.
 */
#ifndef _HMM_DIFF_TEST_H
#define _HMM_DIFF_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HMM_DIFF_DEVICE		"/dev/hmm_diff"

#define HMM_DIFF_MAX_PAGES	4096
#define HMM_DIFF_MAX_CALLS	8

/* A request: of one page, of all by default, or the mask of what counts. */
#define HMM_DIFF_REQ_VALID	0x1
#define HMM_DIFF_REQ_WRITE	0x2
/* All the bits of a page frame number, which must not mean anything. */
#define HMM_DIFF_REQ_JUNK	0x4

/* An entry in the common form. */
#define HMM_DIFF_VALID		0x1
#define HMM_DIFF_WRITE		0x2
#define HMM_DIFF_ERROR		0x4
/* The implementation wrote what its own format does not allow. */
#define HMM_DIFF_BAD		0x8
/* The request stands there still; only where the call failed. */
#define HMM_DIFF_UNSET		0x10
#define HMM_DIFF_FLAGS		0x1f
#define HMM_DIFF_ORDER_SHIFT	8
#define HMM_DIFF_ORDER_MASK	0x1f
#define HMM_DIFF_PFN_SHIFT	16

/* Which implementation, and which of its ways. */
enum {
	HMM_DIFF_OURS,
	/* hmm_mirror_range_populate() instead of the loop by hand. */
	HMM_DIFF_OURS_POPULATE,
	/* hmm_mirror_range_fault_locked() */
	HMM_DIFF_OURS_LOCKED,
	/* Bound to an interval wider than the range. */
	HMM_DIFF_OURS_BOUND,
	/* Compact, spread out again; requests of single pages do not count. */
	HMM_DIFF_OURS_COMPACT,
	HMM_DIFF_KERNEL,
	HMM_DIFF_WAYS,
};

enum {
	HMM_DIFF_SNAPSHOT,
	HMM_DIFF_FAULT,
};

/**
 * struct hmm_diff_call - one read of the addresses
 * @way: in: HMM_DIFF_OURS and so on
 * @mode: in: HMM_DIFF_SNAPSHOT or HMM_DIFF_FAULT
 * @result: out: 0 or -errno
 * @changed: out: the addresses were invalidated since the previous call began,
 *           or since the first was prepared
 * @entries: in: where the __u64 entries go, one per page
 */
struct hmm_diff_call {
	__u32 way;
	__u32 mode;
	__s32 result;
	__u32 changed;
	__u64 entries;
};

/**
 * struct hmm_diff_run - reads of the same addresses, one after the other
 * @start: in: first address
 * @npages: in: how many pages
 * @requests: in: one __u8 of HMM_DIFF_REQ_* per page
 * @default_flags: in: HMM_DIFF_REQ_*, of every page
 * @mask: in: HMM_DIFF_REQ_*
 * @ncalls: in: how many of @calls
 * @calls: in and out
 */
struct hmm_diff_run {
	__u64 start;
	__u64 npages;
	__u64 requests;
	__u32 default_flags;
	__u32 mask;
	__u32 ncalls;
	__u32 reserved;
	struct hmm_diff_call calls[HMM_DIFF_MAX_CALLS];
};

#define HMM_DIFF_RUN	_IOWR('D', 0, struct hmm_diff_run)

/*
 * What mmap() of the device gives: the kind is the offset's upper half, in
 * pages. In a HMM_DIFF_MIXED mapping, page number i is what (i + the lower
 * half) % HMM_DIFF_MIX says. The first page is always an ordinary one.
 */
#define HMM_DIFF_KIND_SHIFT	16
enum {
	/* VM_MIXEDMAP */
	HMM_DIFF_MIXED,
	/* VM_PFNMAP */
	HMM_DIFF_PFNMAP,
};

enum {
	/* A page of the module, there from the start. */
	HMM_DIFF_MIX_PAGE,
	/* The same, there after a fault. */
	HMM_DIFF_MIX_LATE_PAGE,
	/* An address without a struct page; shared mappings only. */
	HMM_DIFF_MIX_PFN,
	HMM_DIFF_MIX_LATE_PFN,
	/* A fault fails. */
	HMM_DIFF_MIX_NOTHING,
	HMM_DIFF_MIX,
};

#endif /* _HMM_DIFF_TEST_H */
