// SPDX-License-Identifier: GPL-2.0
/*
 * What a page holds, and whether it may.
 *
 * A word: whose it is (8 bits), the write that put it there (32), its place
 * in the page (12), and a sum of these (12).
 */
#include <stdio.h>
#include <string.h>

#include "oracle.h"

static __u64 oracle_sum(__u64 value)
{
	return ((value ^ value >> 31) * 0x9e3779b97f4a7c15ULL) >> 52;
}

__u64 oracle_word(int whose, __u32 id, unsigned int index)
{
	__u64 value = (__u64)whose << 56 | (__u64)id << 24 | index << 12;

	return value | oracle_sum(value);
}

bool oracle_decode(__u64 word, unsigned int index, int *whose, __u32 *id)
{
	*whose = word >> 56;
	*id = word >> 24;
	return word == oracle_word(*whose, *id, index);
}

void oracle_fill(void *page, size_t size, int whose, __u32 id)
{
	__u64 *word = page;

	for (size_t i = 0; i < size / sizeof(*word); i++)
		word[i] = oracle_word(whose, id, i);
}

static const char *oracle_whose(__u64 word, unsigned int index)
{
	__u32 id;
	int whose;

	if (!word)
		return "zero";
	if (!oracle_decode(word, index, &whose, &id))
		return "nobody's";
	switch (whose) {
	case ORACLE_OURS:
		return "ours, but not there, or not then";
	case ORACLE_CHILD:
		return "a child's, which wrote to its copy";
	case ORACLE_POISON:
		return "of memory that is none of the arena";
	}
	return "of an unknown writer";
}

static void oracle_say(struct oracle_worker *w, struct oracle_region *region,
		       unsigned int index, unsigned int at, __u64 word,
		       const char *reader, __u64 begin, __u64 end,
		       const struct oracle_allowed *allowed)
{
	char list[96] = "";
	size_t used = 0;

	for (int i = 0; i < allowed->nids && used + 12 < sizeof(list); i++)
		used += snprintf(list + used, sizeof(list) - used, " %x",
				 allowed->ids[i]);
	oracle_wrong(w->oracle, region, index, 1,
		     "%s, time %llu to %llu: %s page %u word %u is %016llx: %s; allowed:%s",
		     reader, begin, end, region->name, index, at, word,
		     oracle_whose(word, at), list);
}

/**
 * oracle_judge() - may a page have looked like this?
 * @w: who asks
 * @region: whose page it is
 * @index: which
 * @page: what was read of it
 * @words: how much was read
 * @begin: when reading began
 * @end: when it was over
 * @reader: for the report
 *
 * Each word by itself, since a write that is going on shows word by word.
 *
 * Return: true if so.
 */
bool oracle_judge(struct oracle_worker *w, struct oracle_region *region,
		  unsigned int index, const void *page, size_t words,
		  __u64 begin, __u64 end, const char *reader)
{
	struct oracle *oracle = w->oracle;
	struct oracle_allowed allowed;
	const __u64 *word = page;
	bool zero, ok;
	__u32 id, last = 0;
	int whose;

	oracle_allowed(oracle, &region->slot[index], begin, end, NULL,
		       &allowed);
	zero = oracle_is_allowed(&allowed, 0);
	for (size_t i = 0; i < words; i++) {
		if (!word[i]) {
			ok = zero;
		} else {
			ok = oracle_decode(word[i], i, &whose, &id) &&
			     whose == ORACLE_OURS;
			if (ok && id != last) {
				ok = oracle_is_allowed(&allowed, id);
				if (ok)
					last = id;
			} else if (!ok) {
				/* No history allows that, however short. */
				allowed.anything = false;
			}
		}
		if (ok)
			continue;
		if (allowed.anything) {
			oracle_count(oracle, ORACLE_COUNT_UNJUDGED, 1);
			return true;
		}
		oracle_say(w, region, index, i, word[i], reader, begin, end,
			   &allowed);
		return false;
	}
	oracle_count(oracle, ORACLE_COUNT_WORDS, words);
	return true;
}
