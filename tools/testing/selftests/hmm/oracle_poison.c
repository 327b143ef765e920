// SPDX-License-Identifier: GPL-2.0
/*
 * Page frames that the arena has lost are reused and filled with poison, which
 * a device must neither read nor overwrite.
 *
 * The allocator reuses the frames that were freed last, so it mostly returns
 * the frames that the arena has just lost. Sometimes the frames are looked up
 * in pagemap, to count how many are reused.
 */
#include <string.h>
#include <sys/mman.h>

#include "hmm_pagemap.h"
#include "oracle_page.h"
#include "oracle_poison.h"
#include "oracle_report.h"

static __thread __u64 lost_frames[ORACLE_POISON_PAGES];
static __thread unsigned int nlost;
/*
 * Number of poisoned pages: two more than the arena has lost, but at most
 * ORACLE_POISON_PAGES.
 */
static __thread unsigned int npoisoned;

static void check_poison(struct oracle_worker *w)
{
	struct oracle *oracle = w->oracle;
	size_t words = oracle->page / sizeof(__u64);
	__u64 *word;

	for (unsigned int i = 0; i < npoisoned; i++) {
		word = (__u64 *)(w->poison + i * oracle->page);
		for (size_t at = 0; at < words; at++) {
			if (word[at] == oracle_word(ORACLE_POISON, w->nr, at))
				continue;
			oracle_fail(oracle, NULL, i, 1,
				    "memory outside of the arena was overwritten: page %u word %zu is %016llx",
				    i, at, word[at]);
			return;
		}
	}
}

void oracle_poison_before(struct oracle_worker *w, const char *mem,
			  unsigned int n)
{
	struct oracle *oracle = w->oracle;

	if (w->poisoned)
		check_poison(w);
	w->poisoned = false;
	npoisoned = n + 2 < ORACLE_POISON_PAGES ? n + 2 :
						       ORACLE_POISON_PAGES;
	nlost = 0;
	/* Look up page frames only in every eighth call, to save time. */
	for (unsigned int i = 0; !w->sample && i < n && i < 4; i++) {
		__u64 frame = hmm_pfn(mem + i * oracle->page);

		if (frame)
			lost_frames[nlost++] = frame;
	}
	w->sample = (w->sample + 1) % 8;
	madvise(w->poison, ORACLE_POISON_PAGES * oracle->page, MADV_DONTNEED);
}

void oracle_poison_after(struct oracle_worker *w)
{
	struct oracle *oracle = w->oracle;
	unsigned long reused = 0;
	__u64 frame;

	for (unsigned int i = 0; i < npoisoned; i++)
		oracle_fill(w->poison + i * oracle->page, oracle->page,
			    ORACLE_POISON, w->nr);
	w->poisoned = true;
	for (unsigned int i = 0; nlost && i < npoisoned; i++) {
		frame = hmm_pfn(w->poison + i * oracle->page);
		for (unsigned int k = 0; k < nlost; k++)
			reused += lost_frames[k] == frame;
	}
	oracle_count(oracle, ORACLE_COUNT_FRAMES, nlost);
	oracle_count(oracle, ORACLE_COUNT_REUSED, reused);
}
