// SPDX-License-Identifier: GPL-2.0
/*
 * test_hmm: devices that do not exist, and mirror processes all the same.
 *
 * They are driven like any other: all that is known of a process comes from
 * include/hmm. User space makes them read and write the process's memory with
 * the ioctls of include/uapi/hmm/test_hmm.h.
 *
 *   unit  its own memory
 *   0, 1  out of the CPU's reach, if the kernel has DEVICE_PRIVATE
 *   2, 3  within its reach; there are such units only if the module is told
 *         where there is memory that nobody uses (see coherent_start)
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched.h>

#include "../compat/test_hmm/class.h"
#include "../compat/test_hmm/devmem.h"
#include "../compat/test_hmm/exclusive.h"
#include "devmem.h"
#include "file.h"

#define DMIRROR_UNITS		4
#define DMIRROR_PRIVATE_UNITS	2
/* What memory hotplug wants as the unit of addresses. */
#define DMIRROR_ALIGN		SZ_2M

static unsigned long coherent_start;
module_param(coherent_start, ulong, 0444);
MODULE_PARM_DESC(coherent_start,
		 "physical address of memory for units 2 and 3 that the kernel was told not to use, as with memmap=SIZE$START; a multiple of 2M");

static unsigned long coherent_size;
module_param(coherent_size, ulong, 0444);
MODULE_PARM_DESC(coherent_size,
		 "size of that memory in bytes, half for each; a multiple of 4M");

static struct dmirror_device dmirror_devices[DMIRROR_UNITS];

static dev_t dmirror_devt;
static struct cdev *dmirror_cdev;
static struct class *dmirror_class;

struct dmirror_device *dmirror_device_from_inode(const struct inode *inode)
{
	return &dmirror_devices[iminor(inode) - MINOR(dmirror_devt)];
}

/**
 * dmirror_get() - a file that mirrors an mm with a device
 * @device: the device
 * @mm: the mm
 *
 * Return: the file opened last of those that do, or NULL. It stays until
 * dmirror_put(); closing it waits.
 */
struct dmirror *dmirror_get(struct dmirror_device *device,
				    struct mm_struct *mm)
{
	struct dmirror *dm;

	spin_lock(&device->files_lock);
	list_for_each_entry(dm, &device->files, node) {
		if (dm->mm == mm) {
			atomic_inc(&dm->users);
			spin_unlock(&device->files_lock);
			return dm;
		}
	}
	spin_unlock(&device->files_lock);
	return NULL;
}

void dmirror_put(struct dmirror *dm)
{
	struct dmirror_device *device = dm->device;

	/* dm may be gone after this. */
	if (atomic_dec_and_test(&dm->users))
		wake_up_all(&device->files_wait);
}

void dmirror_device_add_file(struct dmirror *dm)
{
	spin_lock(&dm->device->files_lock);
	list_add(&dm->node, &dm->device->files);
	spin_unlock(&dm->device->files_lock);
}

/* Nobody finds the file any more, nor uses it for having found it. */
void dmirror_device_remove_file(struct dmirror *dm)
{
	spin_lock(&dm->device->files_lock);
	list_del(&dm->node);
	spin_unlock(&dm->device->files_lock);
	wait_event(dm->device->files_wait, !atomic_read(&dm->users));
}

static void dmirror_device_setup(unsigned int unit)
{
	struct dmirror_device *device = &dmirror_devices[unit];

	snprintf(device->name, sizeof(device->name), "hmm_dmirror%u", unit);
	spin_lock_init(&device->files_lock);
	INIT_LIST_HEAD(&device->files);
	init_waitqueue_head(&device->files_wait);
	dmirror_devmem_init(device);

	if (unit >= DMIRROR_PRIVATE_UNITS) {
		device->memory = DMIRROR_MEMORY_COHERENT;
		device->size = coherent_size / 2;
		device->start = coherent_start +
				(unit - DMIRROR_PRIVATE_UNITS) * device->size;
	} else if (HMM_HAS_DEVICE_PRIVATE) {
		device->memory = DMIRROR_MEMORY_PRIVATE;
	}
}

/* How many units there are; what is missing is said once, at load. */
static int dmirror_count_units(void)
{
	if (!HMM_HAS_DEVICE_PRIVATE)
		pr_info("units 0 and 1 have no memory of their own: this kernel %s\n",
			IS_ENABLED(CONFIG_DEVICE_PRIVATE) ?
			"is older than 6.1 or cannot migrate" :
			"was built without CONFIG_DEVICE_PRIVATE");
	if (!HMM_HAS_EXCLUSIVE)
		pr_info("no exclusive access: this kernel %s\n",
			IS_ENABLED(CONFIG_DEVICE_PRIVATE) ? "is older than 5.14" :
			"was built without CONFIG_DEVICE_PRIVATE");

	if (!coherent_size) {
		pr_info("no units 2 and 3: coherent_start and coherent_size are not given\n");
		return DMIRROR_PRIVATE_UNITS;
	}
	if (!HMM_HAS_DEVICE_MEMORY) {
		pr_info("no units 2 and 3: this kernel %s\n",
			IS_ENABLED(CONFIG_ZONE_DEVICE) ? "is older than 6.1" :
			"was built without CONFIG_ZONE_DEVICE");
		return DMIRROR_PRIVATE_UNITS;
	}
	if (!IS_ALIGNED(coherent_start, DMIRROR_ALIGN) ||
	    !IS_ALIGNED(coherent_size, 2 * DMIRROR_ALIGN) ||
	    coherent_start + coherent_size < coherent_start) {
		pr_err("coherent_start or coherent_size is no multiple of 2M or 4M\n");
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
				     NULL, "%s", dmirror_devices[unit].name);
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
		dmirror_device_setup(dmirror_units);

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

	/* No file is open, so no page gets there any more. */
	for (unit = 0; unit < dmirror_units; unit++)
		dmirror_devmem_release(&dmirror_devices[unit], NULL);
	/* Each close has waited for its callbacks; this costs nothing. */
	hmm_mirror_synchronize();
}

module_init(dmirror_init);
module_exit(dmirror_exit);
MODULE_DESCRIPTION("Dummy devices for tests of hmm_mirror");
MODULE_LICENSE("GPL");
