// SPDX-License-Identifier: GPL-2.0
/*
 * The hardware: what QEMU's documentation of "edu" says, and nothing of
 * mirrors, until it is taken away.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "edu.h"

#define EDU_ALIVE		0x04	/* reads as the complement */
#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define   EDU_DMA_RUN		BIT(0)
#define   EDU_DMA_TO_MEMORY	BIT(1)
#define   EDU_DMA_RAISE_IRQ	BIT(2)
#define EDU_IRQ_DMA		BIT(8)
#define EDU_BUFFER		0x40000
#define EDU_DMA_BITS		28

/* It needs a tenth of a second for each. */
#define EDU_PATIENCE	(10 * HZ)

/* Whose DMA is in flight; once it is over, what it wrote can be read. */
static const void *edu_busy(struct edu_device *edu)
{
	/* Pairs with the release in edu_irq(). */
	return smp_load_acquire(&edu->busy);
}

static irqreturn_t edu_irq(int irq, void *data)
{
	struct edu_device *edu = data;
	u32 status = readl(edu->mmio + EDU_IRQ_STATUS);

	if (!(status & EDU_IRQ_DMA))
		return IRQ_NONE;
	writel(status, edu->mmio + EDU_IRQ_ACK);
	/* Pairs with the acquire in edu_busy(). */
	smp_store_release(&edu->busy, NULL);
	wake_up_all(&edu->idle);
	return IRQ_HANDLED;
}

/* Addresses have EDU_DMA_BITS, so half of a register is enough. */
void edu_start(struct edu_device *edu, const void *owner, dma_addr_t addr,
	       size_t length, enum dma_data_direction dir)
{
	u32 cmd = EDU_DMA_RUN | EDU_DMA_RAISE_IRQ;
	u32 src = addr, dst = EDU_BUFFER;

	lockdep_assert_held(&edu->update_lock);
	if (dir == DMA_FROM_DEVICE) {
		cmd |= EDU_DMA_TO_MEMORY;
		swap(src, dst);
	}
	edu->started++;
	WRITE_ONCE(edu->busy, owner);
	writel(src, edu->mmio + EDU_DMA_SRC);
	writel(dst, edu->mmio + EDU_DMA_DST);
	writel(length, edu->mmio + EDU_DMA_COUNT);
	writel(cmd, edu->mmio + EDU_DMA_CMD);
}

/* Wait until the device may be given work: 0, or killed, or it is broken. */
int edu_wait_idle(struct edu_device *edu)
{
	long left = wait_event_killable_timeout(edu->idle,
						!edu_busy(edu), EDU_PATIENCE);

	if (!left)
		return -ETIMEDOUT;
	return left < 0 ? left : 0;
}

/*
 * Wait until the device no longer works for @owner. A callback must not wait
 * for ever: a device that does not answer is cut off from memory.
 */
void edu_quiesce(struct edu_device *edu, const void *owner)
{
	lockdep_assert_held(&edu->update_lock);
	if (edu_busy(edu) != owner)
		return;
	edu->waited++;
	if (wait_event_timeout(edu->idle, edu_busy(edu) != owner,
			       EDU_PATIENCE))
		return;
	dev_err(edu->dev, "no answer; it may access memory no more\n");
	pci_clear_master(to_pci_dev(edu->dev));
	WRITE_ONCE(edu->busy, NULL);
}

void edu_free(struct kref *kref)
{
	struct edu_device *edu = container_of(kref, struct edu_device, kref);

	put_device(edu->dev);
	kfree(edu);
}

static void edu_put(void *edu)
{
	kref_put(&((struct edu_device *)edu)->kref, edu_free);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu_device *edu;
	int ret;

	/*
	 * What is shared with a process must be its pages and no copies; but
	 * 28 bits do not reach far, and the DMA API would resort to bouncing.
	 */
	if (!device_iommu_mapped(&pdev->dev)) {
		dev_err(&pdev->dev, "wants to be behind an IOMMU\n");
		return -ENODEV;
	}

	edu = kzalloc(sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;
	kref_init(&edu->kref);
	mutex_init(&edu->engine);
	mutex_init(&edu->update_lock);
	INIT_LIST_HEAD(&edu->clients);
	init_waitqueue_head(&edu->idle);
	edu->dev = get_device(&pdev->dev);
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.name = "hmm_edu";
	edu->misc.fops = &edu_fops;
	edu->misc.parent = edu->dev;
	/* First in, last out: after the interrupt and all else below. */
	ret = devm_add_action_or_reset(edu->dev, edu_put, edu);
	if (ret)
		return ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(0), "hmm_edu");
	if (ret)
		return ret;
	edu->mmio = pcim_iomap_table(pdev)[0];
	writel(0xed00, edu->mmio + EDU_ALIVE);
	if (readl(edu->mmio + EDU_ALIVE) != ~0xed00U)
		return -ENODEV;
	ret = dma_set_mask_and_coherent(edu->dev, DMA_BIT_MASK(EDU_DMA_BITS));
	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_ALL_TYPES);
	if (ret < 0)
		return ret;
	ret = devm_request_irq(edu->dev, pci_irq_vector(pdev, 0), edu_irq,
			       IRQF_SHARED, "hmm_edu", edu);
	if (ret)
		return ret;
	pci_set_master(pdev);
	pci_set_drvdata(pdev, edu);
	return misc_register(&edu->misc);
}

/*
 * The device goes, its clients may stay: their mirrors and intervals live on
 * until they close, but nothing is mapped any more, nor will be.
 */
static void edu_remove(struct pci_dev *pdev)
{
	struct edu_device *edu = pci_get_drvdata(pdev);
	struct edu_client *client;
	struct edu_buffer *buf;

	misc_deregister(&edu->misc);
	mutex_lock(&edu->update_lock);
	list_for_each_entry(client, &edu->clients, node)
		list_for_each_entry(buf, &client->buffers, node)
			edu_buffer_unmap(buf, buf->range.start,
					 buf->range.end);
	edu->gone = true;
	mutex_unlock(&edu->update_lock);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "hmm_edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("Driver for QEMU's edu device, an example for hmm_mirror");
MODULE_LICENSE("GPL");
