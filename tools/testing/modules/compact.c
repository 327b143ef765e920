// SPDX-License-Identifier: GPL-2.0
/*
 * Compact ranges: the chain of entries has no gap, even if a huge page is
 * mapped during the read. If no page was present there, mapping a huge page
 * causes no invalidation, so the reader does not collide.
 *
 * The reader drops the mmap lock between two stretches of 64 MiB if another
 * task waits for it. The tasks of a case queue for the lock in a fixed order:
 * first the reader, then the tasks that change the memory. After the first
 * stretch, the reader usually acquires the lock again before the next waiter
 * wakes up. That waiter then requests a handoff and acquires the lock after the
 * second stretch, which ends at the start or in the middle of the huge page. If
 * the order was different, the case tries again.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/unistd.h>

#include <hmm/range.h>

#include "api.h"

/* A word that is not a valid entry, to detect entries that were not written. */
#define COMPACT_UNWRITTEN	0x5eed5eedUL

/* Start of an empty part of the address space, without page tables. */
#define COMPACT_BASE		0x400000000000UL
/* Time for a new task to queue for the lock. */
#define COMPACT_QUEUE_MS	60
#define COMPACT_TRIES		20

/**
 * struct compact_case - memory that is changed while it is read
 * @range: the range that is read
 * @huge: address of the huge page; the addresses below it belong to another PUD
 * @late: the huge page was mapped after all entries below it were written
 */
struct compact_case {
	struct hmm_mirror_range range;
	unsigned long huge;
	bool late;
};

/* Returns the last entry below the huge page. */
static unsigned long compact_last_entry(const struct compact_case *test)
{
	const struct hmm_mirror_range *range = &test->range;

	return range->pfns[((test->huge - range->start) >> PAGE_SHIFT) - 1];
}

static int compact_read(void *arg)
{
	struct compact_case *test = arg;
	int ret = hmm_mirror_range_wait_until_valid(&test->range, MSEC_PER_SEC);

	return ret ? ret : hmm_mirror_range_snapshot(&test->range);
}

/* Map the huge page, with the mmap lock held for writing to stop the reader. */
static int compact_touch(void *arg)
{
	struct compact_case *test = arg;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int ret = -EFAULT;

	mmap_write_lock(mm);
	test->late = compact_last_entry(test) != COMPACT_UNWRITTEN;
	vma = find_vma(mm, test->huge);
	if (vma && vma->vm_start <= test->huge &&
	    !(handle_mm_fault(vma, test->huge,
			      FAULT_FLAG_WRITE | FAULT_FLAG_REMOTE, NULL) &
	      VM_FAULT_ERROR))
		ret = 0;
	mmap_write_unlock(mm);
	return ret;
}

/*
 * Check the chain. Returns true if it contains the huge page, or if a check has
 * failed.
 */
static bool compact_chain(const struct compact_case *test)
{
	const struct hmm_mirror_range *range = &test->range;
	unsigned long npages = hmm_mirror_range_npages(range);
	unsigned long i, next, addr;
	bool seen = false;

	for (i = 0; i < npages; i = next) {
		unsigned long entry = range->pfns[i];

		if (!api_check(entry != COMPACT_UNWRITTEN, __FILE__, __LINE__,
			       "entry %lu of %lu was not written", i, npages))
			return true;
		next = hmm_mirror_range_next(range, i);
		if (!EXPECT(next > i))
			return true;
		addr = range->start + (i << PAGE_SHIFT);
		if (addr >= test->huge && addr < test->huge + PMD_SIZE &&
		    entry & HMM_MIRROR_PFN_VALID &&
		    hmm_mirror_pfn_to_order(entry) == PMD_SHIFT - PAGE_SHIFT)
			seen = true;
	}
	return seen;
}

/*
 * Map the memory. Below the huge page, page tables exist, so that reading takes
 * time. At the huge page and above it, no page table exists. Returns 0 if huge
 * pages are possible, or an error.
 */
