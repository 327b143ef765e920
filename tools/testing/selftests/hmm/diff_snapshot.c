// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots of random memory, by both implementations.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "diff_build.h"
#include "diff_compare.h"
#include "diff_machine.h"
#include "diff_snapshot.h"

#define RANGES		6
#define TRIES		10

static struct diff_request *const req = &diff_case.request;
static struct diff_results *const first = &diff_case.first;

static int snapshot_range(void)
{
	struct diff_random *rnd = &diff_case.random;
	bool kernel_first = diff_once_in(rnd, 2);
	int ret;

	diff_choose_range(req, rnd);
	diff_choose_flags(req, rnd);
	diff_set_call(first, kernel_first, diff_choose_way(req, rnd, false),
		      HMM_DIFF_SNAPSHOT);
	diff_set_call(first, !kernel_first, HMM_DIFF_KERNEL, HMM_DIFF_SNAPSHOT);
	for (int try = 0; try < TRIES; try++) {
		ret = diff_make_calls(first, 2);
		if (ret)
			return ret;
		/* Something in the kernel invalidated a page meanwhile. */
		if (first->run.calls[0].changed || first->run.calls[1].changed)
			continue;
		for (int i = 0; i < 2; i++)
			if (first->run.calls[i].result)
				diff_report("snapshot: %s returns %d",
					    diff_way_name(first, i),
					    first->run.calls[i].result);
		diff_compare(first, 0, 1, "snapshot");
		diff_count_kinds(first->entries[0]);
		return 0;
	}
	diff_report("snapshot: the memory changed in each try");
	return 0;
}

int diff_snapshot_case(void)
{
	int ret = diff_arena_build(diff_case.seed, diff_case.number, true);

	diff_seed(&diff_case.random, ~diff_case.seed, diff_case.number);
	if (!ret)
		ret = diff_snapshot_arena(req->before);
	for (int i = 0; i < RANGES && !ret; i++)
		ret = snapshot_range();
	diff_arena_drop();
	return ret;
}

static void compare_mapping(const char *what, __u64 start, size_t n)
{
	for (unsigned int kernel = 0; kernel < 2; kernel++) {
		struct hmm_diff_run run = {
			.start = start,
			.npages = n,
			.requests = (uintptr_t)req->pages,
			.ncalls = 2,
		};

		diff_set_call(first, kernel, HMM_DIFF_KERNEL,
			      HMM_DIFF_SNAPSHOT);
		diff_set_call(first, !kernel, HMM_DIFF_OURS, HMM_DIFF_SNAPSHOT);
		for (int i = 0; i < 2; i++) {
			run.calls[i] = first->run.calls[i];
			run.calls[i].entries = (uintptr_t)first->entries[i];
		}
		if (ioctl(diff_machine.device, HMM_DIFF_RUN, &run) ||
		    run.calls[0].result || run.calls[1].result) {
			diff_report("%s: a snapshot failed", what);
			continue;
		}
		for (size_t i = 0; i < n; i++) {
			__u64 x = first->entries[0][i];
			__u64 y = first->entries[1][i];

			diff_case.compared++;
			if (x == y ||
			    !diff_report("page %zu of %zu at %#llx: %s", i, n,
					 start, what))
				continue;
			diff_print_entry(diff_way_name(first, 0), x);
			diff_print_entry(diff_way_name(first, 1), y);
		}
	}
}

void diff_snapshot_own_mappings(void)
{
	static char maps[16384];
	const size_t page = hmm_page_size();
	__u64 start, end;
	size_t length = 0;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	while ((got = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += got;
	close(fd);
	for (char *line = strtok(maps, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%llx-%llx", &start, &end) != 2 ||
		    start >> 47)
			continue;
		/* Include the pages next to the mapping; limit the length. */
		start -= page;
		end = end - start > 256 * page ? start + 256 * page :
						 end + page;
		compare_mapping(line, start, (end - start) / page);
	}
}
