// SPDX-License-Identifier: GPL-2.0
/*
 * Random changes of the arena while devices access it.
 *
 * The thread that changes a region holds its mutex, so changes of a region do
 * not overlap. Accesses acquire no lock, so that they collide with changes.
 */
#include <sys/ioctl.h>

#include "oracle_advice.h"
#include "oracle_change.h"
#include "oracle_child.h"
#include "oracle_mapping.h"
#include "oracle_report.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

static void check_lost(struct oracle_worker *w, struct oracle_step *s)
{
	oracle_step_expect_lost(w, s, false, "the previous change");
}

#define BIT(nr)		(1U << (nr))
#define ORACLE_PRIVATE	(BIT(ORACLE_SMALL) | BIT(ORACLE_MERGED) | \
			 BIT(ORACLE_HUGE))
#define ORACLE_ALL	(ORACLE_PRIVATE | BIT(ORACLE_SHARED))

static const struct {
	void (*fn)(struct oracle_worker *w, struct oracle_step *s);
	unsigned int kinds;
	/* the change blocks accesses; a region has one such change at a time */
	bool blocks;
} changes[] = {
	{ oracle_make_read_only, ORACLE_ALL, true },
	{ oracle_make_inaccessible, ORACLE_ALL, true },
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
	{ check_lost, ORACLE_ALL, false },
	{ oracle_compact, BIT(ORACLE_SMALL), false },
};

static void change_region(struct oracle_worker *w,
			  struct oracle_region *region, bool wide)
{
	unsigned int what = oracle_pick(w, ARRAY_SIZE(changes));
	unsigned int n = 1 + oracle_pick(w, 8), first;
	struct oracle_step s;

	if (wide || (region->kind == ORACLE_HUGE && !oracle_pick(w, 16)))
		n = 1 + oracle_pick(w, region->npages);
	first = oracle_pick_page(w, region);
	if (n > region->npages - first)
		n = region->npages - first;
	if (!(changes[what].kinds & BIT(region->kind)))
		return;
	if (region->blocked &&
	    (changes[what].blocks || !oracle_pick(w, 4) ||
	     changes[what].fn == oracle_collapse ||
	     (first < region->blocked_first + region->blocked &&
	      region->blocked_first < first + n))) {
		oracle_restore(w, region);
		return;
	}
	s = oracle_step_make(w, region, first, n);
	changes[what].fn(w, &s);
}

/*
 * Change a region while a read by a device is stopped: mostly after the device
 * has read the page tables and before it uses the entries, otherwise before it
 * reads the page tables. The stopped device holds no lock.
 */
static void change_during_read(struct oracle_worker *w,
			       struct oracle_region *region)
{
	int fd = w->oracle->fd[oracle_pick(w, 2)];
	unsigned int point = oracle_pick(w, 4) ? HMM_DMIRROR_POINT_FAULTED :
						 HMM_DMIRROR_POINT_BEGUN;

	if (hmm_stop_at(fd, point)) {
		change_region(w, region, false);
		return;
	}
	hmm_wait_at(fd, point, 4);
	change_region(w, region, true);
	hmm_resume(fd, point);
}

static void set_delay(struct oracle_worker *w, int device, unsigned int us)
{
	struct hmm_dmirror_config config = { .invalidate_delay_us = us };

	ioctl(w->oracle->fd[device], HMM_DMIRROR_CONFIG, &config);
}

/*
 * Delay the callbacks of one device. During the delay, the other device may
 * have handled the invalidation, but the CPU's page tables are unchanged. If
 * the other device reads the page tables now, it must not use the entries.
 */
static void change_delay(struct oracle_worker *w)
{
	static const unsigned int us[] = { 0, 0, 100, 1000 };
	unsigned int delay = us[oracle_pick(w, 4)];

	set_delay(w, oracle_pick(w, 2), delay);
}

/*
 * A thread that changes memory calls this function before it returns. With a
 * delay, a WRITE of many merged pages may take forever: each page that it
 * faults in causes an invalidation, and KSM merges the first pages again before
 * the last one is faulted in.
 */
void oracle_end_delays(struct oracle_worker *w)
{
	for (int i = 0; i < 2; i++)
		set_delay(w, i, 0);
}

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
			change_delay(w);
		return;
	}
	region = &w->oracle->region[oracle_pick(w, ORACLE_KINDS)];
	if (pthread_mutex_trylock(&region->mutex))
		return;
	if (alone || oracle_pick(w, 4))
		change_region(w, region, false);
	else
		change_during_read(w, region);
	pthread_mutex_unlock(&region->mutex);
}

void oracle_restore_all(struct oracle_worker *w)
{
	for (int i = 0; i < ORACLE_KINDS; i++)
		if (w->oracle->region[i].blocked)
			oracle_restore(w, &w->oracle->region[i]);
}
