/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between configurations: the task that owns an mm.
 */
#ifndef _HMM_COMPAT_MM_OWNER_H
#define _HMM_COMPAT_MM_OWNER_H

#include <linux/mm_types.h>
#include <linux/rcupdate.h>

/*
 * Returns a task of the process that owns @mm, or NULL if no process owns it or
 * if the kernel does not record the owner.
 *
 * Context: RCU read-side critical section; the result is valid until its end.
 */
static inline struct task_struct *hmm_mm_owner(struct mm_struct *mm)
{
#ifdef CONFIG_MEMCG
	return rcu_dereference(mm->owner);
#else
	return NULL;
#endif
}

#endif /* _HMM_COMPAT_MM_OWNER_H */
