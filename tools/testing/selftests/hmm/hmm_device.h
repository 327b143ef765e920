/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions for the commands of test_hmm's device. They return 0 or -errno,
 * unless stated otherwise.
 */
#ifndef _HMM_DEVICE_H
#define _HMM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include <hmm/test_hmm.h>

#define HMM_SKIP_NO_DEVICE	"no /dev/hmm_dmirror%d: is test_hmm.ko loaded?"

/* Returns a file descriptor or -errno; -ENOENT if the device does not exist. */
int hmm_open(int unit);

/*
 * If out is not NULL, the functions store the command there, as the device
 * returned it.
 */
int hmm_cmd(int fd, unsigned long request, const void *addr, const void *ptr,
	    size_t npages, struct hmm_dmirror_cmd *out);
int hmm_read(int fd, const void *addr, void *ptr, size_t npages,
	     struct hmm_dmirror_cmd *out);
int hmm_write(int fd, const void *addr, const void *ptr, size_t npages,
	      struct hmm_dmirror_cmd *out);
int hmm_snapshot(int fd, const void *addr, __u8 *prot, size_t npages);
int hmm_stats(int fd, struct hmm_dmirror_stats *stats);

/*
 * Returns whether SNAPSHOT reports want for every page. Prints the first page
 * that differs.
 */
bool hmm_snapshot_shows(int fd, const void *addr, size_t npages, __u8 want);

/* Returns the number of entries that the device has in a range, or -errno. */
long hmm_entries(int fd, const void *addr, size_t npages);
/*
 * Returns how many of these entries are wrong, or -errno. HMM_DMIRROR_CHECK
 * defines which entries are wrong.
 */
long hmm_mismatches(int fd, const void *addr, size_t npages);

/*
 * Stop points: HMM_DMIRROR_POINT_*. The next task that reaches an armed point
 * stops there until hmm_resume().
 */
int hmm_stop_at(int fd, unsigned int point);
/*
 * Waits until a task has stopped at the point. Returns -ETIME on a timeout. If
 * timeout_ms is 0, the time limit is that of the device: three minutes.
 */
int hmm_wait_at(int fd, unsigned int point, unsigned int timeout_ms);
int hmm_resume(int fd, unsigned int point);

#endif /* _HMM_DEVICE_H */
