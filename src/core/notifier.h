/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The MMU notifiers of a context.
 */
#ifndef _HMM_CORE_NOTIFIER_H
#define _HMM_CORE_NOTIFIER_H

#include <linux/mmu_notifier.h>

extern const struct mmu_notifier_ops hmm_end_notifier_ops;
extern const struct mmu_notifier_ops hmm_start_notifier_ops;

#endif /* _HMM_CORE_NOTIFIER_H */
