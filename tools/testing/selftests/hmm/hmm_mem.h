/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs share that look at one kind of memory each: the kernel's
 * knobs, what pagemap says of a page, swap, userfaultfd and hugetlb.
 *
 * As in hmm_lib.h, nothing asserts. Functions return 0 or -errno unless they
 * say otherwise; why is set to the reason for a skip.
 */
#ifndef _HMM_MEM_H
#define _HMM_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* Knobs: write a word, read a number (or -errno). */
int hmm_write_file(const char *path, const char *word);
long hmm_read_long(const char *path);

/* The pagemap entry of an address, and what is wanted of it most. */
#define HMM_PAGEMAP_PRESENT	0x8000000000000000ULL
#define HMM_PAGEMAP_SWAPPED	0x4000000000000000ULL
#define HMM_PAGEMAP_SOFT_DIRTY	0x0080000000000000ULL

#define HMM_PAGEMAP_PFN	0x007fffffffffffffULL

__u64 hmm_pagemap_entry(const void *addr);
int hmm_pagemap_read(const void *addr, size_t npages, __u64 *entries);
/* How many of the pages have all of the bits. */
size_t hmm_pagemap_count(const void *addr, size_t npages, __u64 bits);

/* SNAPSHOT returns want for every page; prints the first page that differs. */
bool hmm_snapshot_shows(int fd, const void *addr, size_t npages, __u8 want);

/* Swap on zram. Only one user at a time. */
int hmm_swap_on(const char **why);
void hmm_swap_off(void);
/* Until none of the pages is present. */
int hmm_page_out(void *addr, size_t npages);

/* A userfaultfd for faults of the kernel too, or -errno. */
int hmm_uffd_open(__u64 features);
int hmm_uffd_register(int uffd, void *addr, size_t size, __u64 mode);
/* A fault sleeps: where, and UFFD_PAGEFAULT_FLAG_*. */
int hmm_uffd_wait(int uffd, void **addr, __u64 *flags);
int hmm_uffd_copy(int uffd, void *to, const void *from, size_t size);
int hmm_uffd_protect(int uffd, void *addr, size_t size, bool protect);
int hmm_uffd_continue(int uffd, void *addr, size_t size);

/* For hmm_thread: needs the mmap lock for writing, for a moment. */
int hmm_take_mmap_lock_run(void *unused);

/*
 * See that so many huge pages of a size are free. Or -errno, with why set;
 * the pages that it adds stay.
 */
int hmm_hugetlb_reserve(size_t size, unsigned int count, const char **why);
/* Not to be touched before its time: no page is there yet. NULL if refused. */
void *hmm_map_hugetlb(size_t size, unsigned int count, int flags, int file);

/* The last node of the machine, 0 if there is only one. */
int hmm_last_node(void);
int hmm_node_of(const void *addr);
/* Move pages, those of other processes too; how many are not there now. */
int hmm_move_to_node(void *addr, size_t npages, int node);

#endif /* _HMM_MEM_H */
