/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctl ABI between property_test and hmm_property_test.ko.
 *
 * Each operation is one call of the API, on an object that the program names by
 * its number. The module keeps the objects, a device page table for each range,
 * and the update lock. The program selects the calls and knows their expected
 * results.
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

/* The layout of an entry in include/hmm/pfn.h. */
#define HMM_PROPERTY_VALID	0x8000000000000000ULL
#define HMM_PROPERTY_WRITE	0x4000000000000000ULL
#define HMM_PROPERTY_ERROR	0x2000000000000000ULL
#define HMM_PROPERTY_PFN	0x000fffffffffffffULL
#define HMM_PROPERTY_ORDER_SHIFT 56
#define HMM_PROPERTY_ORDER_MASK	0x1f
/* The entries of an array before a read without a mask. */
#define HMM_PROPERTY_POISON	0x000dead0beef0000ULL

/* Requests of a page, and of all pages by default. */
#define HMM_PROPERTY_REQ_VALID	0x1
#define HMM_PROPERTY_REQ_WRITE	0x2

/**
 * enum hmm_property_opcode - the operations, and their @value
 * @HMM_PROPERTY_SPACE_OPEN: keep the mm of process @start as space @a; value:
 *                           the first address past its user addresses
 * @HMM_PROPERTY_SPACE_CLOSE: drop the mm of space @a
 * @HMM_PROPERTY_REGISTER: register mirror @a on space @b; @kind:
 *                         HMM_PROPERTY_MIRROR_*
 * @HMM_PROPERTY_UNREGISTER: unregister mirror @a; value: how often its release
 *                           callback ran
 * @HMM_PROPERTY_INSERT: insert interval @a on mirror @b, @kind:
 *                       HMM_PROPERTY_INTERVAL_*; bytes @start and @length
 * @HMM_PROPERTY_UPDATE: update interval @a to @start and @length
 * @HMM_PROPERTY_REMOVE: remove interval @a
 * @HMM_PROPERTY_PUT: drop the owner's reference on interval @a; value: whether
 *                    the interval was released
 * @HMM_PROPERTY_FIND: find in mirror @a by @kind, from @start to @length,
 *                     which is the last address; value: the number of the
 *                     interval, that of a range + HMM_PROPERTY_FOUND_RANGE,
 *                     or -1 if nothing was found
 * @HMM_PROPERTY_PUT_FOUND: drop a reference of HMM_PROPERTY_FIND on @a, a
 *                          number that it returned; value: as for PUT
 * @HMM_PROPERTY_BEGIN: begin to read under interval @a, without waiting;
 *                      value: whether that succeeded
 * @HMM_PROPERTY_RETRY: value: whether interval @a has collided since then
 * @HMM_PROPERTY_RANGE_REGISTER: register range @a on mirror @b; from @start to
 *                               @length, the first address past the end;
 *                               @kind: 1 for compact
 * @HMM_PROPERTY_RANGE_BIND: bind range @a to interval @b; otherwise as above
 * @HMM_PROPERTY_RANGE_UNREGISTER: unregister range @a
 * @HMM_PROPERTY_WAIT: wait_until_valid for range @a
 * @HMM_PROPERTY_SNAPSHOT: snapshot range @a
 * @HMM_PROPERTY_FAULT: fault range @a, by the requests
 * @HMM_PROPERTY_POPULATE: populate range @a, by the requests
 * @HMM_PROPERTY_CHECK: under the update lock: value: whether range @a is valid;
 *                      if so, its entries and the contents of their pages
 * @HMM_PROPERTY_VERIFY: under the update lock: value: whether range @a is
 *                       valid; if so, check that its pages are tagged with
 *                       their addresses
 * @HMM_PROPERTY_ACCESS: under the update lock: check that all pages of range @a
 *                       that the device holds are tagged with their addresses;
 *                       value: how many it holds
 * @HMM_PROPERTY_PROGRAM: copy range @a to the device page table if it is valid;
 *                        value: whether it is
 * @HMM_PROPERTY_DMA_MAP: map range @a for DMA; @kind: 0 to the device, 1 from
 *                        it, 2 both
 * @HMM_PROPERTY_DMA_UNMAP: unmap [@start, @length) of range @a
 * @HMM_PROPERTY_DEVICE_WRITE: the device writes through its page table of range
 *                             @a; page i gets the stamp @start + i
 * @HMM_PROPERTY_STATE: the entries of the device page tables of all ranges, and
 *                      the contents of their pages
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
	/* No ops, as the own interval of a registered range. */
	HMM_PROPERTY_INTERVAL_PLAIN,
	HMM_PROPERTY_INTERVAL_ONE_PASS,
	HMM_PROPERTY_INTERVAL_TWO_PASS,
	/* One pass that sleeps for some milliseconds. */
	HMM_PROPERTY_INTERVAL_SLOW,
	HMM_PROPERTY_INTERVAL_KINDS,
};

/* Errors of an entry, found after a read or by VERIFY. */
enum {
	HMM_PROPERTY_FINE,
	/* A reachable entry was not written by the read. */
	HMM_PROPERTY_UNWRITTEN,
	/* An invalid combination of bits, or an invalid page frame. */
	HMM_PROPERTY_MALFORMED,
	/* hmm_mirror_range_next() does not advance, or leaves the range. */
	HMM_PROPERTY_BAD_STEP,
	/* The page is tagged with another address. */
	HMM_PROPERTY_OTHER_PAGE,
	/* The DMA address is not that of the page. */
	HMM_PROPERTY_BAD_DMA,
};

/**
 * struct hmm_property_entry - one page that a range or the device holds
 * @range: number of the range
 * @page: index of the page in the range
 * @entry: as returned by the API, with the frame of this page
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
 * @kworker: in: whether a workqueue makes the call instead of the caller
 * @a: in: the object
 * @b: in: another object
 * @kind: in: see the operations
 * @default_flags: in: HMM_PROPERTY_REQ_* of all pages
 * @mask: in: the bits of @requests that count
 * @max_entries: in: length of @entries or @requests
 * @start: in: see the operations
 * @length: in: see the operations
 * @requests: in: one __u8 of HMM_PROPERTY_REQ_* per page; 0 for none
 * @entries: in: where entries are stored
 * @nr_entries: out: how many were stored
 * @result: out: the result of the call
 * @value: out: see the operations
 * @mapped: out: how many entries of the range were mapped for DMA before
 * @wrong: out: the error of an entry, or HMM_PROPERTY_FINE
 * @wrong_page: out: its index in the range
 * @wrong_entry: out: the entry
 * @wrong_first: out: the first word of its page
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
 * Fails only if the operation was not made. -EINVAL means that the state of the
 * object does not allow the operation, which is a bug of the program.
 */
#define HMM_PROPERTY_OP	_IOWR('P', 0, struct hmm_property_op)

/* A stamp is the word at the start of a page, and inverted in its middle. */
#define HMM_PROPERTY_SECOND	2048
/* A stamp that identifies the page: this | address / size of a page. */
#define HMM_PROPERTY_TAG	(0x5a5a5aULL << 40)

#endif /* _HMM_PROPERTY_TEST_H */
