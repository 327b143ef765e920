/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stop points, at which a test can stop a task.
 */
#ifndef _TEST_HMM_STOP_POINTS_H
#define _TEST_HMM_STOP_POINTS_H

#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

enum dmirror_stop_state {
	DMIRROR_STOP_DISARMED,		/* tasks pass */
	DMIRROR_STOP_ARMED,		/* the next task stops */
	DMIRROR_STOP_STOPPED,		/* a task has stopped */
	DMIRROR_STOP_CLOSED,		/* the file is being closed: tasks pass */
};

/* A point in the code at which a test can stop a task. */
struct dmirror_stop_point {
	/* protects state and ticket */
	spinlock_t lock;
	enum dmirror_stop_state state;
	/* changes when the stopped task is resumed */
	unsigned int ticket;
	/* the stopped task, and tasks in dmirror_stop_point_wait() */
	wait_queue_head_t wait;
};

void dmirror_stop_points_init(struct dmirror_stop_point *points);
void dmirror_stop_points_close(struct dmirror_stop_point *points);
int dmirror_stop_point_arm(struct dmirror_stop_point *point);
int dmirror_stop_point_wait(struct dmirror_stop_point *point,
			    unsigned int timeout_ms);
void dmirror_stop_point_resume(struct dmirror_stop_point *point);
void dmirror_stop_point_stop(struct dmirror_stop_point *point);

/*
 * Returns true for tasks that never stop, and are never delayed in a callback.
 * A stopped kernel thread would stall the machine, and the point would no
 * longer be armed for the task of the test. A stopped task that reclaims memory
 * (PF_MEMALLOC) would stall every task that needs memory.
 */
static inline bool dmirror_must_not_wait(void)
{
	return current->flags & (PF_KTHREAD | PF_MEMALLOC);
}

#endif /* _TEST_HMM_STOP_POINTS_H */
