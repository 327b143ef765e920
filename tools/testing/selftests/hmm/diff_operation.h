/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random operations on a part of the arena, and the record of them.
 */
#ifndef _DIFF_OPERATION_H
#define _DIFF_OPERATION_H

#include <signal.h>

#include "diff_arena.h"
#include "diff_random.h"

/* The random numbers that an arena is built with. */
extern struct diff_random diff_build_random;

/* Record the protection of n pages. */
void diff_set_prot(size_t first, size_t n, int prot);
void diff_touch_some(size_t first, size_t n);
/* One random operation on a part of [first, first + n), all of one kind. */
void diff_operate(enum diff_kind kind, size_t first, size_t n);
bool diff_all_mapped(size_t first, size_t n);
/*
 * Write-protect a part by userfaultfd. This must be the last operation: a write
 * to the part would sleep forever.
 */
int diff_write_protect(size_t first, size_t n);
/* Do this rarely: a poisoned page is lost until the next boot. */
void diff_poison_one(void);
/* Handler of SIGBUS and SIGSEGV: prints the page and ends the program. */
void diff_on_fault_signal(int number, siginfo_t *info, void *context);

#endif /* _DIFF_OPERATION_H */
