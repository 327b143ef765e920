// SPDX-License-Identifier: GPL-2.0
/*
 * DMA by QEMU's edu device, through samples/edu, to and from the memory of a
 * process. The IOMMU reports a fault if the device uses a stale address. The
 * kernel log must not contain such a fault, except in the tests that announce
 * faults.
 */
#include <linux/capability.h>

#include "edu_harness.h"
#include "hmm_pagemap.h"

static struct hmm_edu_test_page edu_page(int fd, void *addr)
{
	struct hmm_edu_test_page page = { .addr = (uintptr_t)addr };

	if (ioctl(fd, HMM_EDU_TEST_PAGE, &page))
		memset(&page, 0xff, sizeof(page));
	return page;
}

/* Returns true if the device maps all pages at consecutive addresses. */
static bool edu_is_contiguous(int fd, char *mem, size_t npages)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	__u64 first = edu_page(fd, mem).dma;
	struct hmm_edu_test_page at;
	size_t i;

	for (i = 0; i < npages; i++) {
		at = edu_page(fd, mem + i * page);
		if (at.usable != 1 || at.dma != first + i * page)
			return false;
	}
	return true;
}

/*
 * Exchanges every second page, from the last one to the first, so that
 * neighbors are not consecutive in physical memory.
 */
static int scatter(char *mem, size_t npages)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	size_t i;

	for (i = 0; i < npages; i += 2)
		if (madvise(mem + i * page, page, MADV_DONTNEED))
			return -errno;
	for (i = npages; i; i -= 2)
		mem[(i - 2) * page] = 1;
	return 0;
}

static int edu_dma(int fd, __u64 dma, bool write)
{
	struct hmm_edu_test_dma arg = { .dma = dma, .write = write };

	return ioctl(fd, HMM_EDU_TEST_DMA, &arg) ? -errno : 0;
}

/* Returns the DMA address of the last unmap event in the trace, or 0. */
static __u64 iommu_last_unmapped(void)
{
	FILE *f = fopen(TRACING "trace", "r");
	const char *iova = "iova=";
	char line[512], *at;
	__u64 addr = 0;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, " unmap: IOMMU") ? strstr(line, iova) : NULL;
		if (at)
			addr = strtoull(at + strlen(iova), NULL, 16);
	}
	fclose(f);
	return addr;
}

static int iommu_wait_fault(int kmsg, unsigned int ms)
{
	__u64 end = hmm_now_ms() + ms;

	while (!iommu_faults(kmsg)) {
		if (hmm_now_ms() > end)
			return -ETIMEDOUT;
		usleep(10000);
	}
	/* One fault causes several records: wait for the rest. */
	usleep(HMM_QUIET_MS * 1000);
	iommu_faults(kmsg);
	return 0;
}

/*
 * Writes to a stale address until the IOMMU reports a fault. The driver of the
 * SMMUv3 drops reports if there were more than ten in five seconds.
 */
static int iommu_provoke_fault(int fd, int kmsg, __u64 dma, int *seen)
{
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	int ret;

	do {
		ret = edu_dma(fd, dma, true);
		*seen = iommu_wait_fault(kmsg, 6000);
	} while (!ret && *seen && hmm_now_ms() < end);
	return ret;
}

/* Announces the faults of this test to the check of the kernel log. */
static int announce_faults(void)
{
	return hmm_write_file("/dev/kmsg",
			  "hmm-expect-begin: (DMAR: .*(fault addr|handling fault)|arm-smmu-v3 .*event)\n");
}

static int announce_end_of_faults(void)
{
	return hmm_write_file("/dev/kmsg", "hmm-expect-end\n");
}

/* The copy does not change the bytes around its destination. */
TEST_F(edu, copy_across_pages_at_odd_offsets)
{
	const size_t from = 100, to = self->page - 1000, length = self->page;
	char *want = malloc(NPAGES * self->page);

	ASSERT_NE(NULL, want);
	memcpy(want, self->dst, NPAGES * self->page);
	memcpy(want + to, self->src + from, length);
	REGISTER_BOTH();
	EXPECT_EQ(0, edu_stats(self->watch).mappings);
	ASSERT_EQ(0, edu_copy(self->fd, self->dst + to, self->src + from,
			      length));
	EXPECT_EQ(0, memcmp(want, self->dst, NPAGES * self->page));
	EXPECT_TRUE(hmm_is_filled(self->src, NPAGES, 1, 0));
	/* The copy accessed two of the four pages on each side. */
	EXPECT_EQ(4, edu_stats(self->watch).mappings);
	free(want);
}

