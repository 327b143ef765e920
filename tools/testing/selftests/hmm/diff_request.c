// SPDX-License-Identifier: GPL-2.0
/*
 * Random requests for pages of the arena, and the calls that make them.
 */
#include "diff_request.h"

void diff_choose_range(struct diff_request *req, struct diff_random *rnd)
{
	size_t most = diff_arena.npages;

	req->first = diff_once_in(rnd, 6) ? 0 : diff_between(rnd, 0, most - 1);
	most -= req->first;
	if (most > 100 && !diff_once_in(rnd, 5))
		most = 100;
	req->n = diff_once_in(rnd, 4) ? most : diff_between(rnd, 1, most);
}

static unsigned int choose_flags_of_page(struct diff_random *rnd)
{
	static const unsigned char flags[] = {
		0, 0, HMM_DIFF_REQ_VALID, HMM_DIFF_REQ_VALID,
		HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE,
		HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE,
		HMM_DIFF_REQ_WRITE,
	};

	return flags[diff_between(rnd, 0, sizeof(flags) - 1)];
}

void diff_choose_flags(struct diff_request *req, struct diff_random *rnd)
{
	unsigned int now = 0, run = diff_between(rnd, 1, 20);

	for (size_t i = 0; i < req->n; i++) {
		if (!i || diff_once_in(rnd, run))
			now = choose_flags_of_page(rnd);
		req->pages[i] = now;
		if (diff_once_in(rnd, 3))
			req->pages[i] |= HMM_DIFF_REQ_JUNK;
	}
	req->default_flags = diff_once_in(rnd, 2) ? 0 :
			     choose_flags_of_page(rnd);
	req->mask = HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE | HMM_DIFF_REQ_JUNK;
	if (diff_once_in(rnd, 3))
		req->mask = choose_flags_of_page(rnd);
}

void diff_drop_impossible(struct diff_request *req)
{
	for (size_t i = 0; i < req->n; i++) {
		const unsigned int facts =
			diff_arena.pages[req->first + i].facts;

		if (!(facts & DIFF_USABLE) || facts & DIFF_FAILS)
			req->pages[i] = 0;
		else if (!(facts & DIFF_WRITABLE) &&
			 req->pages[i] & HMM_DIFF_REQ_WRITE)
			req->pages[i] = HMM_DIFF_REQ_VALID;
	}
	req->default_flags = 0;
	req->mask |= HMM_DIFF_REQ_VALID;
}

void diff_request_unwritable(struct diff_request *req, struct diff_random *rnd)
{
	size_t i = diff_between(rnd, 0, req->n - 1);

	for (size_t tried = 0; tried < req->n; tried++) {
		size_t k = (i + tried) % req->n;
		const unsigned int facts =
			diff_arena.pages[req->first + k].facts;

		if ((facts & (DIFF_USABLE | DIFF_WRITABLE)) != DIFF_USABLE)
			continue;
		req->pages[k] = HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE;
		req->mask |= HMM_DIFF_REQ_WRITE;
		return;
	}
}

void diff_request_one_part(struct diff_request *req, struct diff_random *rnd)
{
	const unsigned int rights = DIFF_USABLE | DIFF_WRITABLE | DIFF_FAILS;
	size_t from = diff_between(rnd, 0, diff_arena.npages - 1), to = from;
	const unsigned int facts = diff_arena.pages[from].facts & rights;

	while (to < diff_arena.npages &&
	       (diff_arena.pages[to].facts & rights) == facts)
		to++;
	req->first = from;
	req->n = to - from;
	req->mask = 0;
	req->default_flags = HMM_DIFF_REQ_VALID;
	if (facts & DIFF_WRITABLE && diff_once_in(rnd, 2))
		req->default_flags |= HMM_DIFF_REQ_WRITE;
}

unsigned int diff_choose_way(struct diff_request *req, struct diff_random *rnd,
			     bool fault)
{
	unsigned int way;

	do {
		way = diff_between(rnd, HMM_DIFF_OURS, HMM_DIFF_KERNEL - 1);
	} while (!fault && (way == HMM_DIFF_OURS_POPULATE ||
			    way == HMM_DIFF_OURS_LOCKED));
	if (way != HMM_DIFF_OURS_LOCKED)
		return way;
	/* A read from swap would drop the mmap lock and return -EAGAIN. */
	for (size_t i = 0; i < req->n; i++)
		if (diff_arena.pages[req->first + i].operations &
		    1 << DIFF_PAGEOUT)
			return HMM_DIFF_OURS;
	return way;
}

unsigned int diff_requested(const struct diff_request *req, size_t i)
{
	unsigned int request = (req->pages[i] & req->mask) |
			       req->default_flags;

	if (request & HMM_DIFF_REQ_WRITE)
		return HMM_DIFF_REQ_VALID | HMM_DIFF_REQ_WRITE;
	return request & HMM_DIFF_REQ_VALID;
}

bool diff_satisfied(const struct diff_request *req, size_t i, __u64 entry)
{
	unsigned int request = diff_requested(req, i);

	if (request & HMM_DIFF_REQ_VALID && !(entry & HMM_DIFF_VALID))
		return false;
	return !(request & HMM_DIFF_REQ_WRITE) || entry & HMM_DIFF_WRITE;
}
