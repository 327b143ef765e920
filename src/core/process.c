// SPDX-License-Identifier: GPL-2.0
/*
 * The process to which a mirrored mm belongs.
 *
 * A context stores the number of the PID and the name, but no reference to a
 * task or to a struct pid. It therefore keeps no process alive. debugfs looks up
 * the number under RCU, and compares the address of the mm without accessing
 * the mm.
 */
#include <linux/mm_types.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "../compat/mm_owner.h"
#include "process.h"

/* Context: RCU read-side critical section. */
static void hmm_process_set(struct hmm_process *process,
			    struct task_struct *leader)
{
	process->pid = leader->tgid;
	/* May race with a change of the name, which is always terminated. */
	strscpy(process->comm, leader->comm, sizeof(process->comm));
}

/**
 * hmm_process_find() - find the process that uses an mm
 * @process: where to store the process; zeroed
 * @mm: the mm; the caller holds a reference to mm_users, or runs in a task that
 *      uses the mm
 *
 * A child of vfork() uses the mm of its parent. The kernel records the parent as
 * the owner, so prefer the owner to the calling task.
 *
 * Context: any.
 */
void hmm_process_find(struct hmm_process *process, struct mm_struct *mm)
{
	struct task_struct *task;

	rcu_read_lock();
	task = hmm_mm_owner(mm);
	if (!task && current->mm == mm)
		task = current;
	if (task)
		hmm_process_set(process, task->group_leader);
	rcu_read_unlock();
}

/*
 * If the leader of a process exits before its other threads, it no longer has
 * an mm, but the process does. A kernel thread is never such a leader.
 */
static bool hmm_process_uses(struct task_struct *leader,
			     const struct mm_struct *mm)
{
	const struct mm_struct *used = READ_ONCE(leader->mm);

	if (used)
		return used == mm;
	return !(leader->flags & PF_KTHREAD) && !thread_group_empty(leader);
}

/**
 * hmm_process_refresh() - check whether the process still uses the mm
 * @process: the process; its name is updated if the result is true
 * @mm: the mm, which may have been freed
 *
 * Context: any.
 * Return: true; false if the process has exited or executed another program.
 */
bool hmm_process_refresh(struct hmm_process *process,
			 const struct mm_struct *mm)
{
	struct task_struct *leader;
	bool uses;

	rcu_read_lock();
	leader = pid_task(find_pid_ns(process->pid, &init_pid_ns),
			  PIDTYPE_TGID);
	uses = leader && hmm_process_uses(leader, mm);
	if (uses)
		hmm_process_set(process, leader);
	rcu_read_unlock();
	return uses;
}