/*
 * The source and the destination of the copy are in one huge page. Each of them
 * becomes one DMA mapping.
 */
TEST_F(edu, huge_page_is_one_mapping)
{
	const size_t length = NPAGES * self->page;
	struct hmm_edu_test_page first, at;
	size_t size, npages, i;
	char *mem;
	bool traced;

	HMM_MAP_HUGE_OR_SKIP(mem, &size);
	npages = size / self->page;
	hmm_fill(mem, npages, 3, 0);
	ASSERT_EQ(0, edu_register(self->fd, mem, npages, HMM_EDU_WRITE));
	traced = !iommu_trace("1");
	ASSERT_EQ(0, edu_copy(self->fd, mem + size / 2, mem, length));
	iommu_trace("0");
	EXPECT_EQ(0, memcmp(mem + size / 2, mem, length));
	EXPECT_EQ(2, edu_stats(self->watch).mappings);
	if (traced)
		EXPECT_EQ(2 * (long)length, iommu_mapped());
	first = edu_page(self->fd, mem);
	EXPECT_EQ(1, first.usable);
	for (i = 0; i < NPAGES; i++) {
		at = edu_page(self->fd, mem + i * self->page);
		ASSERT_EQ(first.dma + i * self->page, at.dma);
	}

	/*
	 * Invalidating one small page splits the huge page, which invalidates
	 * all of it and removes both mappings.
	 */
	ASSERT_EQ(0, madvise(mem + self->page, self->page, MADV_DONTNEED));
	EXPECT_EQ(0, edu_stats(self->watch).mappings);
	ASSERT_EQ(0, edu_copy(self->fd, mem + self->page, mem, CHUNK));
	EXPECT_EQ(0, memcmp(mem + self->page, mem, CHUNK));
	EXPECT_EQ(2, edu_stats(self->watch).mappings);
}

/* R49: a page table walk of 48 bits would alias x and x + 2^48. */
TEST_F(edu, r49_aliased_addresses_reach_no_memory)
{
	const __u64 bits[] = {
		1ULL << 48,
#ifdef __x86_64__
		/* On arm64, these bits are a tag that the CPU ignores. */
		1ULL << 57, 1ULL << 62, 1ULL << 63,
#endif
	};
	__u64 started;
	char *alias;
	size_t i;
	int ret;

	REGISTER_BOTH();
	started = edu_stats(self->watch).started;
	for (i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
		alias = (char *)((uintptr_t)self->src + bits[i]);
		ret = edu_register(self->fd, alias, NPAGES, 0);
		/* With five levels of page tables, 2^48 is a valid address. */
		if (!ret && bits[i] == 1ULL << 48)
			ret = edu_copy(self->fd, self->dst, alias, CHUNK);
		EXPECT_TRUE(ret == -EINVAL || ret == -EFAULT);
	}
	EXPECT_EQ(started, edu_stats(self->watch).started);
}

/* R72: pages outside the copy are neither faulted in nor mapped. */
TEST_F(edu, r72_only_accessed_pages_are_mapped)
{
	const size_t npages = 4096;
	char *mem = hmm_map(npages);
	bool traced;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, edu_register(self->fd, self->src, NPAGES, 0));
	ASSERT_EQ(0, edu_register(self->fd, mem, npages, HMM_EDU_WRITE));
	traced = !iommu_trace("1");
	ASSERT_EQ(0, edu_copy(self->fd, mem + npages / 2 * self->page,
			      self->src, CHUNK));
	iommu_trace("0");
	EXPECT_EQ(1, hmm_pagemap_count(mem, npages, HMM_PAGEMAP_PRESENT));
	EXPECT_EQ(2, edu_stats(self->watch).mappings);
	if (traced)
		EXPECT_EQ(2 * (long)self->page, iommu_mapped());
}

/*
 * R72: one client cannot exhaust the DMA addresses of the device. The driver
 * removes the least recently used mapping.
 */
