// SPDX-License-Identifier: GPL-2.0
/*
 * The readers' side of the protocol. notifier.c has the invalidating side, and
 * explains why the protocol is correct.
 *
 * If no invalidation is in progress, a reader acquires no lock and does not
 * write to shared memory:
 *
 *	start                             read_begin
 *	-----                             ----------
 *	inflight |= bit                   seq = interval->seq   (acquire)
 *	interval->busy |= bit             inflight?             (acquire)
 *	interval->seq++     (release)     busy & inflight?      (acquire)
 *	...                               reads the page tables
 *	end
 *	---
 *	inflight &= ~bit    (release)
 *
 * A reader that reads the incremented sequence also sees the bit, unless the
 * invalidation has ended. If it has ended, the reader sees the changed page
 * tables. A reader that reads the old sequence may proceed as if the
 * invalidation had not started; see notifier.c.
 *
 * The end does not clear the bit in busy, because it would have to walk the
 * intervals again. The bit may therefore be stale: the slot may have been
 * reused for an invalidation of other addresses. If a bit is set in both busy
 * and inflight, the reader compares the bounds under the lock, corrects busy,
 * and sleeps only if an invalidation in progress overlaps the interval. The end
 * of that invalidation wakes the reader. Invalidations of other addresses do
 * not delay the reader, except those without a slot, which count as covering
 * the whole address space.
 */
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>

#include "context.h"
#include "inflight.h"
#include "lockdep.h"
#include "trace.h"

/*
 * Slow path, under the lock: sets *@seq, and returns true if no invalidation in
 * progress overlaps the interval or if the mm has exited.
 */
static bool hmm_interval_read_begin_slow(struct hmm_interval_notifier *interval,
					 unsigned long *seq)
{
	struct hmm_context *context = interval->context;
	unsigned long busy, waited;

	spin_lock(&context->lock);
	busy = hmm_invalidations_overlapping(context, interval->start,
					     interval->last);
	context->nr_waits++;
	waited = context->waited;
	WRITE_ONCE(context->waited, waited | busy);
	/* Pairs with the end of an invalidation: see inflight.h. */
	smp_mb();
	/* A reader that sees the end must read the page tables after it. */
	busy &= smp_load_acquire(&context->inflight);
	WRITE_ONCE(context->waited, waited | busy);
	/* Pairs with the acquire of busy in hmm_interval_is_idle(). */
	smp_store_release(&interval->busy, busy);
	*seq = interval->seq;
	/*
	 * No end is delivered after the mm has exited, so do not wait for one.
	 */
	if (context->dead)
		busy = 0;
	spin_unlock(&context->lock);
	return !busy;
}

/*
 * Fast path: returns true, with *@seq set, if no invalidation of the interval
 * is in progress. May spuriously return false, but never wrongly returns true.
 */
static __always_inline bool
hmm_interval_is_idle(const struct hmm_interval_notifier *interval,
		     unsigned long *seq)
{
	unsigned long inflight;

	/* Pairs with the release in hmm_interval_collide(). */
	*seq = smp_load_acquire(&interval->seq);
	/* Pairs with the barriers in hmm_invalidation_end_slot(). */
	inflight = smp_load_acquire(&interval->context->inflight);
	if (likely(!inflight))
		return true;
	/* The acquire orders the read of busy before the page table reads. */
	return !(smp_load_acquire(&interval->busy) & inflight);
}

static long hmm_interval_wait(struct hmm_interval_notifier *interval,
			      unsigned long *seq, long timeout,
			      unsigned int state)
{
	struct hmm_context *context = interval->context;
	ktime_t since;
	s64 waited_ns;
	long left;

	/* The bits in busy may be stale. */
	if (hmm_interval_read_begin_slow(interval, seq)) {
		trace_hmm_read_begin(interval, *seq, 0, context->mm);
		return timeout;
	}

	since = ktime_get();
	hmm_stats_wait_begin(&context->stats);
	if (state == TASK_KILLABLE)
		left = wait_event_killable_timeout(context->wq,
						   hmm_interval_read_begin_slow(interval, seq),
						   timeout);
	else
		left = wait_event_timeout(context->wq,
					  hmm_interval_read_begin_slow(interval, seq),
					  timeout);
	waited_ns = ktime_to_ns(ktime_sub(ktime_get(), since));
	hmm_stats_wait_end(&context->stats, waited_ns);
	if (left > 0)
		trace_hmm_read_begin(interval, *seq, waited_ns, context->mm);
	return left;
}

