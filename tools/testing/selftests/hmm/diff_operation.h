/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random operations on a part of the arena, and the record of them.
 */
#ifndef _DIFF_OPERATION_H
#define _DIFF_OPERATION_H

#include <signal.h>

#include "diff_arena.h"
#include "diff_random.h"

/* The generator of the random numbers that determine an arena. */
extern struct diff_random diff_build_random;

/* Record the protection of n pages. */
void diff_set_prot(size_t first, size_t n, int prot);
void diff_touch_some(size_t first, size_t n);
/* Operate on a random part of [first, first + n), which is of one kind. */
void diff_operate(enum diff_kind kind, size_t first, size_t n);
bool diff_all_mapped(size_t first, size_t n);
/*
 * Write-protect a random part with userfaultfd. This must be the last
 * operation, because a write to the part would sleep forever. Returns 0 or
 * -errno.
 */
int diff_write_protect(size_t first, size_t n);
/* Poison one page. Call this rarely: the page is lost until the next boot. */
void diff_poison_one(void);
/*
 * Print the page and exit after SIGBUS or SIGSEGV. Ignores SIGBUS while a page
 * is being poisoned.
 */
void diff_on_fault_signal(int number, siginfo_t *info, void *context);

#endif /* _DIFF_OPERATION_H */
