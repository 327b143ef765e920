// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on a part of the arena, and the record of them.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "diff_machine.h"
#include "diff_operation.h"
#include "hmm_uffd.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define ADVICE_GUARD 102	/* MADV_GUARD_INSTALL, since 6.13 */

/* Approximate maximum of pages to touch. More would take too long. */
#define TOUCHES 40

#define USES (DIFF_VMA | DIFF_USABLE | DIFF_WRITABLE)

struct diff_random diff_build_random;

/* MADV_HWPOISON is in progress. The signal handler reads this. */
static bool poisoning;

static void record(enum diff_operation operation, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		diff_arena.pages[i].operations |= 1U << operation;
	diff_arena.done[operation] += n;
}

void diff_set_prot(size_t first, size_t n, int prot)
{
	for (size_t i = first; i < first + n; i++) {
		struct diff_page *page = &diff_arena.pages[i];

		page->facts &= ~(DIFF_USABLE | DIFF_WRITABLE | DIFF_CPU_READS);
		if (page->kind == DIFF_DRIVER_PFNMAP)
			continue;
		if (prot != PROT_NONE)
			page->facts |= DIFF_CPU_READS;
		if (!(prot & PROT_READ))
			continue;
		page->facts |= DIFF_USABLE;
		if (prot & PROT_WRITE)
			page->facts |= DIFF_WRITABLE;
	}
}

bool diff_all_mapped(size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		if (!(diff_arena.pages[i].facts & DIFF_VMA))
			return false;
	return true;
}

static bool any_recorded(enum diff_operation operation, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		if (diff_arena.pages[i].operations & 1U << operation)
			return true;
	return false;
}

static void touch(size_t index, bool write)
{
	const struct diff_page *page = &diff_arena.pages[index];
	char *addr = diff_page_at(index);

	if (!(page->facts & DIFF_USABLE) || page->facts & DIFF_FAILS)
		return;
	if (write && (!(page->facts & DIFF_WRITABLE) ||
		      page->operations & 1U << DIFF_WP))
		return;
	if (write)
		__atomic_store_n(addr, 1, __ATOMIC_RELAXED);
	else
		(void)__atomic_load_n(addr, __ATOMIC_RELAXED);
	record(write ? DIFF_WRITE : DIFF_READ, index, 1);
}

void diff_touch_some(size_t first, size_t n)
{
	unsigned int sparse = diff_between(&diff_build_random, 1, 4);
	bool write = !diff_once_in(&diff_build_random, 3);
	bool mixed = diff_once_in(&diff_build_random, 3);

	if (n > TOUCHES)
		sparse += n / TOUCHES;
	for (size_t i = first; i < first + n; i++) {
		__u64 r = diff_random(&diff_build_random);

		if (r % sparse == 0)
			touch(i, mixed ? r >> 32 & 1 : write);
	}
}

#define PROTS 7

static const int prots[PROTS] = {
	PROT_READ, PROT_READ, PROT_READ | PROT_WRITE, PROT_NONE,
	PROT_WRITE, PROT_EXEC, PROT_READ | PROT_EXEC,
};

static void protect(size_t first, size_t n, bool with_key)
{
	int prot = prots[diff_between(&diff_build_random, 0, PROTS - 1)];
	size_t size = n * hmm_page_size();
	int ret;

	if (with_key)
		ret = pkey_mprotect(diff_page_at(first), size, prot,
				    diff_machine.pkey);
	else
		ret = mprotect(diff_page_at(first), size, prot);
	if (ret)
		return;
	diff_set_prot(first, n, prot);
	record(with_key ? DIFF_PKEY : DIFF_PROTECT, first, n);
}

static void advise(size_t first, size_t n, int advice,
		   enum diff_operation operation)
{
	if (!madvise(diff_page_at(first), n * hmm_page_size(), advice))
		record(operation, first, n);
}

static void guard(size_t first, size_t n)
{
	/* If a page is locked, the call fails halfway. */
	if (any_recorded(DIFF_LOCK, first, n) ||
	    madvise(diff_page_at(first), n * hmm_page_size(), ADVICE_GUARD))
		return;
	for (size_t i = first; i < first + n; i++)
		diff_arena.pages[i].facts |= DIFF_FAILS;
	record(DIFF_GUARD, first, n);
}

static void unmap(size_t first, size_t n)
{
	if (munmap(diff_page_at(first), n * hmm_page_size()))
		return;
	for (size_t i = first; i < first + n; i++)
		diff_arena.pages[i].facts = 0;
	record(DIFF_UNMAP, first, n);
}

