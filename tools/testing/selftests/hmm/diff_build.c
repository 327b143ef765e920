// SPDX-License-Identifier: GPL-2.0
/*
 * Builds the arena from random pieces of all kinds of memory. The same seed and
 * number build the same arena.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../modules/diff/hmm_diff_test.h"
#include "diff_build.h"
#include "diff_machine.h"
#include "diff_operation.h"
#include "hmm_system.h"

/* Create a file for n pages. It has holes, and may be too short. */
static int new_file(enum diff_kind kind, size_t n)
{
	const size_t size = hmm_page_size();
	size_t pages = n;
	int fd;

	if (diff_once_in(&diff_build_random, 3))
		pages = diff_between(&diff_build_random, 0, n);

	if (kind == DIFF_RAMFS_SHARED || kind == DIFF_RAMFS_PRIVATE) {
		fd = open("/mnt/ramfs/diff",
			  O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			unlink("/mnt/ramfs/diff");
	} else {
		fd = memfd_create("diff", MFD_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	diff_arena.files[diff_arena.nfiles++] = fd;
	if (ftruncate(fd, pages * size))
		return -errno;
	for (size_t i = 0; i < pages; i++)
		if (diff_once_in(&diff_build_random, 2) &&
		    pwrite(fd, "x", 1, i * size) != 1)
			return -errno;
	return fd;
}

static size_t file_pages(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);

	return size < 0 ? 0 : size / hmm_page_size();
}

static bool driver_fails(enum diff_kind kind, size_t i)
{
	unsigned int mix = i % HMM_DIFF_MIX;

	if (kind == DIFF_DRIVER_PFNMAP)
		return false;
	return mix == HMM_DIFF_MIX_NOTHING ||
	       (kind == DIFF_DRIVER_SHARED &&
		(mix == HMM_DIFF_MIX_PFN || mix == HMM_DIFF_MIX_LATE_PFN));
}

static int map_flags(enum diff_kind kind)
{
	switch (kind) {
	case DIFF_HUGETLB_PRIVATE:
		return MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		       21 << MAP_HUGE_SHIFT;
	case DIFF_HUGETLB_SHARED:
		return MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB |
		       21 << MAP_HUGE_SHIFT;
	case DIFF_ANON:
	case DIFF_THP:
	case DIFF_UFFD_WP:
		return MAP_PRIVATE | MAP_ANONYMOUS;
	case DIFF_SHARED:
	case DIFF_THP_SHARED:
		return MAP_SHARED | MAP_ANONYMOUS;
	case DIFF_MEMFD_PRIVATE:
	case DIFF_RAMFS_PRIVATE:
	case DIFF_DRIVER_PRIVATE:
		return MAP_PRIVATE;
	default:
		return MAP_SHARED;
	}
}

static int map_piece(enum diff_kind kind, size_t first, size_t n)
{
	int prot = PROT_READ, flags = map_flags(kind);
	size_t backed = n;
	off_t offset = 0;
	int fd = -1;

	if (!diff_once_in(&diff_build_random, 5))
		prot |= PROT_WRITE;
	if (diff_driver_kind(kind)) {
		fd = diff_machine.device;
		if (kind == DIFF_DRIVER_PFNMAP)
			offset = (off_t)HMM_DIFF_PFNMAP << HMM_DIFF_KIND_SHIFT;
	} else if (!(flags & MAP_ANONYMOUS)) {
		fd = new_file(kind, n);
		if (fd < 0)
			return fd;
		backed = file_pages(fd);
	}
	if (mmap(diff_page_at(first), n * hmm_page_size(), prot,
		 flags | MAP_FIXED, fd,
		 offset * hmm_page_size()) == MAP_FAILED)
		return -errno;
	if ((kind == DIFF_THP || kind == DIFF_THP_SHARED) &&
	    madvise(diff_page_at(first), n * hmm_page_size(), MADV_HUGEPAGE))
		return -errno;

	for (size_t i = 0; i < n; i++) {
		struct diff_page *page = &diff_arena.pages[first + i];

		page->facts = DIFF_VMA;
		page->kind = kind;
		if (i >= backed ||
		    (diff_driver_kind(kind) && driver_fails(kind, i)))
			page->facts |= DIFF_FAILS;
		if (diff_hugetlb_kind(kind))
			page->facts |= DIFF_HUGETLB;
		if (kind == DIFF_ANON)
			page->facts |= DIFF_SMALL;
	}
	diff_set_prot(first, n, prot);
	diff_arena.built[kind] += n;
	return 0;
}

static bool have_kind(enum diff_kind kind, bool snapshot)
{
	switch (kind) {
	case DIFF_THP:
	case DIFF_THP_SHARED:
		return diff_machine.huge;
	case DIFF_HUGETLB_SHARED:
	case DIFF_HUGETLB_PRIVATE:
		return diff_machine.hugetlb;
	case DIFF_UFFD_WP:
		return snapshot && diff_machine.uffd;
	default:
		return true;
	}
}

static enum diff_kind choose_kind(size_t first, bool snapshot)
{
	bool huge = first % DIFF_HUGE == 0 &&
		    diff_arena.npages - first >= DIFF_HUGE &&
		    !diff_once_in(&diff_build_random, 3);
	enum diff_kind kind;

	if (huge && !diff_machine.huge && !diff_machine.hugetlb)
		huge = false;
	do {
		kind = diff_between(&diff_build_random, 0, DIFF_KINDS - 1);
	} while (diff_huge_kind(kind) != huge || !have_kind(kind, snapshot));
	return kind;
}

static size_t choose_length(enum diff_kind kind, size_t first)
{
	size_t left = diff_arena.npages - first, n;

	if (diff_huge_kind(kind))
		return left >= 2 * DIFF_HUGE &&
		       diff_once_in(&diff_build_random, 3) ?
		       2 * DIFF_HUGE : DIFF_HUGE;
	n = diff_between(&diff_build_random, 1, 60);
	/* End at the next address where a huge page can begin. */
	if (diff_arena.npages >= DIFF_HUGE &&
	    diff_once_in(&diff_build_random, 5))
		n = DIFF_HUGE;
	if (n > DIFF_HUGE - first % DIFF_HUGE)
		n = DIFF_HUGE - first % DIFF_HUGE;
	if (n > 64 && diff_driver_kind(kind))
		n = 64;
	return n < left ? n : left;
}

static int build_piece(enum diff_kind kind, size_t first, size_t n)
{
	size_t operations = diff_between(&diff_build_random, 0, 6);
	int ret;

	if (kind == DIFF_HOLE) {
		diff_arena.built[kind] += n;
		return 0;
	}
	ret = map_piece(kind, first, n);
	if (ret)
		return ret;
	diff_touch_some(first, n);
	while (operations--)
		diff_operate(kind, first, n);
	if (kind == DIFF_UFFD_WP && diff_all_mapped(first, n))
		ret = diff_write_protect(first, n);
	return ret;
}

static int share_with_child(void)
{
	int ret = hmm_completion_init(&diff_arena.child_exit);

	if (ret)
		return ret;
	diff_arena.child = hmm_fork();
	if (!diff_arena.child) {
		close(diff_arena.child_exit.fds[1]);
		hmm_wait_for_completion(&diff_arena.child_exit);
		_exit(0);
	}
	return diff_arena.child < 0 ? -errno : 0;
}

int diff_arena_reserve(void)
{
	const struct sigaction action = {
		.sa_sigaction = diff_on_fault_signal,
		.sa_flags = SA_SIGINFO,
	};
	const size_t huge = DIFF_HUGE * hmm_page_size();
	size_t size = DIFF_PAGES * hmm_page_size() + 3 * huge;
	char *mem = mmap(NULL, size, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return -errno;
	/* Leave at least one huge page below and above the arena. */
	mem += huge;
	diff_arena.base = mem + (huge - (uintptr_t)mem % huge) % huge;
	if (sigaction(SIGBUS, &action, NULL) ||
	    sigaction(SIGSEGV, &action, NULL))
		return -errno;
	return 0;
}

int diff_arena_build(__u64 seed, __u64 number, bool snapshot)
{
	struct diff_arena *arena = &diff_arena;
	size_t first = 0, n;
	int ret = 0;

	diff_seed(&diff_build_random, seed, number);
	memset(arena->pages, 0, sizeof(arena->pages));
	arena->nfiles = 0;
	arena->child = 0;
	arena->npages = diff_once_in(&diff_build_random, 2) ?
			DIFF_HUGE * diff_between(&diff_build_random, 1, 3) :
			diff_between(&diff_build_random, 64, 448);
	if (munmap(arena->base, DIFF_PAGES * hmm_page_size()))
		return -errno;

	for (; !ret && first < arena->npages; first += n) {
		enum diff_kind kind = choose_kind(first, snapshot);

		n = choose_length(kind, first);
		/* A piece may need a file, but the array of files is full. */
		if (arena->nfiles == DIFF_PIECES)
			kind = DIFF_HOLE;
		ret = build_piece(kind, first, n);
	}
	if (!ret && diff_once_in(&diff_build_random, 4)) {
		ret = share_with_child();
		if (!ret && diff_once_in(&diff_build_random, 2))
			diff_touch_some(0, arena->npages);
	}
	if (!ret && diff_once_in(&diff_build_random, 8))
		/* Clear the soft-dirty bits, which write-protects all pages. */
		hmm_write_file("/proc/self/clear_refs", "4");
	if (!ret && number % 64 == 9)
		diff_poison_one();
	return ret;
}

void diff_arena_drop(void)
{
	struct diff_arena *arena = &diff_arena;

	if (arena->child > 0) {
		hmm_complete(&arena->child_exit);
		hmm_wait_exit(arena->child);
	}
	if (arena->child) {
		close(arena->child_exit.fds[0]);
		close(arena->child_exit.fds[1]);
	}
	while (arena->nfiles)
		close(arena->files[--arena->nfiles]);
	mmap(arena->base, DIFF_PAGES * hmm_page_size(), PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}
