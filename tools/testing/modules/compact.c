// SPDX-License-Identifier: GPL-2.0
/*
 * Compact ranges: a chain of entries without a gap, also when a huge page is
 * mapped in the middle of the read. To map one where nothing was mapped
 * invalidates nothing.
 *
 * The reader drops the mmap lock between two stretches of 64 MiB if another
 * task waits for it. The tasks of a case queue for the lock in a fixed order:
 * the reader first, and then those that change the memory. After the first
 * stretch the reader usually gets the lock again before the next in the queue
 * has woken up. That one then sees that it was overtaken, and is handed the
 * lock after the second stretch, which ends where the huge page is mapped. If
 * it comes at another time, the case tries again.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/unistd.h>

#include <hmm/range.h>

#include "api.h"

/* Any word that is no pfn entry: what was not written shows. */
#define COMPACT_UNWRITTEN	0x5eed5eedUL

/* Nothing else is mapped from here on, so no table has an entry. */
#define COMPACT_BASE		0x400000000000UL
/* For a task that was started to queue for the lock. */
#define COMPACT_QUEUE_MS	60
#define COMPACT_TRIES		20

/**
 * struct compact_case - memory that is changed while it is read
 * @range: what is read
 * @huge: address of the huge page; the tables below are under another PUD
 * @late: it was mapped after all that lies below had been read
 */
struct compact_case {
	struct hmm_mirror_range range;
	unsigned long huge;
	bool late;
};

/* The entry that was read last before the huge page. */
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

/* With the mmap lock held for writing, so that the reader is not reading. */
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

/* Follow the chain. Returns whether it contains the huge page. */
static bool compact_chain(const struct compact_case *test)
{
	const struct hmm_mirror_range *range = &test->range;
	unsigned long npages = (range->end - range->start) >> PAGE_SHIFT;
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

static long compact_call(long nr, unsigned long arg0, unsigned long arg1,
			 unsigned long arg2)
{
	api_syscall_start(nr, arg0, arg1, arg2);
	return api_syscall_wait();
}

/*
 * Map the memory: tables of small pages below the huge page, so that it takes
 * time to read them, and no table above. Returns 0 if huge pages are possible.
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
	    compact_call(__NR_madvise, start, size, MADV_NOHUGEPAGE))
		return -EINVAL;
	for (addr = start; addr < test->huge; addr += PMD_SIZE)
		EXPECT_EQ(0, get_user(byte, (u8 __user *)addr) ?: byte);
	/* The last table, which may have been left out. */
	EXPECT_EQ(0, get_user(byte, (u8 __user *)test->huge - PAGE_SIZE) ?: byte);
	return compact_call(__NR_madvise, start, size, MADV_HUGEPAGE);
}

/*
 * One try: the reader; mprotect() from the middle of the huge page on, if
 * @protect; then the fault. Returns whether they came in this order.
 */
static bool compact_try(struct compact_case *test, bool protect)
{
	struct mm_struct *mm = current->mm;
	struct api_thread *reader, *toucher;
	unsigned long middle = test->huge + PMD_SIZE / 2;
	unsigned long rest = test->range.end - middle;
	int ret;

	if (protect)
		EXPECT_EQ(0, compact_call(__NR_mprotect, middle, rest,
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
		api_skip("in %u tries, no huge page came between two stretches",
			 COMPACT_TRIES);
	api_unregister(mirror);
}

/* A stretch that begins in the middle of a page table ends in that of one. */
static void r51_huge_page_over_the_end_of_a_stretch(void)
{
	compact_run(SZ_128M - PMD_SIZE / 2, false);
}

/*
 * A vma ends in the middle of what becomes a huge page, once mprotect() has
 * made one vma of it and the next.
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
