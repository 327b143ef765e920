/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ioctls of a device.
 */
#ifndef _TEST_HMM_IOCTL_H
#define _TEST_HMM_IOCTL_H

struct file;

long dmirror_ioctl(struct file *file, unsigned int nr, unsigned long arg);

#endif /* _TEST_HMM_IOCTL_H */
