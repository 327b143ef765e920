// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hmm_cgroup.h"
#include "hmm_system.h"

#define ROOT	"/tmp/hmm_cgroup"
#define GROUP	ROOT "/test"

/* The number must stay the same for this long. */
#define STEADY_MS	5000

static int has_memory_controller(void)
{
	char line[256] = "";
	FILE *file = fopen(ROOT "/cgroup.controllers", "r");

	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	return !!strstr(line, "memory");
}

int hmm_cgroup_enter(void)
{
	if (mkdir(ROOT, 0700) && errno != EEXIST)
		return -errno;
	if (mount("none", ROOT, "cgroup2", 0, NULL) && errno != EBUSY)
		return errno == ENODEV ? -EOPNOTSUPP : -errno;
	if (!has_memory_controller())
		return -EOPNOTSUPP;
	if (mkdir(GROUP, 0700) && errno != EEXIST)
		return -errno;
	return hmm_write_file(ROOT "/cgroup.subtree_control", "+memory") ?:
	       hmm_write_file(GROUP "/cgroup.procs", "0");
}

void hmm_cgroup_leave(void)
{
	hmm_write_file(ROOT "/cgroup.procs", "0");
	rmdir(GROUP);
	umount2(ROOT, MNT_DETACH);
}

long hmm_cgroup_current(void)
{
	return hmm_read_long(GROUP "/memory.current");
}

static long read_slab(void)
{
	FILE *file = fopen(GROUP "/memory.stat", "r");
	char line[128];
	long value = -ENOENT;

	if (!file)
		return -errno;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "slab %ld", &value) != 1)
			value = -ENOENT;
	fclose(file);
	return value;
}

long hmm_cgroup_objects(void)
{
	__u64 now = hmm_now_ms(), end = now + HMM_TIMEOUT_MS, since = now;
	long value = read_slab(), last;

	while (value >= 0 && now - since < STEADY_MS && now < end) {
		usleep(200000);
		last = value;
		value = read_slab();
		now = hmm_now_ms();
		if (value != last)
			since = now;
	}
	return value;
}
