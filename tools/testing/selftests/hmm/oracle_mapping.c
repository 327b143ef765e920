// SPDX-License-Identifier: GPL-2.0
/*
 * Changes of mappings and of protections.
 */
#include <errno.h>
#include <sys/mman.h>

#include "oracle_mapping.h"
#include "oracle_poison.h"
#include "oracle_report.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static void oracle_protect(struct oracle_worker *w, struct oracle_step *s,
			   int how)
{
	const char *what = how == ORACLE_NO_WRITE ? "mprotect, read-only" :
						    "mprotect, none";

	oracle_step_shut(w, s, how);
	if (mprotect(s->mem, s->size, how == ORACLE_NO_WRITE ? PROT_READ :
		     PROT_NONE))
		oracle_step_failed(w, s, what);
	oracle_step_set_window(w, s, ORACLE_WINDOW_SHUT);
	oracle_step_block(s, how);
	oracle_step_expect_lost(w, s, how != ORACLE_NO_WRITE, what);
	oracle_step_log(w, s, what, 0);
}

void oracle_make_read_only(struct oracle_worker *w, struct oracle_step *s)
{
	oracle_protect(w, s, ORACLE_NO_WRITE);
}

void oracle_make_inaccessible(struct oracle_worker *w, struct oracle_step *s)
{
	oracle_protect(w, s, ORACLE_NO_ACCESS);
}

void oracle_unmap(struct oracle_worker *w, struct oracle_step *s)
{
	size_t page = w->oracle->page;
	const char *what = "munmap";

	if (!oracle_step_keeps_content(s) &&
	    !oracle_step_begin(w, s, ORACLE_NO_ID))
		return;
	oracle_step_shut(w, s, ORACLE_HOLE);
	oracle_poison_before(w, s->mem, s->n);
	/*
	 * Unmap the pages, or sometimes shrink the mapping, which fails if it
	 * consists of several vmas.
	 */
	if (s->first && oracle_pick(w, 2) &&
	    mremap(s->mem - page, s->size + page, page, 0) != MAP_FAILED)
		what = "mremap, shrinking";
	else if (munmap(s->mem, s->size))
		oracle_step_failed(w, s, what);
	oracle_poison_after(w);
	if (!oracle_step_keeps_content(s))
		oracle_step_end(w, s, ORACLE_DONE);
	oracle_step_set_window(w, s, ORACLE_WINDOW_SHUT);
	oracle_step_block(s, ORACLE_HOLE);
	oracle_step_expect_lost(w, s, true, what);
	oracle_step_log(w, s, what, 0);
}

void oracle_restore(struct oracle_worker *w,
		    struct oracle_region *region)
{
	struct oracle_step s = oracle_step_make(w, region,
						region->blocked_first,
						region->blocked);
	bool hole = region->blocked_by == ORACLE_HOLE;
	size_t page = w->oracle->page;
	const char *what = "mprotect, all";

	if (hole && !oracle_step_keeps_content(&s) &&
	    !oracle_step_begin(w, &s, 0))
		return;
	oracle_step_set_window(w, &s, ORACLE_WINDOW_OPENING);
	if (!hole) {
		if (mprotect(s.mem, s.size, PROT_READ | PROT_WRITE))
			oracle_step_failed(w, &s, what);
	} else if (s.first && !oracle_pick(w, 3) &&
		   mremap(s.mem - page, page, s.size + page, 0) !=
		   MAP_FAILED) {
		what = "mremap, growing";
	} else {
		oracle_step_map(w, &s);
		what = "mmap";
	}
	if (hole && !oracle_step_keeps_content(&s))
		oracle_step_end(w, &s, ORACLE_DONE);
	oracle_step_set_window(w, &s, ORACLE_WINDOW_OPEN);
	region->blocked = 0;
	oracle_step_log(w, &s, what, 0);
}

/* Map new memory over the pages. No access may observe a hole. */
void oracle_map_over(struct oracle_worker *w, struct oracle_step *s)
{
	if (!oracle_step_keeps_content(s) && !oracle_step_begin(w, s, 0))
		return;
	oracle_poison_before(w, s->mem, s->n);
	oracle_step_map(w, s);
	oracle_poison_after(w);
	if (!oracle_step_keeps_content(s))
		oracle_step_end(w, s, ORACLE_DONE);
	oracle_step_log(w, s, "mmap over the pages", 0);
}

static void move_done(struct oracle_worker *w, struct oracle_step *from,
		      struct oracle_step *to, bool keep)
{
	struct oracle *oracle = w->oracle;
	struct oracle_allowed content;
	__u64 now = oracle_tick(oracle);

	for (unsigned int i = 0; i < to->n; i++) {
		oracle_allowed(oracle, &from->slot[i], from->begin, now,
			       from->op[i], &content);
		oracle_op_end_moved(oracle, &to->slot[i], to->op[i], &content);
	}
	oracle_step_end(w, from, ORACLE_DONE);
	oracle_step_set_window(w, to, ORACLE_WINDOW_OPEN);
	if (keep) {
		oracle_step_set_window(w, from, ORACLE_WINDOW_OPEN);
	} else {
		oracle_step_set_window(w, from, ORACLE_WINDOW_SHUT);
		oracle_step_block(from, ORACLE_HOLE);
		oracle_step_expect_lost(w, from, true, "mremap, moving away");
	}
}

/*
 * Move pages to other addresses in the region. The previous content of these
 * addresses is lost. A write to the source that is in progress when the move
 * begins may take effect at either address.
 */
void oracle_move(struct oracle_worker *w, struct oracle_step *s)
{
	static const struct oracle_allowed zero = { .nids = 1 };
	struct oracle_region *region = s->region;
	bool keep = oracle_pick(w, 2);
	struct oracle_step to;
	unsigned int first;
	void *mem;

	first = oracle_pick(w, region->npages - s->n + 1);
	if (first < s->first + s->n && s->first < first + s->n)
		return;
	to = oracle_step_make(w, region, first, s->n);
	if (!oracle_step_begin(w, s, keep ? 0 : ORACLE_NO_ID))
		return;
	if (!oracle_step_begin(w, &to, ORACLE_LATER_ID)) {
		oracle_step_end(w, s, ORACLE_NO_EFFECT);
		return;
	}
	oracle_step_shut(w, s, ORACLE_HOLE);
	oracle_step_shut(w, &to, ORACLE_HOLE);
	oracle_poison_before(w, to.mem, to.n);
	mem = mremap(s->mem, s->size, s->size, MREMAP_MAYMOVE | MREMAP_FIXED |
		     (keep ? MREMAP_DONTUNMAP : 0), to.mem);
	if (mem == MAP_FAILED) {
		/* The source spans several vmas. The target may be a hole. */
		oracle_step_map(w, &to);
		for (unsigned int i = 0; i < to.n; i++)
			oracle_op_end_moved(w->oracle, &to.slot[i], to.op[i],
					    &zero);
		oracle_step_end(w, s, ORACLE_NO_EFFECT);
		oracle_step_set_window(w, s, ORACLE_WINDOW_OPEN);
		oracle_step_set_window(w, &to, ORACLE_WINDOW_OPEN);
	}
	oracle_poison_after(w);
	if (mem != MAP_FAILED) {
		move_done(w, s, &to, keep);
		oracle_count(w->oracle, ORACLE_COUNT_MOVED, 1);
	}
	oracle_step_log(w, s, keep ? "mremap from, DONTUNMAP" : "mremap from",
			mem == MAP_FAILED);
	oracle_step_log(w, &to, "mremap to", mem == MAP_FAILED);
}
