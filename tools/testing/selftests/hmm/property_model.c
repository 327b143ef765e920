// SPDX-License-Identifier: GPL-2.0
/*
 * The model: see property_model.h.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "hmm_pagemap.h"
#include "property_log.h"
#include "property_model.h"

/* Only this process maps the page, and only once. */
#define PAGEMAP_EXCLUSIVE	0x0100000000000000ULL

struct property_model_page *property_page_at(struct property *p,
					     unsigned int space, __u64 addr)
{
	if (addr < PROPERTY_BASE ||
	    addr >= PROPERTY_BASE + PROPERTY_PAGES * PROPERTY_PAGE)
		return NULL;
	return &p->space[space].page[(addr - PROPERTY_BASE) / PROPERTY_PAGE];
}

static __u64 frame(__u64 entry)
{
	return entry & HMM_PAGEMAP_PFN;
}

/* Whether the address space has lost page i in the last step. */
static bool lost(const struct property_space *space, unsigned int i)
{
	const __u64 before = space->before[i], now = space->map[i];
	const struct property_model_page *page = &space->page[i];

	if (!(before & HMM_PAGEMAP_PRESENT))
		return false;
	if (!(now & HMM_PAGEMAP_PRESENT) || frame(before) != frame(now))
		return true;
	/* After a fork, a private page must be copied before a write. */
	if (before & PAGEMAP_EXCLUSIVE && !(now & PAGEMAP_EXCLUSIVE) &&
	    !page->shared && page->prot & PROT_WRITE)
		return true;
	return page->reduced;
}

static void mark_lost(struct property *p, unsigned int space, __u64 addr)
{
	for (unsigned int i = 0; i < PROPERTY_INTERVALS; i++) {
		struct property_interval *interval = &p->interval[i];

		if (interval->used &&
		    p->mirror[interval->mirror].space == space &&
		    interval->start < addr + PROPERTY_PAGE &&
		    interval->last >= addr)
			interval->must_retry = true;
	}
	for (unsigned int i = 0; i < PROPERTY_RANGES; i++) {
		struct property_range *range = &p->range[i];

		if (range->used && p->mirror[range->mirror].space == space &&
		    range->start <= addr && addr < range->end)
			range->must_collide = true;
	}
}

void property_find_lost_pages(struct property *p)
{
	for (unsigned int i = 0; i < PROPERTY_AGENTS; i++) {
		struct property_space *space = &p->space[i];

		for (unsigned int k = 0; k < PROPERTY_PAGES; k++) {
			if (lost(space, k))
				mark_lost(p, i, PROPERTY_BASE +
					  k * PROPERTY_PAGE);
			space->page[k].reduced = false;
		}
	}
}

bool property_dead(const struct property *p, unsigned int mirror)
{
	return !p->space[p->mirror[mirror].space].alive;
}

bool property_covered(const struct property *p,
		      const struct property_range *range)
{
	const struct property_interval *interval;

	if (range->interval == PROPERTY_NONE)
		return true;
	interval = &p->interval[range->interval];
	return interval->start <= range->start &&
	       range->end - 1 <= interval->last;
}

bool property_has_callback(const struct property *p,
			   const struct property_range *range)
{
	if (p->mirror[range->mirror].kind == HMM_PROPERTY_MIRROR_SYNC)
		return true;
	return range->interval != PROPERTY_NONE &&
	       p->interval[range->interval].kind != HMM_PROPERTY_INTERVAL_PLAIN;
}

/* A possible result of a find. */
struct property_candidate {
	int number;
	__u64 start, entered;
};

static void update_candidate(struct property_candidate *best, int number,
			     __u64 start, __u64 entered)
{
	if (best->number != PROPERTY_NONE &&
	    (start > best->start ||
	     (start == best->start && entered > best->entered)))
		return;
	best->number = number;
	best->start = start;
	best->entered = entered;
}

/*
 * The interval with the lowest start. If several have this start, the one that
 * entered the tree first.
 */
int property_expect_find(const struct property *p, unsigned int mirror,
			 unsigned int kind, __u64 start, __u64 last)
{
	struct property_candidate best = { .number = PROPERTY_NONE };

	for (unsigned int i = 0; i < PROPERTY_INTERVALS; i++) {
		const struct property_interval *interval = &p->interval[i];

		if (interval->used && interval->mirror == mirror &&
		    interval->kind == kind && interval->start <= last &&
		    interval->last >= start)
			update_candidate(&best, i, interval->start,
					 interval->entered);
	}
	if (kind != HMM_PROPERTY_INTERVAL_PLAIN)
		return best.number;
	for (unsigned int i = 0; i < PROPERTY_RANGES; i++) {
		const struct property_range *range = &p->range[i];

		if (range->used && range->mirror == mirror &&
		    range->interval == PROPERTY_NONE && range->start <= last &&
		    range->end - 1 >= start)
			update_candidate(&best, HMM_PROPERTY_FOUND_RANGE + i,
					 range->start, range->entered);
	}
	return best.number;
}

