// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hmm_devmem.h"
#include "hmm_device.h"
#include "hmm_memory.h"
#include "hmm_system.h"

int hmm_to_dev(int fd, const void *addr, void *ptr, size_t npages,
	       struct hmm_dmirror_cmd *out)
{
	return hmm_cmd(fd, HMM_DMIRROR_MIGRATE_TO_DEV, addr, ptr, npages, out);
}

int hmm_to_sys(int fd, const void *addr, size_t npages,
	       struct hmm_dmirror_cmd *out)
{
	return hmm_cmd(fd, HMM_DMIRROR_MIGRATE_TO_SYS, addr, NULL, npages,
		       out);
}

int hmm_devmem_release(int fd)
{
	return hmm_cmd(fd, HMM_DMIRROR_RELEASE, NULL, NULL, 0, NULL);
}

int hmm_set_flags(int fd, __u64 flags)
{
	return hmm_cmd(fd, HMM_DMIRROR_FLAGS, NULL, NULL, flags, NULL);
}

int hmm_devmem_limit(int fd, __u64 pages)
{
	return ioctl(fd, HMM_DMIRROR_DEVMEM_LIMIT, &pages) ? -errno : 0;
}

int hmm_devmem_stats(int fd, struct hmm_dmirror_devmem *devmem)
{
	memset(devmem, 0xff, sizeof(*devmem));
	return ioctl(fd, HMM_DMIRROR_DEVMEM, devmem) ? -errno : 0;
}

long hmm_devmem_used(int fd)
{
	struct hmm_dmirror_devmem devmem;
	int ret = hmm_devmem_stats(fd, &devmem);

	return ret ? ret : (long)devmem.used;
}

long hmm_devmem_wait_used(int fd, long max)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	long used = hmm_devmem_used(fd);

	while (used > max && hmm_now_ms() < end) {
		usleep(10000);
		used = hmm_devmem_used(fd);
	}
	return used;
}

long hmm_pages_at(int fd, const void *addr, size_t npages, __u8 location)
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
			 (prot[i] & 0x70) == location;
	return found;
}

long hmm_pages_in_device(int fd, const void *addr, size_t npages)
{
	return hmm_pages_at(fd, addr, npages,
			    HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL);
}

int hmm_probe_devmem(int fd, void *addr, void *ptr)
{
	int ret = hmm_to_dev(fd, addr, ptr, 1, NULL);

	return ret ? ret : hmm_to_sys(fd, addr, 1, NULL);
}

char *hmm_map_within_pmd(size_t npages)
{
	size_t page = hmm_page_size(), size = npages * page;
	size_t pmd = page * page / sizeof(__u64);
	char *mem = hmm_map(2 * npages);

	if (mem && ((uintptr_t)mem & (pmd - 1)) + size > pmd)
		mem += size;
	return mem;
}
