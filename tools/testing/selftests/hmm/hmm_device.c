// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "hmm_device.h"

int hmm_open(int unit)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/hmm_dmirror%d", unit);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int hmm_cmd(int fd, unsigned long request, const void *addr, const void *ptr,
	    size_t npages, struct hmm_dmirror_cmd *out)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)addr,
		.ptr = (uintptr_t)ptr,
		.npages = npages,
		/* The device must overwrite these values. */
		.cpages = ~0ULL,
		.faults = ~0ULL,
	};
	int ret = ioctl(fd, request, &cmd) ? -errno : 0;

	if (out)
		*out = cmd;
	return ret;
}

int hmm_read(int fd, const void *addr, void *ptr, size_t npages,
	     struct hmm_dmirror_cmd *out)
{
	return hmm_cmd(fd, HMM_DMIRROR_READ, addr, ptr, npages, out);
}

int hmm_write(int fd, const void *addr, const void *ptr, size_t npages,
	      struct hmm_dmirror_cmd *out)
{
	return hmm_cmd(fd, HMM_DMIRROR_WRITE, addr, ptr, npages, out);
}

int hmm_snapshot(int fd, const void *addr, __u8 *prot, size_t npages)
{
	struct hmm_dmirror_cmd cmd;
	int ret;

	/* The device never writes this value. */
	memset(prot, 0xaa, npages);
	ret = hmm_cmd(fd, HMM_DMIRROR_SNAPSHOT, addr, prot, npages, &cmd);
	if (!ret && cmd.cpages != npages)
		return -EIO;
	return ret;
}

bool hmm_snapshot_shows(int fd, const void *addr, size_t npages, __u8 want)
{
	__u8 *prot = malloc(npages);
	size_t i = 0;
	int ret;

	ret = prot ? hmm_snapshot(fd, addr, prot, npages) : -ENOMEM;
	if (ret)
		printf("# SNAPSHOT: %s\n", strerror(-ret));
	while (!ret && i < npages && prot[i] == want)
		i++;
	if (!ret && i < npages)
		printf("# page %zu is %#x, expected %#x\n", i, prot[i], want);
	free(prot);
	return i == npages;
}

int hmm_stats(int fd, struct hmm_dmirror_stats *stats)
{
	memset(stats, 0xff, sizeof(*stats));
	return ioctl(fd, HMM_DMIRROR_STATS, stats) ? -errno : 0;
}

long hmm_entries(int fd, const void *addr, size_t npages)
{
	struct hmm_dmirror_cmd cmd;
	int ret;

	ret = hmm_cmd(fd, HMM_DMIRROR_CHECK, addr, NULL, npages, &cmd);
	return ret ? ret : (long)cmd.cpages;
}

long hmm_mismatches(int fd, const void *addr, size_t npages)
{
	struct hmm_dmirror_cmd cmd;
	int ret;

	ret = hmm_cmd(fd, HMM_DMIRROR_CHECK, addr, NULL, npages, &cmd);
	return ret ? ret : (long)cmd.faults;
}

static int hmm_point(int fd, unsigned long request, unsigned int point,
		     unsigned int timeout_ms)
{
	struct hmm_dmirror_point arg = {
		.point = point,
		.timeout_ms = timeout_ms,
	};

	return ioctl(fd, request, &arg) ? -errno : 0;
}

int hmm_stop_at(int fd, unsigned int point)
{
	return hmm_point(fd, HMM_DMIRROR_STOP_AT, point, 0);
}

int hmm_wait_at(int fd, unsigned int point, unsigned int timeout_ms)
{
	return hmm_point(fd, HMM_DMIRROR_WAIT_AT, point, timeout_ms);
}

int hmm_resume(int fd, unsigned int point)
{
	return hmm_point(fd, HMM_DMIRROR_GO_ON, point, 0);
}
