/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels in device classes: before 6.4, class_create()
 * takes the module as an argument.
 */
#ifndef _HMM_COMPAT_TEST_HMM_CLASS_H
#define _HMM_COMPAT_TEST_HMM_CLASS_H

#include <linux/device.h>
#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define hmm_class_create(name)	class_create(name)
#else
#define hmm_class_create(name)	class_create(THIS_MODULE, name)
#endif

#endif /* _HMM_COMPAT_TEST_HMM_CLASS_H */
