/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The content of a page.
 *
 * Each word contains its writer, the number of the write, and its index in the
 * page. The test therefore detects a word that is misplaced, belongs to another
 * page, or has an unknown origin.
 */
#ifndef _ORACLE_PAGE_H
#define _ORACLE_PAGE_H

#include "oracle.h"

/* The writer of a word. */
enum {
	ORACLE_ARENA = 0x5a,	/* a write to the arena */
	ORACLE_CHILD = 0xc4,	/* a forked child, to its copy of the arena */
	ORACLE_POISON = 0xde,	/* a write to memory outside of the arena */
};

__u64 oracle_word(int writer, __u32 id, unsigned int index);
bool oracle_decode(__u64 word, unsigned int index, int *writer, __u32 *id);
void oracle_fill(void *page, size_t size, int writer, __u32 id);
bool oracle_judge(struct oracle_worker *w, struct oracle_region *region,
		  unsigned int index, const void *page, size_t words,
		  __u64 begin, __u64 end, const char *reader);

#endif /* _ORACLE_PAGE_H */
