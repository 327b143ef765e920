/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of device memory share: the device's commands as functions,
 * and what becomes of its pages.
 */
#ifndef _HMM_DEVMEM_H
#define _HMM_DEVMEM_H

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hmm_lib.h"

#define HMM_SKIP_NO_DEVMEM \
	"unit %d has no memory of its own: see what test_hmm.ko said at load"

static inline int hmm_to_dev(int fd, const void *addr, void *ptr,
			     size_t npages, struct hmm_dmirror_cmd *out)
{
	return hmm_cmd(fd, HMM_DMIRROR_MIGRATE_TO_DEV, addr, ptr, npages, out);
}

static inline int hmm_to_sys(int fd, const void *addr, size_t npages,
			     struct hmm_dmirror_cmd *out)
{
	return hmm_cmd(fd, HMM_DMIRROR_MIGRATE_TO_SYS, addr, NULL, npages,
		       out);
}

static inline int hmm_devmem_release(int fd)
{
	return hmm_cmd(fd, HMM_DMIRROR_RELEASE, NULL, NULL, 0, NULL);
}

static inline int hmm_set_flags(int fd, __u64 flags)
{
	return hmm_cmd(fd, HMM_DMIRROR_FLAGS, NULL, NULL, flags, NULL);
}

static inline int hmm_devmem_limit(int fd, __u64 pages)
{
	return ioctl(fd, HMM_DMIRROR_DEVMEM_LIMIT, &pages) ? -errno : 0;
}

static inline int hmm_devmem_stats(int fd, struct hmm_dmirror_devmem *devmem)
{
	memset(devmem, 0xff, sizeof(*devmem));
	return ioctl(fd, HMM_DMIRROR_DEVMEM, devmem) ? -errno : 0;
}

/* Pages of the device that are in use, or -errno. */
static inline long hmm_devmem_used(int fd)
{
	struct hmm_dmirror_devmem devmem;
	int ret = hmm_devmem_stats(fd, &devmem);

	return ret ? ret : (long)devmem.used;
}

/*
 * The same, when it has come down to the limit: a process that has been waited
 * for may still be giving its memory back.
 */
static inline long hmm_devmem_wait_used(int fd, long limit)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	long used = hmm_devmem_used(fd);

	while (used > limit && hmm_now_ms() < end) {
		usleep(10000);
		used = hmm_devmem_used(fd);
	}
	return used;
}

/* How many of npages are where SNAPSHOT calls it so; -errno. */
static inline long hmm_pages_at(int fd, const void *addr, size_t npages,
				__u8 where)
{
	__u8 prot[256];
	long found = 0;
	int ret;

	if (npages > sizeof(prot))
		return -E2BIG;
	ret = hmm_snapshot(fd, addr, prot, npages);
	if (ret)
		return ret;
	for (size_t i = 0; i < npages; i++)
		found += prot[i] != HMM_DMIRROR_PROT_ERROR &&
			 (prot[i] & 0x70) == where;
	return found;
}

static inline long hmm_pages_in_device(int fd, const void *addr, size_t npages)
{
	return hmm_pages_at(fd, addr, npages,
			    HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL);
}

/* Has the device memory? A page of the caller's is moved there and back. */
static inline int hmm_probe_devmem(int fd, void *addr, void *ptr)
{
	int ret = hmm_to_dev(fd, addr, ptr, 1, NULL);

	return ret ? ret : hmm_to_sys(fd, addr, 1, NULL);
}

/*
 * Memory that moves in one go: a migration works on what one PMD entry covers
 * at a time, and a test that stops it in its midst wants all of its pages to
 * be in there.
 */
static inline char *hmm_map_within_pmd(size_t npages)
{
	size_t size = npages * hmm_page_size(), pmd = 2UL << 20;
	char *mem = hmm_map(2 * npages);

	if (mem && ((uintptr_t)mem & (pmd - 1)) + size > pmd)
		mem += size;
	return mem;
}

/* For hmm_thread: an hmm_access whose command is not READ or WRITE. */
static inline void hmm_access_init(struct hmm_access *access, int fd,
				   unsigned long request, void *addr, void *ptr,
				   size_t npages)
{
	*access = (struct hmm_access) {
		.fd = fd,
		.request = request,
		.addr = addr,
		.ptr = ptr,
		.npages = npages,
	};
}

#endif /* _HMM_DEVMEM_H */
