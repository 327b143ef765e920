// SPDX-License-Identifier: GPL-2.0
/*
 * Stop points: points in the device's code at which a test can stop a task. The
 * test thereby forces an interleaving and does not depend on timing.
 *
 *   test                               device
 *   STOP_AT    DISARMED -> ARMED
 *   WAIT_AT    sleeps                  reaches the point, ARMED -> STOPPED
 *              wakes up                sleeps
 *   ...runs the other half of the race...
 *   GO_ON      STOPPED -> DISARMED     wakes up, continues
 *
 * An armed point stops one task. Each open file has its own points.
 *
 * Locks that the stopped task holds, and tasks that wait for the stopped task:
 *
 *   BEGUN, FAULTED   No lock, so no other task waits. In EXCLUSIVE, the task
 *                    holds exclusive_lock, and another EXCLUSIVE on the same
 *                    file waits.
 *   LOCKED           The file's update lock. Blockable invalidations of the mm
 *                    wait in the callback, and other tasks wait for the locks
 *                    of the invalidating task (see INVALIDATE). All commands
 *                    on the same file that use the device page table wait, and
 *                    so does SNAPSHOT. Non-blockable invalidations are refused.
 *   INVALIDATE       The locks of the invalidating task: usually the mmap lock
 *                    of the mirrored process, sometimes a page lock or an rmap
 *                    lock, and always the SRCU read lock of mm/mmu_notifier.c.
 *                    All MMU notifiers of the machine share this SRCU. So every
 *                    task that closes a file of this device or unregisters an
 *                    MMU notifier waits. Readers of the interval wait in
 *                    read_begin. If the mirrored process opens the device
 *                    again, it waits for its own mmap lock.
 *   RELEASE          The same SRCU read lock. The mm is exiting, so only tasks
 *                    that close a file or unregister an MMU notifier wait.
 *   MIGRATING,       The mmap lock for reading, and the locks of the pages that
 *   RETURNING        migrate. Accesses to these pages wait.
 *   EXCLUSIVE        The lock of the page, and exclusive_lock. Accesses to the
 *                    page wait, and another EXCLUSIVE on the same file waits.
 *
 * STOP_AT, WAIT_AT, GO_ON, STATS and CONFIG acquire no lock except point->lock,
 * which is never held across a sleep. Closing the file first resumes the tasks
 * that are stopped at its points, and then waits for callbacks. So these calls
 * never deadlock with a stopped task, and a stop ends as soon as a test resumes
 * the task.
 *
 * A test deadlocks, until the stop times out, if the thread that is going to
 * resume the stopped task waits for that task. With a stop at LOCKED, a thread
 * of the mirrored process waits in the callback when it causes an invalidation:
 * when it unmaps memory, breaks copy-on-write, or creates a thread, because the
 * C library protects a guard page. With a stop at INVALIDATE, or at LOCKED
 * while an invalidation waits in the callback, a thread waits for the mmap lock
 * when it faults, maps memory, or grows its stack. So a test creates its
 * threads and touches the argument of GO_ON before it stops a task, or resumes
 * the task from another process. In a measurement, pthread_create() during a
 * stop at LOCKED waited for the full time limit of the stop.
 *
 * A stop has a time limit: a stopped task continues after three minutes or when
 * it is killed. A task that stops at RELEASE is exiting and can no longer be
 * killed.
 *
 * Kernel threads and tasks that reclaim memory do not stop: see
 * dmirror_must_not_wait().
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/time64.h>

#include <hmm/test_hmm.h>

#include "stop_points.h"

/* The maximum time of a stop, and of a wait for a stop. */
#define DMIRROR_MAX_STOP_MS	(180 * MSEC_PER_SEC)

static void dmirror_stop_point_set_state(struct dmirror_stop_point *point,
					 enum dmirror_stop_state state)
{
	lockdep_assert_held(&point->lock);

	if (point->state == DMIRROR_STOP_STOPPED)
		WRITE_ONCE(point->ticket, point->ticket + 1);
	WRITE_ONCE(point->state, state);
	wake_up_all(&point->wait);
}

