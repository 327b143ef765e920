/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs share that have QEMU's edu device copy by DMA, through
 * samples/edu and behind an IOMMU.
 */
#ifndef _EDU_LIB_H
#define _EDU_LIB_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "hmm_lib.h"
#include "../../../../samples/edu/hmm_edu.h"

#define DEVICE		"/dev/hmm_edu"
#define TRACING		"/sys/kernel/tracing/"
#define DRIVER		"/sys/bus/pci/drivers/hmm_edu/"

#define EDU_SKIP_NO_DEVICE \
	"no " DEVICE ": no edu device behind an IOMMU, or no hmm_edu.ko"

/* What one DMA of the driver can move. */
#define CHUNK		2048

/* Pages of each of the fixture's two pieces of memory. */
#define NPAGES		4

static inline int edu_register(int fd, void *addr, size_t npages, __u32 flags)
{
	struct hmm_edu_buffer buf = {
		.addr = (uintptr_t)addr,
		.length = npages * hmm_page_size(),
		.flags = flags,
	};

	return ioctl(fd, HMM_EDU_REGISTER, &buf) ? -errno : 0;
}

static inline int edu_unregister(int fd, void *addr)
{
	__u64 arg = (uintptr_t)addr;

	return ioctl(fd, HMM_EDU_UNREGISTER, &arg) ? -errno : 0;
}

static inline int edu_copy(int fd, void *dst, const void *src, size_t length)
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

static inline struct hmm_edu_test_stats edu_stats(int fd)
{
	struct hmm_edu_test_stats stats;

	if (ioctl(fd, HMM_EDU_TEST_STATS, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Have the device misbehave: HMM_EDU_FAULT_*. */
static inline int edu_fault(int fd, __u32 kind, __u32 arg)
{
	struct hmm_edu_test_fault fault = { .kind = kind, .arg = arg };

	return ioctl(fd, HMM_EDU_TEST_FAULT, &fault) ? -errno : 0;
}

/* For hmm_thread: copy one chunk. */
struct edu_job {
	int fd;
	void *dst;
	void *src;
};

static inline int edu_job_run(void *arg)
{
	struct edu_job *job = arg;

	return edu_copy(job->fd, job->dst, job->src, CHUNK);
}

/* Wait until this many DMAs were started in all. */
static inline int edu_wait_started(int fd, __u64 started)
{
	__u64 patience = hmm_now_ms() + HMM_TIMEOUT_MS;

	while (edu_stats(fd).started < started) {
		if (hmm_now_ms() > patience)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

/* The name of the one device that is bound to the driver. */
static inline int edu_name(char *name, size_t size)
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

/* How many faults the IOMMU has reported since the last time. */
static inline int iommu_faults(int kmsg)
{
	char record[2048];
	ssize_t got;
	int n = 0;

	for (;;) {
		got = read(kmsg, record, sizeof(record) - 1);
		/* EPIPE: the next record was overwritten. Skip it. */
		if (got < 0 && errno != EPIPE)
			return n;
		if (got <= 0)
			continue;
		record[got] = '\0';
		/* Not the announcement, which has some of the words. */
		n += strstr(record, "DMAR: [DMA ") &&
		     strstr(record, "fault addr");
	}
}

/* The kernel's own account of what is mapped in an IOMMU. */
static inline int iommu_trace(const char *on)
{
	int ret = write_file(TRACING "events/iommu/map/enable", on);

	if (!ret)
		ret = write_file(TRACING "events/iommu/unmap/enable", on);
	if (!ret && *on == '1')
		ret = write_file(TRACING "trace", "");
	return ret;
}

static inline long iommu_traced(const char *event, const char *size)
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

static inline long iommu_mapped(void)
{
	return iommu_traced(" map: IOMMU", " size=");
}

static inline long iommu_unmapped(void)
{
	return iommu_traced(" unmap: IOMMU", " unmapped_size=");
}

FIXTURE(edu) {
	int fd;
	/* Another file, so as not to wait for what fd is at. */
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
	self->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->kmsg);
	ASSERT_LE(0, lseek(self->kmsg, 0, SEEK_END));
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
	/* The device raises the fault before it says that it is done. */
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

#endif /* _EDU_LIB_H */
