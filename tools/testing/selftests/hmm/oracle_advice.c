// SPDX-License-Identifier: GPL-2.0
/*
 * Changes of contents by madvise(), and moves of pages to other page frames.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oracle_advice.h"
#include "oracle_poison.h"
#include "oracle_reclaim.h"
#include "oracle_report.h"

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

void oracle_zero(struct oracle_worker *w, struct oracle_step *s)
{
	bool shared = s->region->kind == ORACLE_SHARED;
	const char *what = shared ? "MADV_REMOVE" : "MADV_DONTNEED";
	int ret;

	if (!oracle_step_begin(w, s, 0))
		return;
	oracle_poison_before(w, s->mem, s->n);
	ret = madvise(s->mem, s->size, shared ? MADV_REMOVE : MADV_DONTNEED);
	if (ret)
		oracle_step_failed(w, s, what);
	oracle_poison_after(w);
	oracle_step_end(w, s, ORACLE_DONE);
	/* Another thread may have faulted the pages in again. */
	if (w->oracle->alone)
		oracle_step_expect_lost(w, s, true, what);
	oracle_step_log(w, s, what, ret);
}

/* Until they are written to, the pages may become zeros. */
void oracle_lazy_free(struct oracle_worker *w, struct oracle_step *s)
{
	int ret;

	if (!oracle_step_begin(w, s, 0))
		return;
	ret = madvise(s->mem, s->size, MADV_FREE);
	if (oracle_pick(w, 2))
		madvise(s->mem, s->size, MADV_PAGEOUT);
	oracle_step_end(w, s, ret ? ORACLE_NO_EFFECT : ORACLE_MAYBE);
	oracle_step_log(w, s, "MADV_FREE", ret);
}

/* Give advice that preserves the contents but may move the pages. */
static void advise(struct oracle_worker *w, struct oracle_step *s,
		   int advice, const char *what)
{
	int ret = madvise(s->mem, s->size, advice) ? -errno : 0;

	oracle_step_log(w, s, what, ret);
	if (!ret && advice == MADV_COLLAPSE)
		oracle_count(w->oracle, ORACLE_COUNT_COLLAPSED, 1);
}

void oracle_collapse(struct oracle_worker *w, struct oracle_step *s)
{
	*s = oracle_step_make(w, s->region, 0, s->region->npages);
	advise(w, s, MADV_COLLAPSE, "MADV_COLLAPSE");
}

void oracle_page_out(struct oracle_worker *w, struct oracle_step *s)
{
	advise(w, s, w->oracle->swap ? MADV_PAGEOUT : MADV_COLD,
	       w->oracle->swap ? "MADV_PAGEOUT" : "MADV_COLD");
}

void oracle_populate(struct oracle_worker *w, struct oracle_step *s)
{
	advise(w, s, MADV_POPULATE_READ, "MADV_POPULATE_READ");
}

void oracle_merge(struct oracle_worker *w, struct oracle_step *s)
{
	if (!oracle_pick(w, 4))
		advise(w, s, MADV_UNMERGEABLE, "MADV_UNMERGEABLE");
	advise(w, s, MADV_MERGEABLE, "MADV_MERGEABLE");
	/* No other thread writes meanwhile, so KSM merges equal pages. */
	if (w->oracle->alone && w->oracle->ksm && !oracle_pick(w, 4))
		oracle_ksm_settle();
}

void oracle_compact(struct oracle_worker *w, struct oracle_step *s)
{
	int fd;

	if (oracle_pick(w, 16))
		return;
	fd = open("/proc/sys/vm/compact_memory", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	oracle_step_log(w, s, "compaction",
			write(fd, "1", 1) == 1 ? 0 : -errno);
	close(fd);
}
