// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of readers: see stats.h.
 */
#include <linux/rcupdate.h>

#include "context.h"
#include "stats.h"

/*
 * Count a collision of a reader that began with @seq. A sequence of 0 means
 * that the reader has not begun.
 *
 * The interval may have been removed and its mirror unregistered, so that the
 * context has been freed. A removal clears interval->inserted before the
 * context is freed by RCU. While a reader in a read-side critical section sees
 * an inserted interval, the context therefore exists.
 *
 * Context: any.
 */
void hmm_stats_count_collision(const struct hmm_interval_notifier *interval,
			       unsigned long seq)
{
	struct hmm_context *context;

	if (!seq)
		return;
	rcu_read_lock();
	/* NULL if the mirror was unregistered before the interval was removed. */
	context = READ_ONCE(interval->context);
	if (context && READ_ONCE(interval->inserted))
		atomic64_inc(&context->stats.collisions);
	rcu_read_unlock();
}
