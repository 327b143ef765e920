/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctl ABI between property_test and hmm_property_test.ko.
 *
 * Each operation calls the API for an object, or inspects the object. The
 * program identifies objects by their numbers. The module stores the objects, a
 * device page table for each range, and an update lock for each mirror. The
 * program selects the operations and checks their results.
 */
#ifndef _HMM_PROPERTY_TEST_H
#define _HMM_PROPERTY_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HMM_PROPERTY_DEVICE	"/dev/hmm_property"

#define HMM_PROPERTY_SPACES	4
#define HMM_PROPERTY_MIRRORS	8
#define HMM_PROPERTY_INTERVALS	32
#define HMM_PROPERTY_RANGES	32
#define HMM_PROPERTY_MAX_PAGES	65536

/* The layout of an entry, as in include/hmm/pfn.h. */
#define HMM_PROPERTY_VALID	0x8000000000000000ULL
#define HMM_PROPERTY_WRITE	0x4000000000000000ULL
#define HMM_PROPERTY_ERROR	0x2000000000000000ULL
#define HMM_PROPERTY_PFN	0x000fffffffffffffULL
#define HMM_PROPERTY_ORDER_SHIFT 56
#define HMM_PROPERTY_ORDER_MASK	0x1f
/* Entries without a request are set to this value before a read. */
#define HMM_PROPERTY_POISON	0x000dead0beef0000ULL

/* Requests for a page, and default requests for all pages. */
#define HMM_PROPERTY_REQ_VALID	0x1
#define HMM_PROPERTY_REQ_WRITE	0x2

/**
 * enum hmm_property_opcode - the operations, and their @value
 * @HMM_PROPERTY_SPACE_OPEN: store the mm of process @start as space @a; value:
 *                           the task size of the mm
 * @HMM_PROPERTY_SPACE_CLOSE: drop the mm of space @a
 * @HMM_PROPERTY_REGISTER: register mirror @a on space @b; @kind:
 *                         HMM_PROPERTY_MIRROR_*
 * @HMM_PROPERTY_UNREGISTER: unregister mirror @a; value: number of calls of its
 *                           release callback
 * @HMM_PROPERTY_INSERT: insert interval @a on mirror @b, from @start, with
 *                       @length bytes; @kind: HMM_PROPERTY_INTERVAL_*
 * @HMM_PROPERTY_UPDATE: update interval @a to @start and @length
 * @HMM_PROPERTY_REMOVE: remove interval @a; value: whether its release callback
 *                       was called
 * @HMM_PROPERTY_PUT: drop the owner's reference on interval @a; value: whether
 *                    the interval was released
 * @HMM_PROPERTY_FIND: find an interval of mirror @a with the ops of @kind, from
 *                     @start to @length, which is the last address; @b: whether
 *                     to drop the reference at once; value: the number of the
 *                     interval, or HMM_PROPERTY_FOUND_RANGE + the number of the
 *                     range that owns it; -1 if find returned NULL, -2 if the
 *                     interval is unknown
 * @HMM_PROPERTY_PUT_FOUND: drop a reference from HMM_PROPERTY_FIND; @a: the
 *                          value that it returned; value: as for
 *                          HMM_PROPERTY_PUT, but 0 for a range
 * @HMM_PROPERTY_BEGIN: call hmm_interval_read_try_begin() for interval @a;
 *                      value: its return value
 * @HMM_PROPERTY_RETRY: call hmm_interval_read_retry() for interval @a with the
 *                      sequence from HMM_PROPERTY_BEGIN; value: its return
 *                      value
 * @HMM_PROPERTY_RANGE_REGISTER: register range @a on mirror @b, from @start to
 *                               @length, which is the first address past the
 *                               end; @kind: 1 if the range is compact
 * @HMM_PROPERTY_RANGE_BIND: bind range @a to interval @b; other members as for
 *                           HMM_PROPERTY_RANGE_REGISTER
 * @HMM_PROPERTY_RANGE_UNREGISTER: unregister range @a
 * @HMM_PROPERTY_WAIT: call hmm_mirror_range_wait_until_valid() for range @a
 * @HMM_PROPERTY_SNAPSHOT: take a snapshot of range @a
 * @HMM_PROPERTY_FAULT: fault in the requested pages of range @a
 * @HMM_PROPERTY_POPULATE: populate range @a with the requested pages
 * @HMM_PROPERTY_CHECK: under the update lock, check whether range @a is valid;
 *                      if so, return its entries and the contents of their
 *                      pages; value: whether the range is valid
 * @HMM_PROPERTY_VERIFY: under the update lock, check whether range @a is valid;
 *                       if so, check its entries, and the tags of the first and
 *                       the last page of each entry; value: whether the range
 *                       is valid
 * @HMM_PROPERTY_ACCESS: under the update lock, check the tags of all pages in
 *                       the device page table of range @a; value: number of
 *                       pages checked
 * @HMM_PROPERTY_PROGRAM: copy range @a to the device page table if the range is
 *                        valid; value: whether it is valid
 * @HMM_PROPERTY_DMA_MAP: map range @a for DMA and copy it to the device page
 *                        table; @kind: 0 to the device, 1 from the device, 2
 *                        both
 * @HMM_PROPERTY_DMA_UNMAP: unmap [@start, @length) of range @a; value: number
 *                          of entries that are still mapped
 * @HMM_PROPERTY_DEVICE_WRITE: the device writes through its page table of range
 *                             @a; page i receives the stamp @start + i; return
 *                             the entries of the written pages
 * @HMM_PROPERTY_STATE: return the entries of the device page tables of all
 *                      ranges, and the contents of their pages
 * @HMM_PROPERTY_OPS: number of operations
 */
