/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The arena: random memory, and the facts about each of its pages.
 */
#ifndef _DIFF_ARENA_H
#define _DIFF_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "hmm_memory.h"
#include "hmm_process.h"

/* Room for four huge pages. An arena uses up to three, or less than one. */
#define DIFF_PAGES	2048
#define DIFF_HUGE	512
#define DIFF_PIECES	64

/* Facts about a page. */
#define DIFF_VMA	0x01	/* the page lies in a vma */
#define DIFF_USABLE	0x02	/* readable, and not VM_PFNMAP */
#define DIFF_WRITABLE	0x04	/* usable and writable */
#define DIFF_FAILS	0x08	/* a fault for this page fails */
#define DIFF_HUGETLB	0x10
#define DIFF_SMALL	0x20	/* private and anonymous: may be poisoned */
#define DIFF_CPU_READS	0x40	/* neither PROT_NONE nor VM_PFNMAP */

enum diff_kind {
	DIFF_HOLE,
	DIFF_ANON,
	DIFF_SHARED,
	DIFF_MEMFD_SHARED,
	DIFF_MEMFD_PRIVATE,
	DIFF_RAMFS_SHARED,
	DIFF_RAMFS_PRIVATE,
	DIFF_THP,
	DIFF_THP_SHARED,
	DIFF_HUGETLB_SHARED,
	DIFF_HUGETLB_PRIVATE,
	DIFF_DRIVER_SHARED,
	DIFF_DRIVER_PRIVATE,
	DIFF_DRIVER_PFNMAP,
	DIFF_UFFD_WP,
	DIFF_KINDS,
};

extern const char *const diff_kind_names[DIFF_KINDS];

/* The report names the operations on a page since it was mapped. */
enum diff_operation {
	DIFF_READ,
	DIFF_WRITE,
	DIFF_PROTECT,
	DIFF_PKEY,
	DIFF_DROP,
	DIFF_FREE,
	DIFF_LOCK,
	DIFF_UNMAP,
	DIFF_PAGEOUT,
	DIFF_GUARD,
	DIFF_COLLAPSE,
	DIFF_POISON,
	DIFF_WP,
	DIFF_OPERATIONS,
};

struct diff_page {
	__u8 facts;
	__u8 kind;
	__u16 operations;
};

/**
 * struct diff_arena - the arena
 * @base: first address
 * @npages: number of @pages in use
 * @pages: the facts about each page
 * @files: descriptors to close with the arena
 * @nfiles: number of @files
 * @child: a process that shares the memory; 0 if there is no child
 * @child_exit: completed to let the child exit
 * @built: number of pages of each kind in all arenas
 * @done: number of pages to which each operation was applied
 *
 * Holes stay holes: the program allocates no more than a few pages between
 * diff_arena_build() and diff_arena_drop(), so nothing else is mapped there.
 */
struct diff_arena {
	char *base;
	size_t npages;
	struct diff_page pages[DIFF_PAGES];
	int files[DIFF_PIECES];
	unsigned int nfiles;
	pid_t child;
	struct hmm_completion child_exit;
	__u64 built[DIFF_KINDS];
	__u64 done[DIFF_OPERATIONS];
};

extern struct diff_arena diff_arena;

static inline char *diff_page_at(size_t index)
{
	return diff_arena.base + index * hmm_page_size();
}

static inline bool diff_huge_kind(enum diff_kind kind)
{
	return kind == DIFF_THP || kind == DIFF_THP_SHARED ||
	       kind == DIFF_HUGETLB_SHARED || kind == DIFF_HUGETLB_PRIVATE;
}

static inline bool diff_hugetlb_kind(enum diff_kind kind)
{
	return kind == DIFF_HUGETLB_SHARED || kind == DIFF_HUGETLB_PRIVATE;
}

static inline bool diff_driver_kind(enum diff_kind kind)
{
	return kind == DIFF_DRIVER_SHARED || kind == DIFF_DRIVER_PRIVATE ||
	       kind == DIFF_DRIVER_PFNMAP;
}

/* Returns a description of a page in one line, in a static buffer. */
const char *diff_page_text(size_t index);

#endif /* _DIFF_ARENA_H */
