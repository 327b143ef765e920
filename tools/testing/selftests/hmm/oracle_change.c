// SPDX-License-Identifier: GPL-2.0
/*
 * What a process does to its memory while devices access it.
 *
 * Whoever changes a region holds its mutex, so that the begin of one change
 * is not the end of another. Accesses take no lock: they are to collide.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oracle.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#ifndef MADV_COLD
#define MADV_COLD	20
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* One change, of n pages from first on. */
struct oracle_step {
	struct oracle_region *region;
	struct oracle_slot *slot;
	struct oracle_op **op;
	unsigned int first, n;
	char *mem;
	size_t size;
	__u64 begin;
};

static struct oracle_step oracle_step(struct oracle_worker *w,
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

static void oracle_done(struct oracle_worker *w, const struct oracle_step *s,
			const char *what, int ret)
{
	oracle_count(w->oracle, ORACLE_COUNT_CHANGES, 1);
	oracle_log(w, what, s->region, s->first, s->n, 0, ret, s->begin,
		   oracle_tick(w->oracle));
}

/* Content is about to change; false if the history has no room for that. */
static bool oracle_begin(struct oracle_worker *w, struct oracle_step *s,
			 long id)
{
	for (unsigned int i = 0; i < s->n; i++) {
		s->op[i] = oracle_op_begin(w->oracle, &s->slot[i], id);
		if (s->op[i])
			continue;
		while (i--)
			oracle_op_end(w->oracle, &s->slot[i], s->op[i],
				      ORACLE_VOID);
		return false;
	}
	return true;
}

static void oracle_end(struct oracle_worker *w, struct oracle_step *s,
		       enum oracle_outcome outcome)
{
	for (unsigned int i = 0; i < s->n; i++)
		oracle_op_end(w->oracle, &s->slot[i], s->op[i], outcome);
}

static void oracle_shut(struct oracle_worker *w, struct oracle_step *s,
			int how)
{
	for (unsigned int i = 0; i < s->n; i++)
		oracle_window_shut(w->oracle, &s->slot[i],
				   how == ORACLE_NO_WRITE ? how :
							    ORACLE_NO_ACCESS);
}

static void oracle_set(struct oracle_worker *w, struct oracle_step *s,
		       size_t field)
{
	for (unsigned int i = 0; i < s->n; i++)
		oracle_window_set(w->oracle, &s->slot[i], field);
}

#define ORACLE_SHUT	offsetof(struct oracle_window, shut)
#define ORACLE_OPENING	offsetof(struct oracle_window, opening)
#define ORACLE_OPEN	offsetof(struct oracle_window, open)

static bool oracle_keeps_content(const struct oracle_step *s)
{
	return s->region->kind == ORACLE_SHARED;
}

/* It has returned, so the devices have lost what it took. */
static void oracle_expect_taken(struct oracle_worker *w,
				const struct oracle_step *s, bool all,
				const char *what)
{
	struct oracle *oracle = w->oracle;
	long left;

	for (int i = 0; i < 2; i++) {
		left = all ? hmm_entries(oracle->fd[i], s->mem, s->n) :
			     hmm_mismatches(oracle->fd[i], s->mem, s->n);
		if (left)
			oracle_wrong(oracle, s->region, s->first, s->n,
				     "%s of %u %s pages from %u returned, but device %d keeps %ld entries",
				     what, s->n, s->region->name, s->first, i,
				     left);
	}
}

static void oracle_failed(struct oracle_worker *w, const struct oracle_step *s,
			  const char *what)
{
	oracle_wrong(w->oracle, s->region, s->first, s->n,
		     "%s of %u %s pages from %u: %s", what, s->n,
		     s->region->name, s->first, strerror(errno));
}

/* Map it as it was at first; zeros, unless it is shared. */
static bool oracle_map(struct oracle_worker *w, struct oracle_step *s)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	if (s->region->kind == ORACLE_SHARED)
		flags = MAP_SHARED | MAP_FIXED;
	if (mmap(s->mem, s->size, PROT_READ | PROT_WRITE, flags,
		 s->region->memfd,
		 s->region->memfd < 0 ? 0 : s->first * w->oracle->page) ==
	    MAP_FAILED) {
		oracle_failed(w, s, "mmap");
		return false;
	}
	/* A kernel without these has none of the pages either. */
	madvise(s->mem, s->size, s->region->kind == ORACLE_HUGE ?
				 MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (s->region->kind == ORACLE_MERGED)
		madvise(s->mem, s->size, MADV_MERGEABLE);
	return true;
}

static void oracle_away(struct oracle_step *s, int how)
{
	s->region->first = s->first;
	s->region->away = s->n;
	s->region->how = how;
}

static void oracle_protect(struct oracle_worker *w, struct oracle_step *s,
			   int how)
{
	const char *what = how == ORACLE_NO_WRITE ? "mprotect, read-only" :
						    "mprotect, none";

	oracle_shut(w, s, how);
	if (mprotect(s->mem, s->size, how == ORACLE_NO_WRITE ? PROT_READ :
							       PROT_NONE))
		oracle_failed(w, s, what);
	oracle_set(w, s, ORACLE_SHUT);
	oracle_away(s, how);
	oracle_expect_taken(w, s, how != ORACLE_NO_WRITE, what);
	oracle_done(w, s, what, 0);
}

static void oracle_read_only(struct oracle_worker *w, struct oracle_step *s)
{
	oracle_protect(w, s, ORACLE_NO_WRITE);
}

static void oracle_no_access(struct oracle_worker *w, struct oracle_step *s)
{
	oracle_protect(w, s, ORACLE_NO_ACCESS);
}

static void oracle_unmap(struct oracle_worker *w, struct oracle_step *s)
{
	size_t page = w->oracle->page;
	const char *what = "munmap";

	if (!oracle_keeps_content(s) && !oracle_begin(w, s, -1))
		return;
	oracle_shut(w, s, ORACLE_HOLE);
	oracle_poison_before(w, s->mem, s->n);
	/* A mapping that shrinks loses its tail; it must be one vma. */
	if (s->first && oracle_pick(w, 2) &&
	    mremap(s->mem - page, s->size + page, page, 0) != MAP_FAILED)
		what = "mremap, shrinking";
	else if (munmap(s->mem, s->size))
		oracle_failed(w, s, what);
	oracle_poison_after(w);
	if (!oracle_keeps_content(s))
		oracle_end(w, s, ORACLE_SURE);
	oracle_set(w, s, ORACLE_SHUT);
	oracle_away(s, ORACLE_HOLE);
	oracle_expect_taken(w, s, true, what);
	oracle_done(w, s, what, 0);
}

/* Give back what was taken from a region. */
static void oracle_restore(struct oracle_worker *w,
			   struct oracle_region *region)
{
	struct oracle_step s = oracle_step(w, region, region->first,
					   region->away);
	bool hole = region->how == ORACLE_HOLE;
	size_t page = w->oracle->page;
	const char *what = "mprotect, all";

	if (hole && !oracle_keeps_content(&s) && !oracle_begin(w, &s, 0))
		return;
	oracle_set(w, &s, ORACLE_OPENING);
	if (!hole) {
		if (mprotect(s.mem, s.size, PROT_READ | PROT_WRITE))
			oracle_failed(w, &s, what);
	} else if (s.first && !oracle_pick(w, 3) &&
		   mremap(s.mem - page, page, s.size + page, 0) !=
		   MAP_FAILED) {
		what = "mremap, growing";
	} else {
		oracle_map(w, &s);
		what = "mmap";
	}
	if (hole && !oracle_keeps_content(&s))
		oracle_end(w, &s, ORACLE_SURE);
	oracle_set(w, &s, ORACLE_OPEN);
	region->away = 0;
	oracle_done(w, &s, what, 0);
}

static void oracle_zero(struct oracle_worker *w, struct oracle_step *s)
{
	bool shared = s->region->kind == ORACLE_SHARED;
	const char *what = shared ? "MADV_REMOVE" : "MADV_DONTNEED";
	int ret;

	if (!oracle_begin(w, s, 0))
		return;
	oracle_poison_before(w, s->mem, s->n);
	ret = madvise(s->mem, s->size, shared ? MADV_REMOVE : MADV_DONTNEED);
	if (ret)
		oracle_failed(w, s, what);
	oracle_poison_after(w);
	oracle_end(w, s, ORACLE_SURE);
	/* Otherwise they may have come back. */
	if (w->oracle->alone)
		oracle_expect_taken(w, s, true, what);
	oracle_done(w, s, what, ret);
}

/* Map over it: nobody may find a hole meanwhile. */
static void oracle_map_over(struct oracle_worker *w, struct oracle_step *s)
{
	if (!oracle_keeps_content(s) && !oracle_begin(w, s, 0))
		return;
	oracle_poison_before(w, s->mem, s->n);
	oracle_map(w, s);
	oracle_poison_after(w);
	if (!oracle_keeps_content(s))
		oracle_end(w, s, ORACLE_SURE);
	oracle_done(w, s, "mmap over it", 0);
}

/* From now until they are written to, the pages may become zeros. */
static void oracle_lazy_free(struct oracle_worker *w, struct oracle_step *s)
{
	int ret;

	if (!oracle_begin(w, s, 0))
		return;
	ret = madvise(s->mem, s->size, MADV_FREE);
	if (oracle_pick(w, 2))
		madvise(s->mem, s->size, MADV_PAGEOUT);
	oracle_end(w, s, ret ? ORACLE_VOID : ORACLE_PERHAPS);
	oracle_done(w, s, "MADV_FREE", ret);
}

/* What a move took away at the source, and what it brought. */
static void oracle_moved(struct oracle_worker *w, struct oracle_step *from,
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
	oracle_end(w, from, ORACLE_SURE);
	oracle_set(w, to, ORACLE_OPEN);
	if (keep) {
		oracle_set(w, from, ORACLE_OPEN);
	} else {
		oracle_set(w, from, ORACLE_SHUT);
		oracle_away(from, ORACLE_HOLE);
		oracle_expect_taken(w, from, true, "mremap, moving away");
	}
}

/*
 * Move pages to a place elsewhere in the region, whose content is lost. What
 * was written to the source when the move began may be found at either place.
 */
static void oracle_move(struct oracle_worker *w, struct oracle_step *s)
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
	to = oracle_step(w, region, first, s->n);
	if (!oracle_begin(w, s, keep ? 0 : -1))
		return;
	if (!oracle_begin(w, &to, -2)) {
		oracle_end(w, s, ORACLE_VOID);
		return;
	}
	oracle_shut(w, s, ORACLE_HOLE);
	oracle_shut(w, &to, ORACLE_HOLE);
	oracle_poison_before(w, to.mem, to.n);
	mem = mremap(s->mem, s->size, s->size, MREMAP_MAYMOVE | MREMAP_FIXED |
		     (keep ? MREMAP_DONTUNMAP : 0), to.mem);
	if (mem == MAP_FAILED) {
		/* Not one vma. The place may be a hole by now. */
		oracle_map(w, &to);
		for (unsigned int i = 0; i < to.n; i++)
			oracle_op_end_moved(w->oracle, &to.slot[i], to.op[i],
					    &zero);
		oracle_end(w, s, ORACLE_VOID);
		oracle_set(w, s, ORACLE_OPEN);
		oracle_set(w, &to, ORACLE_OPEN);
	}
	oracle_poison_after(w);
	if (mem != MAP_FAILED) {
		oracle_moved(w, s, &to, keep);
		oracle_count(w->oracle, ORACLE_COUNT_MOVED, 1);
	}
	oracle_done(w, s, keep ? "mremap from, staying" : "mremap from",
		    mem == MAP_FAILED);
	oracle_done(w, &to, "mremap to", mem == MAP_FAILED);
}