TEST_F(edu, r72_client_has_a_quota)
{
	const size_t max_mappings = 16, max_buffers = 64;
	char *mem = hmm_map(2 * max_mappings), *to;
	size_t i;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, edu_register(self->fd, self->src, NPAGES, 0));
	ASSERT_EQ(0, edu_register(self->fd, mem, 2 * max_mappings,
				  HMM_EDU_WRITE));
	for (i = 0; i < max_mappings + 4; i++) {
		to = mem + i * self->page;
		ASSERT_EQ(0, edu_copy(self->fd, to, self->src, 64));
		ASSERT_EQ(0, memcmp(to, self->src, 64));
		ASSERT_GE(max_mappings, edu_stats(self->watch).mappings);
	}
	EXPECT_EQ(max_mappings, edu_stats(self->watch).mappings);

	for (i = 2; i < max_buffers; i++)
		ASSERT_EQ(0, edu_register(self->fd, self->dst, 1, 0));
	EXPECT_EQ(-ENOSPC, edu_register(self->fd, self->dst, 1, 0));
	ASSERT_EQ(0, edu_unregister(self->fd, self->dst));
	EXPECT_EQ(0, edu_register(self->fd, self->dst, 1, 0));
}

/* Another buffer that contains the address must not hide the buffer. */
TEST_F(edu, unregister_finds_the_start_of_a_buffer)
{
	char *mem = self->src + self->page;

	ASSERT_EQ(0, edu_register(self->fd, mem, 1, 0));
	ASSERT_EQ(0, edu_register(self->fd, self->src, NPAGES, 0));
	EXPECT_EQ(2, edu_stats(self->watch).buffers);
	EXPECT_EQ(0, edu_unregister(self->fd, mem));
	EXPECT_EQ(1, edu_stats(self->watch).buffers);
	EXPECT_EQ(-ENOENT, edu_unregister(self->fd, mem));
	EXPECT_EQ(0, edu_unregister(self->fd, self->src));
	EXPECT_EQ(0, edu_stats(self->watch).buffers);
}

/* A copy ends at the end of the buffer, although the next page is mapped. */
TEST_F(edu, copy_ends_in_the_buffer)
{
	char *end = self->src + (NPAGES - 1) * self->page;

	ASSERT_EQ(0, edu_register(self->fd, self->src, NPAGES - 1, 0));
	ASSERT_EQ(0, edu_register(self->fd, self->dst, NPAGES, HMM_EDU_WRITE));
	EXPECT_EQ(0, edu_copy(self->fd, self->dst, end - CHUNK, CHUNK));
	EXPECT_EQ(0, memcmp(self->dst, end - CHUNK, CHUNK));
	EXPECT_EQ(-ENOENT, edu_copy(self->fd, self->dst, end - CHUNK / 2,
				    CHUNK));
	EXPECT_EQ(0, memcmp(self->dst, end - CHUNK / 2, CHUNK / 2));
	EXPECT_EQ(-ENOENT, edu_copy(self->fd, self->dst, end, CHUNK));
}

TEST_F(edu, read_only_memory_is_read_and_not_written)
{
	__u64 started;

	ASSERT_EQ(0, mprotect(self->src, NPAGES * self->page, PROT_READ));
	REGISTER_BOTH();
	EXPECT_COPY_WORKS();

	started = edu_stats(self->watch).started;
	EXPECT_EQ(-ENOENT, edu_copy(self->fd, self->src, self->dst, CHUNK));
	ASSERT_EQ(0, edu_register(self->fd, self->src, NPAGES, HMM_EDU_WRITE));
	EXPECT_EQ(-EPERM, edu_copy(self->fd, self->src, self->dst, CHUNK));
	EXPECT_EQ(started, edu_stats(self->watch).started);
	EXPECT_TRUE(hmm_is_filled(self->src, NPAGES, 1, 0));
}

TEST_F(edu, copy_uses_the_current_pages)
{
	REGISTER_BOTH();
	ASSERT_EQ(0, edu_copy(self->fd, self->dst, self->src, CHUNK));
	ASSERT_EQ(2, edu_stats(self->watch).mappings);

	/* Move another page to this address. Its page frame is different. */
	ASSERT_EQ(self->src,
		  mremap(self->dst + self->page, self->page, self->page,
			 MREMAP_MAYMOVE | MREMAP_FIXED, self->src));
	EXPECT_EQ(1, edu_stats(self->watch).mappings);
	EXPECT_TRUE(hmm_is_filled(self->src, 1, 2, 1));
	ASSERT_EQ(0, edu_unregister(self->fd, self->dst));
	ASSERT_EQ(0, edu_register(self->fd, self->dst, 1, HMM_EDU_WRITE));
	EXPECT_COPY_WORKS();
}

/*
 * Shows that the other tests would detect a stale address: a DMA through an
 * address that an invalidation has unmapped faults and reaches no memory.
 */
