/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file operations of a device.
 */
#ifndef _TEST_HMM_FILE_H
#define _TEST_HMM_FILE_H

#include <linux/fs.h>

extern const struct file_operations dmirror_fops;

#endif /* _TEST_HMM_FILE_H */
