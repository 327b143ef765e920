/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /sys/kernel/debug/hmm_mirror.
 */
#ifndef _HMM_CORE_DEBUGFS_H
#define _HMM_CORE_DEBUGFS_H

void hmm_debugfs_init(void);
void hmm_debugfs_exit(void);

#endif /* _HMM_CORE_DEBUGFS_H */
