/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The lifetime of struct edu_device.
 */
#ifndef _EDU_DEVICE_H
#define _EDU_DEVICE_H

#include "edu.h"

struct edu_device *edu_device_alloc(struct device *dev);
void edu_device_get(struct edu_device *edu);
void edu_device_put(struct edu_device *edu);

#endif /* _EDU_DEVICE_H */