TEST_F(edu, stale_address_faults)
{
	struct hmm_edu_test_page page;
	int mapped, stale, seen;

	REGISTER_BOTH();
	ASSERT_EQ(0, edu_copy(self->fd, self->dst, self->src, CHUNK));
	page = edu_page(self->fd, self->dst);
	ASSERT_EQ(1, page.usable);
	mapped = edu_dma(self->fd, page.dma, true);
	ASSERT_EQ(0, mapped);
	EXPECT_EQ(0, iommu_faults(self->kmsg));

	ASSERT_EQ(0, madvise(self->dst, self->page, MADV_DONTNEED));
	hmm_fill(self->dst, 1, 4, 0);
	ASSERT_EQ(0, announce_faults());
	stale = iommu_provoke_fault(self->fd, self->kmsg, page.dma, &seen);
	ASSERT_EQ(0, announce_end_of_faults());
	EXPECT_EQ(0, stale);
	EXPECT_EQ(0, seen);
	EXPECT_TRUE(hmm_is_filled(self->dst, 1, 4, 0));
}

/*
 * Pages that are not consecutive in physical memory get consecutive addresses,
 * so one DMA could access all of them.
 */
TEST_F(edu, scattered_pages_have_consecutive_addresses)
{
	if (!hmm_kernel_at_least(6, 16))
		SKIP(return, "this kernel has no dma_iova_link()");
	ASSERT_EQ(0, scatter(self->dst, NPAGES));
	REGISTER_BOTH();
	ASSERT_EQ(0, edu_copy(self->fd, self->dst, self->src,
			      NPAGES * self->page));
	EXPECT_EQ(0, memcmp(self->dst, self->src, NPAGES * self->page));
	EXPECT_TRUE(edu_is_contiguous(self->fd, self->dst, NPAGES));

	/* An invalidation of one page unmaps only this page. */
	ASSERT_EQ(0, madvise(self->dst + self->page, self->page,
			     MADV_DONTNEED));
	EXPECT_EQ(2 * NPAGES - 1, edu_stats(self->watch).mappings);
	EXPECT_EQ(0, edu_page(self->fd, self->dst + self->page).usable);
	EXPECT_EQ(1, edu_page(self->fd, self->dst).usable);
	memset(self->dst, 0, NPAGES * self->page);
	ASSERT_EQ(0, edu_copy(self->fd, self->dst, self->src, self->page));
	EXPECT_EQ(0, memcmp(self->dst, self->src, self->page));
}

/* The addresses of a range are free again after its last page is unmapped. */
TEST_F(edu, consecutive_addresses_are_freed)
{
	const size_t size = NPAGES * self->page;

	if (!hmm_kernel_at_least(6, 16))
		SKIP(return, "this kernel has no dma_iova_link()");
	REGISTER_BOTH();
	/* This mask leaves addresses for three buffers. */
	ASSERT_EQ(0, edu_fault(self->fd, HMM_EDU_FAULT_DMA_MASK, 16));
	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, edu_copy(self->fd, self->dst, self->src, size));
		EXPECT_TRUE(edu_is_contiguous(self->fd, self->dst, NPAGES));
		ASSERT_EQ(0, madvise(self->src, size, MADV_DONTNEED));
		ASSERT_EQ(0, scatter(self->dst, NPAGES));
		ASSERT_EQ(0, madvise(self->dst, size, MADV_DONTNEED));
		EXPECT_EQ(0, edu_stats(self->watch).mappings);
	}
	ASSERT_EQ(0, edu_fault(self->fd, HMM_EDU_FAULT_DMA_MASK, 28));
}

/*
 * R41: a map that fails half way is undone. The test makes the driver request
 * pages for reading and map them for writing.
 */
TEST_F(edu, r41_map_fails_half_way)
{
	int faulted, seen;
	bool traced;
	__u64 dma;

	ASSERT_EQ(0, mprotect(self->dst + 2 * self->page, self->page,
			      PROT_READ));
	ASSERT_EQ(0, edu_register(self->fd, self->src, NPAGES, 0));
	ASSERT_EQ(0, edu_register(self->fd, self->dst, NPAGES, HMM_EDU_WRITE |
				  HMM_EDU_TEST_REQ_READ));
	traced = !iommu_trace("1");
	EXPECT_EQ(-EPERM, edu_copy(self->fd, self->dst, self->src,
				   NPAGES * self->page));
	iommu_trace("0");
	EXPECT_EQ(NPAGES, edu_stats(self->watch).mappings);
	if (!traced)
		SKIP(return, "this kernel does not trace the IOMMU");
	EXPECT_EQ((NPAGES + 2) * (long)self->page, iommu_mapped());
	EXPECT_EQ(2 * (long)self->page, iommu_unmapped());

	dma = iommu_last_unmapped();
	ASSERT_NE(0, dma);
	ASSERT_EQ(0, announce_faults());
	faulted = iommu_provoke_fault(self->fd, self->kmsg, dma, &seen);
	ASSERT_EQ(0, announce_end_of_faults());
	EXPECT_EQ(0, faulted);
	EXPECT_EQ(0, seen);
	EXPECT_TRUE(hmm_is_filled(self->dst, NPAGES, 2, 0));
}

