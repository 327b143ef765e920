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
#include <hmm/range.h>

/* The values of the field pass of hmm_callback */
#define HMM_PASS_ONLY	0
#define HMM_PASS_START	1
#define HMM_PASS_FINISH	2

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
		 unsigned long seq, u64 waited_ns, const void *mm),
	TP_ARGS(interval, seq, waited_ns, mm),
	TP_STRUCT__entry(
		__field(const void *, interval)
		__field(unsigned long, seq)
		__field(u64, waited_ns)
		__field(const void *, mm)
	),
	TP_fast_assign(
		__entry->interval = interval;
		__entry->seq = seq;
		__entry->waited_ns = waited_ns;
		__entry->mm = mm;
	),
	TP_printk("interval=%p seq=%lu waited_ns=%llu mm=%p",
		  __entry->interval, __entry->seq, __entry->waited_ns,
		  __entry->mm)
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

/* A callback of an interval has returned. The interval may be gone. */
TRACE_EVENT(hmm_callback,
	TP_PROTO(const void *interval, const struct mmu_notifier_range *range,
		 unsigned int pass, bool accepted, u64 ns),
	TP_ARGS(interval, range, pass, accepted, ns),
	TP_STRUCT__entry(
		__field(const void *, mm)
		__field(const void *, interval)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned int, pass)
		__field(bool, accepted)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->mm = range->mm;
		__entry->interval = interval;
		__entry->start = range->start;
		__entry->end = range->end;
		__entry->pass = pass;
		__entry->accepted = accepted;
		__entry->ns = ns;
	),
	TP_printk("mm=%p interval=%p start=%#lx end=%#lx pass=%u accepted=%d ns=%llu",
		  __entry->mm, __entry->interval, __entry->start, __entry->end,
		  __entry->pass, __entry->accepted, __entry->ns)
);

DECLARE_EVENT_CLASS(hmm_range_read,
	TP_PROTO(const struct hmm_mirror_range *range, const void *mm, int ret,
		 unsigned long pages, unsigned int retries, u64 ns),
	TP_ARGS(range, mm, ret, pages, retries, ns),
	TP_STRUCT__entry(
		__field(const void *, mm)
		__field(const void *, range)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(int, ret)
		__field(unsigned long, pages)
		__field(unsigned int, retries)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->mm = mm;
		__entry->range = range;
		__entry->start = range->start;
		__entry->end = range->end;
		__entry->ret = ret;
		__entry->pages = pages;
		__entry->retries = retries;
		__entry->ns = ns;
	),
	TP_printk("mm=%p range=%p start=%#lx end=%#lx ret=%d pages=%lu retries=%u ns=%llu",
		  __entry->mm, __entry->range, __entry->start, __entry->end,
		  __entry->ret, __entry->pages, __entry->retries, __entry->ns)
);

/* hmm_mirror_range_snapshot() returns. */
DEFINE_EVENT(hmm_range_read, hmm_snapshot,
	TP_PROTO(const struct hmm_mirror_range *range, const void *mm, int ret,
		 unsigned long pages, unsigned int retries, u64 ns),
	TP_ARGS(range, mm, ret, pages, retries, ns)
);

/* A variant of hmm_mirror_range_fault(), or an attempt of populate, returns. */
DEFINE_EVENT(hmm_range_read, hmm_fault,
	TP_PROTO(const struct hmm_mirror_range *range, const void *mm, int ret,
		 unsigned long pages, unsigned int retries, u64 ns),
	TP_ARGS(range, mm, ret, pages, retries, ns)
);

/* hmm_mirror_range_populate() returns. */
DEFINE_EVENT(hmm_range_read, hmm_populate,
	TP_PROTO(const struct hmm_mirror_range *range, const void *mm, int ret,
		 unsigned long pages, unsigned int retries, u64 ns),
	TP_ARGS(range, mm, ret, pages, retries, ns)
);

/*
 * These two have no mm: they may be called after the mirror was unregistered,
 * when the range no longer leads to its mm.
 */
TRACE_EVENT(hmm_dma_map,
	TP_PROTO(const struct hmm_mirror_range *range, int ret,
		 unsigned long pages, unsigned long runs, u64 ns),
	TP_ARGS(range, ret, pages, runs, ns),
	TP_STRUCT__entry(
		__field(const void *, range)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(int, ret)
		__field(unsigned long, pages)
		__field(unsigned long, runs)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->range = range;
		__entry->start = range->start;
		__entry->end = range->end;
		__entry->ret = ret;
		__entry->pages = pages;
		__entry->runs = runs;
		__entry->ns = ns;
	),
	TP_printk("range=%p start=%#lx end=%#lx ret=%d pages=%lu runs=%lu ns=%llu",
		  __entry->range, __entry->start, __entry->end, __entry->ret,
		  __entry->pages, __entry->runs, __entry->ns)
);

TRACE_EVENT(hmm_dma_unmap,
	TP_PROTO(const struct hmm_mirror_range *range, unsigned long start,
		 unsigned long end, unsigned long pages, unsigned long runs,
		 u64 ns),
	TP_ARGS(range, start, end, pages, runs, ns),
	TP_STRUCT__entry(
		__field(const void *, range)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, pages)
		__field(unsigned long, runs)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->range = range;
		__entry->start = start;
		__entry->end = end;
		__entry->pages = pages;
		__entry->runs = runs;
		__entry->ns = ns;
	),
	TP_printk("range=%p start=%#lx end=%#lx pages=%lu runs=%lu ns=%llu",
		  __entry->range, __entry->start, __entry->end,
		  __entry->pages, __entry->runs, __entry->ns)
);

#endif /* _HMM_CORE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