/* What changes where pages are, but not what they hold. */
static void oracle_advise(struct oracle_worker *w, struct oracle_step *s,
			  int advice, const char *what)
{
	int ret = madvise(s->mem, s->size, advice) ? -errno : 0;

	oracle_done(w, s, what, ret);
	if (!ret && advice == MADV_COLLAPSE)
		oracle_count(w->oracle, ORACLE_COUNT_COLLAPSED, 1);
}

static void oracle_collapse(struct oracle_worker *w, struct oracle_step *s)
{
	*s = oracle_step(w, s->region, 0, s->region->npages);
	oracle_advise(w, s, MADV_COLLAPSE, "MADV_COLLAPSE");
}

static void oracle_page_out(struct oracle_worker *w, struct oracle_step *s)
{
	oracle_advise(w, s, w->oracle->swap ? MADV_PAGEOUT : MADV_COLD,
		      w->oracle->swap ? "MADV_PAGEOUT" : "MADV_COLD");
}

static void oracle_populate(struct oracle_worker *w, struct oracle_step *s)
{
	oracle_advise(w, s, MADV_POPULATE_READ, "MADV_POPULATE_READ");
}

static void oracle_merge(struct oracle_worker *w, struct oracle_step *s)
{
	if (!oracle_pick(w, 4))
		oracle_advise(w, s, MADV_UNMERGEABLE, "MADV_UNMERGEABLE");
	oracle_advise(w, s, MADV_MERGEABLE, "MADV_MERGEABLE");
	/* Nobody writes meanwhile, so equal pages are merged. */
	if (w->oracle->alone && w->oracle->ksm && !oracle_pick(w, 4))
		oracle_ksm_settle();
}

