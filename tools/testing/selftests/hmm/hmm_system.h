/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Time, the kernel's version, small files, the module's counters, and the kernel
 * log.
 */
#ifndef _HMM_SYSTEM_H
#define _HMM_SYSTEM_H

#include <stdbool.h>

#include <linux/types.h>

/*
 * Time limit of one step. The limit detects a hang and does not measure speed,
 * because the guest may be emulated on a busy host. It is shorter than the
 * device's own limit, after which a stopped task resumes.
 */
#define HMM_TIMEOUT_MS		120000

/* Time limit of one test: see kselftest_harness.h. */
#define HMM_TEST_TIMEOUT_S	600

/* How long a test waits to check that an event does not occur. */
#define HMM_QUIET_MS		200

__u64 hmm_now_ms(void);

/* Returns true if the version of the running kernel is at least major.minor. */
bool hmm_kernel_at_least(int major, int minor);

/* Returns 0 or -errno. */
int hmm_write_file(const char *path, const char *text);
/* Returns the number in the file, or -errno. */
long hmm_read_long(const char *path);

/* Returns a value of the module's debugfs file "counts", or -1. */
long hmm_debugfs_count(const char *name);
/* Waits until the value is at most max, and returns the last value read. */
long hmm_debugfs_wait_count(const char *name, long max);

/* Opens the kernel log at its end. Returns a file descriptor or -errno. */
int hmm_kmsg_open(void);
/*
 * Waits for a record that contains the text. Returns -ETIMEDOUT on a timeout.
 */
int hmm_kmsg_wait(int fd, const char *text, unsigned int timeout_ms);

#endif /* _HMM_SYSTEM_H */
