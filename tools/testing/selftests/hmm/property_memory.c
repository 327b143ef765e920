// SPDX-License-Identifier: GPL-2.0
/*
 * Random changes of an address space, and of its model.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "property_agent.h"
#include "property_log.h"
#include "property_memory.h"
#include "property_model.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static const int protections[] = {
	PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
};

static const char *prot_name(int prot)
{
	return prot & PROT_WRITE ? "rw" : prot & PROT_READ ? "r" : "none";
}

/* Choose pages of the arena: mostly a few, sometimes a huge page or all. */
static void choose_pages(struct property *p, unsigned int *first,
			 unsigned int *n)
{
	unsigned int limit = 8;

	*first = property_pick(p, PROPERTY_PAGES);
	switch (property_pick(p, 10)) {
	case 0:
		*first = property_pick(p, 2) * PROPERTY_HUGE;
		*n = PROPERTY_HUGE;
		return;
	case 1:
		*first = 0;
		*n = PROPERTY_PAGES;
		return;
	case 2:
	case 3:
		limit = PROPERTY_HUGE;
		break;
	case 4:
	case 5:
	case 6:
		limit = 64;
	}
	*n = 1 + property_pick(p, limit);
	if (*n > PROPERTY_PAGES - *first)
		*n = PROPERTY_PAGES - *first;
}

typedef bool (*page_test)(const struct property_model_page *page);

static bool is_mapped(const struct property_model_page *page)
{
	return page->mapped;
}

static bool is_private(const struct property_model_page *page)
{
	return page->mapped && !page->shared;
}

static bool is_readable(const struct property_model_page *page)
{
	return page->mapped && page->prot & PROT_READ;
}

static bool is_writable(const struct property_model_page *page)
{
	return page->mapped && page->prot & PROT_WRITE;
}

/* A child has a copy of such memory. */
static bool is_private_writable(const struct property_model_page *page)
{
	return is_writable(page) && !page->shared;
}

/*
 * Choose a run of pages that pass the test. It begins at the first such page at
 * or after a random page. Returns false if no such page exists.
 */
static bool choose_run(struct property *p, const struct property_space *space,
		       page_test test, unsigned int *first, unsigned int *n)
{
	unsigned int i, k;

	choose_pages(p, first, n);
	for (i = *first; i < PROPERTY_PAGES && !test(&space->page[i]); i++)
		;
	for (k = 0; k < *n && i + k < PROPERTY_PAGES &&
	     test(&space->page[i + k]); k++)
		;
	*first = i;
	*n = k;
	return k;
}

static bool give_order(struct property *p, unsigned int agent,
		       enum property_order what, unsigned int first,
		       unsigned int n)
{
	struct property_mailbox *box = p->mailbox[agent];

	box->order = what;
	box->first = first;
	box->n = n;
	if (!property_order(p, agent))
		return false;
	property_add_note(p, ": %s", property_errno(box->result));
	return true;
}

static void set_unmapped(struct property_model_page *page, unsigned int n)
{
	for (; n; n--, page++)
		*page = (struct property_model_page){};
}

static void change_map(struct property *p, unsigned int agent)
{
	struct property_space *space = &p->space[agent];
	struct property_mailbox *box = p->mailbox[agent];
	unsigned int first, n;

	choose_pages(p, &first, &n);
	box->arg = protections[property_pick(p, 4)];
	box->shared = property_once_in(p, 5);
	property_note(p, "agent %u: mmap pages %u+%u, %s, %s", agent, first, n,
		      prot_name(box->arg), box->shared ? "shared" : "private");
	if (!give_order(p, agent, PROPERTY_MAP, first, n))
		return;
	if (box->result) {
		property_fail(p, "mmap failed");
		return;
	}
	for (unsigned int i = first; i < first + n; i++)
		space->page[i] = (struct property_model_page){
			.mapped = true,
			.prot = box->arg,
			.shared = box->shared,
		};
}

