// SPDX-License-Identifier: GPL-2.0
/*
 * test_hmm: dummy devices, without hardware, that mirror processes.
 *
 * Like any other driver, this driver mirrors processes with the functions of
 * include/hmm. User space makes the devices read and write the memory of a
 * process with the ioctls of include/uapi/hmm/test_hmm.h.
 *
 *   unit  memory of the device
 *   0, 1  device-private: the CPU cannot access it. The units have no memory
 *         if the kernel does not support it.
 *   2, 3  device-coherent: the CPU can access it. These units exist only if
 *         the kernel supports such memory and the module is loaded with the
 *         address of unused memory (see coherent_start).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>

#include <hmm/mirror.h>
#include <hmm/version.h>

#include "../compat/test_hmm/class.h"
#include "../compat/test_hmm/devmem.h"
#include "../compat/test_hmm/exclusive.h"
#include "device.h"
#include "file.h"
#include "migrate_to_sys.h"
#include "release.h"

#define DMIRROR_PRIVATE_UNITS	2
/* Memory hotplug requires this alignment. */
#define DMIRROR_ALIGN		SZ_2M

static unsigned long coherent_start;
/* Physical addresses are for root only, as in /proc/iomem. */
module_param(coherent_start, ulong, 0400);
MODULE_PARM_DESC(coherent_start,
		 "physical address of the memory of units 2 and 3, a multiple of 2M; reserve that memory, for example with memmap=SIZE$START");

static unsigned long coherent_size;
module_param(coherent_size, ulong, 0444);
MODULE_PARM_DESC(coherent_size,
		 "size of the memory of units 2 and 3 in bytes, a multiple of 4M; each unit uses half of it");

static dev_t dmirror_devt;
static struct cdev *dmirror_cdev;
static struct class *dmirror_class;

static void dmirror_setup_unit(unsigned int unit)
{
	struct dmirror_device *device = dmirror_device(unit);

	dmirror_device_init(device, unit);
	if (HMM_HAS_DEVICE_MEMORY)
		device->pagemap_ops = &dmirror_pagemap_ops;
	if (unit >= DMIRROR_PRIVATE_UNITS) {
		device->memory = DMIRROR_MEMORY_COHERENT;
		device->size = coherent_size / 2;
		device->start = coherent_start +
				(unit - DMIRROR_PRIVATE_UNITS) * device->size;
	} else if (HMM_HAS_DEVICE_PRIVATE) {
		device->memory = DMIRROR_MEMORY_PRIVATE;
	}
}

/*
 * Returns the number of units, or -EINVAL if a module parameter is invalid.
 * Logs each missing feature and the reason.
 */
static int dmirror_count_units(void)
{
	if (!HMM_HAS_DEVICE_PRIVATE)
		pr_info("units 0 and 1 have no device memory: this kernel %s\n",
			IS_ENABLED(CONFIG_DEVICE_PRIVATE) ?
			"is older than 6.1 or was built without CONFIG_MIGRATION" :
			"was built without CONFIG_DEVICE_PRIVATE");
	if (!HMM_HAS_EXCLUSIVE)
		pr_info("no exclusive access: this kernel %s\n",
			IS_ENABLED(CONFIG_DEVICE_PRIVATE) ? "is older than 5.14" :
			"was built without CONFIG_DEVICE_PRIVATE");

	if (!coherent_size) {
		pr_info("no units 2 and 3: coherent_start and coherent_size are not set\n");
		return DMIRROR_PRIVATE_UNITS;
	}
	if (!HMM_HAS_DEVICE_MEMORY) {
		pr_info("no units 2 and 3: this kernel %s\n",
			IS_ENABLED(CONFIG_ZONE_DEVICE) ?
			"is older than 6.1 or was built without CONFIG_MIGRATION" :
			"was built without CONFIG_ZONE_DEVICE");
		return DMIRROR_PRIVATE_UNITS;
	}
	if (!IS_ALIGNED(coherent_start, DMIRROR_ALIGN) ||
	    !IS_ALIGNED(coherent_size, 2 * DMIRROR_ALIGN) ||
	    coherent_start + coherent_size < coherent_start) {
		pr_err("coherent_start is not a multiple of 2M, coherent_size is not a multiple of 4M, or their sum overflows\n");
		return -EINVAL;
	}
	return DMIRROR_UNITS;
}

static int dmirror_create_nodes(unsigned int units)
{
	struct device *node;
	unsigned int unit;

	for (unit = 0; unit < units; unit++) {
		node = device_create(dmirror_class, NULL, dmirror_devt + unit,
				     NULL, "%s", dmirror_device(unit)->name);
		if (IS_ERR(node)) {
			while (unit--)
				device_destroy(dmirror_class,
					       dmirror_devt + unit);
			return PTR_ERR(node);
		}
	}
	return 0;
}

static int dmirror_add_cdev(unsigned int units)
{
	int ret;

	dmirror_cdev = cdev_alloc();
	if (!dmirror_cdev)
		return -ENOMEM;
	dmirror_cdev->owner = THIS_MODULE;
	dmirror_cdev->ops = &dmirror_fops;
	ret = cdev_add(dmirror_cdev, dmirror_devt, units);
	if (ret)
		kobject_put(&dmirror_cdev->kobj);
	return ret;
}

static unsigned int dmirror_units;

static int __init dmirror_init(void)
{
	int units = dmirror_count_units();
	int ret;

	if (units < 0)
		return units;

	for (dmirror_units = 0; dmirror_units < units; dmirror_units++)
		dmirror_setup_unit(dmirror_units);

	/* The minor number of a node is the number of its unit. */
	ret = alloc_chrdev_region(&dmirror_devt, 0, units, "hmm_dmirror");
	if (ret)
		return ret;
	dmirror_class = hmm_class_create("hmm_dmirror");
	ret = PTR_ERR_OR_ZERO(dmirror_class);
	if (ret)
		goto err_region;
	ret = dmirror_add_cdev(units);
	if (ret)
		goto err_class;
	ret = dmirror_create_nodes(units);
	if (ret)
		goto err_cdev;
	return 0;

err_cdev:
	cdev_del(dmirror_cdev);
err_class:
	class_destroy(dmirror_class);
err_region:
	unregister_chrdev_region(dmirror_devt, units);
	return ret;
}

static void __exit dmirror_exit(void)
{
	unsigned int unit;

	for (unit = 0; unit < dmirror_units; unit++)
		device_destroy(dmirror_class, dmirror_devt + unit);
	cdev_del(dmirror_cdev);
	class_destroy(dmirror_class);
	unregister_chrdev_region(dmirror_devt, dmirror_units);

	/* No file is open, so no more pages migrate to a device. */
	for (unit = 0; unit < dmirror_units; unit++)
		dmirror_devmem_release(dmirror_device(unit), NULL);
	/* Closing a file waits for its callbacks, so this returns quickly. */
	hmm_mirror_synchronize();
}

module_init(dmirror_init);
module_exit(dmirror_exit);
MODULE_DESCRIPTION("Dummy devices for tests of hmm_mirror");
MODULE_AUTHOR("hmm-mirror developers");
MODULE_VERSION(HMM_MIRROR_VERSION_STRING);
MODULE_LICENSE("GPL");
