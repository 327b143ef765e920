// SPDX-License-Identifier: GPL-2.0
/*
 * The lifetime of struct edu_device: from probe until the driver is unbound
 * and the last file is closed.
 */
#include <linux/device.h>
#include <linux/slab.h>

#include "device.h"

static void edu_device_free(struct kref *kref)
{
	struct edu_device *edu = container_of(kref, struct edu_device, kref);

	put_device(edu->dev);
	kfree(edu);
}

void edu_device_get(struct edu_device *edu)
{
	kref_get(&edu->kref);
}

void edu_device_put(struct edu_device *edu)
{
	kref_put(&edu->kref, edu_device_free);
}

static void edu_device_put_action(void *edu)
{
	edu_device_put(edu);
}

struct edu_device *edu_device_alloc(struct device *dev)
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
	/*
	 * This action is added first, so it runs last, after the interrupt is
	 * freed.
	 */
	if (devm_add_action_or_reset(dev, edu_device_put_action, edu))
		return NULL;
	return edu;
}
