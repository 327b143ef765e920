/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accesses to the arena by devices and CPUs, which are judged.
 */
#ifndef _ORACLE_ACCESS_H
#define _ORACLE_ACCESS_H

#include "oracle.h"

/* Instead of the descriptor of a device. */
#define ORACLE_CPU	(-1)

/* Copy words by the CPU; returns how many could be accessed. */
size_t oracle_load(void *to, const void *from, size_t words);
size_t oracle_store(void *to, const void *from, size_t words);

/* One random access. */
void oracle_access(struct oracle_worker *w);
/* Read pages by a device or by the CPU, and judge their contents. */
void oracle_read_pages(struct oracle_worker *w, int fd,
		       struct oracle_region *region, unsigned int first,
		       unsigned int n);
/* Handle SIGSEGV of this process from here on: CPU accesses may fail. */
void oracle_start(void);
/* Read the whole arena when all of it can be accessed again. */
void oracle_finish(struct oracle_worker *w);

#endif /* _ORACLE_ACCESS_H */