void diff_operate(enum diff_kind kind, size_t first, size_t n)
{
	const bool anon = kind == DIFF_ANON || kind == DIFF_THP;
	size_t from = diff_between(&diff_build_random, 0, n - 1);
	size_t length = diff_between(&diff_build_random, 1, n - from);
	unsigned int what = diff_between(&diff_build_random, 0, 15);

	if (diff_hugetlb_kind(kind)) {
		from = 0;
		length = n;
	}
	if (what == 12 && kind == DIFF_THP) {
		from = from / DIFF_HUGE * DIFF_HUGE;
		length = DIFF_HUGE;
	}
	from += first;
	if (!diff_all_mapped(from, length))
		return;

	switch (what) {
	case 0: case 1: case 2: case 3: case 4:
		diff_touch_some(from, length);
		break;
	case 5: case 6:
		protect(from, length, false);
		break;
	case 7:
		if (diff_machine.pkey > 0)
			protect(from, length, true);
		break;
	case 8: case 9:
		if (kind != DIFF_DRIVER_PFNMAP)
			advise(from, length, MADV_DONTNEED, DIFF_DROP);
		break;
	case 10:
		if (anon)
			advise(from, length, MADV_FREE, DIFF_FREE);
		break;
	case 11:
		if (!diff_driver_kind(kind) &&
		    !mlock(diff_page_at(from), length * hmm_page_size()))
			record(DIFF_LOCK, from, length);
		break;
	case 12:
		if (kind == DIFF_THP)
			advise(from, length, MADV_COLLAPSE, DIFF_COLLAPSE);
		break;
	case 13:
		if (diff_once_in(&diff_build_random, 2))
			unmap(from, length);
		break;
	case 14:
		if (diff_machine.swap && !diff_driver_kind(kind))
			advise(from, length, MADV_PAGEOUT, DIFF_PAGEOUT);
		break;
	case 15:
		if (kind == DIFF_ANON && diff_once_in(&diff_build_random, 2))
			guard(from, length);
		break;
	}
}

int diff_write_protect(size_t first, size_t n)
{
	size_t from = diff_between(&diff_build_random, 0, n - 1);
	size_t length = diff_between(&diff_build_random, 1, n - from);
	int uffd = hmm_uffd_open(0), ret;

	if (uffd < 0)
		return uffd;
	diff_arena.files[diff_arena.nfiles++] = uffd;
	ret = hmm_uffd_register(uffd, diff_page_at(first), n * hmm_page_size(),
				UFFDIO_REGISTER_MODE_WP);
	/* Protect single pages: before 6.3, one call must not span two vmas. */
	for (size_t i = first + from; !ret && i < first + from + length; i++)
		ret = hmm_uffd_protect(uffd, diff_page_at(i), hmm_page_size(),
				       true);
	if (!ret)
		record(DIFF_WP, first + from, length);
	return ret;
}

void diff_poison_one(void)
{
	for (size_t i = 0; i < diff_arena.npages; i++) {
		struct diff_page *page = &diff_arena.pages[i];

		if (!(page->facts & DIFF_SMALL) ||
		    (page->facts & USES) != USES || page->facts & DIFF_FAILS ||
		    any_recorded(DIFF_LOCK, i, 1))
			continue;
		touch(i, true);
		__atomic_store_n(&poisoning, true, __ATOMIC_RELAXED);
		if (!madvise(diff_page_at(i), hmm_page_size(), MADV_HWPOISON)) {
			page->facts |= DIFF_FAILS;
			record(DIFF_POISON, i, 1);
		}
		__atomic_store_n(&poisoning, false, __ATOMIC_RELAXED);
		return;
	}
}

/*
 * A page that was touched could not be accessed: its facts are wrong, or the
 * machine is out of memory.
 */
void diff_on_fault_signal(int number, siginfo_t *info, void *context)
{
	size_t at = ((char *)info->si_addr - diff_arena.base) / hmm_page_size();

	(void)context;
	/* The kernel may signal the process that poisons its own page. */
	if (number == SIGBUS && __atomic_load_n(&poisoning, __ATOMIC_RELAXED))
		return;
	if (at < diff_arena.npages)
		printf("# page %zu: %s\n", at, diff_page_text(at));
	printf("Bail out! SIGBUS or SIGSEGV at %p\n", info->si_addr);
	_exit(1);
}
