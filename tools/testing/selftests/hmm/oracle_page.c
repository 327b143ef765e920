// SPDX-License-Identifier: GPL-2.0
/*
 * The content of a page, and whether it is allowed.
 *
 * A word consists of its writer (8 bits), the number of the write (32), its
 * index in the page (12), and a checksum of these fields (12).
 */
#include <stdio.h>
#include <string.h>

#include "oracle_page.h"
#include "oracle_report.h"

static __u64 checksum(__u64 value)
{
	return ((value ^ value >> 31) * 0x9e3779b97f4a7c15ULL) >> 52;
}

__u64 oracle_word(int writer, __u32 id, unsigned int index)
{
	__u64 value = (__u64)writer << 56 | (__u64)id << 24 | index << 12;

	return value | checksum(value);
}

bool oracle_decode(__u64 word, unsigned int index, int *writer, __u32 *id)
{
	*writer = word >> 56;
	*id = word >> 24;
	return word == oracle_word(*writer, *id, index);
}

void oracle_fill(void *page, size_t size, int writer, __u32 id)
{
	__u64 *word = page;

	for (size_t i = 0; i < size / sizeof(*word); i++)
		word[i] = oracle_word(writer, id, i);
}

static const char *word_origin(__u64 word, unsigned int index)
{
	__u32 id;
	int writer;

	if (!word)
		return "zero";
	if (!oracle_decode(word, index, &writer, &id))
		return "not a word of this test, or at the wrong index";
	switch (writer) {
	case ORACLE_ARENA:
		return "a write to the arena, but not to this page or not at this time";
	case ORACLE_CHILD:
		return "written by a child to its copy";
	case ORACLE_POISON:
		return "poison from outside of the arena";
	}
	return "written by an unknown writer";
}

static void fail_word(struct oracle_worker *w, struct oracle_region *region,
		      unsigned int index, unsigned int at, __u64 word,
		      const char *reader, __u64 begin, __u64 end,
		      const struct oracle_allowed *allowed)
{
	char list[96] = "";
	size_t used = 0;

	for (int i = 0; i < allowed->nids && used + 12 < sizeof(list); i++)
		used += snprintf(list + used, sizeof(list) - used, " %x",
				 allowed->ids[i]);
	oracle_fail(w->oracle, region, index, 1,
		    "%s, time %llu to %llu: %s page %u word %u is %016llx: %s; allowed:%s",
		    reader, begin, end, region->name, index, at, word,
		    word_origin(word, at), list);
}

/**
 * oracle_judge() - check whether a page may have had this content
 * @w: the calling thread
 * @region: the region
 * @index: index of the page
 * @page: the content that was read
 * @words: number of words that were read
 * @begin: time at which the read began
 * @end: time at which the read ended
 * @reader: name of the reader in the report
 *
 * Words are judged one by one, because a write in progress is visible word by
 * word.
 *
 * Return: true if the content is allowed, or if the history is too short. False
 * if it is not allowed; this failure is reported.
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
	int writer;

	oracle_allowed(oracle, &region->slot[index], begin, end, NULL,
		       &allowed);
	zero = oracle_is_allowed(&allowed, 0);
	for (size_t i = 0; i < words; i++) {
		if (!word[i]) {
			ok = zero;
		} else {
			ok = oracle_decode(word[i], i, &writer, &id) &&
			     writer == ORACLE_ARENA;
			if (ok && id != last) {
				ok = oracle_is_allowed(&allowed, id);
				if (ok)
					last = id;
			} else if (!ok) {
				/* No history allows a foreign word. */
				allowed.anything = false;
			}
		}
		if (ok)
			continue;
		if (allowed.anything) {
			oracle_count(oracle, ORACLE_COUNT_UNJUDGED, 1);
			return true;
		}
		fail_word(w, region, index, i, word[i], reader, begin, end,
			  &allowed);
		return false;
	}
	oracle_count(oracle, ORACLE_COUNT_WORDS, words);
	return true;
}
