// SPDX-License-Identifier: GPL-2.0
/*
 * From probe to remove.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "edu.h"

#define EDU_DMA_BITS		28

static void edu_device_put_action(void *edu)
{
	edu_device_put(edu);
}

static struct edu_device *edu_device_alloc(struct device *dev)
{
	struct edu_device *edu;

	edu = kzalloc(sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return NULL;
	kref_init(&edu->kref);
	mutex_init(&edu->engine_lock);
	mutex_init(&edu->clients_lock);
	INIT_LIST_HEAD(&edu->clients);
	init_waitqueue_head(&edu->wait);
	spin_lock_init(&edu->lock);
	edu->dev = get_device(dev);
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.name = "hmm_edu";
	edu->misc.fops = &edu_fops;
	edu->misc.parent = dev;
	/* The first action is undone last, after the interrupt is freed. */
	if (devm_add_action_or_reset(dev, edu_device_put_action, edu))
		return NULL;
	return edu;
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct edu_device *edu;
	int ret;

	/*
	 * The device and the process share pages, not copies of them. With an
	 * identity domain or without an IOMMU, 28 bits do not reach all pages,
	 * and the DMA API would use bounce buffers.
	 */
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(EDU_DMA_BITS));
	if (ret)
		return ret;
	if (!hmm_mirror_dma_supported(dev)) {
		dev_err(dev, "DMA does not reach all memory: an IOMMU must translate for this device\n");
		return -ENODEV;
	}

	edu = edu_device_alloc(dev);
	if (!edu)
		return -ENOMEM;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(0), "hmm_edu");
	if (ret)
		return ret;
	edu->mmio = pcim_iomap_table(pdev)[0];
	ret = edu_engine_init(edu);
	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_ALL_TYPES);
	if (ret < 0)
		return ret;
	ret = devm_request_irq(dev, pci_irq_vector(pdev, 0), edu_irq,
			       IRQF_SHARED, "hmm_edu", edu);
	if (ret)
		return ret;
	pci_set_master(pdev);
	pci_set_drvdata(pdev, edu);
	return misc_register(&edu->misc);
}

/*
 * The device goes, files may stay open. Their mirrors and intervals live until
 * they are closed, but nothing is mapped any more.
 */
static void edu_remove(struct pci_dev *pdev)
{
	struct edu_device *edu = pci_get_drvdata(pdev);
	struct edu_client *client;

	misc_deregister(&edu->misc);
	edu_stop(edu, -ENODEV, NULL);
	mutex_lock(&edu->clients_lock);
	list_for_each_entry(client, &edu->clients, node)
		edu_mappings_detach(client);
	mutex_unlock(&edu->clients_lock);
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
