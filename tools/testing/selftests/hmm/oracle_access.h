/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accesses to the arena by devices and CPUs, and the checks of their results.
 */
#ifndef _ORACLE_ACCESS_H
#define _ORACLE_ACCESS_H

#include "oracle.h"

/* Used instead of the descriptor of a device. */
#define ORACLE_CPU	(-1)

/* Copy words with the CPU. Returns the number of words that were copied. */
size_t oracle_load(void *to, const void *from, size_t words);
size_t oracle_store(void *to, const void *from, size_t words);

/* Make one random access. */
void oracle_access(struct oracle_worker *w);
/* Read pages with a device or with the CPU, and judge their contents. */
void oracle_read_pages(struct oracle_worker *w, int fd,
		       struct oracle_region *region, unsigned int first,
		       unsigned int n);
/* Install a handler for SIGSEGV, because CPU accesses may fail. */
void oracle_start(void);
/* Check all contents and entries of the arena after oracle_restore_all(). */
void oracle_finish(struct oracle_worker *w);

#endif /* _ORACLE_ACCESS_H */