/* Pages of the whole machine move. */
static void oracle_compact(struct oracle_worker *w, struct oracle_step *s)
{
	int fd;

	/* It takes long. */
	if (oracle_pick(w, 16))
		return;
	fd = open("/proc/sys/vm/compact_memory", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	oracle_done(w, s, "compaction", write(fd, "1", 1) == 1 ? 0 : -errno);
	close(fd);
}

/*
 * A device that takes its time over invalidations, before it does anything:
 * the other one is done with them and yet the CPU's page tables are as they
 * were. Who then believes these is wrong.
 */
static void oracle_delay(struct oracle_worker *w)
{
	static const unsigned int us[] = { 0, 0, 100, 1000 };
	struct hmm_dmirror_config config = {
		.invalidate_delay_us = us[oracle_pick(w, 4)],
	};

	ioctl(w->oracle->fd[oracle_pick(w, 2)], HMM_DMIRROR_CONFIG, &config);
}

static void oracle_check(struct oracle_worker *w, struct oracle_step *s)
{
	oracle_expect_taken(w, s, false, "whatever came before");
}

#define BIT(nr)		(1U << (nr))
#define ORACLE_PRIVATE	(BIT(ORACLE_SMALL) | BIT(ORACLE_MERGED) | \
			 BIT(ORACLE_HUGE))
