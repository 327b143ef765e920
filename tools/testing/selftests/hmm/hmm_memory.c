// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hmm_memory.h"

size_t hmm_page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static void *hmm_map_guarded(size_t size, size_t align, int flags)
{
	size_t page = hmm_page_size();
	uintptr_t base;
	void *mem;

	mem = mmap(NULL, size + align + page, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return NULL;
	base = ((uintptr_t)mem + page + align - 1) & ~(align - 1);
	mem = mmap((void *)base, size, PROT_READ | PROT_WRITE,
		   MAP_FIXED | MAP_ANONYMOUS | flags, -1, 0);
	return mem == MAP_FAILED ? NULL : mem;
}

static void *hmm_map_small_pages(size_t npages, int flags)
{
	size_t page = hmm_page_size();
	void *mem = hmm_map_guarded(npages * page, page, flags);

	/* This fails on a kernel without huge pages, which is harmless. */
	if (mem)
		madvise(mem, npages * page, MADV_NOHUGEPAGE);
	return mem;
}

void *hmm_map(size_t npages)
{
	return hmm_map_small_pages(npages, MAP_PRIVATE);
}

void *hmm_map_shared(size_t npages)
{
	return hmm_map_small_pages(npages, MAP_SHARED);
}

size_t hmm_huge_size(void)
{
	const char *path = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
	size_t size = 0;
	FILE *file = fopen(path, "r");

	if (!file)
		return 0;
	if (fscanf(file, "%zu", &size) != 1)
		size = 0;
	fclose(file);
	return size;
}

/* Reads AnonHugePages of the mapping that contains addr from smaps. */
bool hmm_is_huge(const void *addr)
{
	unsigned long start, end, kb;
	bool found = false, huge = false;
	char line[256];
	FILE *file = fopen("/proc/self/smaps", "r");

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			found = (uintptr_t)addr >= start &&
				(uintptr_t)addr < end;
		else if (found && sscanf(line, "AnonHugePages: %lu", &kb) == 1)
			huge = kb > 0;
	}
	fclose(file);
	return huge;
}

void *hmm_map_huge(size_t *size, const char **why)
{
	void *mem;

	*size = hmm_huge_size();
	if (!*size) {
		*why = "this kernel has no transparent huge pages";
		return NULL;
	}
	mem = hmm_map_guarded(*size, *size, MAP_PRIVATE);
	if (!mem || madvise(mem, *size, MADV_HUGEPAGE)) {
		*why = "cannot map memory with MADV_HUGEPAGE";
		return NULL;
	}
	memset(mem, 0, *size);
	if (!hmm_is_huge(mem))
		madvise(mem, *size, MADV_COLLAPSE);
	if (!hmm_is_huge(mem)) {
		*why = "no huge page available, even with MADV_COLLAPSE";
		return NULL;
	}
	return mem;
}

static __u64 hmm_word(unsigned int seed, size_t index)
{
	__u64 word = ((__u64)seed << 40) + index + 1;

	word *= 0x9e3779b97f4a7c15ULL;
	word ^= word >> 29;
	word *= 0xbf58476d1ce4e5b9ULL;
	return word ^ word >> 32;
}

void hmm_fill(void *mem, size_t npages, unsigned int seed, size_t first)
{
	size_t words = hmm_page_size() / sizeof(__u64);
	char *to = mem;
	__u64 word;

	for (size_t i = 0; i < npages * words; i++) {
		word = hmm_word(seed, first * words + i);
		/* mem may be unaligned. */
		memcpy(to + i * sizeof(word), &word, sizeof(word));
	}
}

static bool hmm_is_word(const void *mem, size_t index, __u64 want)
{
	size_t offset = index * sizeof(want);
	__u64 seen;

	memcpy(&seen, (const char *)mem + offset, sizeof(seen));
	if (seen == want)
		return true;
	printf("# offset %#zx: %#018llx, expected %#018llx\n", offset, seen,
	       want);
	return false;
}

bool hmm_is_filled(const void *mem, size_t npages, unsigned int seed,
		   size_t first)
{
	size_t words = hmm_page_size() / sizeof(__u64);

	for (size_t i = 0; i < npages * words; i++)
		if (!hmm_is_word(mem, i, hmm_word(seed, first * words + i)))
			return false;
	return true;
}

bool hmm_is_filled_with(const void *mem, size_t npages, __u8 byte)
{
	const __u64 want = byte * 0x0101010101010101ULL;
	size_t words = npages * hmm_page_size() / sizeof(want);

	for (size_t i = 0; i < words; i++)
		if (!hmm_is_word(mem, i, want))
			return false;
	return true;
}
