// SPDX-License-Identifier: GPL-2.0
/*
 * A non-blockable invalidation that the device must refuse. The OOM reaper
 * starts one when it reclaims memory of a killed process that does not exit.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hmm_counters.h"
#include "hmm_harness.h"
#include "hmm_trace.h"

#define NPAGES		8
/*
 * The device refuses more invalidations than the victim has mappings, so the
 * reaper has to retry. It refuses fewer than ten times that number, because the
 * reaper gives up after ten attempts.
 */
#define REFUSALS	24
/*
 * The reaper runs 2 s after the kill, and the victim must still exist at that
 * time. The victim exits when the test resets the device's delay.
 */
#define HELD_US		60000000

static int configure(int fd, unsigned int delay_us, unsigned int refusals)
{
	struct hmm_dmirror_config config = {
		.invalidate_delay_us = delay_us,
		.refuse_nonblock = refusals,
	};

	return ioctl(fd, HMM_DMIRROR_CONFIG, &config) ? -errno : 0;
}

/*
 * Makes itself the preferred victim, and then blocks in an uninterruptible
 * invalidation with the mmap lock held for reading, or the lock of the vma on
 * newer kernels.
 */
static void victim(int *shared, char *mem, char *buf,
		   struct hmm_completion *ready)
{
	int fd = hmm_open(0);

	*shared = fd;
	hmm_fill(mem, NPAGES, 1, 0);
	if (fd < 0 || hmm_write_file("/proc/self/oom_score_adj", "1000") ||
	    hmm_read(fd, mem, buf, NPAGES, NULL) ||
	    configure(fd, HELD_US, REFUSALS))
		_exit(1);
	hmm_complete(ready);
	madvise(mem, hmm_page_size(), MADV_DONTNEED);
	_exit(0);
}

/*
 * R22: an invalidation that the device refuses does not stay in progress. An
 * invalidation that it accepts removes the entries while the victim is still
 * blocked.
 */
TEST(nonblockable_invalidation_is_refused)
{
	int *shared = hmm_map_shared(1);
	struct hmm_dmirror_stats stats = {};
	__u64 end = hmm_now_ms() + HMM_TIMEOUT_MS;
	long contexts = hmm_debugfs_wait_count("contexts", 0);
	char *mem = hmm_map(NPAGES);
	char *buf = hmm_map(NPAGES);
	struct hmm_completion ready;
	bool traced;
	pid_t pid;

	HMM_SKIP_WITHOUT_DEVICE(0);
	if (access("/proc/sysrq-trigger", W_OK))
		SKIP(return, "no /proc/sysrq-trigger to invoke the OOM killer");
	ASSERT_NE(NULL, shared);
	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, hmm_completion_init(&ready));

	pid = hmm_fork_sharing_files();
	ASSERT_LE(0, pid);
	if (!pid)
		victim(shared, mem, buf, &ready);
	ASSERT_EQ(0, hmm_wait_for_completion(&ready));
	traced = !hmm_trace_start();
	/* The command f invokes the OOM killer. */
	ASSERT_EQ(0, hmm_write_file("/proc/sysrq-trigger", "f"));

	do {
		usleep(10000);
		ASSERT_EQ(0, hmm_stats(*shared, &stats));
	} while ((stats.refused < REFUSALS || stats.entries) &&
		 hmm_now_ms() < end);
	EXPECT_EQ(REFUSALS, stats.refused);
	EXPECT_EQ(0, stats.entries);
	EXPECT_EQ(0, stats.released);
	if (contexts >= 0)
		EXPECT_EQ(REFUSALS, hmm_counter(pid, "refused"));
	if (traced) {
		hmm_trace_stop();
		EXPECT_EQ(REFUSALS, hmm_trace_count("hmm_callback",
						    " accepted=0 "));
	}

	EXPECT_EQ(0, configure(*shared, 0, 0));
	EXPECT_EQ(-SIGKILL, hmm_wait_exit(pid));
	ASSERT_EQ(0, hmm_stats(*shared, &stats));
	EXPECT_EQ(1, stats.released);
	close(*shared);
	if (contexts >= 0)
		EXPECT_EQ(contexts,
			  hmm_debugfs_wait_count("contexts", contexts));
}

TEST_HARNESS_MAIN