/*
 * R41: a map that fails because the DMA addresses are exhausted is undone as
 * well. A mask of 16 bits leaves 15 pages besides the page at 0. Afterwards, a
 * map that needs most of them succeeds.
 */
TEST_F(edu, r41_addresses_used_up)
{
	const size_t less = 7, more = 16;
	char *src = hmm_map(more), *dst = hmm_map(more);
	int i;

	ASSERT_NE(NULL, src);
	ASSERT_NE(NULL, dst);
	hmm_fill(src, more, 6, 0);
	ASSERT_EQ(0, edu_register(self->fd, src, more, 0));
	ASSERT_EQ(0, edu_register(self->fd, dst, more, HMM_EDU_WRITE));
	ASSERT_EQ(0, edu_fault(self->fd, HMM_EDU_FAULT_DMA_MASK, 16));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-ENOMEM, edu_copy(self->fd, dst, src,
					    more * self->page));
		EXPECT_EQ(0, edu_stats(self->watch).mappings);
	}
	EXPECT_EQ(0, edu_copy(self->fd, dst, src, less * self->page));
	EXPECT_EQ(2 * less, edu_stats(self->watch).mappings);
	ASSERT_EQ(0, edu_fault(self->fd, HMM_EDU_FAULT_DMA_MASK, 28));
	EXPECT_TRUE(hmm_is_filled(dst, less, 6, 0));
}

static int edu_without_capability(char *mem)
{
	static const unsigned long requests[] = {
		HMM_EDU_TEST_STATS, HMM_EDU_TEST_PAGE, HMM_EDU_TEST_DMA,
		HMM_EDU_TEST_FAULT,
	};
	union {
		struct hmm_edu_test_stats stats;
		struct hmm_edu_test_page page;
		struct hmm_edu_test_dma dma;
		struct hmm_edu_test_fault fault;
	} arg;
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	size_t i;

	if (fd < 0 || ioctl(fd, HMM_EDU_TEST_STATS, &arg))
		return 1;
	if (hmm_drop_capability(CAP_SYS_RAWIO))
		return 2;
	for (i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		memset(&arg, 0, sizeof(arg));
		if (!ioctl(fd, requests[i], &arg) || errno != EPERM)
			return 10 + i;
	}
	return edu_register(fd, mem, NPAGES, 0) ? 3 : 0;
}

/* R68: the ioctls of the tests need CAP_SYS_RAWIO, and the others do not. */
TEST_F(edu, r68_test_ioctls_need_a_capability)
{
	pid_t pid = hmm_fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(edu_without_capability(self->src));
	EXPECT_EQ(0, hmm_wait_exit(pid));
}

/* Returns the dirty flag, bit 4 in /proc/kpageflags, or -1. */
static int is_dirty(const void *addr)
{
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC), ret = -1;
	__u64 flags;

	if (fd < 0)
		return -1;
	if (pread(fd, &flags, sizeof(flags),
		  hmm_pfn(addr) * sizeof(flags)) == sizeof(flags))
		ret = flags >> 4 & 1;
	close(fd);
	return ret;
}

/* R41: only pages that the device could write become dirty. */
TEST_F(edu, r41_only_written_pages_become_dirty)
{
	if (is_dirty(self->src) < 0)
		SKIP(return, "no /proc/kpageflags");
	/* Anonymous pages that were never swapped are not dirty yet. */
	ASSERT_EQ(0, is_dirty(self->src));
	ASSERT_EQ(0, is_dirty(self->dst));
	REGISTER_BOTH();
	ASSERT_EQ(0, edu_copy(self->fd, self->dst, self->src, CHUNK));
	ASSERT_EQ(0, edu_unregister(self->fd, self->src));
	ASSERT_EQ(0, edu_unregister(self->fd, self->dst));
	EXPECT_EQ(0, is_dirty(self->src));
	EXPECT_EQ(1, is_dirty(self->dst));
}

TEST_HARNESS_MAIN
