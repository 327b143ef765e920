// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers that depend on a seed, and the seed that the user specified.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hmm_random.h"

void hmm_random_init(__u64 *random, __u64 seed)
{
	*random = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	*random |= !*random;
}

unsigned int hmm_random(__u64 *random, unsigned int limit)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (*random >> 20) % limit;
}

static const char *seed_on_command_line(char *line, int size)
{
	FILE *file = fopen("/proc/cmdline", "r");
	const char *word;

	if (!file)
		return NULL;
	word = fgets(line, size, file) ? strstr(line, "hmm.seed=") : NULL;
	fclose(file);
	return word ? word + strlen("hmm.seed=") : NULL;
}

bool hmm_given_seed(const char *word, __u64 *seed)
{
	char line[4096];

	if (!word)
		word = seed_on_command_line(line, sizeof(line));
	if (!word)
		return false;
	*seed = strtoull(word, NULL, 0);
	return true;
}
