/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, in the group hmm_mirror. Documentation/tracing.rst describes
 * them for users.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hmm_mirror

#if !defined(_HMM_CORE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _HMM_CORE_TRACE_H

#include <linux/mmu_notifier.h>
#include <linux/tracepoint.h>

#include <hmm/interval.h>

TRACE_EVENT(hmm_invalidate_start,
	TP_PROTO(const struct mmu_notifier_range *range, bool hit),
	TP_ARGS(range, hit),
	TP_STRUCT__entry(
		__field(const void *, mm)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(int, event)
		__field(bool, blockable)
		__field(bool, hit)
	),
	TP_fast_assign(
		__entry->mm = range->mm;
		__entry->start = range->start;
		__entry->end = range->end;
		__entry->event = range->event;
		__entry->blockable = mmu_notifier_range_blockable(range);
		__entry->hit = hit;
	),
	TP_printk("mm=%p start=%#lx end=%#lx event=%d blockable=%d hit=%d",
		  __entry->mm, __entry->start, __entry->end, __entry->event,
		  __entry->blockable, __entry->hit)
);

TRACE_EVENT(hmm_invalidate_end,
	TP_PROTO(const struct mmu_notifier_range *range),
	TP_ARGS(range),
	TP_STRUCT__entry(
		__field(const void *, mm)
		__field(unsigned long, start)
		__field(unsigned long, end)
	),
	TP_fast_assign(
		__entry->mm = range->mm;
		__entry->start = range->start;
		__entry->end = range->end;
	),
	TP_printk("mm=%p start=%#lx end=%#lx", __entry->mm, __entry->start,
		  __entry->end)
);

TRACE_EVENT(hmm_read_begin,
	TP_PROTO(const struct hmm_interval_notifier *interval,
		 unsigned long seq, u64 waited_ns),
	TP_ARGS(interval, seq, waited_ns),
	TP_STRUCT__entry(
		__field(const void *, interval)
		__field(unsigned long, seq)
		__field(u64, waited_ns)
	),
	TP_fast_assign(
		__entry->interval = interval;
		__entry->seq = seq;
		__entry->waited_ns = waited_ns;
	),
	TP_printk("interval=%p seq=%lu waited_ns=%llu", __entry->interval,
		  __entry->seq, __entry->waited_ns)
);

TRACE_EVENT(hmm_read_retry,
	TP_PROTO(const struct hmm_interval_notifier *interval,
		 unsigned long seq),
	TP_ARGS(interval, seq),
	TP_STRUCT__entry(
		__field(const void *, interval)
		__field(unsigned long, seq)
		__field(unsigned long, now)
	),
	TP_fast_assign(
		__entry->interval = interval;
		__entry->seq = seq;
		__entry->now = READ_ONCE(interval->seq);
	),
	TP_printk("interval=%p seq=%lu now=%lu", __entry->interval,
		  __entry->seq, __entry->now)
);

DECLARE_EVENT_CLASS(hmm_interval,
	TP_PROTO(const struct hmm_interval_notifier *interval),
	TP_ARGS(interval),
	TP_STRUCT__entry(
		__field(const void *, interval)
		__field(const void *, mirror)
		__field(unsigned long, start)
		__field(unsigned long, last)
	),
	TP_fast_assign(
		__entry->interval = interval;
		__entry->mirror = interval->mirror;
		__entry->start = interval->start;
		__entry->last = interval->last;
	),
	TP_printk("interval=%p mirror=%p start=%#lx last=%#lx",
		  __entry->interval, __entry->mirror, __entry->start,
		  __entry->last)
);

/* An interval enters the tree. An update is a remove and an insert. */
DEFINE_EVENT(hmm_interval, hmm_interval_insert,
	TP_PROTO(const struct hmm_interval_notifier *interval),
	TP_ARGS(interval)
);

/* An interval leaves the tree: remove, update or the last put. */
DEFINE_EVENT(hmm_interval, hmm_interval_remove,
	TP_PROTO(const struct hmm_interval_notifier *interval),
	TP_ARGS(interval)
);

/* The interval is released. ops->release, if set, is called next. */
DEFINE_EVENT(hmm_interval, hmm_interval_release,
	TP_PROTO(const struct hmm_interval_notifier *interval),
	TP_ARGS(interval)
);

#endif /* _HMM_CORE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
