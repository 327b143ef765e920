/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The differential test: random memory, and what is known of each page of it.
 */
#ifndef _DIFF_H
#define _DIFF_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../modules/diff/hmm_diff_test.h"
#include "hmm_lib.h"

/* Four huge pages; a small arena has less than one. */
#define DIFF_PAGES	2048
#define DIFF_HUGE	512
#define DIFF_PIECES	64

/* What is known of a page. */
#define DIFF_VMA	0x01	/* there is a vma */
#define DIFF_USABLE	0x02	/* which may be read, and is not VM_PFNMAP */
#define DIFF_WRITABLE	0x04	/* and written */
#define DIFF_FAILS	0x08	/* but a fault of this page fails */
#define DIFF_HUGETLB	0x10
#define DIFF_SMALL	0x20	/* private, anonymous: may be poisoned */
#define DIFF_CPU_READS	0x40	/* the vma gives some right, maybe not this */

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

/* What was done to a page after it was mapped; for the report. */
enum diff_deed {
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
	DIFF_DEEDS,
};

struct diff_page {
	__u8 facts;
	__u8 kind;
	__u16 deeds;
};

/* Random numbers that can be had again. */
struct diff_random {
	__u64 state;
};

__u64 diff_random(struct diff_random *random);
/* At least from, at most to. */
size_t diff_between(struct diff_random *random, size_t from, size_t to);
/* True once in n times. */
bool diff_once_in(struct diff_random *random, unsigned int n);
void diff_seed(struct diff_random *random, __u64 seed, __u64 number);

/* What this machine has. */
struct diff_machine {
	int device;
	bool swap;
	int pkey;
	bool huge;
	bool hugetlb;
	bool uffd;
	const char *no_swap;
	const char *no_hugetlb;
	__u64 built[DIFF_KINDS];
	__u64 done[DIFF_DEEDS];
};

extern struct diff_machine diff_machine;

void diff_machine_open(int device);
void diff_machine_close(void);

/*
 * The memory. Nothing else is ever mapped in it, also not where it has holes,
 * as long as nobody here allocates more than a few pages between
 * diff_arena_build() and diff_arena_drop().
 */
struct diff_arena {
	char *base;
	size_t npages;
	struct diff_page pages[DIFF_PAGES];
	int files[DIFF_PIECES];
	unsigned int nfiles;
	pid_t child;
	/* It has a child that waits here. */
	struct hmm_completion gate;
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

/* What this memory is made with. */
extern struct diff_random diff_dice;

/* For diff_arena_build(): what is done to pages of one kind. */
void diff_set_prot(size_t first, size_t n, int prot);
void diff_touch_some(size_t first, size_t n);
void diff_do_one(enum diff_kind kind, size_t first, size_t n);
bool diff_all_mapped(size_t first, size_t n);
/* The last thing: from here on, to write there would be to wait for ever. */
int diff_write_protect(size_t first, size_t n);
/* Not for each memory: what is poisoned is lost until the next boot. */
void diff_poison_one(void);
/* A page was touched that cannot be: tells which, and ends. */
void diff_on_bus_error(int number, siginfo_t *info, void *context);

int diff_arena_reserve(void);
/*
 * The same numbers build the same memory. For a snapshot, there is also memory
 * of which a fault would sleep until somebody here answers. 0 or -errno.
 */
int diff_arena_build(__u64 seed, __u64 number, bool snapshot);
void diff_arena_drop(void);
/* One line about a page. */
const char *diff_arena_tell(size_t index);

#endif /* _DIFF_H */