/*
 * Keep the slow paths of hmm_interval_read_begin() out of line, as tail calls,
 * so that its fast path needs no stack frame.
 */
static noinline unsigned long
hmm_interval_read_begin_traced(struct hmm_interval_notifier *interval,
			       unsigned long seq)
{
	trace_hmm_read_begin(interval, seq, 0, interval->context->mm);
	return seq;
}

static noinline unsigned long
hmm_interval_wait_idle(struct hmm_interval_notifier *interval)
{
	unsigned long seq;

	hmm_interval_wait(interval, &seq, MAX_SCHEDULE_TIMEOUT,
			  TASK_UNINTERRUPTIBLE);
	return seq;
}

/**
 * hmm_interval_read_begin() - start reading the CPU page tables
 * @interval: an inserted interval
 *
 * Waits while an invalidation of this interval is in progress, except after the
 * mm has exited. The function waits for an invalidation of other addresses only
 * if that invalidation started while 32 others were in progress. Data that is
 * read from the CPU page tables afterwards may be used if
 * hmm_interval_read_retry() returns false under the update lock.
 *
 * Context: may sleep. It must not be called from a callback, or with the update
 * lock held.
 * Return: the sequence to pass to hmm_interval_read_retry().
 *
 * Since: 0.1
 */
unsigned long hmm_interval_read_begin(struct hmm_interval_notifier *interval)
{
	unsigned long seq;

	hmm_might_sleep();
	hmm_might_wait_for_callbacks();
	if (unlikely(!hmm_interval_is_idle(interval, &seq)))
		return hmm_interval_wait_idle(interval);
	if (trace_hmm_read_begin_enabled())
		return hmm_interval_read_begin_traced(interval, seq);
	return seq;
}
EXPORT_SYMBOL_GPL(hmm_interval_read_begin);

/**
 * hmm_interval_read_try_begin() - start reading the page tables without waiting
 * @interval: an inserted interval
 * @seq: where to store the sequence; not valid if the result is false
 *
 * Context: any context in which a spinlock may be acquired, but not interrupts.
 * Return: true; false if an invalidation for which hmm_interval_read_begin()
 * would wait is in progress.
 *
 * Since: 0.1
 */
bool hmm_interval_read_try_begin(struct hmm_interval_notifier *interval,
				 unsigned long *seq)
{
	return hmm_interval_is_idle(interval, seq) ||
	       hmm_interval_read_begin_slow(interval, seq);
}
EXPORT_SYMBOL_GPL(hmm_interval_read_try_begin);

/**
 * hmm_interval_read_begin_timeout() - start reading, with a limit on the wait
 * @interval: an inserted interval
 * @timeout_ms: the longest time to wait, in milliseconds; 0 means no limit
 * @seq: where to store the sequence
 *
 * Context: may sleep. It must not be called from a callback, or with the update
 * lock held.
 * Return: 0; -ETIME if an invalidation of the interval is still in progress
 * after @timeout_ms; -EINTR if the calling task was killed.
 *
 * Since: 0.1
 */
int hmm_interval_read_begin_timeout(struct hmm_interval_notifier *interval,
				    unsigned int timeout_ms,
				    unsigned long *seq)
{
	long left = MAX_SCHEDULE_TIMEOUT;

	hmm_might_sleep();
	hmm_might_wait_for_callbacks();
	if (likely(hmm_interval_is_idle(interval, seq))) {
		trace_hmm_read_begin(interval, *seq, 0, interval->context->mm);
		return 0;
	}
	if (timeout_ms)
		left = msecs_to_jiffies(timeout_ms);
	left = hmm_interval_wait(interval, seq, left, TASK_KILLABLE);
	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIME;
}
EXPORT_SYMBOL_GPL(hmm_interval_read_begin_timeout);

/**
 * hmm_interval_trace_retry() - trace and count a collision of a reader
 * @interval: the interval
 * @seq: the sequence with which the reader started
 *
 * Called by hmm_interval_read_retry(). Drivers do not call it.
 *
 * Context: any.
 *
 * Since: 0.1
 */
void hmm_interval_trace_retry(const struct hmm_interval_notifier *interval,
			      unsigned long seq)
{
	trace_hmm_read_retry(interval, seq);
	hmm_stats_count_collision(interval, seq);
}
EXPORT_SYMBOL_GPL(hmm_interval_trace_retry);