static void change_unmap(struct property *p, unsigned int agent)
{
	unsigned int first, n;

	choose_pages(p, &first, &n);
	property_note(p, "agent %u: munmap pages %u+%u", agent, first, n);
	if (!give_order(p, agent, PROPERTY_UNMAP, first, n))
		return;
	if (p->mailbox[agent]->result)
		property_fail(p, "munmap failed");
	set_unmapped(&p->space[agent].page[first], n);
}

static void change_protect(struct property *p, unsigned int agent)
{
	struct property_space *space = &p->space[agent];
	struct property_mailbox *box = p->mailbox[agent];
	unsigned int first, n;

	if (!choose_run(p, space, is_mapped, &first, &n))
		return;
	box->arg = protections[property_pick(p, 4)];
	property_note(p, "agent %u: mprotect pages %u+%u, %s", agent, first, n,
		      prot_name(box->arg));
	if (!give_order(p, agent, PROPERTY_PROTECT, first, n))
		return;
	if (box->result) {
		property_fail(p, "mprotect failed");
		return;
	}
	for (unsigned int i = first; i < first + n; i++) {
		space->page[i].reduced = space->page[i].prot & ~box->arg;
		space->page[i].prot = box->arg;
	}
}

static void apply_advice(struct property_space *space, unsigned int first,
			 unsigned int n, int advice)
{
	for (unsigned int i = first; i < first + n; i++) {
		struct property_model_page *page = &space->page[i];

		if (!page->mapped)
			continue;
		/* Shared memory is only unmapped and keeps its content. */
		if (advice == MADV_DONTNEED && !page->shared) {
			page->stamp = 0;
			page->maybe_zero = false;
		}
		if (advice == MADV_FREE)
			page->maybe_zero = true;
	}
}

static void change_advise(struct property *p, unsigned int agent)
{
	static const struct {
		int advice;
		const char *name;
		page_test test;
	} kinds[] = {
		{ MADV_DONTNEED, "DONTNEED", is_mapped },
		{ MADV_DONTNEED, "DONTNEED", is_mapped },
		{ MADV_FREE, "FREE", is_private },
		{ MADV_HUGEPAGE, "HUGEPAGE", is_mapped },
		{ MADV_NOHUGEPAGE, "NOHUGEPAGE", is_mapped },
		{ MADV_COLLAPSE, "COLLAPSE", is_private },
	};
	unsigned int kind = property_pick(p, 6), first, n;
	struct property_space *space = &p->space[agent];
	struct property_mailbox *box = p->mailbox[agent];

	if (!choose_run(p, space, kinds[kind].test, &first, &n))
		return;
	box->arg = kinds[kind].advice;
	property_note(p, "agent %u: madvise %s pages %u+%u", agent,
		      kinds[kind].name, first, n);
	if (!give_order(p, agent, PROPERTY_ADVISE, first, n))
		return;
	/* The kernel may lack huge pages, or may not support the advice. */
	if (box->result && (box->arg == MADV_DONTNEED || box->arg == MADV_FREE))
		property_fail(p, "madvise failed");
	apply_advice(space, first, n, box->arg);
}

static void change_write(struct property *p, unsigned int agent)
{
	struct property_space *space = &p->space[agent];
	struct property_mailbox *box = p->mailbox[agent];
	unsigned int first, n;

	if (!choose_run(p, space, is_writable, &first, &n))
		return;
	p->stamps += PROPERTY_PAGES;
	box->stamp = p->stamps;
	property_note(p, "agent %u: write pages %u+%u", agent, first, n);
	if (!give_order(p, agent, PROPERTY_WRITE, first, n))
		return;
	for (unsigned int i = 0; i < n; i++) {
		space->page[first + i].stamp = box->stamp + i;
		space->page[first + i].maybe_zero = false;
	}
}

