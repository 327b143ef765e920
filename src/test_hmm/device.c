// SPDX-License-Identifier: GPL-2.0
/*
 * The devices, and the open files of each device.
 */
#include <linux/kernel.h>

#include "device.h"
#include "dmirror.h"

static struct dmirror_device dmirror_devices[DMIRROR_UNITS];

/**
 * dmirror_device() - get the device of a unit
 * @unit: the unit number, which is the minor number of the device node
 *
 * Return: the device.
 */
struct dmirror_device *dmirror_device(unsigned int unit)
{
	return &dmirror_devices[unit];
}

/**
 * dmirror_device_init() - initialize a device, without memory at first
 * @device: the device, zeroed
 * @unit: the unit number
 */
void dmirror_device_init(struct dmirror_device *device, unsigned int unit)
{
	snprintf(device->name, sizeof(device->name), "hmm_dmirror%u", unit);
	spin_lock_init(&device->files_lock);
	hash_init(device->files);
	init_waitqueue_head(&device->files_wait);
	spin_lock_init(&device->lock);
	INIT_LIST_HEAD(&device->chunks);
	mutex_init(&device->grow_lock);
	mutex_init(&device->release_lock);
	init_rwsem(&device->page_init_lock);
}

/**
 * dmirror_is_device() - check whether an owner of pages is one of the devices
 * @owner: the owner of a dev_pagemap, or NULL
 *
 * Return: true if @owner is a struct dmirror_device.
 */
bool dmirror_is_device(const void *owner)
{
	const struct dmirror_device *device = owner;

	return device >= dmirror_devices &&
	       device < dmirror_devices + DMIRROR_UNITS;
}

/**
 * dmirror_get() - find an open file of a device that mirrors an mm
 * @device: the device
 * @mm: the mm
 *
 * Return: the file, with a reference that the caller drops with dmirror_put();
 * the most recently opened file if there are several; NULL if no file mirrors
 * @mm. Closing the file waits until the reference is dropped.
 */
struct dmirror *dmirror_get(struct dmirror_device *device,
			    struct mm_struct *mm)
{
	struct dmirror *dm;

	spin_lock(&device->files_lock);
	hash_for_each_possible(device->files, dm, node, (unsigned long)mm) {
		if (dm->mm == mm) {
			atomic_inc(&dm->users);
			spin_unlock(&device->files_lock);
			return dm;
		}
	}
	spin_unlock(&device->files_lock);
	return NULL;
}

/**
 * dmirror_put() - drop a reference from dmirror_get()
 * @dm: the file
 */
void dmirror_put(struct dmirror *dm)
{
	struct dmirror_device *device = dm->device;

	/* Once users is 0, the file may be freed at any time. */
	if (atomic_dec_and_test(&dm->users))
		wake_up_all(&device->files_wait);
}

/**
 * dmirror_device_add_file() - add a file to its device
 * @dm: the file
 *
 * Return: 0; -EMFILE if DMIRROR_FILES_MAX files already mirror the mm.
 */
int dmirror_device_add_file(struct dmirror *dm)
{
	struct dmirror_device *device = dm->device;
	unsigned long key = (unsigned long)dm->mm;
	struct dmirror *other;
	unsigned int n = 0;

	spin_lock(&device->files_lock);
	hash_for_each_possible(device->files, other, node, key)
		n += other->mm == dm->mm;
	if (n < DMIRROR_FILES_MAX)
		hash_add(device->files, &dm->node, key);
	spin_unlock(&device->files_lock);
	return n < DMIRROR_FILES_MAX ? 0 : -EMFILE;
}

/* Remove a file from its device, and wait until all references are dropped. */
void dmirror_device_remove_file(struct dmirror *dm)
{
	spin_lock(&dm->device->files_lock);
	hash_del(&dm->node);
	spin_unlock(&dm->device->files_lock);
	wait_event(dm->device->files_wait, !atomic_read(&dm->users));
}