int property_first_error(struct property *p, const struct property_range *range)
{
	const unsigned int space = p->mirror[range->mirror].space;

	for (unsigned int i = 0; i < range->npages; i++) {
		const struct property_model_page *page;

		if (!range->requests[i])
			continue;
		page = property_page_at(p, space,
					range->start + i * PROPERTY_PAGE);
		if (!page || !page->mapped || !(page->prot & PROT_READ))
			return -EFAULT;
		if (range->requests[i] & HMM_PROPERTY_REQ_WRITE &&
		    !(page->prot & PROT_WRITE))
			return -EPERM;
	}
	return 0;
}

static bool content_right(const struct property_model_page *page,
			  const struct hmm_property_entry *entry)
{
	if (!entry->first && !entry->second)
		return !page->stamp || page->maybe_zero;
	return entry->first == page->stamp && entry->second == ~page->stamp;
}

/* Returns why an entry that is not valid is wrong, or NULL. */
static const char *check_absent(const struct property_model_page *page,
				__u64 now, __u64 entry)
{
	const bool usable = page && page->mapped && page->prot & PROT_READ;

	if (entry & HMM_PROPERTY_ERROR && usable)
		return "is an error, but the process can read there";
	if (!(entry & HMM_PROPERTY_ERROR) && !usable)
		return "is not an error, but the process cannot read there";
	if (!(entry & HMM_PROPERTY_ERROR) && now & HMM_PAGEMAP_PRESENT)
		return "is absent, but the process has a page there";
	return NULL;
}

/* Returns why an entry that is valid is wrong, or NULL. */
static const char *check_present(const struct property_model_page *page,
				 __u64 now,
				 const struct hmm_property_entry *entry)
{
	if (!page || !page->mapped)
		return "is valid, but nothing is mapped there";
	if (!(page->prot & PROT_READ))
		return "is valid, but the process may not read there";
	if (!(now & HMM_PAGEMAP_PRESENT))
		return "is valid, but the process has no page there";
	if (frame(now) != (entry->entry & HMM_PROPERTY_PFN))
		return "is valid, but the process has another page there";
	if (entry->entry & HMM_PROPERTY_WRITE && !(page->prot & PROT_WRITE))
		return "is writable, but the process may not write there";
	if (entry->entry & HMM_PROPERTY_WRITE && !page->shared &&
	    !(now & PAGEMAP_EXCLUSIVE))
		return "is writable, but the page is shared with another process";
	if (!content_right(page, entry))
		return "is valid, but the page has a different content";
	return NULL;
}

void property_check_page(struct property *p, const char *who,
			 const struct property_range *range, bool fresh,
			 const struct hmm_property_entry *entry)
{
	const unsigned int nr = p->mirror[range->mirror].space;
	const __u64 addr = range->start + entry->page * PROPERTY_PAGE;
	struct property_space *space = &p->space[nr];
	struct property_model_page *page = property_page_at(p, nr, addr);
	const char *wrong = NULL;
	__u64 now = 0;

	p->pages++;
	if (page) {
		now = space->map[page - space->page];
		/* The kernel, for example khugepaged, has moved the page. */
		if (now != space->before[page - space->page]) {
			p->unsteady++;
			return;
		}
	}
	if (entry->entry & HMM_PROPERTY_VALID)
		wrong = check_present(page, now, entry);
	else if (fresh)
		wrong = check_absent(page, now, entry->entry);
	if (!wrong)
		return;
	property_fail(p, "%s: entry %#llx of %#llx in space %u %s",
		      who, entry->entry, addr, nr, wrong);
	property_add_note(p, "; model: %s %s%s, stamp %#llx",
			  page && page->mapped ? "mapped" : "not mapped",
			  page && page->prot & PROT_READ ? "r" : "-",
			  page && page->prot & PROT_WRITE ? "w" : "-",
			  page ? page->stamp : 0);
	property_add_note(p, "; contents %#llx %#llx, pagemap %#llx",
			  entry->first, entry->second, now);
}