/* The process must read the content in the model, even if a device wrote it. */
static void change_read(struct property *p, unsigned int agent)
{
	struct property_space *space = &p->space[agent];
	struct property_mailbox *box = p->mailbox[agent];
	unsigned int first, n;

	if (!choose_run(p, space, is_readable, &first, &n))
		return;
	property_note(p, "agent %u: read pages %u+%u", agent, first, n);
	if (!give_order(p, agent, PROPERTY_READ, first, n))
		return;
	for (unsigned int i = 0; i < n; i++) {
		const struct property_model_page *page;
		const __u64 *words = box->words[i];

		page = &space->page[first + i];
		if (words[0] == page->stamp &&
		    words[1] == (page->stamp ? ~page->stamp : 0))
			continue;
		if (page->maybe_zero && !words[0] && !words[1])
			continue;
		property_fail(p, "page %u reads as %#llx %#llx, but its stamp is %#llx",
			      first + i, words[0], words[1], page->stamp);
		return;
	}
}

static void change_move(struct property *p, unsigned int agent)
{
	struct property_space *space = &p->space[agent];
	struct property_mailbox *box = p->mailbox[agent];
	unsigned int first, n, to;

	if (!choose_run(p, space, is_mapped, &first, &n))
		return;
	to = property_pick(p, PROPERTY_PAGES - n + 1);
	if (to < first + n && first < to + n)
		return;
	box->to = to;
	property_note(p, "agent %u: mremap pages %u+%u to %u", agent, first, n,
		      to);
	if (!give_order(p, agent, PROPERTY_MOVE, first, n))
		return;
	set_unmapped(&space->page[to], n);
	/* mremap() fails if the pages belong to several mappings. */
	if (box->result)
		return;
	for (unsigned int i = 0; i < n; i++)
		space->page[to + i] = space->page[first + i];
	set_unmapped(&space->page[first], n);
}

static void change_fork(struct property *p, unsigned int agent)
{
	struct property_space *space = &p->space[agent];
	struct property_mailbox *box = p->mailbox[agent];
	unsigned int first = 0, n = 0;

	if (space->child) {
		property_note(p, "agent %u: kill the child", agent);
		if (give_order(p, agent, PROPERTY_REAP, 0, 0) && box->result)
			property_fail(p, "the child was not killed");
		space->child = false;
		return;
	}
	if (!choose_run(p, space, is_private_writable, &first, &n))
		return;
	p->stamps += PROPERTY_PAGES;
	box->stamp = p->stamps;
	property_note(p, "agent %u: fork, and the child writes pages %u+%u",
		      agent, first, n);
	if (!give_order(p, agent, PROPERTY_FORK, first, n))
		return;
	if (box->result)
		property_fail(p, "fork failed");
	space->child = !box->result;
}

void property_exit_agent(struct property *p, unsigned int agent)
{
	struct property_space *space = &p->space[agent];

	property_note(p, "agent %u: exit", agent);
	p->mailbox[agent]->order = PROPERTY_EXIT;
	if (!property_order(p, agent))
		return;
	set_unmapped(space->page, PROPERTY_PAGES);
	/* The exit makes all objects collide, even if no page was mapped. */
	for (unsigned int i = 0; i < PROPERTY_INTERVALS; i++)
		if (p->interval[i].used &&
		    p->mirror[p->interval[i].mirror].space == agent)
			p->interval[i].must_retry = true;
	for (unsigned int i = 0; i < PROPERTY_RANGES; i++)
		if (p->range[i].used &&
		    p->mirror[p->range[i].mirror].space == agent)
			p->range[i].must_collide = true;
}

void property_change(struct property *p)
{
	static void (*const changes[])(struct property *p, unsigned int) = {
		change_map, change_map, change_unmap, change_protect,
		change_advise, change_advise, change_write, change_write,
		change_write, change_read, change_move, change_fork,
	};
	unsigned int agent = property_pick(p, PROPERTY_AGENTS);
	unsigned int what = property_pick(p, sizeof(changes) /
					     sizeof(changes[0]));

	if (!p->space[agent].alive)
		return;
	changes[what](p, agent);
}
