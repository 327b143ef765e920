/* SPDX-License-Identifier: GPL-2.0 */
/* The module's debugfs file "stats", which has one line for each mm. */
#ifndef _HMM_COUNTERS_H
#define _HMM_COUNTERS_H

#include <stdbool.h>
#include <sys/types.h>

#define HMM_STATS	"/sys/kernel/debug/hmm_mirror/stats"

/*
 * Copies the line of the mm that this process used when it was first mirrored.
 * Returns 0 or -errno; -ENOENT if there is no such line. Does not allocate
 * memory, so a test may call it while a task is stopped in the kernel.
 */
int hmm_counters_line(pid_t pid, char *line, size_t size);

/* Return the value of a key in a line; -1 or false if it is missing. */
long long hmm_counters_value(const char *line, const char *key);
bool hmm_counters_text(const char *line, const char *key, char *text,
		       size_t size);

/* Returns the value of a key for a process, or -1. */
long long hmm_counter(pid_t pid, const char *key);

#endif /* _HMM_COUNTERS_H */
