// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "edu_lib.h"

int edu_register(int fd, void *addr, size_t npages, __u32 flags)
{
	struct hmm_edu_buffer buf = {
		.addr = (uintptr_t)addr,
		.length = npages * hmm_page_size(),
		.flags = flags,
	};

	return ioctl(fd, HMM_EDU_REGISTER, &buf) ? -errno : 0;
}

int edu_unregister(int fd, void *addr)
{
	__u64 arg = (uintptr_t)addr;

	return ioctl(fd, HMM_EDU_UNREGISTER, &arg) ? -errno : 0;
}

int edu_copy(int fd, void *dst, const void *src, size_t length)
{
	struct hmm_edu_copy copy = {
		.src = (uintptr_t)src,
		.dst = (uintptr_t)dst,
		.length = length,
		.copied = ~0ULL,
	};

	if (ioctl(fd, HMM_EDU_COPY, &copy))
		return -errno;
	return copy.copied == length ? 0 : -EIO;
}

struct hmm_edu_test_stats edu_stats(int fd)
{
	struct hmm_edu_test_stats stats;

	if (ioctl(fd, HMM_EDU_TEST_STATS, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

int edu_fault(int fd, __u32 kind, __u32 arg)
{
	struct hmm_edu_test_fault fault = { .kind = kind, .arg = arg };

	return ioctl(fd, HMM_EDU_TEST_FAULT, &fault) ? -errno : 0;
}

int edu_job_run(void *arg)
{
	struct edu_job *job = arg;

	return edu_copy(job->fd, job->dst, job->src, CHUNK);
}

int edu_wait_started(int fd, __u64 started)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;

	while (edu_stats(fd).started < started) {
		if (hmm_now_ms() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

int edu_name(char *name, size_t size)
{
	DIR *dir = opendir(DRIVER);
	struct dirent *entry;
	int ret = -ENOENT;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (strchr(entry->d_name, ':')) {
			snprintf(name, size, "%s", entry->d_name);
			ret = 0;
		}
	}
	closedir(dir);
	return ret;
}

/*
 * Returns true if a record of the kernel log is a fault of the Intel IOMMU or the
 * SMMUv3, which newer kernels report by name. An announcement of faults contains
 * only one string of each pair.
 */
static bool iommu_is_fault(const char *record)
{
	if (strstr(record, "DMAR: [DMA "))
		return strstr(record, "fault addr");
	return strstr(record, "arm-smmu-v3 ") &&
	       (strstr(record, "event 0x10 received") ||
		strstr(record, "event: F_TRANSLATION"));
}

int iommu_faults(int kmsg)
{
	char record[2048];
	ssize_t got;
	int n = 0;

	for (;;) {
		got = read(kmsg, record, sizeof(record) - 1);
		/* EPIPE means that the next record was overwritten. */
		if (got < 0 && errno != EPIPE)
			return n;
		if (got <= 0)
			continue;
		record[got] = '\0';
		n += iommu_is_fault(record);
	}
}

int iommu_trace(const char *on)
{
	int ret = hmm_write_file(TRACING "events/iommu/map/enable", on);

	if (!ret)
		ret = hmm_write_file(TRACING "events/iommu/unmap/enable", on);
	if (!ret && *on == '1')
		ret = hmm_write_file(TRACING "trace", "");
	return ret;
}

long iommu_traced(const char *event, const char *size)
{
	FILE *f = fopen(TRACING "trace", "r");
	char line[512], *at;
	long bytes = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, event) ? strstr(line, size) : NULL;
		if (at)
			bytes += atol(at + strlen(size));
	}
	fclose(f);
	return bytes;
}

long iommu_mapped(void)
{
	return iommu_traced(" map: IOMMU", " size=");
}

long iommu_unmapped(void)
{
	return iommu_traced(" unmap: IOMMU", " unmapped_size=");
}

int edu_map_and_register(char **src, char **dst)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	*src = hmm_map(1);
	*dst = hmm_map(1);
	if (fd < 0 || !*src || !*dst || edu_register(fd, *src, 1, 0) ||
	    edu_register(fd, *dst, 1, HMM_EDU_WRITE))
		return -EIO;
	return fd;
}
