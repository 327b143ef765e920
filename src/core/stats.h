/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of the readers of a context, which debugfs shows.
 *
 * The counters of invalidations are members of the context, and are written
 * under context->lock by code that holds the lock anyway. Readers do not hold
 * it, so their counters are atomic. They are only written if a reader collides,
 * waits or faults. A reader that does none of these does not write to shared
 * memory.
 */
#ifndef _HMM_CORE_STATS_H
#define _HMM_CORE_STATS_H

#include <linux/atomic.h>
#include <linux/types.h>

struct hmm_interval_notifier;

/**
 * struct hmm_stats - counters of the readers of a context
 * @collisions: number of reads that had to begin again
 * @faults: number of page faults that reads have caused
 * @waits: number of reads that had to wait for the end of an invalidation
 * @waiting: number of reads that are waiting now
 * @waited_ns: total time of all waits that have ended, in nanoseconds
 * @longest_wait_ns: time of the longest of them, in nanoseconds
 */
struct hmm_stats {
	atomic64_t collisions;
	atomic64_t faults;
	atomic64_t waits;
	atomic64_t waiting;
	atomic64_t waited_ns;
	atomic64_t longest_wait_ns;
};

static inline void hmm_stats_wait_begin(struct hmm_stats *stats)
{
	atomic64_inc(&stats->waits);
	atomic64_inc(&stats->waiting);
}

static inline void hmm_stats_wait_end(struct hmm_stats *stats, s64 ns)
{
	s64 longest = atomic64_read(&stats->longest_wait_ns);

	while (ns > longest &&
	       !atomic64_try_cmpxchg(&stats->longest_wait_ns, &longest, ns))
		;
	atomic64_add(ns, &stats->waited_ns);
	atomic64_dec(&stats->waiting);
}

void hmm_stats_count_collision(const struct hmm_interval_notifier *interval,
			       unsigned long seq);

#endif /* _HMM_CORE_STATS_H */
