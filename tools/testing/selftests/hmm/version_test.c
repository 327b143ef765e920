// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers check HMM_MIRROR_VERSION; users and packages read the version of the
 * module. Both versions must be the same.
 */
#include <assert.h>
#include <stdio.h>

#include <kselftest_harness.h>

#include "../../../../include/hmm/version.h"

static_assert(HMM_MIRROR_VERSION_CODE(0, 2, 0) <
	      HMM_MIRROR_VERSION_CODE(0, 2, 1), "order of patch levels");
static_assert(HMM_MIRROR_VERSION_CODE(0, 2, 255) <
	      HMM_MIRROR_VERSION_CODE(0, 3, 0), "order of minor versions");
static_assert(HMM_MIRROR_VERSION_CODE(0, 255, 255) <
	      HMM_MIRROR_VERSION_CODE(1, 0, 0), "order of major versions");
static_assert(HMM_MIRROR_VERSION_MINOR <= 255 &&
	      HMM_MIRROR_VERSION_PATCH <= 255, "eight bits each");

/* Returns the version of a loaded module as a number, or 0 on an error. */
static int module_version(const char *module)
{
	unsigned int major, minor, patch;
	char path[64], end;
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s/version", module);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%u.%u.%u%c", &major, &minor, &patch, &end) == 4 &&
	    end == '\n')
		ret = HMM_MIRROR_VERSION_CODE(major, minor, patch);
	fclose(f);
	return ret;
}

TEST(modules_have_the_version_of_the_headers)
{
	EXPECT_EQ(HMM_MIRROR_VERSION, module_version("hmm_mirror"));
	EXPECT_EQ(HMM_MIRROR_VERSION, module_version("test_hmm"));
}

TEST_HARNESS_MAIN
