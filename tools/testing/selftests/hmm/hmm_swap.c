// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hmm_memory.h"
#include "hmm_pagemap.h"
#include "hmm_swap.h"
#include "hmm_system.h"

#define HMM_ZRAM	"/dev/zram0"
#define HMM_ZRAM_KNOB	"/sys/block/zram0/"
#define HMM_SWAP_SIZE	(64UL << 20)

/* Writes the header of a swap area of version 1, as mkswap(8) does. */
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
		*why = "no " HMM_ZRAM " to swap to";
		return -ENOENT;
	}
	*why = NULL;
	/* A test that failed may have left the swap area enabled. */
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
	 * Reclaim skips a page with an extra reference, such as a page in the
	 * LRU batch of another CPU. move_pages() drains these batches, even
	 * when it moves no page.
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
