// SPDX-License-Identifier: GPL-2.0
/*
 * What a program may do to its memory, and the account of it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "diff.h"
#include "hmm_uffd.h"

#include <linux/userfaultfd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define ADVICE_GUARD 102	/* MADV_GUARD_INSTALL, since 6.13 */

/* At most so many pages are touched one by one, for the sake of time. */
#define TOUCHES 40

#define USES (DIFF_VMA | DIFF_USABLE | DIFF_WRITABLE)

/* For the signal handler. */
static bool poisoning;

/* Bookkeeping of what the kernel was asked for and has done. */
static void did(enum diff_deed deed, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		diff_arena.pages[i].deeds |= 1U << deed;
	diff_machine.done[deed] += n;
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

static bool any_did(enum diff_deed deed, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		if (diff_arena.pages[i].deeds & 1U << deed)
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
		      page->deeds & 1U << DIFF_WP))
		return;
	if (write)
		__atomic_store_n(addr, 1, __ATOMIC_RELAXED);
	else
		(void)__atomic_load_n(addr, __ATOMIC_RELAXED);
	did(write ? DIFF_WRITE : DIFF_READ, index, 1);
}

void diff_touch_some(size_t first, size_t n)
{
	unsigned int sparse = diff_between(&diff_dice, 1, 4);
	bool write = !diff_once_in(&diff_dice, 3), mixed = diff_once_in(&diff_dice, 3);

	if (n > TOUCHES)
		sparse += n / TOUCHES;
	for (size_t i = first; i < first + n; i++) {
		__u64 r = diff_random(&diff_dice);

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
	int prot = prots[diff_between(&diff_dice, 0, PROTS - 1)];
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
	did(with_key ? DIFF_PKEY : DIFF_PROTECT, first, n);
}

static void advise(size_t first, size_t n, int advice, enum diff_deed deed)
{
	if (!madvise(diff_page_at(first), n * hmm_page_size(), advice))
		did(deed, first, n);
}

static void guard(size_t first, size_t n)
{
	/* Half of it would be done. */
	if (any_did(DIFF_LOCK, first, n) ||
	    madvise(diff_page_at(first), n * hmm_page_size(), ADVICE_GUARD))
		return;
	for (size_t i = first; i < first + n; i++)
		diff_arena.pages[i].facts |= DIFF_FAILS;
	did(DIFF_GUARD, first, n);
}

static void unmap(size_t first, size_t n)
{
	if (munmap(diff_page_at(first), n * hmm_page_size()))
		return;
	for (size_t i = first; i < first + n; i++)
		diff_arena.pages[i].facts = 0;
	did(DIFF_UNMAP, first, n);
}

/* One thing that a program may do to a part of a piece. */
void diff_do_one(enum diff_kind kind, size_t first, size_t n)
{
	const bool anon = kind == DIFF_ANON || kind == DIFF_THP;
	size_t from = diff_between(&diff_dice, 0, n - 1);
	size_t length = diff_between(&diff_dice, 1, n - from);
	unsigned int what = diff_between(&diff_dice, 0, 15);

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
			did(DIFF_LOCK, from, length);
		break;
	case 12:
		if (kind == DIFF_THP)
			advise(from, length, MADV_COLLAPSE, DIFF_COLLAPSE);
		break;
	case 13:
		if (diff_once_in(&diff_dice, 2))
			unmap(from, length);
		break;
	case 14:
		if (diff_machine.swap && !diff_driver_kind(kind))
			advise(from, length, MADV_PAGEOUT, DIFF_PAGEOUT);
		break;
	case 15:
		if (kind == DIFF_ANON && diff_once_in(&diff_dice, 2))
			guard(from, length);
		break;
	}
}

/* The last thing: from here on, to write there would be to wait for ever. */
int diff_write_protect(size_t first, size_t n)
{
	size_t from = diff_between(&diff_dice, 0, n - 1);
	size_t length = diff_between(&diff_dice, 1, n - from);
	int uffd = hmm_uffd_open(0), ret;

	if (uffd < 0)
		return uffd;
	diff_arena.files[diff_arena.nfiles++] = uffd;
	ret = hmm_uffd_register(uffd, diff_page_at(first), n * hmm_page_size(),
				UFFDIO_REGISTER_MODE_WP);
	/* One by one, for before 6.3 one call may not span two vmas. */
	for (size_t i = first + from; !ret && i < first + from + length; i++)
		ret = hmm_uffd_protect(uffd, diff_page_at(i), hmm_page_size(), true);
	if (!ret)
		did(DIFF_WP, first + from, length);
	return ret;
}

/* Not for each memory: what is poisoned is lost until the next boot. */
void diff_poison_one(void)
{
	for (size_t i = 0; i < diff_arena.npages; i++) {
		struct diff_page *page = &diff_arena.pages[i];

		if (!(page->facts & DIFF_SMALL) ||
		    (page->facts & USES) != USES || page->facts & DIFF_FAILS ||
		    any_did(DIFF_LOCK, i, 1))
			continue;
		touch(i, true);
		__atomic_store_n(&poisoning, true, __ATOMIC_RELAXED);
		if (!madvise(diff_page_at(i), hmm_page_size(), MADV_HWPOISON)) {
			page->facts |= DIFF_FAILS;
			did(DIFF_POISON, i, 1);
		}
		__atomic_store_n(&poisoning, false, __ATOMIC_RELAXED);
		return;
	}
}

/* What is known of a page is wrong then, or there is too little memory. */
void diff_on_bus_error(int number, siginfo_t *info, void *context)
{
	size_t at = ((char *)info->si_addr - diff_arena.base) / hmm_page_size();

	(void)context;
	/* Who poisons a page of his own is told at once. */
	if (number == SIGBUS && __atomic_load_n(&poisoning, __ATOMIC_RELAXED))
		return;
	if (at < diff_arena.npages)
		printf("# page %zu: %s\n", at, diff_arena_tell(at));
	printf("Bail out! SIGBUS or SIGSEGV at %p\n", info->si_addr);
	_exit(1);
}
