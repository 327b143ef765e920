/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ioctls of the tests. A real driver does not have such ioctls.
 */
#ifndef _EDU_TEST_IOCTL_H
#define _EDU_TEST_IOCTL_H

#include "edu.h"

long edu_test_ioctl(struct edu_client *client, unsigned int cmd,
		    void __user *arg);

#endif /* _EDU_TEST_IOCTL_H */
