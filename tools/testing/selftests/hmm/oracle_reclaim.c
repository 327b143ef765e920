// SPDX-License-Identifier: GPL-2.0
/*
 * KSM at full speed, and swap.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hmm_swap.h"
#include "hmm_system.h"
#include "oracle_reclaim.h"

#define KSM	"/sys/kernel/mm/ksm/"

#define KSM_SETTINGS	3

static struct {
	const char *path;
	const char *word;
	long before;
} ksm_settings[KSM_SETTINGS] = {
	{ .path = KSM "run", .word = "1", .before = -1 },
	{ .path = KSM "sleep_millisecs", .word = "2", .before = -1 },
	{ .path = KSM "pages_to_scan", .word = "4000", .before = -1 },
};

bool oracle_ksm_on(void)
{
	for (size_t i = 0; i < KSM_SETTINGS; i++) {
		ksm_settings[i].before = hmm_read_long(ksm_settings[i].path);
		if (hmm_write_file(ksm_settings[i].path, ksm_settings[i].word))
			return false;
	}
	return true;
}

void oracle_ksm_off(void)
{
	char word[24];

	for (size_t i = 0; i < KSM_SETTINGS; i++) {
		if (ksm_settings[i].before < 0)
			continue;
		snprintf(word, sizeof(word), "%ld", ksm_settings[i].before);
		hmm_write_file(ksm_settings[i].path, word);
	}
}

/* KSM merges a page that did not change between two scans. */
void oracle_ksm_settle(void)
{
	long until = hmm_read_long(KSM "full_scans") + 3;
	__u64 end = hmm_now_ms() + HMM_QUIET_MS;

	while (hmm_read_long(KSM "full_scans") < until && hmm_now_ms() < end)
		usleep(2000);
}

long oracle_ksm_sharing(void)
{
	return hmm_read_long(KSM "pages_sharing");
}

static bool has_swap(void)
{
	char line[256];
	FILE *file = fopen("/proc/swaps", "r");
	bool has;

	if (!file)
		return false;
	/* The file has a header line, and a line for each swap area. */
	has = fgets(line, sizeof(line), file) &&
	      fgets(line, sizeof(line), file);
	fclose(file);
	return has;
}

/* This file has set up swap on zram. */
static bool swap_is_ours;

bool oracle_swap_on(const char **why)
{
	int ret;

	if (has_swap())
		return true;
	ret = hmm_swap_on(why);
	swap_is_ours = !ret;
	if (ret && !*why)
		*why = strerror(-ret);
	return swap_is_ours;
}

void oracle_swap_off(void)
{
	if (swap_is_ours)
		hmm_swap_off();
	swap_is_ours = false;
}
