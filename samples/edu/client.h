/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clients: open files of /dev/hmm_edu.
 */
#ifndef _EDU_CLIENT_H
#define _EDU_CLIENT_H

#include <linux/fs.h>

extern const struct file_operations edu_fops;

#endif /* _EDU_CLIENT_H */
