/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random decisions, the log, and the report of a failure.
 */
#ifndef _ORACLE_REPORT_H
#define _ORACLE_REPORT_H

#include "oracle.h"

unsigned int oracle_pick(struct oracle_worker *w, unsigned int limit);
unsigned int oracle_pick_page(struct oracle_worker *w,
			      const struct oracle_region *region);
__u32 oracle_new_id(struct oracle_worker *w);
void oracle_log(struct oracle_worker *w, const char *what,
		const struct oracle_region *region, unsigned int first,
		unsigned int n, __u32 id, int ret, __u64 begin, __u64 end);
/* Stop the run, and record the failure if it is the first one. */
void oracle_fail(struct oracle *oracle, const struct oracle_region *region,
		 unsigned int first, unsigned int n, const char *fmt, ...);
void oracle_report(struct oracle *oracle);
bool oracle_stopped(struct oracle *oracle);

#endif /* _ORACLE_REPORT_H */
