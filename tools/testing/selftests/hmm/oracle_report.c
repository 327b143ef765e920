// SPDX-License-Identifier: GPL-2.0
/*
 * Decisions that come of the seed, what was done, and what was wrong.
 */
#include <stdarg.h>
#include <stdio.h>

#include "hmm_random.h"
#include "oracle.h"

#define ORACLE_TAIL	40

unsigned int oracle_pick(struct oracle_worker *w, unsigned int limit)
{
	return hmm_random(&w->random, limit);
}

/* Where accesses and changes meet: mostly in a corner of what is large. */
unsigned int oracle_pick_page(struct oracle_worker *w,
			      const struct oracle_region *region)
{
	unsigned int limit = region->npages;

	if (limit > 64 && oracle_pick(w, 8))
		limit = 24;
	return oracle_pick(w, limit);
}

/* Each worker has its own, so that a replay writes the same. */
__u32 oracle_new_id(struct oracle_worker *w)
{
	return (w->nr + 1) << 24 | (++w->ids & 0xffffff);
}

void oracle_log(struct oracle_worker *w, const char *what,
		const struct oracle_region *region, unsigned int first,
		unsigned int n, __u32 id, int ret, __u64 begin, __u64 end)
{
	struct oracle_entry *entry = &w->log[w->logged++ % ORACLE_LOG];

	entry->begin = begin;
	entry->end = end;
	entry->what = what;
	entry->id = id;
	entry->first = first;
	entry->n = n;
	entry->ret = ret;
	entry->region = region ? region - w->oracle->region : ORACLE_KINDS;
}

/* Only the first thing that is wrong counts: others may follow from it. */
void oracle_wrong(struct oracle *oracle, const struct oracle_region *region,
		  unsigned int first, unsigned int n, const char *fmt, ...)
{
	va_list args;

	if (__atomic_exchange_n(&oracle->stop, 1, __ATOMIC_SEQ_CST))
		return;
	oracle->what_region = region ? region - oracle->region : ORACLE_KINDS;
	oracle->what_first = first;
	oracle->what_n = n;
	va_start(args, fmt);
	vsnprintf(oracle->what, sizeof(oracle->what), fmt, args);
	va_end(args);
}

bool oracle_stopped(struct oracle *oracle)
{
	return __atomic_load_n(&oracle->stop, __ATOMIC_RELAXED);
}

/* Does the entry concern what went wrong? A fork concerns everything. */
static bool oracle_concerns(const struct oracle *oracle,
			    const struct oracle_entry *entry)
{
	if (entry->region == ORACLE_KINDS ||
	    oracle->what_region == ORACLE_KINDS)
		return true;
	return entry->region == oracle->what_region &&
	       entry->first < oracle->what_first + oracle->what_n &&
	       oracle->what_first < entry->first + (unsigned int)entry->n;
}

/* The last entry that began before a time and concerns what went wrong. */
static const struct oracle_entry *oracle_before(struct oracle *oracle,
						__u64 time, unsigned int *nr)
{
	const struct oracle_entry *found = NULL, *entry;

	for (unsigned int t = 0; t < ORACLE_WORKERS; t++) {
		for (int i = 0; i < ORACLE_LOG; i++) {
			entry = &oracle->worker[t].log[i];
			if (!entry->what || entry->begin >= time ||
			    (found && entry->begin <= found->begin) ||
			    !oracle_concerns(oracle, entry))
				continue;
			found = entry;
			*nr = t;
		}
	}
	return found;
}

/* What went wrong, what led to it (newest first), and how to have it again. */
void oracle_report(struct oracle *oracle)
{
	const struct oracle_entry *entry;
	__u64 time = ORACLE_NEVER;
	unsigned int nr = 0;

	printf("# %s\n", oracle->what);
	printf("# what was done there, newest first:\n");
	for (int i = 0; i < ORACLE_TAIL; i++) {
		entry = oracle_before(oracle, time, &nr);
		if (!entry)
			break;
		time = entry->begin;
		printf("#   %8llu to %8llu thread %u: %s %s %d+%d id %x: %d\n",
		       entry->begin, entry->end, nr, entry->what,
		       entry->region < ORACLE_KINDS ?
		       oracle->region[entry->region].name : "all",
		       entry->first, entry->n, entry->id, entry->ret);
	}
	printf("# to replay: HMM_ORACLE_SEED=%llu, or make test TEST='oracle*' SEED=%llu\n",
	       oracle->seed, oracle->seed);
	fflush(stdout);
}
