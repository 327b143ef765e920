// SPDX-License-Identifier: GPL-2.0
/*
 * Frames that were taken from the arena are taken at once for something else,
 * and filled with words that no device may read nor overwrite.
 *
 * The allocator gives out first what was freed last, so it gives what the
 * arena has just lost. How often it did is counted where pagemap tells.
 */
#include <string.h>
#include <sys/mman.h>

#include "oracle.h"
#include "hmm_pagemap.h"

static __thread __u64 oracle_taken[ORACLE_POISON_PAGES];
static __thread unsigned int oracle_ntaken;
/* To poison a little more than was taken is enough. */
static __thread unsigned int oracle_npoison;

static void oracle_poison_check(struct oracle_worker *w)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64);
	__u64 *word;

	for (unsigned int i = 0; i < oracle_npoison; i++) {
		word = (__u64 *)(w->poison + i * oracle->page);
		for (size_t at = 0; at < words; at++) {
			if (word[at] == oracle_word(ORACLE_POISON, w->nr, at))
				continue;
			oracle_wrong(oracle, NULL, i, 1,
				     "memory that is none of the arena was written to: page %u word %zu is %016llx",
				     i, at, word[at]);
			return;
		}
	}
}

/* The pages at mem are about to be taken away. */
void oracle_poison_before(struct oracle_worker *w, const char *mem,
			  unsigned int n)
{
	struct oracle *oracle = w->oracle;

	if (w->poisoned)
		oracle_poison_check(w);
	w->poisoned = false;
	oracle_npoison = n + 2 < ORACLE_POISON_PAGES ? n + 2 :
						       ORACLE_POISON_PAGES;
	oracle_ntaken = 0;
	/* To know where they are takes time. */
	for (unsigned int i = 0; !w->sample && i < n && i < 4; i++) {
		__u64 frame = hmm_pfn(mem + i * oracle->page);

		if (frame)
			oracle_taken[oracle_ntaken++] = frame;
	}
	w->sample = (w->sample + 1) % 8;
	madvise(w->poison, ORACLE_POISON_PAGES * oracle->page, MADV_DONTNEED);
}

/* They have been. */
void oracle_poison_after(struct oracle_worker *w)
{
	struct oracle *oracle = w->oracle;
	unsigned long reused = 0;
	__u64 frame;

	for (unsigned int i = 0; i < oracle_npoison; i++)
		oracle_fill(w->poison + i * oracle->page, oracle->page,
			    ORACLE_POISON, w->nr);
	w->poisoned = true;
	for (unsigned int i = 0; oracle_ntaken && i < oracle_npoison; i++) {
		frame = hmm_pfn(w->poison + i * oracle->page);
		for (unsigned int k = 0; k < oracle_ntaken; k++)
			reused += oracle_taken[k] == frame;
	}
	oracle_count(oracle, ORACLE_COUNT_FRAMES, oracle_ntaken);
	oracle_count(oracle, ORACLE_COUNT_REUSED, reused);
}
