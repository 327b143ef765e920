// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers that depend only on a seed and a number.
 */
#include "diff_random.h"

void diff_seed(struct diff_random *random, __u64 seed, __u64 number)
{
	random->state = seed * 0xd1342543de82ef95ULL + number;
	diff_random(random);
}

__u64 diff_random(struct diff_random *random)
{
	__u64 x;

	random->state += 0x9e3779b97f4a7c15ULL;
	x = random->state;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

size_t diff_between(struct diff_random *random, size_t from, size_t to)
{
	return from + diff_random(random) % (to - from + 1);
}

bool diff_once_in(struct diff_random *random, unsigned int n)
{
	return !(diff_random(random) % n);
}
