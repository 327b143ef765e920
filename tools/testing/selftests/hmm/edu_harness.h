/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of the edu tests. Its teardown fails the test if a buffer or a
 * mapping is left, or if the kernel log contains a new IOMMU fault.
 */
#ifndef _EDU_HARNESS_H
#define _EDU_HARNESS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu_lib.h"
#include "hmm_harness.h"

#define EDU_SKIP_NO_DEVICE \
	"no " DEVICE ": no edu device behind an IOMMU, or no hmm_edu.ko"

/* The number of pages of src, and of dst. */
#define NPAGES		4

FIXTURE(edu) {
	int fd;
	/* A second file, whose ioctls do not wait for those of fd. */
	int watch;
	int kmsg;
	size_t page;
	char *src;
	char *dst;
};

FIXTURE_SETUP(edu)
{
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (self->fd < 0 && errno == ENOENT)
		SKIP(return, EDU_SKIP_NO_DEVICE);
	ASSERT_LE(0, self->fd);
	self->watch = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->watch);
	self->kmsg = hmm_kmsg_open();
	ASSERT_LE(0, self->kmsg);
	self->page = hmm_page_size();
	self->src = hmm_map(NPAGES);
	self->dst = hmm_map(NPAGES);
	ASSERT_NE(NULL, self->src);
	ASSERT_NE(NULL, self->dst);
	hmm_fill(self->src, NPAGES, 1, 0);
	hmm_fill(self->dst, NPAGES, 2, 0);
}

FIXTURE_TEARDOWN(edu)
{
	if (self->fd < 0)
		return;
	/* The IOMMU reports a fault before the DMA completes. */
	EXPECT_EQ(0, iommu_faults(self->kmsg));
	close(self->fd);
	EXPECT_EQ(0, edu_stats(self->watch).buffers);
	EXPECT_EQ(0, edu_stats(self->watch).mappings);
	close(self->watch);
	close(self->kmsg);
}

#define REGISTER_BOTH() do {						\
	ASSERT_EQ(0, edu_register(self->fd, self->src, NPAGES, 0));	\
	ASSERT_EQ(0, edu_register(self->fd, self->dst, NPAGES,		\
				  HMM_EDU_WRITE));			\
} while (0)

/* A job that copies from src to dst. */
#define EDU_JOB	{ .fd = self->fd, .dst = self->dst, .src = self->src }

#define EXPECT_COPY_WORKS() do {					\
	ASSERT_EQ(0, edu_copy(self->fd, self->dst, self->src, CHUNK));	\
	EXPECT_EQ(0, memcmp(self->dst, self->src, CHUNK));		\
} while (0)

/* Checks that the device works after it was bound again. */
#define EXPECT_DEVICE_WORKS_AGAIN() do {				\
	close(self->fd);						\
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);			\
	ASSERT_LE(0, self->fd);						\
	REGISTER_BOTH();						\
	EXPECT_COPY_WORKS();						\
} while (0)

#endif /* _EDU_HARNESS_H */
