/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The harness, and the setup that most fixtures share: an open file of the
 * device, memory that the device mirrors, and a buffer for its commands.
 *
 *	FIXTURE(name) {
 *		HMM_FIXTURE_MEMBERS;
 *	};
 *
 *	FIXTURE_SETUP(name)
 *	{
 *		HMM_SETUP(NPAGES);
 *	}
 *
 *	FIXTURE_TEARDOWN(name)
 *	{
 *		close(self->fd);
 *	}
 *
 * A test need not resume a thread that is stopped in the kernel. The thread
 * exits with the process of the test.
 */
#ifndef _HMM_HARNESS_H
#define _HMM_HARNESS_H

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "hmm_lib.h"

/* Short names, for tables, of the values that SNAPSHOT reports. */
#define NONE	HMM_DMIRROR_PROT_NONE
#define READ	HMM_DMIRROR_PROT_READ
#define WRITE	HMM_DMIRROR_PROT_WRITE
#define ERROR	HMM_DMIRROR_PROT_ERROR
#define ZERO	(HMM_DMIRROR_PROT_READ | HMM_DMIRROR_PROT_ZERO)
#define PMD	HMM_DMIRROR_PROT_PMD
#define PUD	HMM_DMIRROR_PROT_PUD

#define HMM_OPEN_OR_SKIP(fd, unit) do {					\
	int _unit = (unit), _opened = hmm_open(_unit);			\
									\
	if (_opened == -ENOENT)						\
		SKIP(return, HMM_SKIP_NO_DEVICE, _unit);		\
	ASSERT_LE(0, _opened);						\
	(fd) = _opened;							\
} while (0)

/* Skips a test that opens the device later, if the device does not exist. */
#define HMM_SKIP_WITHOUT_DEVICE(unit) do {				\
	int _fd;							\
									\
	HMM_OPEN_OR_SKIP(_fd, unit);					\
	close(_fd);							\
} while (0)

/* Starts the trace of hmm_trace.h. */
#define HMM_TRACE_OR_SKIP() do {					\
	if (hmm_trace_start())						\
		SKIP(return, "no tracepoints in /sys/kernel/tracing");	\
} while (0)

#define HMM_FIXTURE_MEMBERS						\
	int fd;								\
	size_t page;							\
	char *mem;							\
	char *buf

/* map: hmm_map() or a function with the same prototype. */
#define HMM_SETUP_MAPPED_BY(map, npages) do {				\
	size_t _npages = (npages);					\
									\
	HMM_OPEN_OR_SKIP(self->fd, 0);					\
	self->page = hmm_page_size();					\
	self->mem = map(_npages);					\
	ASSERT_NE(NULL, self->mem);					\
	self->buf = hmm_map(_npages);					\
	ASSERT_NE(NULL, self->buf);					\
} while (0)

/* Maps small pages, which the device has not mirrored yet. */
#define HMM_SETUP(npages)	HMM_SETUP_MAPPED_BY(hmm_map, npages)

/* Also fills mem with the pattern of seed 1, and buf with 0x55. */
#define HMM_SETUP_FILLED(npages) do {					\
	size_t _filled = (npages);					\
									\
	HMM_SETUP(_filled);						\
	hmm_fill(self->mem, _filled, 1, 0);				\
	memset(self->buf, 0x55, _filled * self->page);			\
} while (0)

#define HMM_MAP_HUGE_OR_SKIP(mem, size) do {				\
	const char *_why;						\
	void *_huge = hmm_map_huge(size, &_why);			\
									\
	if (!_huge)							\
		SKIP(return, "%s", _why);				\
	(mem) = _huge;							\
} while (0)

/* Members for one huge page and a buffer of the same size. */
#define HMM_HUGE_FIXTURE_MEMBERS					\
	HMM_FIXTURE_MEMBERS;						\
	size_t size;							\
	size_t npages

#define HMM_SETUP_HUGE() do {						\
	HMM_OPEN_OR_SKIP(self->fd, 0);					\
	self->page = hmm_page_size();					\
	HMM_MAP_HUGE_OR_SKIP(self->mem, &self->size);			\
	self->npages = self->size / self->page;				\
	self->buf = hmm_map(self->npages);				\
	ASSERT_NE(NULL, self->buf);					\
} while (0)

#endif /* _HMM_HARNESS_H */
