// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "hmm_hugetlb.h"
#include "hmm_system.h"

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
	*why = "cannot reserve hugetlb pages of that size; boot with hugepages=";
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
