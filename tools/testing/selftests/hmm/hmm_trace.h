/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoints of the module: see Documentation/tracing.rst. */
#ifndef _HMM_TRACE_H
#define _HMM_TRACE_H

#include <stddef.h>

#include <linux/types.h>

/* Clear the trace and enable all events of the module. Returns 0 or -errno. */
int hmm_trace_start(void);
/* Disable the events. The trace can still be read. Returns 0 or -errno. */
int hmm_trace_stop(void);

/*
 * Returns how many events of this name have @text in their line, or -1. The
 * name does not include the colon.
 */
int hmm_trace_count(const char *event, const char *text);
/* Stores and returns " <field>=<value> " of the last of these lines, or "". */
#define HMM_TRACE_TEXT	128
const char *hmm_trace_field(char *text, const char *event, const char *with,
			    const char *field);
/* Returns the value of this field as a number, or 0. */
__u64 hmm_trace_number(const char *event, const char *text, const char *field);

/*
 * Stores and returns the text of an event about @npages pages at @mem: the
 * bounds, followed by the other fields in @rest.
 */
const char *hmm_trace_text(char *text, const void *mem, size_t npages,
			   const char *rest);

#endif /* _HMM_TRACE_H */
