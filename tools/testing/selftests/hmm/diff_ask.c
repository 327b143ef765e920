// SPDX-License-Identifier: GPL-2.0
/*
 * Random requests.
 */
#include "diff_rules.h"

void diff_choose_range(struct diff_ask *ask, struct diff_random *rnd)
{
	size_t most = diff_arena.npages;

	ask->first = diff_once_in(rnd, 6) ? 0 :
		    diff_between(rnd, 0, most - 1);
	most -= ask->first;
	if (most > 100 && !diff_once_in(rnd, 5))
		most = 100;
	ask->n = diff_once_in(rnd, 4) ? most : diff_between(rnd, 1, most);
}

static unsigned int choose_flags(struct diff_random *rnd)
{
	static const unsigned char flags[] = {
		0, 0, HMM_DIFF_REQ_VALID, HMM_DIFF_REQ_VALID,
		HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE,
		HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE,
		HMM_DIFF_REQ_WRITE,
	};

	return flags[diff_between(rnd, 0, sizeof(flags) - 1)];
}

/* Anything at all; runs of the same, or each page on its own. */
void diff_choose_requests(struct diff_ask *ask, struct diff_random *rnd)
{
	unsigned int now = 0, run = diff_between(rnd, 1, 20);

	for (size_t i = 0; i < ask->n; i++) {
		if (!i || diff_once_in(rnd, run))
			now = choose_flags(rnd);
		ask->pages[i] = now;
		if (diff_once_in(rnd, 3))
			ask->pages[i] |= HMM_DIFF_REQ_JUNK;
	}
	ask->default_flags = diff_once_in(rnd, 2) ? 0 : choose_flags(rnd);
	ask->mask = diff_once_in(rnd, 3) ? choose_flags(rnd) :
		   HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE | HMM_DIFF_REQ_JUNK;
}

/* Nothing but what can be had. */
void diff_be_modest(struct diff_ask *ask)
{
	for (size_t i = 0; i < ask->n; i++) {
		const unsigned int facts =
			diff_arena.pages[ask->first + i].facts;

		if (!(facts & DIFF_USABLE) || facts & DIFF_FAILS)
			ask->pages[i] = 0;
		else if (!(facts & DIFF_WRITABLE) &&
			 ask->pages[i] & HMM_DIFF_REQ_WRITE)
			ask->pages[i] = HMM_DIFF_REQ_VALID;
	}
	ask->default_flags = 0;
	ask->mask |= HMM_DIFF_REQ_VALID;
}

/* And then a page that cannot be written to. */
void diff_ask_too_much(struct diff_ask *ask, struct diff_random *rnd)
{
	size_t i = diff_between(rnd, 0, ask->n - 1);

	for (size_t tried = 0; tried < ask->n; tried++) {
		size_t k = (i + tried) % ask->n;
		const unsigned int facts =
			diff_arena.pages[ask->first + k].facts;

		if ((facts & (DIFF_USABLE | DIFF_WRITABLE)) != DIFF_USABLE)
			continue;
		ask->pages[k] = HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE;
		ask->mask |= HMM_DIFF_REQ_WRITE;
		return;
	}
}

/* The longest part with the same rights, all of it asked for the same. */
void diff_ask_for_one_part(struct diff_ask *ask, struct diff_random *rnd)
{
	const unsigned int rights = DIFF_USABLE | DIFF_WRITABLE | DIFF_FAILS;
	size_t from = diff_between(rnd, 0, diff_arena.npages - 1), to = from;
	const unsigned int facts = diff_arena.pages[from].facts & rights;

	while (to < diff_arena.npages &&
	       (diff_arena.pages[to].facts & rights) == facts)
		to++;
	ask->first = from;
	ask->n = to - from;
	ask->mask = 0;
	ask->default_flags = HMM_DIFF_REQ_VALID;
	if (facts & DIFF_WRITABLE && diff_once_in(rnd, 2))
		ask->default_flags |= HMM_DIFF_REQ_WRITE;
}

unsigned int diff_choose_way(struct diff_ask *ask, struct diff_random *rnd,
			     bool fault)
{
	unsigned int way;

	do {
		way = diff_between(rnd, HMM_DIFF_OURS, HMM_DIFF_KERNEL - 1);
	} while (!fault && (way == HMM_DIFF_OURS_POPULATE ||
			    way == HMM_DIFF_OURS_LOCKED));
	if (way != HMM_DIFF_OURS_LOCKED)
		return way;
	/* To read from swap, it would have to let the lock go: -EAGAIN. */
	for (size_t i = 0; i < ask->n; i++)
		if (diff_arena.pages[ask->first + i].deeds & 1 << DIFF_PAGEOUT)
			return HMM_DIFF_OURS;
	return way;
}
