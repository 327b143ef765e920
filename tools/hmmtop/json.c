// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "report.h"

/*
 * Returns the length of the UTF-8 sequence at @s, or 0 if it is invalid: not
 * complete, longer than necessary, a surrogate or above U+10FFFF.
 */
static size_t utf8_length(const unsigned char *s)
{
	size_t length = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 :
			s[0] < 0xf5 ? 4 : 0;

	if (s[0] < 0x80)
		return 1;
	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return length;
}

static void print_string(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', out);
	while (*s) {
		size_t length = utf8_length(s);

		if (!length) {
			fputs("\\ufffd", out);
			s++;
		} else if (length > 1) {
			fwrite(s, 1, length, out);
			s += length;
		} else if (*s < ' ' || *s == '"' || *s == '\\' || *s == 0x7f) {
			fprintf(out, "\\u%04x", *s++);
		} else {
			fputc(*s++, out);
		}
	}
	fputc('"', out);
}

static void print_process(FILE *out, const struct process *process)
{
	fprintf(out, "{\"id\":%llu,\"pid\":%ld,\"since_ns\":%llu",
		process->id, process->pid, process->since_ns);
	fputs(",\"name\":", out);
	print_string(out, process->name);
	fputs(",\"state\":", out);
	print_string(out, process->state);
	for (size_t i = 0; i < NR_COUNTERS; i++)
		fprintf(out, ",\"%s\":%llu", counter_key(i),
			process->counters[i]);
}

static void print_rates(FILE *out, const struct process *increase,
			double seconds)
{
	const char *separator = "";

	fputs(",\"per_second\":{", out);
	for (size_t i = 0; i < NR_COUNTERS; i++) {
		if (!counter_has_rate(i))
			continue;
		fprintf(out, "%s\"%s\":%.3f", separator, counter_key(i),
			increase->counters[i] / seconds);
		separator = ",";
	}
	fputc('}', out);
}

void report_json(FILE *out, const struct sample *now,
		 const struct sample *before)
{
	fprintf(out, "{\"format\":1,\"now_ns\":%llu", now->now_ns);
	if (before)
		fprintf(out, ",\"seconds\":%.3f", now->seconds);
	fputs(",\"processes\":[", out);
	for (size_t i = 0; i < now->n; i++) {
		if (i)
			fputc(',', out);
		print_process(out, &now->processes[i]);
		if (before) {
			struct process increase = sample_increase(now, before, i);

			print_rates(out, &increase, now->seconds);
		}
		fputc('}', out);
	}
	fputs("]}\n", out);
}
