// SPDX-License-Identifier: GPL-2.0
/*
 * One change of the arena, and its record in the histories.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "oracle_report.h"
#include "oracle_step.h"

struct oracle_step oracle_step_make(struct oracle_worker *w,
				    struct oracle_region *region,
				    unsigned int first, unsigned int n)
{
	struct oracle_step s = {
		.region = region,
		.slot = region->slot + first,
		.op = region->op + first,
		.first = first,
		.n = n,
		.mem = region->mem + first * w->oracle->page,
		.size = n * w->oracle->page,
		.begin = oracle_tick(w->oracle),
	};

	return s;
}

void oracle_step_log(struct oracle_worker *w, const struct oracle_step *s,
		     const char *what, int ret)
{
	oracle_count(w->oracle, ORACLE_COUNT_CHANGES, 1);
	oracle_log(w, what, s->region, s->first, s->n, 0, ret, s->begin,
		   oracle_tick(w->oracle));
}

void oracle_step_failed(struct oracle_worker *w, const struct oracle_step *s,
			const char *what)
{
	oracle_fail(w->oracle, s->region, s->first, s->n,
		    "%s of %u %s pages from %u: %s", what, s->n,
		    s->region->name, s->first, strerror(errno));
}

bool oracle_step_begin(struct oracle_worker *w, struct oracle_step *s,
		       long id)
{
	for (unsigned int i = 0; i < s->n; i++) {
		s->op[i] = oracle_op_begin(w->oracle, &s->slot[i], id);
		if (s->op[i])
			continue;
		while (i--)
			oracle_op_end(w->oracle, &s->slot[i], s->op[i],
				      ORACLE_NO_EFFECT);
		return false;
	}
	return true;
}

void oracle_step_end(struct oracle_worker *w, struct oracle_step *s,
		     enum oracle_outcome outcome)
{
	for (unsigned int i = 0; i < s->n; i++)
		oracle_op_end(w->oracle, &s->slot[i], s->op[i], outcome);
}

bool oracle_step_keeps_content(const struct oracle_step *s)
{
	return s->region->kind == ORACLE_SHARED;
}

void oracle_step_shut(struct oracle_worker *w, struct oracle_step *s,
		      int how)
{
	for (unsigned int i = 0; i < s->n; i++)
		oracle_window_shut(w->oracle, &s->slot[i],
				   how == ORACLE_NO_WRITE ? how :
				   ORACLE_NO_ACCESS);
}

void oracle_step_set_window(struct oracle_worker *w, struct oracle_step *s,
			    size_t field)
{
	for (unsigned int i = 0; i < s->n; i++)
		oracle_window_set(w->oracle, &s->slot[i], field);
}

void oracle_step_block(struct oracle_step *s, int how)
{
	s->region->blocked_first = s->first;
	s->region->blocked = s->n;
	s->region->blocked_by = how;
}

void oracle_step_expect_lost(struct oracle_worker *w,
			     const struct oracle_step *s, bool all,
			     const char *what)
{
	struct oracle *oracle = w->oracle;
	long left;

	for (int i = 0; i < 2; i++) {
		left = all ? hmm_entries(oracle->fd[i], s->mem, s->n) :
			     hmm_mismatches(oracle->fd[i], s->mem, s->n);
		if (left)
			oracle_fail(oracle, s->region, s->first, s->n,
				    "%s of %u %s pages from %u returned, but device %d still has %ld stale entries",
				    what, s->n, s->region->name, s->first, i,
				    left);
	}
}

bool oracle_step_map(struct oracle_worker *w, struct oracle_step *s)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	if (s->region->kind == ORACLE_SHARED)
		flags = MAP_SHARED | MAP_FIXED;
	if (mmap(s->mem, s->size, PROT_READ | PROT_WRITE, flags,
		 s->region->memfd,
		 s->region->memfd < 0 ? 0 : s->first * w->oracle->page) ==
	    MAP_FAILED) {
		oracle_step_failed(w, s, "mmap");
		return false;
	}
	/* Ignore errors, because a kernel may lack THP or KSM. */
	madvise(s->mem, s->size, s->region->kind == ORACLE_HUGE ?
		MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (s->region->kind == ORACLE_MERGED)
		madvise(s->mem, s->size, MADV_MERGEABLE);
	return true;
}