enum hmm_property_opcode {
	HMM_PROPERTY_SPACE_OPEN,
	HMM_PROPERTY_SPACE_CLOSE,
	HMM_PROPERTY_REGISTER,
	HMM_PROPERTY_UNREGISTER,
	HMM_PROPERTY_INSERT,
	HMM_PROPERTY_UPDATE,
	HMM_PROPERTY_REMOVE,
	HMM_PROPERTY_PUT,
	HMM_PROPERTY_FIND,
	HMM_PROPERTY_PUT_FOUND,
	HMM_PROPERTY_BEGIN,
	HMM_PROPERTY_RETRY,
	HMM_PROPERTY_RANGE_REGISTER,
	HMM_PROPERTY_RANGE_BIND,
	HMM_PROPERTY_RANGE_UNREGISTER,
	HMM_PROPERTY_WAIT,
	HMM_PROPERTY_SNAPSHOT,
	HMM_PROPERTY_FAULT,
	HMM_PROPERTY_POPULATE,
	HMM_PROPERTY_CHECK,
	HMM_PROPERTY_VERIFY,
	HMM_PROPERTY_ACCESS,
	HMM_PROPERTY_PROGRAM,
	HMM_PROPERTY_DMA_MAP,
	HMM_PROPERTY_DMA_UNMAP,
	HMM_PROPERTY_DEVICE_WRITE,
	HMM_PROPERTY_STATE,
	HMM_PROPERTY_OPS,
};

#define HMM_PROPERTY_FOUND_RANGE	0x100

/* The callbacks of a mirror. */
enum {
	HMM_PROPERTY_MIRROR_PLAIN,
	HMM_PROPERTY_MIRROR_RELEASE,
	HMM_PROPERTY_MIRROR_SYNC,
	HMM_PROPERTY_MIRROR_KINDS,
};

/* The callbacks of an interval. */
enum {
	/* No ops, like the interval of a registered range. */
	HMM_PROPERTY_INTERVAL_PLAIN,
	HMM_PROPERTY_INTERVAL_ONE_PASS,
	HMM_PROPERTY_INTERVAL_TWO_PASS,
	/* One pass that sleeps for some milliseconds. */
	HMM_PROPERTY_INTERVAL_SLOW,
	HMM_PROPERTY_INTERVAL_KINDS,
};

