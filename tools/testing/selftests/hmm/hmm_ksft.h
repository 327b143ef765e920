/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Setup for programs that report with kselftest.h and open one device.
 */
#ifndef _HMM_KSFT_H
#define _HMM_KSFT_H

#include <fcntl.h>
#include <stdio.h>

#include <kselftest.h>

/* Opens a device for reading and writing, or skips the program. */
static inline int hmm_ksft_open(const char *device, const char *module)
{
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		ksft_exit_skip("no %s: is %s loaded?\n", device, module);
	return fd;
}

#endif /* _HMM_KSFT_H */
