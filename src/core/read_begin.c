// SPDX-License-Identifier: GPL-2.0
/*
 * The readers' side of the protocol; the other side, and why the two are
 * enough, stand in notifier.c.
 *
 * A reader that finds no invalidation in progress touches no lock and writes
 * nothing:
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
 * If it read the raised sequence, it sees the bit too, unless the end has
 * come; and if the end has come, it sees the page tables as they are then.
 * If it read the sequence from before, it may go on, and read_retry will
 * tell it.
 *
 * A bit in busy is not taken back at the end, for that would mean another
 * walk over the intervals. So it may be stale: its slot may by now belong to
 * an invalidation of other addresses. A reader that finds a bit set in both
 * therefore looks under the lock at the bounds, corrects busy, and sleeps
 * only if there is a real overlap. It is woken by the end of just that
 * invalidation; a stream of others does not hold it up.
 */
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>

#include "context.h"
#include "inflight.h"
#include "lockdep.h"
#include "trace.h"

/* Under the lock: true, and *@seq set, if none in progress overlaps. */
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
	/* Who finds that the end has come reads the page tables after it. */
	busy &= smp_load_acquire(&context->inflight);
	WRITE_ONCE(context->waited, waited | busy);
	/* Pairs with the acquire in hmm_interval_is_idle(). */
	smp_store_release(&interval->busy, busy);
	*seq = interval->seq;
	/* Nobody tells the ends once the mm has exited. */
	if (context->dead)
		busy = 0;
	spin_unlock(&context->lock);
	return !busy;
}

/*
 * The fast path: true, and *@seq set, if nothing that could concern the
 * interval is in progress. Never says so wrongly.
 */
static __always_inline bool
hmm_interval_is_idle(const struct hmm_interval_notifier *interval,
		     unsigned long *seq)
{
	unsigned long inflight;

	/* Pairs with the release of the raised sequence: see the top. */
	*seq = smp_load_acquire(&interval->seq);
	/* Pairs with the release at the end of an invalidation. */
	inflight = smp_load_acquire(&interval->context->inflight);
	if (likely(!inflight))
		return true;
	/* Before the page tables are read, or busy may be of a time after. */
	return !(smp_load_acquire(&interval->busy) & inflight);
}

static long hmm_interval_wait(struct hmm_interval_notifier *interval,
			      unsigned long *seq, long timeout,
			      unsigned int state)
{
	struct hmm_context *context = interval->context;
	ktime_t since = ktime_get();
	long left;

	if (state == TASK_KILLABLE)
		left = wait_event_killable_timeout(context->wq,
						   hmm_interval_read_begin_slow(interval, seq),
						   timeout);
	else
		left = wait_event_timeout(context->wq,
					  hmm_interval_read_begin_slow(interval, seq),
					  timeout);
	if (left > 0)
		trace_hmm_read_begin(interval, *seq,
				     ktime_to_ns(ktime_sub(ktime_get(), since)));
	return left;
}

/*
 * What is rare in hmm_interval_read_begin() stands out of line, as its last
 * call, so that the rest of it needs no stack frame.
 */
static noinline unsigned long
hmm_interval_read_begin_traced(struct hmm_interval_notifier *interval,
			       unsigned long seq)
{
	trace_hmm_read_begin(interval, seq, 0);
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
 * hmm_interval_read_begin() - begin to read what the CPU maps
 * @interval: an inserted interval
 *
 * Waits while an invalidation of this very interval is in progress, for none
 * else. What is read from the CPU page tables afterwards may be used if
 * hmm_interval_read_retry() says so, under the update lock.
 *
 * Context: may sleep; not from a callback, not with the update lock held.
 * Return: the sequence for hmm_interval_read_retry().
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
 * hmm_interval_read_try_begin() - begin to read, but do not wait
 * @interval: an inserted interval
 * @seq: where the sequence is stored
 *
 * Context: any in which a spinlock may be taken, but not an interrupt.
 * Return: false if an invalidation of the interval is in progress.
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
 * hmm_interval_read_begin_timeout() - begin to read, but do not wait for ever
 * @interval: an inserted interval
 * @timeout_ms: how long to wait at most, in milliseconds; 0: for ever
 * @seq: where the sequence is stored
 *
 * Context: may sleep; not from a callback, not with the update lock held.
 * Return: 0, -ETIME after @timeout_ms, -EINTR if the task was killed
 * meanwhile.
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
		trace_hmm_read_begin(interval, *seq, 0);
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
 * hmm_interval_trace_retry() - note a collision that a reader found
 * @interval: the interval
 * @seq: the sequence that is no longer true
 *
 * For hmm_interval_read_retry(); drivers have no use for it.
 *
 * Context: any.
 *
 * Since: 0.1
 */
void hmm_interval_trace_retry(const struct hmm_interval_notifier *interval,
			      unsigned long seq)
{
	trace_hmm_read_retry(interval, seq);
}
EXPORT_SYMBOL_GPL(hmm_interval_trace_retry);
