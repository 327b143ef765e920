// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "hmm_memory.h"
#include "hmm_pagemap.h"

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

__u64 hmm_pfn(const void *addr)
{
	__u64 entry = hmm_pagemap_entry(addr);

	return entry & HMM_PAGEMAP_PRESENT ? entry & HMM_PAGEMAP_PFN : 0;
}

size_t hmm_pagemap_count(const void *addr, size_t npages, __u64 bits)
{
	__u64 *entries = calloc(npages, sizeof(*entries));
	size_t count = 0;

	/* On an error, return a number that no test expects. */
	if (!entries || hmm_pagemap_read(addr, npages, entries))
		count = npages + 1;
	for (size_t i = 0; count <= npages && i < npages; i++)
		count += (entries[i] & bits) == bits;
	free(entries);
	return count;
}