/**
 * dmirror_stop_points_init() - initialize the stop points of a file
 * @points: an array of HMM_DMIRROR_POINTS elements, zeroed
 */
void dmirror_stop_points_init(struct dmirror_stop_point *points)
{
	unsigned int i;

	for (i = 0; i < HMM_DMIRROR_POINTS; i++) {
		spin_lock_init(&points[i].lock);
		init_waitqueue_head(&points[i].wait);
	}
}

/**
 * dmirror_stop_points_close() - resume all stopped tasks, close all points
 * @points: the stop points of a file that is being closed
 *
 * No other task can call GO_ON for these points any more. The close waits for
 * callbacks, and a callback may be stopped at one of the points.
 */
void dmirror_stop_points_close(struct dmirror_stop_point *points)
{
	unsigned int i;

	for (i = 0; i < HMM_DMIRROR_POINTS; i++) {
		spin_lock(&points[i].lock);
		dmirror_stop_point_set_state(&points[i], DMIRROR_STOP_CLOSED);
		spin_unlock(&points[i].lock);
	}
}

/**
 * dmirror_stop_point_arm() - stop the next task that reaches a point
 * @point: the point
 *
 * Return: 0, even if the point was already armed; -EBUSY if a task is stopped
 * there.
 */
int dmirror_stop_point_arm(struct dmirror_stop_point *point)
{
	int ret = 0;

	spin_lock(&point->lock);
	if (point->state == DMIRROR_STOP_STOPPED)
		ret = -EBUSY;
	else
		dmirror_stop_point_set_state(point, DMIRROR_STOP_ARMED);
	spin_unlock(&point->lock);
	return ret;
}

/**
 * dmirror_stop_point_wait() - wait until a task has stopped at a point
 * @point: the point
 * @timeout_ms: time limit in milliseconds; 0, or more than three minutes, means
 *		three minutes
 *
 * Return: 0, -ETIME if no task has stopped in time, -EINTR if the caller was
 * killed.
 */
int dmirror_stop_point_wait(struct dmirror_stop_point *point,
			    unsigned int timeout_ms)
{
	long ret;

	if (!timeout_ms || timeout_ms > DMIRROR_MAX_STOP_MS)
		timeout_ms = DMIRROR_MAX_STOP_MS;

	ret = wait_event_killable_timeout(point->wait,
					  READ_ONCE(point->state) ==
					  DMIRROR_STOP_STOPPED,
					  msecs_to_jiffies(timeout_ms));
	if (ret < 0)
		return -EINTR;
	return ret ? 0 : -ETIME;
}

/**
 * dmirror_stop_point_resume() - resume the stopped task, or disarm the point
 * @point: the point
 */
void dmirror_stop_point_resume(struct dmirror_stop_point *point)
{
	spin_lock(&point->lock);
	dmirror_stop_point_set_state(point, DMIRROR_STOP_DISARMED);
	spin_unlock(&point->lock);
}

/**
 * dmirror_stop_point_stop() - stop at a point, if it is still armed
 * @point: a point that was armed when the caller checked it
 *
 * Context: may sleep. The comment at the top of this file lists the locks that
 * the caller may hold.
 */
void dmirror_stop_point_stop(struct dmirror_stop_point *point)
{
	unsigned int ticket;

	if (dmirror_must_not_wait())
		return;

	spin_lock(&point->lock);
	if (point->state != DMIRROR_STOP_ARMED) {
		spin_unlock(&point->lock);
		return;
	}
	dmirror_stop_point_set_state(point, DMIRROR_STOP_STOPPED);
	ticket = point->ticket;
	spin_unlock(&point->lock);

	/*
	 * Wait for the ticket and not for the state: before this task runs
	 * again, the point may be armed again and another task may stop at it.
	 */
	wait_event_killable_timeout(point->wait,
				    READ_ONCE(point->ticket) != ticket,
				    msecs_to_jiffies(DMIRROR_MAX_STOP_MS));

	/* If the task was killed or the wait timed out, disarm the point. */
	spin_lock(&point->lock);
	if (point->ticket == ticket)
		dmirror_stop_point_set_state(point, DMIRROR_STOP_DISARMED);
	spin_unlock(&point->lock);
}
