// SPDX-License-Identifier: GPL-2.0
/*
 * Random decisions, the history of a run, and the report of its failure.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hmm_random.h"
#include "property_log.h"

unsigned int property_pick(struct property *p, unsigned int limit)
{
	return hmm_random(&p->random, limit);
}

bool property_once_in(struct property *p, unsigned int n)
{
	return !property_pick(p, n);
}

static char *property_line(struct property *p)
{
	return p->history[p->step % PROPERTY_HISTORY];
}

void property_note(struct property *p, const char *format, ...)
{
	va_list args;

	p->step++;
	va_start(args, format);
	vsnprintf(property_line(p), sizeof(p->history[0]), format, args);
	va_end(args);
}

void property_add_note(struct property *p, const char *format, ...)
{
	char *line = property_line(p);
	size_t n = strlen(line);
	va_list args;

	va_start(args, format);
	vsnprintf(line + n, sizeof(p->history[0]) - n, format, args);
	va_end(args);
}

void property_fail(struct property *p, const char *format, ...)
{
	va_list args;

	if (p->failure[0])
		return;
	va_start(args, format);
	vsnprintf(p->failure, sizeof(p->failure), format, args);
	va_end(args);
}

const char *property_errno(int error)
{
	static char text[4][32];
	static unsigned int next;
	const char *name = strerrorname_np(-error);
	char *out = text[next++ % 4];

	if (!error)
		return "0";
	snprintf(out, sizeof(text[0]), "-%s", name ? name : "?");
	return out;
}

void property_report(const struct property *p)
{
	unsigned int first = 1, i;

	if (p->step > PROPERTY_HISTORY)
		first = p->step - PROPERTY_HISTORY + 1;
	printf("# seed %llu failed at step %u. The last steps:\n",
	       p->seed, p->step);
	for (i = first; i <= p->step; i++)
		printf("#   %u %s\n", i, p->history[i % PROPERTY_HISTORY]);
	printf("# %s\n", p->failure);
	printf("# to replay: HMM_PROPERTY_SEED=%llu, or make test TEST='property*' SEED=%llu\n",
	       p->seed, p->seed);
	fflush(stdout);
}