#define ORACLE_ALL	(ORACLE_PRIVATE | BIT(ORACLE_SHARED))

static const struct {
	void (*fn)(struct oracle_worker *w, struct oracle_step *s);
	unsigned int kinds;
	/* keeps pages from access: one at a time */
	bool away;
} oracle_changes[] = {
	{ oracle_read_only, ORACLE_ALL, true },
	{ oracle_no_access, ORACLE_ALL, true },
	{ oracle_unmap, ORACLE_ALL, true },
	{ oracle_unmap, ORACLE_ALL, true },
	{ oracle_move, BIT(ORACLE_SMALL) | BIT(ORACLE_MERGED), true },
	{ oracle_move, BIT(ORACLE_SMALL) | BIT(ORACLE_MERGED), true },
	{ oracle_zero, ORACLE_ALL, false },
	{ oracle_zero, ORACLE_ALL, false },
	{ oracle_map_over, ORACLE_ALL, false },
	{ oracle_lazy_free, ORACLE_PRIVATE, false },
	{ oracle_page_out, ORACLE_ALL, false },
	{ oracle_page_out, ORACLE_ALL, false },
	{ oracle_populate, ORACLE_ALL, false },
	{ oracle_merge, BIT(ORACLE_MERGED), false },
	{ oracle_merge, BIT(ORACLE_MERGED), false },
	{ oracle_collapse, BIT(ORACLE_HUGE), false },
	{ oracle_collapse, BIT(ORACLE_HUGE), false },
	{ oracle_check, ORACLE_ALL, false },
	{ oracle_compact, BIT(ORACLE_SMALL), false },
};

static void oracle_change_region(struct oracle_worker *w,
				 struct oracle_region *region, bool wide)
{
	unsigned int what = oracle_pick(w, ARRAY_SIZE(oracle_changes));
	unsigned int n = 1 + oracle_pick(w, 8), first;
	struct oracle_step s;

	if (wide || (region->kind == ORACLE_HUGE && !oracle_pick(w, 16)))
		n = 1 + oracle_pick(w, region->npages);
	first = oracle_pick_page(w, region);
	if (n > region->npages - first)
		n = region->npages - first;
	if (!(oracle_changes[what].kinds & BIT(region->kind)))
		return;
	if (region->away &&
	    (oracle_changes[what].away || !oracle_pick(w, 4) ||
	     oracle_changes[what].fn == oracle_collapse ||
	     (first < region->first + region->away &&
	      region->first < first + n))) {
		oracle_restore(w, region);
		return;
	}
	s = oracle_step(w, region, first, n);
	oracle_changes[what].fn(w, &s);
}

/*
 * A device that has asked where pages are, and not yet used the answer, waits
 * while all of this happens. It holds nothing.
 */
static void oracle_change_meanwhile(struct oracle_worker *w,
				    struct oracle_region *region)
{
	int fd = w->oracle->fd[oracle_pick(w, 2)];
	unsigned int point = oracle_pick(w, 4) ? HMM_DMIRROR_POINT_FAULTED :
						 HMM_DMIRROR_POINT_BEGUN;

	if (hmm_stop_at(fd, point)) {
		oracle_change_region(w, region, false);
		return;
	}
	hmm_wait_at(fd, point, 4);
	oracle_change_region(w, region, true);
	hmm_resume(fd, point);
}

/* One change, or the end of one that lasts. */
void oracle_change(struct oracle_worker *w)
{
	struct oracle_region *region;
	bool alone = w->oracle->alone;

	switch (oracle_pick(w, alone ? 32 : 64)) {
	case 0:
		oracle_fork(w);
		return;
	case 1:
		if (!alone)
			oracle_delay(w);
		return;
	}
	region = &w->oracle->region[oracle_pick(w, ORACLE_KINDS)];
	if (pthread_mutex_trylock(&region->mutex))
		return;
	if (alone || oracle_pick(w, 4))
		oracle_change_region(w, region, false);
	else
		oracle_change_meanwhile(w, region);
	pthread_mutex_unlock(&region->mutex);
}

/* Nobody else changes anything any more. */
void oracle_restore_all(struct oracle_worker *w)
{
	for (int i = 0; i < ORACLE_KINDS; i++)
		if (w->oracle->region[i].away)
			oracle_restore(w, &w->oracle->region[i]);
}
