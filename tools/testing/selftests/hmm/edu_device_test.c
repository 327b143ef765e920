// SPDX-License-Identifier: GPL-2.0
/*
 * Failures of the device: an identity domain, a hung device and a removed
 * device. A device that was stopped works again only after it is bound again,
 * so each test that stops the device binds it again.
 */
#include "edu_harness.h"

#define DEVICES		"/sys/bus/pci/devices/"

static int edu_unbind(const char *name)
{
	return hmm_write_file(DRIVER "unbind", name);
}

static int edu_bind(const char *name)
{
	return hmm_write_file(DRIVER "bind", name);
}

static int edu_rebind(void)
{
	char name[256];
	int ret;

	ret = edu_name(name, sizeof(name));
	if (!ret)
		ret = edu_unbind(name);
	if (!ret)
		ret = edu_bind(name);
	return ret;
}

static int set_domain(const char *name, const char *type)
{
	char path[512];

	snprintf(path, sizeof(path), DEVICES "%s/iommu_group/type", name);
	return hmm_write_file(path, type);
}

/* Returns how many new records of the kernel log contain the text. */
static int kmsg_count(int kmsg, const char *text)
{
	char record[2048];
	ssize_t got;
	int n = 0;

	while ((got = read(kmsg, record, sizeof(record) - 1)) > 0 ||
	       (got < 0 && errno == EPIPE)) {
		if (got < 0)
			continue;
		record[got] = '\0';
		n += !!strstr(record, text);
	}
	return n;
}

/*
 * R69: with an identity domain, the IOMMU does not translate the addresses of
 * the device, and DMA would use bounce buffers. If no memory is below 256 MiB, as
 * on QEMU's virt machine, there are no bounce buffers that the device can address,
 * and the DMA API already refuses its mask.
 */
TEST_F(edu, r69_identity_domain_is_refused)
{
	int identity, refused, translated, bound;
	char name[256];

	ASSERT_EQ(0, edu_name(name, sizeof(name)));
	ASSERT_EQ(0, edu_unbind(name));
	identity = set_domain(name, "identity");
	if (identity) {
		ASSERT_EQ(0, edu_bind(name));
		SKIP(return, "no identity domain: %s", strerror(-identity));
	}
	refused = edu_bind(name);
	if (!refused)
		edu_unbind(name);
	translated = set_domain(name, "DMA");
	bound = edu_bind(name);
	EXPECT_EQ(0, translated);
	ASSERT_EQ(0, bound);
	if (refused != -EIO) {
		EXPECT_EQ(-ENODEV, refused);
		EXPECT_EQ(1, kmsg_count(self->kmsg,
					"DMA does not reach all memory"));
	}

	EXPECT_DEVICE_WORKS_AGAIN();
}

/*
 * Forks a child that copies after go completes. The copy must fail with -EIO.
 */
static pid_t copy_in_a_child(struct hmm_completion *ready,
			     struct hmm_completion *go)
{
	pid_t pid = hmm_fork();
	char *src, *dst;
	int fd, ret;

	if (pid)
		return pid;
	fd = edu_map_and_register(&src, &dst);
	if (fd < 0 || hmm_complete(ready) || hmm_wait_for_completion(go))
		_exit(1);
	ret = edu_copy(fd, dst, src, CHUNK);
	_exit(ret == -EIO ? 0 : 2);
}

/*
 * R71: no DMA of a hung device counts as completed, every task that waits for
 * the device returns, and no DMA starts until the device is bound again.
 */
TEST_F(edu, r71_timed_out_device_is_dead)
{
	struct edu_job job = EDU_JOB;
	struct hmm_completion ready, go;
	struct hmm_thread thread;
	__u64 started;
	pid_t pid;

	REGISTER_BOTH();
	ASSERT_EQ(0, hmm_completion_init(&ready));
	ASSERT_EQ(0, hmm_completion_init(&go));
	ASSERT_EQ(0, hmm_thread_create(&thread, edu_job_run, &job));
	pid = copy_in_a_child(&ready, &go);
	ASSERT_LE(0, pid);
	ASSERT_EQ(0, hmm_wait_for_completion(&ready));

	started = edu_stats(self->watch).started;
	/*
	 * Lose the interrupt of the second DMA, which is the last of the copy.
	 */
	ASSERT_EQ(0, edu_fault(self->watch, HMM_EDU_FAULT_LOST_IRQ, 1));
	hmm_thread_start(&thread);
	ASSERT_EQ(0, edu_wait_started(self->watch, started + 2));
	ASSERT_EQ(0, hmm_complete(&go));
	/* The invalidate callback also waits for the DMA. */
	ASSERT_EQ(0, madvise(self->dst, self->page, MADV_DONTNEED));
	EXPECT_EQ(0, edu_stats(self->watch).busy);
	EXPECT_EQ(-EIO, hmm_thread_join(&thread));
	EXPECT_EQ(0, hmm_wait_exit(pid));
	EXPECT_EQ(1, kmsg_count(self->kmsg, "DMA timed out"));

	EXPECT_EQ(-EIO, edu_copy(self->fd, self->dst, self->src, CHUNK));
	EXPECT_EQ(started + 2, edu_stats(self->watch).started);

	ASSERT_EQ(0, edu_rebind());
	EXPECT_DEVICE_WORKS_AGAIN();
}

/* R71: a late interrupt of an earlier DMA does not end the DMA in flight. */
TEST_F(edu, r71_late_interrupt_does_not_end_a_dma)
{
	struct edu_job job = EDU_JOB;
	struct hmm_thread thread;

	REGISTER_BOTH();
	ASSERT_EQ(0, hmm_thread_create(&thread, edu_job_run, &job));
	hmm_thread_start(&thread);
	while (hmm_thread_wait_done(&thread, 1) == -ETIMEDOUT)
		ASSERT_EQ(0, edu_fault(self->watch, HMM_EDU_FAULT_SPURIOUS_IRQ,
				       0));
	ASSERT_EQ(0, hmm_thread_join(&thread));
	EXPECT_EQ(0, memcmp(self->dst, self->src, CHUNK));
	EXPECT_TRUE(hmm_is_filled(self->dst + self->page, NPAGES - 1, 2, 1));
}

/* R71: a register that reads as all ones must not count as done or idle. */
TEST_F(edu, r71_removed_device_reads_as_all_ones)
{
	struct edu_job job = EDU_JOB;
	struct hmm_thread thread;
	__u64 started;

	REGISTER_BOTH();
	ASSERT_EQ(0, hmm_thread_create(&thread, edu_job_run, &job));
	started = edu_stats(self->watch).started;
	hmm_thread_start(&thread);
	ASSERT_EQ(0, edu_wait_started(self->watch, started + 1));
	ASSERT_EQ(0, edu_fault(self->watch, HMM_EDU_FAULT_REMOVED, 0));
	EXPECT_EQ(-EIO, hmm_thread_join(&thread));
	EXPECT_EQ(-EIO, edu_copy(self->fd, self->dst, self->src, CHUNK));
	EXPECT_EQ(0, edu_stats(self->watch).busy);
	EXPECT_EQ(1, kmsg_count(self->kmsg, "removed"));
	EXPECT_TRUE(hmm_is_filled(self->dst, NPAGES, 2, 0));

	ASSERT_EQ(0, edu_rebind());
	EXPECT_DEVICE_WORKS_AGAIN();
}

TEST_HARNESS_MAIN
