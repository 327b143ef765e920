// SPDX-License-Identifier: GPL-2.0
/*
 * The features of the machine, and the settings that keep memory unchanged.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "diff_arena.h"
#include "diff_machine.h"
#include "hmm_hugetlb.h"
#include "hmm_lib.h"
#include "hmm_swap.h"
#include "hmm_uffd.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"

struct diff_machine diff_machine;

/* A setting: a number, or one word of a list like "always [madvise] never". */
struct setting {
	const char *path;
	const char *word;
	char before[64];
};

#define SETTINGS 4

static struct setting settings[SETTINGS] = {
	/* Allow huge pages only in memory with MADV_HUGEPAGE. */
	{ .path = THP "enabled", .word = "madvise" },
	{ .path = THP "shmem_enabled", .word = "advise" },
	{ .path = THP "defrag", .word = "madvise" },
	/* khugepaged must not change the memory during a test. */
	{ .path = THP "khugepaged/scan_sleep_millisecs", .word = "1000000000" },
};

static void setting_read(struct setting *setting)
{
	FILE *file = fopen(setting->path, "r");
	char line[128] = "", *from, *to;

	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	from = strchr(line, '[');
	from = from ? from + 1 : line;
	to = from + strcspn(from, "]\n");
	*to = '\0';
	snprintf(setting->before, sizeof(setting->before), "%s", from);
}

void diff_machine_open(int device)
{
	struct diff_machine *machine = &diff_machine;
	int uffd;

	machine->device = device;
	for (size_t i = 0; i < SETTINGS; i++) {
		setting_read(&settings[i]);
		if (settings[i].before[0])
			hmm_write_file(settings[i].path, settings[i].word);
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
	for (size_t i = 0; i < SETTINGS; i++)
		if (settings[i].before[0])
			hmm_write_file(settings[i].path, settings[i].before);
}
