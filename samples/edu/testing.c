// SPDX-License-Identifier: GPL-2.0
/*
 * What no driver should have: a look inside for tests, and a DMA to wherever
 * they like, to see the IOMMU refuse it.
 */
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "edu.h"

static int edu_test_page(struct edu_client *client, void __user *arg)
{
	struct edu_device *edu = client->edu;
	struct hmm_edu_test_page page;
	struct edu_buffer *buf;
	unsigned long i;

	if (copy_from_user(&page, arg, sizeof(page)))
		return -EFAULT;
	buf = edu_buffer_find(client, page.addr, 1, 0);
	if (!buf)
		return -ENOENT;
	mutex_lock(&edu->update_lock);
	i = (page.addr - buf->range.start) >> PAGE_SHIFT;
	page.dma = buf->addrs[i];
	page.prepared = buf->prepared;
	mutex_unlock(&edu->update_lock);
	return copy_to_user(arg, &page, sizeof(page)) ? -EFAULT : 0;
}

static int edu_test_dma(struct edu_device *edu, void __user *arg)
{
	struct hmm_edu_test_dma dma;
	int ret;

	if (copy_from_user(&dma, arg, sizeof(dma)))
		return -EFAULT;
	ret = mutex_lock_killable(&edu->engine);
	if (ret)
		return ret;
	ret = edu_wait_idle(edu);
	if (ret)
		goto unlock;
	mutex_lock(&edu->update_lock);
	if (edu->gone)
		ret = -ENODEV;
	else
		edu_start(edu, edu, dma.dma, EDU_CHUNK,
			  dma.write ? DMA_FROM_DEVICE : DMA_TO_DEVICE);
	mutex_unlock(&edu->update_lock);
	ret = ret ?: edu_wait_idle(edu);
unlock:
	mutex_unlock(&edu->engine);
	return ret;
}

static u64 edu_test_mappings(const struct edu_buffer *buf)
{
	const struct hmm_mirror_range *range = &buf->range;
	unsigned long npages = (range->end - range->start) >> PAGE_SHIFT;
	unsigned long i;
	u64 n = 0;

	for (i = 0; i < npages; i++)
		n += !!(READ_ONCE(range->pfns[i]) & HMM_MIRROR_PFN_DMA);
	return n;
}

static int edu_test_stats(struct edu_device *edu, void __user *arg)
{
	struct hmm_edu_test_stats stats = {};
	struct edu_client *client;
	struct edu_buffer *buf;

	/* As it was when asked, not when the lock was to be had. */
	stats.busy = !!READ_ONCE(edu->busy);
	stats.started = READ_ONCE(edu->started);
	stats.waited = READ_ONCE(edu->waited);
	mutex_lock(&edu->update_lock);
	list_for_each_entry(client, &edu->clients, node) {
		list_for_each_entry(buf, &client->buffers, node) {
			stats.buffers++;
			stats.mappings += edu_test_mappings(buf);
		}
	}
	mutex_unlock(&edu->update_lock);
	return copy_to_user(arg, &stats, sizeof(stats)) ? -EFAULT : 0;
}

long edu_test_ioctl(struct edu_client *client, unsigned int cmd,
		    void __user *arg)
{
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	switch (cmd) {
	case HMM_EDU_TEST_PAGE:
		return edu_test_page(client, arg);
	case HMM_EDU_TEST_DMA:
		return edu_test_dma(client->edu, arg);
	case HMM_EDU_TEST_STATS:
		return edu_test_stats(client->edu, arg);
	}
	return -ENOTTY;
}
