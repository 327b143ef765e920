// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hmm_counters.h"

/* Much larger than the file in any test. */
static char contents[1 << 16];

/* Returns 0 or -errno. */
static int read_contents(void)
{
	int fd = open(HMM_STATS, O_RDONLY | O_CLOEXEC);
	ssize_t length = 1;
	size_t used = 0;

	if (fd < 0)
		return -errno;
	while (length > 0 && used < sizeof(contents) - 1) {
		length = read(fd, contents + used, sizeof(contents) - 1 - used);
		if (length > 0)
			used += length;
	}
	contents[used] = '\0';
	close(fd);
	return length < 0 ? -EIO : length ? -E2BIG : 0;
}

/* Returns the value of a key in a line, or NULL. */
static const char *find(const char *line, const char *key)
{
	size_t length = strlen(key);

	while (line) {
		if (!strncmp(line, key, length) && line[length] == '=')
			return line + length + 1;
		line = strchr(line, ' ');
		if (line)
			line++;
	}
	return NULL;
}

long long hmm_counters_value(const char *line, const char *key)
{
	const char *value = find(line, key);

	return value ? strtoll(value, NULL, 10) : -1;
}

bool hmm_counters_text(const char *line, const char *key, char *text,
		       size_t size)
{
	const char *value = find(line, key);
	size_t length = value ? strcspn(value, " ") : size;

	if (length >= size)
		return false;
	memcpy(text, value, length);
	text[length] = '\0';
	return true;
}

int hmm_counters_line(pid_t pid, char *line, size_t size)
{
	char *at = contents, *end;
	int ret = read_contents();

	if (ret)
		return ret;
	for (; (end = strchr(at, '\n')); at = end + 1) {
		*end = '\0';
		if (hmm_counters_value(at, "pid") != pid)
			continue;
		if ((size_t)(end - at) >= size)
			return -E2BIG;
		memcpy(line, at, end - at + 1);
		return 0;
	}
	return -ENOENT;
}

long long hmm_counter(pid_t pid, const char *key)
{
	char line[1024];

	if (hmm_counters_line(pid, line, sizeof(line)))
		return -1;
	return hmm_counters_value(line, key);
}
