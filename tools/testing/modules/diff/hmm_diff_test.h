/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctl ABI between diff_test and hmm_diff_test.ko.
 *
 * The module reads the same addresses of the calling process several times,
 * with this project's ranges and with the kernel's own hmm_range_fault(), and
 * returns the entries in a common format. The program compares them.
 */
#ifndef _HMM_DIFF_TEST_H
#define _HMM_DIFF_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HMM_DIFF_DEVICE		"/dev/hmm_diff"

#define HMM_DIFF_MAX_PAGES	4096
#define HMM_DIFF_MAX_CALLS	8

/* Flags of the request for a page, of the default request, and of the mask. */
#define HMM_DIFF_REQ_VALID	0x1
#define HMM_DIFF_REQ_WRITE	0x2
/* Set the low 40 bits of the page frame number, which must be ignored. */
#define HMM_DIFF_REQ_JUNK	0x4

/* An entry in the common format. */
#define HMM_DIFF_VALID		0x1
#define HMM_DIFF_WRITE		0x2
#define HMM_DIFF_ERROR		0x4
/* The entry violates the format of the implementation. */
#define HMM_DIFF_BAD		0x8
/* The entry still contains the request. Only set after a failed call. */
#define HMM_DIFF_UNSET		0x10
#define HMM_DIFF_FLAGS		0x1f
#define HMM_DIFF_ORDER_SHIFT	8
#define HMM_DIFF_ORDER_MASK	0x1f
#define HMM_DIFF_PFN_SHIFT	16

/* The implementation, and the variant of the call. */
enum {
	HMM_DIFF_OURS,
	/* hmm_mirror_range_populate() instead of an explicit loop. */
	HMM_DIFF_OURS_POPULATE,
	/* hmm_mirror_range_fault_locked() */
	HMM_DIFF_OURS_LOCKED,
	/* A range that is bound to a wider interval. */
	HMM_DIFF_OURS_BOUND,
	/* A compact range, expanded. Requests for single pages are ignored. */
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
 * @way: in: the implementation and the variant, HMM_DIFF_OURS and others
 * @mode: in: HMM_DIFF_SNAPSHOT or HMM_DIFF_FAULT
 * @result: out: 0 or -errno
 * @changed: out: whether the addresses were invalidated since the previous call
 *           ended, or, in the first call, since the ioctl began
 * @entries: in: address of an array of __u64 for one entry per page
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
 * @npages: in: number of pages
 * @requests: in: address of an array of __u8, HMM_DIFF_REQ_* of each page
 * @default_flags: in: HMM_DIFF_REQ_* of all pages
 * @mask: in: mask of the bits of @requests that are used
 * @ncalls: in: number of @calls that are used
 * @reserved: in: must be 0
 * @calls: in and out: the calls
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
 * mmap() of the device: the offset, in pages and shifted right by
 * HMM_DIFF_KIND_SHIFT, is the kind of the mapping. In a HMM_DIFF_MIXED mapping,
 * page i has the kind (i + the low HMM_DIFF_KIND_SHIFT bits of the offset) %
 * HMM_DIFF_MIX. mmap() always inserts an ordinary page as the first page.
 */
#define HMM_DIFF_KIND_SHIFT	16
enum {
	/* VM_MIXEDMAP */
	HMM_DIFF_MIXED,
	/* VM_PFNMAP */
	HMM_DIFF_PFNMAP,
};

enum {
	/* A page of the module, inserted by mmap(). */
	HMM_DIFF_MIX_PAGE,
	/* The same, inserted by a fault. */
	HMM_DIFF_MIX_LATE_PAGE,
	/* An address without a struct page; shared mappings only. */
	HMM_DIFF_MIX_PFN,
	/* The same, inserted by a fault. */
	HMM_DIFF_MIX_LATE_PFN,
	/* No page; a fault fails. */
	HMM_DIFF_MIX_NOTHING,
	HMM_DIFF_MIX,
};

#endif /* _HMM_DIFF_TEST_H */
