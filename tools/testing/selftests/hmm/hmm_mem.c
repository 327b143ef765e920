// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "hmm_lib.h"
#include "hmm_mem.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#ifndef MPOL_MF_MOVE_ALL
#define MPOL_MF_MOVE_ALL 4
#endif

#define HMM_ZRAM	"/dev/zram0"
#define HMM_ZRAM_KNOB	"/sys/block/zram0/"
#define HMM_SWAP_SIZE	(64UL << 20)

int hmm_write_file(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, word, strlen(word)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

long hmm_read_long(const char *path)
{
	long value = -EINVAL;
	FILE *file = fopen(path, "r");

	if (!file)
		return -errno;
	if (fscanf(file, "%ld", &value) != 1)
		value = -EINVAL;
	fclose(file);
	return value;
}

int hmm_pagemap_read(const void *addr, size_t npages, __u64 *entries)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t offset = (uintptr_t)addr / hmm_page_size() * sizeof(*entries);
	ssize_t size = npages * sizeof(*entries);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (pread(fd, entries, size, offset) != size)
		ret = -EIO;
	close(fd);
	return ret;
}

__u64 hmm_pagemap_entry(const void *addr)
{
	__u64 entry;

	return hmm_pagemap_read(addr, 1, &entry) ? 0 : entry;
}

size_t hmm_pagemap_count(const void *addr, size_t npages, __u64 bits)
{
	__u64 *entries = calloc(npages, sizeof(*entries));
	size_t count = 0;

	/* More than there are: whoever expects a number, does not get it. */
	if (!entries || hmm_pagemap_read(addr, npages, entries))
		count = npages + 1;
	for (size_t i = 0; count <= npages && i < npages; i++)
		count += (entries[i] & bits) == bits;
	free(entries);
	return count;
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

/* What mkswap(8) would write: the first page of a swap area of version 1. */
static int hmm_make_swap(const char *path, size_t size)
{
	size_t page = hmm_page_size();
	__u32 header[2] = { 1, size / page - 1 };
	static const char magic[] = "SWAPSPACE2";
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;
	char *block = calloc(1, page);

	if (fd < 0 || !block) {
		ret = fd < 0 ? -errno : -ENOMEM;
		goto out;
	}
	memcpy(block + 1024, header, sizeof(header));
	memcpy(block + page - strlen(magic), magic, strlen(magic));
	if (pwrite(fd, block, page, 0) != (ssize_t)page)
		ret = -errno;
out:
	free(block);
	if (fd >= 0)
		close(fd);
	return ret;
}

int hmm_swap_on(const char **why)
{
	char size[24];
	int ret;

	if (access(HMM_ZRAM, F_OK)) {
		*why = "there is no " HMM_ZRAM " to swap to";
		return -ENOENT;
	}
	*why = NULL;
	/* A test before this one may have failed and left it on. */
	hmm_swap_off();
	snprintf(size, sizeof(size), "%lu", HMM_SWAP_SIZE);
	ret = hmm_write_file(HMM_ZRAM_KNOB "disksize", size);
	if (!ret)
		ret = hmm_make_swap(HMM_ZRAM, HMM_SWAP_SIZE);
	if (!ret && swapon(HMM_ZRAM, 0))
		ret = -errno;
	return ret;
}

void hmm_swap_off(void)
{
	swapoff(HMM_ZRAM);
	hmm_write_file(HMM_ZRAM_KNOB "reset", "1");
}

int hmm_page_out(void *addr, size_t npages)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	int node = 0;

	/*
	 * A page that somebody else looks at just now is left alone, and so is
	 * one that waits on another CPU to be put on the list of those that
	 * may be reclaimed. Moving pages makes an end of that, even none.
	 */
	while (hmm_pagemap_count(addr, npages, HMM_PAGEMAP_PRESENT)) {
		if (hmm_now_ms() > end)
			return -ETIMEDOUT;
		syscall(SYS_move_pages, 0, 0UL, &addr, &node, &node, 0);
		if (madvise(addr, npages * hmm_page_size(), MADV_PAGEOUT))
			return -errno;
	}
	return 0;
}

int hmm_uffd_open(__u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), ret;

	if (uffd < 0)
		return -errno;
	if (ioctl(uffd, UFFDIO_API, &api)) {
		ret = -errno;
		close(uffd);
		return ret;
	}
	return uffd;
}

int hmm_uffd_register(int uffd, void *addr, size_t size, __u64 mode)
{
	struct uffdio_register arg = {
		.range = { .start = (uintptr_t)addr, .len = size },
		.mode = mode,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &arg) ? -errno : 0;
}

