// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of the tests: counters, the DMA address of a page, DMA to an
 * address that the IOMMU must block, and fault injection. A real driver does
 * not have such ioctls.
 */
#include <linux/capability.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "engine.h"
#include "test_ioctl.h"

static int edu_test_page(struct edu_client *client, void __user *arg)
{
	struct hmm_edu_test_page page;
	struct edu_mapping *m;
	unsigned long i;
	int ret = -ENOENT;

	if (copy_from_user(&page, arg, sizeof(page)))
		return -EFAULT;
	spin_lock(&client->lock);
	list_for_each_entry(m, &client->mappings, node) {
		if (page.addr < m->range.start || page.addr >= m->range.end)
			continue;
		i = PFN_DOWN(page.addr - m->range.start);
		page.dma = m->addrs[i];
		page.usable = test_bit(i, m->usable);
		ret = 0;
		break;
	}
	spin_unlock(&client->lock);
	if (!ret && copy_to_user(arg, &page, sizeof(page)))
		ret = -EFAULT;
	return ret;
}

static int edu_test_dma(struct edu_device *edu, void __user *arg)
{
	struct hmm_edu_test_dma test;
	unsigned long dma;
	int ret;

	if (copy_from_user(&test, arg, sizeof(test)))
		return -EFAULT;
	ret = edu_engine_lock(edu);
	if (ret)
		return ret;
	ret = edu_dma_start(edu, test.dma, EDU_CHUNK,
			    test.write ? DMA_FROM_DEVICE : DMA_TO_DEVICE,
			    &dma) ?:
	      edu_dma_wait_killable(edu, dma);
	edu_engine_unlock(edu);
	return ret;
}

static u64 edu_test_count_mapped(const struct edu_mapping *m)
{
	u64 n = 0;
	int i;

	for (i = 0; i < EDU_MAPPING_PAGES; i++)
		n += !!(m->pfns[i] & HMM_MIRROR_PFN_DMA);
	return n;
}

static int edu_test_stats(struct edu_device *edu, void __user *arg)
{
	struct hmm_edu_test_stats stats = {};
	struct edu_client *client;
	struct edu_mapping *m;

	stats.busy = !edu_dma_has_ended(edu, READ_ONCE(edu->started));
	stats.started = READ_ONCE(edu->started);
	stats.waited = atomic_long_read(&edu->waited);
	mutex_lock(&edu->clients_lock);
	list_for_each_entry(client, &edu->clients, node) {
		stats.buffers += READ_ONCE(client->nr_buffers);
		spin_lock(&client->lock);
		list_for_each_entry(m, &client->mappings, node)
			stats.mappings += edu_test_count_mapped(m);
		spin_unlock(&client->lock);
	}
	mutex_unlock(&edu->clients_lock);
	return copy_to_user(arg, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static int edu_test_fault(struct edu_device *edu, void __user *arg)
{
	struct hmm_edu_test_fault fault;

	if (copy_from_user(&fault, arg, sizeof(fault)))
		return -EFAULT;
	switch (fault.kind) {
	case HMM_EDU_FAULT_LOST_IRQ:
		spin_lock_irq(&edu->lock);
		edu->test_lost_irq = edu->started + 1 + fault.arg;
		spin_unlock_irq(&edu->lock);
		return 0;
	case HMM_EDU_FAULT_SPURIOUS_IRQ:
		edu_test_raise_irq(edu);
		return 0;
	case HMM_EDU_FAULT_REMOVED:
		spin_lock_irq(&edu->lock);
		edu->test_removed = true;
		spin_unlock_irq(&edu->lock);
		return 0;
	case HMM_EDU_FAULT_DMA_MASK:
		if (fault.arg > 64)
			return -EINVAL;
		return dma_set_mask(edu->dev, DMA_BIT_MASK(fault.arg));
	}
	return -EINVAL;
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
	case HMM_EDU_TEST_FAULT:
		return edu_test_fault(client->edu, arg);
	}
	return -ENOTTY;
}
