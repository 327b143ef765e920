/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of /dev/hmm_bench, which hmm_bench.ko creates.
 *
 * An open file uses either the functions of hmm-mirror or those of the kernel,
 * on the mm of the process that chose the side. One process never uses both,
 * because an mm that once had a notifier keeps a structure of the kernel.
 */
#ifndef _HMM_BENCH_H
#define _HMM_BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HMM_BENCH_OURS		0
#define HMM_BENCH_KERNEL	1

/**
 * struct hmm_bench_intervals - intervals to insert, in a random order
 * @start: first address of the lowest interval
 * @stride: bytes from the start of an interval to the start of the next one
 * @length: bytes of each interval
 * @nr: number of intervals
 * @insert: out: ticks to insert all of them
 * @remove: out: ticks to remove all of them (HMM_BENCH_CHURN)
 */
struct hmm_bench_intervals {
	__u64 start;
	__u64 stride;
	__u64 length;
	__u64 nr;
	__u64 insert;
	__u64 remove;
};

/**
 * struct hmm_bench_read - pairs of read_begin and read_retry
 * @nr: number of pairs; 0: continue until @until
 * @from: CLOCK_MONOTONIC time in ns at which to begin, if @nr is 0
 * @until: CLOCK_MONOTONIC time in ns at which to stop, if @nr is 0
 * @ticks: out: ticks for @nr pairs
 * @empty: out: ticks for @nr rounds of an empty loop
 * @done: out: number of pairs
 */
struct hmm_bench_read {
	__u64 nr;
	__u64 from;
	__u64 until;
	__u64 ticks;
	__u64 empty;
	__u64 done;
};

/**
 * struct hmm_bench_wait - how long read_begin waits after each collision
 * @until: CLOCK_MONOTONIC time in ns at which to stop
 * @samples: address of an array of __u32, in ns
 * @max: number of entries of the array
 * @nr: out: number of samples
 */
struct hmm_bench_wait {
	__u64 until;
	__u64 samples;
	__u32 max;
	__u32 nr;
};

#define HMM_BENCH_FAULT		0x1
#define HMM_BENCH_WRITE		0x2
#define HMM_BENCH_COMPACT	0x4
#define HMM_BENCH_WORKER	0x8

/**
 * struct hmm_bench_range - one snapshot or fault of a range
 * @start: first address
 * @end: first address past the end
 * @flags: HMM_BENCH_FAULT and _WRITE; 0 for a snapshot. _COMPACT: one entry per
 *         mapping on our side; ignored on the kernel's side. _WORKER: a worker
 *         makes the requests
 * @step: bytes per request; the range is a multiple of @step, or shorter
 * @ticks: out: ticks for all requests, including the locks of the caller
 * @ns: out: the same time in ns of CLOCK_MONOTONIC
 * @valid: out: number of valid pages in the last request
 */
struct hmm_bench_range {
	__u64 start;
	__u64 end;
	__u64 flags;
	__u64 step;
	__u64 ticks;
	__u64 ns;
	__u64 valid;
};

/**
 * struct hmm_bench_hold - hold the mmap lock for writing half of the time
 * @period: ns for which the lock is held each time; afterwards it is free for
 *          as long as it was held
 * @held: out: ns for which the lock was held
 * @total: out: ns from the first acquisition to HMM_BENCH_HOLD_END
 * @nr: out: number of times that the lock was acquired
 */
struct hmm_bench_hold {
	__u64 period;
	__u64 held;
	__u64 total;
	__u64 nr;
};

/**
 * struct hmm_bench_latency - wakeup latency of a real-time thread
 * @period: ns from one wakeup to the next expiry of the timer
 * @max: out: longest latency, in ns
 * @min: out: shortest latency, in ns
 * @nr: out: number of wakeups
 */
struct hmm_bench_latency {
	__u64 period;
	__u64 max;
	__u64 min;
	__u64 nr;
};

/**
 * struct hmm_bench_sizes - sizes in bytes
 * @ours_interval: struct hmm_interval_notifier
 * @ours_mirror: struct hmm_mirror
 * @ours_range: struct hmm_mirror_range
 * @kernel_interval: struct mmu_interval_notifier
 * @kernel_notifier: struct mmu_notifier
 * @kernel_range: struct hmm_range
 * @shared: allocated for the mm: our context, or the kernel's struct
 *          mmu_notifier_subscriptions, which our side needs as well
 */
struct hmm_bench_sizes {
	__u64 ours_interval;
	__u64 ours_mirror;
	__u64 ours_range;
	__u64 kernel_interval;
	__u64 kernel_notifier;
	__u64 kernel_range;
	__u64 shared;
};

#define HMM_BENCH_SIDE		_IO('b', 0)
#define HMM_BENCH_INSERT	_IOWR('b', 1, struct hmm_bench_intervals)
#define HMM_BENCH_CHURN		_IOWR('b', 2, struct hmm_bench_intervals)
#define HMM_BENCH_READ		_IOWR('b', 3, struct hmm_bench_read)
#define HMM_BENCH_WAIT		_IOWR('b', 4, struct hmm_bench_wait)
#define HMM_BENCH_RANGE		_IOWR('b', 5, struct hmm_bench_range)
#define HMM_BENCH_LATENCY	_IOWR('b', 6, struct hmm_bench_latency)
#define HMM_BENCH_LATENCY_END	_IOWR('b', 7, struct hmm_bench_latency)
#define HMM_BENCH_SIZES		_IOR('b', 8, struct hmm_bench_sizes)
#define HMM_BENCH_HOLD		_IOWR('b', 9, struct hmm_bench_hold)
#define HMM_BENCH_HOLD_END	_IOWR('b', 10, struct hmm_bench_hold)

#endif /* _HMM_BENCH_H */
