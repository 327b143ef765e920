// SPDX-License-Identifier: GPL-2.0
/*
 * Probe and remove, and the misc device.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>

#include <hmm/version.h>

#include "client.h"
#include "device.h"
#include "engine.h"
#include "mapping.h"

#define EDU_DMA_BITS		28

static int edu_misc_register(struct edu_device *edu)
{
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.name = "hmm_edu";
	edu->misc.fops = &edu_fops;
	edu->misc.parent = edu->dev;
	return misc_register(&edu->misc);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct edu_device *edu;
	int ret;

	/*
	 * The device and the process must share pages. Without an IOMMU, or
	 * with an identity domain, the device cannot address all pages with 28
	 * bits, and the DMA API would copy them to bounce buffers.
	 */
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(EDU_DMA_BITS));
	if (ret)
		return ret;
	if (!hmm_mirror_dma_supported(dev)) {
		dev_err(dev, "DMA does not reach all memory: the device needs an IOMMU that translates addresses\n");
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
	return edu_misc_register(edu);
}

/*
 * Files may still be open when the device is unbound. Their mirrors and
 * intervals exist until the files are closed, but no page stays mapped for DMA.
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
MODULE_AUTHOR("hmm-mirror developers");
MODULE_VERSION(HMM_MIRROR_VERSION_STRING);
MODULE_LICENSE("GPL");