int hmm_uffd_wait(int uffd, void **addr, __u64 *flags)
{
	struct pollfd poller = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;
	int ret = poll(&poller, 1, HMM_TIMEOUT_MS);

	if (ret <= 0)
		return ret ? -errno : -ETIMEDOUT;
	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		return -errno;
	if (msg.event != UFFD_EVENT_PAGEFAULT)
		return -EPROTO;
	if (addr)
		*addr = (void *)(uintptr_t)msg.arg.pagefault.address;
	if (flags)
		*flags = msg.arg.pagefault.flags;
	return 0;
}

int hmm_uffd_copy(int uffd, void *to, const void *from, size_t size)
{
	struct uffdio_copy arg = {
		.dst = (uintptr_t)to,
		.src = (uintptr_t)from,
		.len = size,
	};

	return ioctl(uffd, UFFDIO_COPY, &arg) ? -errno : 0;
}

int hmm_uffd_protect(int uffd, void *addr, size_t size, bool protect)
{
	struct uffdio_writeprotect arg = {
		.range = { .start = (uintptr_t)addr, .len = size },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(uffd, UFFDIO_WRITEPROTECT, &arg) ? -errno : 0;
}

int hmm_uffd_continue(int uffd, void *addr, size_t size)
{
	struct uffdio_continue arg = {
		.range = { .start = (uintptr_t)addr, .len = size },
	};

	return ioctl(uffd, UFFDIO_CONTINUE, &arg) ? -errno : 0;
}

int hmm_take_mmap_lock_run(void *unused)
{
	size_t page = hmm_page_size();
	void *mem = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	(void)unused;
	if (mem == MAP_FAILED)
		return -errno;
	return munmap(mem, page) ? -errno : 0;
}

int hmm_hugetlb_reserve(size_t size, unsigned int count, const char **why)
{
	const char *folder = "/sys/kernel/mm/hugepages/hugepages";
	char path[96], word[24];
	long available, total;

	snprintf(path, sizeof(path), "%s-%zukB/free_hugepages", folder,
		 size >> 10);
	available = hmm_read_long(path);
	if (available < 0) {
		*why = "this kernel has no hugetlb pages of that size";
		return available;
	}
	if (available >= (long)count)
		return 0;
	snprintf(path, sizeof(path), "%s-%zukB/nr_hugepages", folder,
		 size >> 10);
	total = hmm_read_long(path);
	snprintf(word, sizeof(word), "%ld", total + count - available);
	hmm_write_file(path, word);
	if (hmm_read_long(path) >= total + (long)count - available)
		return 0;
	*why = "no hugetlb pages of that size are to be had; boot with hugepages=";
	return -ENOMEM;
}

void *hmm_map_hugetlb(size_t size, unsigned int count, int flags, int file)
{
	int shift = __builtin_ctzl(size);
	void *mem;

	if (file < 0)
		flags |= MAP_ANONYMOUS | MAP_HUGETLB | shift << MAP_HUGE_SHIFT;
	mem = mmap(NULL, count * size, PROT_READ | PROT_WRITE, flags, file, 0);
	return mem == MAP_FAILED ? NULL : mem;
}

int hmm_last_node(void)
{
	char path[64];
	int node = 0;

	do {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d",
			 node + 1);
	} while (!access(path, F_OK) && ++node);
	return node;
}

int hmm_node_of(const void *addr)
{
	int status = -ENOENT;

	if (syscall(SYS_move_pages, 0, 1UL, &addr, NULL, &status, 0))
		return -errno;
	return status;
}

int hmm_move_to_node(void *addr, size_t npages, int node)
{
	void **pages = calloc(npages, sizeof(*pages));
	int *nodes = calloc(npages, sizeof(*nodes));
	int *status = calloc(npages, sizeof(*status));
	int missing = -ENOMEM;

	if (!pages || !nodes || !status)
		goto out;
	for (size_t i = 0; i < npages; i++) {
		pages[i] = (char *)addr + i * hmm_page_size();
		nodes[i] = node;
		status[i] = -EIO;
	}
	missing = syscall(SYS_move_pages, 0, npages, pages, nodes, status,
			  MPOL_MF_MOVE_ALL) < 0 ? -errno : 0;
	for (size_t i = 0; missing >= 0 && i < npages; i++)
		missing += status[i] != node;
out:
	free(status);
	free(nodes);
	free(pages);
	return missing;
}