static int compact_map(const struct compact_case *test)
{
	unsigned long start = test->range.start;
	unsigned long addr, size = test->range.end - start;
	u8 byte;

	addr = vm_mmap(NULL, start, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		       0);
	if (!EXPECT_EQ(start, addr) ||
	    api_syscall(__NR_madvise, start, size, MADV_NOHUGEPAGE))
		return -EINVAL;
	for (addr = start; addr < test->huge; addr += PMD_SIZE)
		EXPECT_EQ(0, get_user(byte, (u8 __user *)addr) ?: byte);
	/*
	 * compact_last_entry() reads the entry of this page. Only a present
	 * page has an entry of its own.
	 */
	addr = test->huge - PAGE_SIZE;
	EXPECT_EQ(0, get_user(byte, (u8 __user *)addr) ?: byte);
	return api_syscall(__NR_madvise, start, size, MADV_HUGEPAGE);
}

/*
 * Try once. The order is: the reader, then mprotect() from the middle of the
 * huge page on if @protect is set, then the fault. Returns true if they ran in
 * this order.
 */
static bool compact_try(struct compact_case *test, bool protect)
{
	struct mm_struct *mm = current->mm;
	struct api_thread *reader, *toucher;
	unsigned long middle = test->huge + PMD_SIZE / 2;
	unsigned long rest = test->range.end - middle;
	int ret;

	if (protect)
		EXPECT_EQ(0, api_syscall(__NR_mprotect, middle, rest,
					 PROT_NONE));
	mmap_write_lock(mm);
	reader = api_thread(compact_read, test);
	msleep(COMPACT_QUEUE_MS);
	if (protect) {
		api_syscall_start(__NR_mprotect, middle, rest,
				  PROT_READ | PROT_WRITE);
		msleep(COMPACT_QUEUE_MS);
	}
	toucher = api_thread(compact_touch, test);
	msleep(COMPACT_QUEUE_MS);
	mmap_write_unlock(mm);

	if (protect)
		EXPECT_EQ(0, api_syscall_wait());
	EXPECT_EQ(0, api_join(toucher));
	ret = api_join(reader);
	EXPECT(ret == 0 || ret == -EBUSY);
	return ret == 0 && compact_chain(test) && test->late;
}

static void compact_run(unsigned long below, bool protect)
{
	struct api_mirror *mirror = api_mirror();
	struct compact_case *test = api_alloc(sizeof(*test));
	struct hmm_mirror_range *range = &test->range;
	unsigned long i, npages = (below + 2 * PMD_SIZE) >> PAGE_SHIFT;
	unsigned int tries;
	bool done = false;

	range->flags = HMM_MIRROR_RANGE_COMPACT;
	range->pfns = api_alloc(npages * sizeof(*range->pfns));
	for (tries = 1; tries <= COMPACT_TRIES && !done; tries++) {
		for (i = 0; i < npages; i++)
			range->pfns[i] = COMPACT_UNWRITTEN;
		test->huge = COMPACT_BASE + 2 * tries * PUD_SIZE;
		EXPECT_EQ(0, hmm_mirror_range_register(range, &mirror->mirror,
						       test->huge - below,
						       test->huge +
						       2 * PMD_SIZE));
		if (compact_map(test)) {
			api_skip("this kernel has no transparent huge pages");
			done = true;
		} else {
			done = compact_try(test, protect);
		}
		vm_munmap(range->start, npages << PAGE_SHIFT);
		hmm_mirror_range_unregister(range);
	}
	if (!done)
		api_skip("no huge page was mapped between two stretches in %u tries",
			 COMPACT_TRIES);
	api_unregister(mirror);
}

/*
 * The range starts in the middle of a page table. A stretch of a fixed length
 * would therefore end in the middle of the huge page.
 */
static void r51_huge_page_over_the_end_of_a_stretch(void)
{
	compact_run(SZ_128M - PMD_SIZE / 2, false);
}

/*
 * A vma ends in the middle of the future huge page, until mprotect() merges it
 * with the next vma.
 */
static void r51_huge_page_over_the_end_of_a_vma(void)
{
	compact_run(SZ_128M - PMD_SIZE, true);
}

const struct api_case api_compact_cases[] = {
	{ "r51_huge_page_over_the_end_of_a_stretch",
	  r51_huge_page_over_the_end_of_a_stretch, HMM_API_HELPER },
	{ "r51_huge_page_over_the_end_of_a_vma",
	  r51_huge_page_over_the_end_of_a_vma, HMM_API_HELPER },
	{}
};
