// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sample.h"

static const char *const keys[NR_COUNTERS] = {
	[MIRRORS] = "mirrors",
	[INTERVALS] = "intervals",
	[INVALIDATIONS] = "invalidations",
	[HITS] = "hits",
	[CALLBACKS] = "callbacks",
	[REFUSED] = "refused",
	[COLLISIONS] = "collisions",
	[FAULTS] = "faults",
	[WAITS] = "waits",
	[WAITING] = "waiting",
	[WAITED_NS] = "waited_ns",
	[LONGEST_WAIT_NS] = "longest_wait_ns",
};

const char *counter_key(enum counter counter)
{
	return keys[counter];
}

bool counter_has_rate(enum counter counter)
{
	return counter != MIRRORS && counter != INTERVALS &&
	       counter != WAITING && counter != LONGEST_WAIT_NS;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Copies a value and replaces each backslash and three octal digits. */
static void unescape(char *to, size_t size, const char *from)
{
	char *last = to + size - 1;

	while (*from && to < last) {
		if (from[0] == '\\' && is_octal(from[1]) &&
		    is_octal(from[2]) && is_octal(from[3])) {
			*to++ = (from[1] - '0') << 6 | (from[2] - '0') << 3 |
				(from[3] - '0');
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

static int parse_number(const char *value, __u64 *number)
{
	char *end;

	if (!isdigit((unsigned char)*value))
		return -EPROTO;
	errno = 0;
	*number = strtoull(value, &end, 10);
	return *end || errno ? -EPROTO : 0;
}

/* Later versions of the module may have more keys: ignore unknown ones. */
static int parse_value(struct process *process, const char *key,
		       const char *value)
{
	__u64 number;
	int ret;

	if (!strcmp(key, "name")) {
		unescape(process->name, sizeof(process->name), value);
		return 0;
	}
	if (!strcmp(key, "state")) {
		unescape(process->state, sizeof(process->state), value);
		return 0;
	}
	if (!strcmp(key, "id"))
		return parse_number(value, &process->id);
	if (!strcmp(key, "since_ns"))
		return parse_number(value, &process->since_ns);
	if (!strcmp(key, "pid")) {
		ret = parse_number(value, &number);
		process->pid = number;
		return ret;
	}
	for (size_t i = 0; i < NR_COUNTERS; i++)
		if (!strcmp(key, keys[i]))
			return parse_number(value, &process->counters[i]);
	return 0;
}

static int parse_line(struct process *process, char *line)
{
	char *next = line, *word, *value;

	memset(process, 0, sizeof(*process));
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "id=", 3))
		return -EPROTO;
	while ((word = strsep(&next, " "))) {
		if (!*word)
			continue;
		value = strchr(word, '=');
		if (!value)
			return -EPROTO;
		*value++ = '\0';
		if (parse_value(process, word, value))
			return -EPROTO;
	}
	return 0;
}

static int add_line(struct sample *sample, char *line)
{
	struct process *more;

	more = reallocarray(sample->processes, sample->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	sample->processes = more;
	return parse_line(&more[sample->n++], line);
}

int sample_read(struct sample *sample, const char *path)
{
	FILE *file = fopen(path, "re");
	struct timespec now;
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	memset(sample, 0, sizeof(*sample));
	if (!file)
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sample->now_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	errno = 0;
	while (!ret && getline(&line, &size, file) > 0)
		ret = add_line(sample, line);
	if (!ret && ferror(file))
		ret = -(errno ?: EIO);
	free(line);
	fclose(file);
	if (ret)
		sample_free(sample);
	return ret;
}

void sample_free(struct sample *sample)
{
	free(sample->processes);
	sample->processes = NULL;
	sample->n = 0;
}

/* A process that is not found was not mirrored at that time. */
static const struct process *find(const struct sample *sample,
				  const struct process *process)
{
	for (size_t i = 0; i < sample->n; i++)
		if (sample->processes[i].id == process->id &&
		    sample->processes[i].since_ns == process->since_ns)
			return &sample->processes[i];
	return NULL;
}

struct process sample_increase(const struct sample *now,
			       const struct sample *before, size_t index)
{
	struct process process = now->processes[index];
	const struct process *old = before ? find(before, &process) : NULL;

	for (size_t i = 0; old && i < NR_COUNTERS; i++)
		if (counter_has_rate(i))
			process.counters[i] -= old->counters[i];
	return process;
}