/*
 * Errors of an entry, detected after a read or by CHECK, VERIFY, ACCESS or
 * DMA_MAP.
 */
enum {
	HMM_PROPERTY_FINE,
	/*
	 * The read did not write an entry that a reader of the array reaches.
	 */
	HMM_PROPERTY_UNWRITTEN,
	/* An invalid combination of bits, or an invalid page frame. */
	HMM_PROPERTY_MALFORMED,
	/* hmm_mirror_range_next() does not advance, or leaves the range. */
	HMM_PROPERTY_BAD_STEP,
	/* The page has the tag of another address. */
	HMM_PROPERTY_OTHER_PAGE,
	/* The DMA address is not the address of the page. */
	HMM_PROPERTY_BAD_DMA,
};

/**
 * struct hmm_property_entry - one page of a range or of a device page table
 * @range: number of the range
 * @page: index of the page in the range
 * @entry: entry from the API, with the page frame number of this page
 * @first: the word at the start of the page, if the entry is valid
 * @second: the word at HMM_PROPERTY_SECOND, if the entry is valid
 */
struct hmm_property_entry {
	__u32 range;
	__u32 page;
	__u64 entry;
	__u64 first;
	__u64 second;
};

/**
 * struct hmm_property_op - one operation
 * @opcode: in: HMM_PROPERTY_*
 * @kworker: in: whether a worker makes the call instead of the caller
 * @a: in: the object
 * @b: in: another object
 * @kind: in: see the operations
 * @default_flags: in: HMM_PROPERTY_REQ_* of all pages
 * @mask: in: mask of the bits of @requests that are used
 * @max_entries: in: length of @entries or @requests
 * @start: in: see the operations
 * @length: in: see the operations
 * @requests: in: address of an array with one __u8 of HMM_PROPERTY_REQ_* per
 *            page, or 0; if it is set, @entries is not used
 * @entries: in: address of an array of struct hmm_property_entry, or 0
 * @nr_entries: out: number of entries that were stored
 * @result: out: the return value of the API call
 * @value: out: see the operations
 * @mapped: out: number of entries of the range that were mapped for DMA before
 *          the operation
 * @wrong: out: the error of an entry, or HMM_PROPERTY_FINE
 * @wrong_page: out: index of that entry in the range
 * @wrong_entry: out: that entry
 * @wrong_first: out: the first word of its page, for HMM_PROPERTY_OTHER_PAGE
 */
struct hmm_property_op {
	__u32 opcode;
	__u32 kworker;
	__u32 a;
	__u32 b;
	__u32 kind;
	__u32 default_flags;
	__u32 mask;
	__u32 max_entries;
	__u64 start;
	__u64 length;
	__u64 requests;
	__u64 entries;
	__u32 nr_entries;
	__s32 result;
	__s64 value;
	__u64 mapped;
	__u32 wrong;
	__u32 wrong_page;
	__u64 wrong_entry;
	__u64 wrong_first;
};

/*
 * The return value of the API call is in @result. The ioctl itself fails with
 * EINVAL if an argument is invalid or the state of an object does not allow the
 * operation, with EFAULT if an address is invalid, and with ENOMEM if out of
 * memory. EFAULT is a bug of the program. EINVAL is one, too, except in the
 * concurrent phase, which also uses objects whose state does not allow it.
 */
#define HMM_PROPERTY_OP	_IOWR('P', 0, struct hmm_property_op)

/* A stamp is stored at the start of a page, and inverted at this offset. */
#define HMM_PROPERTY_SECOND	2048
/* The tag of a page is a stamp: HMM_PROPERTY_TAG | address / page size. */
#define HMM_PROPERTY_TAG	(0x5a5a5aULL << 40)

#endif /* _HMM_PROPERTY_TEST_H */
