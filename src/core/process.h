/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The process to which a mirrored mm belongs, as debugfs shows it.
 */
#ifndef _HMM_CORE_PROCESS_H
#define _HMM_CORE_PROCESS_H

#include <linux/sched.h>
#include <linux/types.h>

struct mm_struct;

/**
 * struct hmm_process - the process that uses an mm
 * @pid: its PID in the initial PID namespace, or 0 if no process uses the mm
 * @comm: its name
 */
struct hmm_process {
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

void hmm_process_find(struct hmm_process *process, struct mm_struct *mm);
bool hmm_process_refresh(struct hmm_process *process,
			 const struct mm_struct *mm);

#endif /* _HMM_CORE_PROCESS_H */
