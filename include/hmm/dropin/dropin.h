/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makes a driver that is written for the kernel's own interface use hmm-mirror.
 * The compiler includes this header before the first line of the driver:
 *
 *	ccflags-y += -I$(HMM)/include -include hmm/dropin/dropin.h
 *
 * The kernel's headers come first, so that they declare their own structures and
 * functions. Afterwards the driver's uses of these names are renamed.
 */
#ifndef _HMM_DROPIN_H
#define _HMM_DROPIN_H

#include <linux/hmm.h>
#include <linux/mmu_notifier.h>

#include <hmm/dropin/types.h>

#define __mmu_notifier_register		hmm_dropin_notifier_register

#define mmu_interval_notifier		hmm_dropin_interval
#define mmu_interval_notifier_ops	hmm_dropin_interval_ops
#define mmu_interval_notifier_finish	hmm_dropin_finish
#define mmu_interval_notifier_insert	hmm_dropin_interval_insert
#define mmu_interval_notifier_insert_locked hmm_dropin_interval_insert_locked
#define mmu_interval_notifier_remove	hmm_dropin_interval_remove
#define mmu_interval_read_begin		hmm_dropin_interval_read_begin
#define mmu_interval_read_retry		hmm_dropin_interval_read_retry
#define mmu_interval_check_retry	hmm_dropin_interval_read_retry
#define mmu_interval_set_seq		hmm_dropin_interval_set_seq

#define hmm_range			hmm_dropin_range
#define hmm_range_fault			hmm_dropin_range_fault
#define hmm_range_fault_unlocked_timeout hmm_dropin_range_fault_unlocked

#endif /* _HMM_DROPIN_H */
