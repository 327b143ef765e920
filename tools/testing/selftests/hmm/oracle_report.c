// SPDX-License-Identifier: GPL-2.0
/*
 * Random decisions, the log, and the report of a failure.
 */
#include <stdarg.h>
#include <stdio.h>

#include "hmm_random.h"
#include "oracle_report.h"

#define ORACLE_TAIL	40

unsigned int oracle_pick(struct oracle_worker *w, unsigned int limit)
{
	return hmm_random(&w->random, limit);
}

/* Prefer the first pages of a large region: accesses must overlap changes. */
unsigned int oracle_pick_page(struct oracle_worker *w,
			      const struct oracle_region *region)
{
	unsigned int limit = region->npages;

	if (limit > 64 && oracle_pick(w, 8))
		limit = 24;
	return oracle_pick(w, limit);
}

/* Each thread has ids of its own, so that a replay writes the same ids. */
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

void oracle_fail(struct oracle *oracle, const struct oracle_region *region,
		 unsigned int first, unsigned int n, const char *fmt, ...)
{
	va_list args;

	if (__atomic_exchange_n(&oracle->stop, 1, __ATOMIC_SEQ_CST))
		return;
	oracle->failure_region = region ? region - oracle->region :
					  ORACLE_KINDS;
	oracle->failure_first = first;
	oracle->failure_n = n;
	va_start(args, fmt);
	vsnprintf(oracle->failure, sizeof(oracle->failure), fmt, args);
	va_end(args);
}

bool oracle_stopped(struct oracle *oracle)
{
	return __atomic_load_n(&oracle->stop, __ATOMIC_RELAXED);
}

/* Whether an entry of the log concerns the failure. Forks and exits do. */
static bool concerns(const struct oracle *oracle,
		     const struct oracle_entry *entry)
{
	if (entry->region == ORACLE_KINDS ||
	    oracle->failure_region == ORACLE_KINDS)
		return true;
	return entry->region == oracle->failure_region &&
	       entry->first < oracle->failure_first + oracle->failure_n &&
	       oracle->failure_first < entry->first + (unsigned int)entry->n;
}

/* The last entry that began before a time and concerns the failure. */
static const struct oracle_entry *entry_before(struct oracle *oracle,
					       __u64 time, unsigned int *nr)
{
	const struct oracle_entry *found = NULL, *entry;

	for (unsigned int t = 0; t < ORACLE_WORKERS; t++) {
		for (int i = 0; i < ORACLE_LOG; i++) {
			entry = &oracle->worker[t].log[i];
			if (!entry->what || entry->begin >= time ||
			    (found && entry->begin <= found->begin) ||
			    !concerns(oracle, entry))
				continue;
			found = entry;
			*nr = t;
		}
	}
	return found;
}

void oracle_report(struct oracle *oracle)
{
	const struct oracle_entry *entry;
	__u64 time = ORACLE_NEVER;
	unsigned int nr = 0;

	printf("# %s\n", oracle->failure);
	printf("# operations on these pages, newest first:\n");
	for (int i = 0; i < ORACLE_TAIL; i++) {
		entry = entry_before(oracle, time, &nr);
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
