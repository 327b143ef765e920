// SPDX-License-Identifier: GPL-2.0
/*
 * What the differential test has to work with, and the knobs that keep its
 * memory at rest.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "diff.h"
#include "hmm_hugetlb.h"
#include "hmm_swap.h"
#include "hmm_uffd.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"

struct diff_machine diff_machine;

/* A knob of which one word is chosen: "always [madvise] never". */
struct knob {
	const char *path;
	const char *word;
	char before[64];
};

#define KNOBS 4

static struct knob knobs[KNOBS] = {
	/* Huge pages only where they are asked for, */
	{ .path = THP "enabled", .word = "madvise" },
	{ .path = THP "shmem_enabled", .word = "advise" },
	{ .path = THP "defrag", .word = "madvise" },
	/* and nobody who makes any at a time of his own. */
	{ .path = THP "khugepaged/scan_sleep_millisecs", .word = "1000000000" },
};

static void knob_read(struct knob *knob)
{
	FILE *file = fopen(knob->path, "r");
	char line[128] = "", *from, *to;

	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	from = strchr(line, '[');
	from = from ? from + 1 : line;
	to = from + strcspn(from, "]\n");
	*to = '\0';
	snprintf(knob->before, sizeof(knob->before), "%s", from);
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

void diff_seed(struct diff_random *random, __u64 seed, __u64 number)
{
	random->state = seed * 0xd1342543de82ef95ULL + number;
	diff_random(random);
}

void diff_machine_open(int device)
{
	struct diff_machine *machine = &diff_machine;
	int uffd;

	machine->device = device;
	for (size_t i = 0; i < KNOBS; i++) {
		knob_read(&knobs[i]);
		if (knobs[i].before[0])
			hmm_write_file(knobs[i].path, knobs[i].word);
	}
	machine->huge = hmm_huge_size() == DIFF_HUGE * hmm_page_size();
	machine->swap = !hmm_swap_on(&machine->no_swap);
	machine->pkey = pkey_alloc(0, 0);
	machine->hugetlb = !hmm_hugetlb_reserve(DIFF_HUGE * hmm_page_size(), 8,
						&machine->no_hugetlb);
	uffd = hmm_uffd_open(0);
	machine->uffd = uffd >= 0;
	if (uffd >= 0)
		close(uffd);
}

void diff_machine_close(void)
{
	if (diff_machine.swap)
		hmm_swap_off();
	for (size_t i = 0; i < KNOBS; i++)
		if (knobs[i].before[0])
			hmm_write_file(knobs[i].path, knobs[i].before);
}
