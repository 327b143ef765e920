// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report.h"

/* A number of at most five characters. Rates have a decimal place. */
static void print_short(FILE *out, double value, bool is_rate)
{
	static const char units[] = " kMGTPE";
	const char *unit = units;
	char text[32];

	while (value >= 9999.5 && unit[1]) {
		value /= 1000;
		unit++;
	}
	if (unit > units)
		is_rate = true;
	snprintf(text, sizeof(text), "%.*f%.*s",
		 is_rate && value && value < 99.95, value, unit > units, unit);
	fprintf(out, " %5s", text);
}

static void print_time(FILE *out, __u64 ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double value = ns;
	char text[32];
	size_t i = 0;

	while (value >= 999.95 && i < 3) {
		value /= 1000;
		i++;
	}
	snprintf(text, sizeof(text), "%.*f%s", value && value < 99.95 && i,
		 value, units[i]);
	fprintf(out, " %7s", text);
}

static const struct {
	enum counter counter;
	const char *title;
	const char *rate_title;
} columns[] = {
	{ INVALIDATIONS, "INVAL", "INV/s" },
	{ CALLBACKS, "CALLB", "CAL/s" },
	{ COLLISIONS, "COLL", "COL/s" },
	{ FAULTS, "FAULT", "FLT/s" },
	{ WAITS, "WAITS", "WAI/s" },
};

static void print_titles(FILE *out, bool rates)
{
	fprintf(out, "%7s %s %4s %5s", "PID", "S", "MIRR", "INTV");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		fprintf(out, " %5s", rates ? columns[i].rate_title :
			columns[i].title);
	fprintf(out, " %3s %7s %5s %s\n", "NOW", "LONGEST", "REFUS", "NAME");
}

/* A name may contain anything, so print only what every terminal can show. */
static void print_name(FILE *out, const struct process *process)
{
	const char *c = process->name;

	if (!*c)
		c = "-";
	for (; *c; c++)
		fputc(*c > ' ' && *c <= '~' ? *c : *c == ' ' ? '_' : '?', out);
	fputc('\n', out);
}

static void print_row(FILE *out, const struct process *process,
		      const struct process *total, double seconds,
		      bool short_numbers)
{
	char state = process->state[0] == 'e' ? 'X' :
		     process->state[0] == 'd' ? 'D' : 'R';

	fprintf(out, "%7ld %c %4llu %5llu", process->pid, state,
		process->counters[MIRRORS], process->counters[INTERVALS]);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		__u64 value = process->counters[columns[i].counter];

		if (seconds > 0 && !short_numbers)
			fprintf(out, " %5.1f", value / seconds);
		else if (short_numbers)
			print_short(out, seconds > 0 ? value / seconds : value,
				    seconds > 0);
		else
			fprintf(out, " %5llu", value);
	}
	fprintf(out, " %3llu", process->counters[WAITING]);
	print_time(out, process->counters[LONGEST_WAIT_NS]);
	if (short_numbers)
		print_short(out, total->counters[REFUSED], false);
	else
		fprintf(out, " %5llu", total->counters[REFUSED]);
	fputc(' ', out);
	print_name(out, process);
}

struct row {
	struct process process;
	const struct process *total;
};

static __u64 activity(const struct process *process)
{
	__u64 sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		sum += process->counters[columns[i].counter];
	return sum;
}

/* The most active process first; processes without activity by PID. */
static int compare(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	__u64 first = activity(&a->process), second = activity(&b->process);

	if (first != second)
		return first < second ? 1 : -1;
	if (a->process.pid != b->process.pid)
		return a->process.pid < b->process.pid ? -1 : 1;
	return a->process.id < b->process.id ? -1 : 1;
}

static void print_summary(FILE *out, const struct sample *now, double seconds)
{
	__u64 mirrors = 0, intervals = 0;
	time_t clock = time(NULL);
	struct tm tm;
	char text[16];

	for (size_t i = 0; i < now->n; i++) {
		mirrors += now->processes[i].counters[MIRRORS];
		intervals += now->processes[i].counters[INTERVALS];
	}
	localtime_r(&clock, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	fprintf(out, "hmmtop - %s, %zu %s, %llu %s, %llu %s\n",
		text, now->n, now->n == 1 ? "process" : "processes", mirrors,
		mirrors == 1 ? "mirror" : "mirrors", intervals,
		intervals == 1 ? "interval" : "intervals");
	if (seconds > 0)
		fprintf(out, "%.1f seconds since the last update\n", seconds);
	else
		fputs("Totals since each process was first mirrored\n", out);
}

void report_table(FILE *out, const struct sample *now,
		  const struct sample *before, bool short_numbers)
{
	double seconds = before ? now->seconds : 0;
	struct row *rows = calloc(now->n + 1, sizeof(*rows));

	if (!rows)
		return;
	for (size_t i = 0; i < now->n; i++) {
		rows[i].process = sample_increase(now, before, i);
		rows[i].total = &now->processes[i];
	}
	qsort(rows, now->n, sizeof(*rows), compare);
	print_summary(out, now, seconds);
	print_titles(out, seconds > 0);
	for (size_t i = 0; i < now->n; i++)
		print_row(out, &rows[i].process, rows[i].total, seconds,
			  short_numbers);
	free(rows);
}
