// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hmm_memory.h"
#include "hmm_system.h"
#include "hmm_trace.h"

#define TRACING		"/sys/kernel/tracing/"
#define ENABLE		TRACING "events/hmm_mirror/enable"
#define LINE_SIZE	512

int hmm_trace_start(void)
{
	int ret = hmm_trace_stop();

	if (!ret)
		ret = hmm_write_file(TRACING "trace", "");
	if (!ret)
		ret = hmm_write_file(ENABLE, "1");
	return ret;
}

int hmm_trace_stop(void)
{
	return hmm_write_file(ENABLE, "0");
}

/*
 * Counts the matching lines, and stores the last one in @last. There is a space
 * before and after each field of a line.
 */
static int find_lines(const char *event, const char *text, char *last)
{
	FILE *f = fopen(TRACING "trace", "r");
	char line[LINE_SIZE], name[64];
	int n = 0;

	last[0] = '\0';
	if (!f)
		return -1;
	snprintf(name, sizeof(name), " %s: ", event);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = ' ';
		if (!strstr(line, name) || !strstr(line, text))
			continue;
		n++;
		memcpy(last, line, sizeof(line));
	}
	fclose(f);
	return n;
}

int hmm_trace_count(const char *event, const char *text)
{
	char last[LINE_SIZE];

	return find_lines(event, text, last);
}

const char *hmm_trace_field(char *text, const char *event, const char *with,
			    const char *field)
{
	char last[LINE_SIZE], name[64];
	const char *at;

	find_lines(event, with, last);
	snprintf(name, sizeof(name), " %s=", field);
	at = strstr(last, name);
	if (at)
		snprintf(text, HMM_TRACE_TEXT, " %.*s ",
			 (int)strcspn(at + 1, " "), at + 1);
	else
		text[0] = '\0';
	return text;
}

__u64 hmm_trace_number(const char *event, const char *text, const char *field)
{
	char value[HMM_TRACE_TEXT];
	const char *at;

	at = strchr(hmm_trace_field(value, event, text, field), '=');
	return at ? strtoull(at + 1, NULL, 0) : 0;
}

const char *hmm_trace_text(char *text, const void *mem, size_t npages,
			   const char *rest)
{
	const unsigned long start = (unsigned long)mem;

	snprintf(text, HMM_TRACE_TEXT, " start=%#lx end=%#lx %s", start,
		 start + npages * hmm_page_size(), rest);
	return text;
}
