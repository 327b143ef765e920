// SPDX-License-Identifier: GPL-2.0
/*
 * Points: places at which the device stops on request, so that a test forces
 * an interleaving instead of hoping for it.
 *
 *   test                          device
 *   STOP_AT    PASS -> ARMED
 *   WAIT_AT    sleeps             comes to the point, ARMED -> STOPPED
 *              wakes              sleeps
 *   ...what the test is about...
 *   GO_ON      STOPPED -> PASS    wakes, goes on
 *
 * A point works once. Each open file has its own points.
 *
 * What a stopped task holds, and who therefore waits for it:
 *
 *   BEGUN, FAULTED   nothing. Nobody waits.
 *   LOCKED           the file's update lock. Invalidations of the mm wait in
 *                    the callback, and with them whoever waits for the locks
 *                    that they hold (see INVALIDATE); so do READ, WRITE,
 *                    SNAPSHOT and CHECK on the same file. Non-blockable
 *                    invalidations are refused.
 *   INVALIDATE       what the invalidating task holds: as a rule the mmap
 *                    lock of the mirrored process, perhaps a page lock, an
 *                    rmap lock; and always the SRCU of mm/mmu_notifier.c,
 *                    which is one for the whole machine: whoever closes a
 *                    file of this device waits, and so does whoever else
 *                    unregisters an MMU notifier. Readers of the interval
 *                    wait in read_begin. A process that opens the device waits
 *                    for its own mmap lock.
 *   RELEASE          the same SRCU. The mm is exiting, so only close and
 *                    unregister wait.
 *
 * What cannot deadlock: the ioctls that arm, watch and resume a point, and
 * STATS and CONFIG, take point->lock at most. It is never held over a sleep.
 * Closing the file resumes whoever stopped at one of its points before it
 * waits for callbacks. So a stop ends as soon as somebody says so.
 *
 * What can: whoever would say so waits for the stopped task itself. With a
 * stop at LOCKED, a thread of the mirrored process that invalidates anything
 * waits in the callback: it unmaps, breaks copy-on-write, or creates a thread
 * (which protects a guard page). With one at INVALIDATE, or at LOCKED with
 * somebody waiting in the callback, a thread that faults, maps, or grows its
 * stack waits for the mmap lock. So a test creates its threads and touches
 * GO_ON's argument before it stops anybody; or another process resumes.
 * Measured: pthread_create() during a stop at LOCKED took as long as a stop may.
 *
 * Nothing hangs for ever in any case: a stopped task goes on after three minutes,
 * and at once when it is killed (but an exiting task, at RELEASE, cannot be
 * killed any more).
 *
 * Kernel threads and tasks that reclaim do not stop: see
 * dmirror_must_not_wait().
 */
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/sched.h>

#include "dmirror.h"

static void dmirror_point_set(struct dmirror_point *point,
			      enum dmirror_point_state state)
{
	lockdep_assert_held(&point->lock);

	if (point->state == DMIRROR_POINT_STOPPED)
		WRITE_ONCE(point->ticket, point->ticket + 1);
	WRITE_ONCE(point->state, state);
	wake_up_all(&point->wait);
}

void dmirror_points_init(struct dmirror *dm)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dm->points); i++) {
		spin_lock_init(&dm->points[i].lock);
		init_waitqueue_head(&dm->points[i].wait);
	}
}

/**
 * dmirror_points_close() - resume everybody, stop nobody from now on
 * @dm: a file that is being closed
 *
 * Nobody is left who could say GO_ON, and closing waits for callbacks.
 */
void dmirror_points_close(struct dmirror *dm)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dm->points); i++) {
		spin_lock(&dm->points[i].lock);
		dmirror_point_set(&dm->points[i], DMIRROR_POINT_CLOSED);
		spin_unlock(&dm->points[i].lock);
	}
}

/**
 * dmirror_point_arm() - the next task that comes to the point stops there
 * @point: the point
 *
 * Return: 0, also if it is armed already; -EBUSY if a task has stopped there.
 */
int dmirror_point_arm(struct dmirror_point *point)
{
	int ret = 0;

	spin_lock(&point->lock);
	if (point->state == DMIRROR_POINT_STOPPED)
		ret = -EBUSY;
	else
		dmirror_point_set(point, DMIRROR_POINT_ARMED);
	spin_unlock(&point->lock);
	return ret;
}

/**
 * dmirror_point_wait() - wait until a task has stopped at the point
 * @point: the point
 * @timeout_ms: how long; 0, or more than three minutes, means three minutes
 *
 * Return: 0, -ETIME if nobody came, -EINTR if the caller was killed.
 */
int dmirror_point_wait(struct dmirror_point *point, unsigned int timeout_ms)
{
	long ret;

	if (!timeout_ms || timeout_ms > DMIRROR_PATIENCE_MS)
		timeout_ms = DMIRROR_PATIENCE_MS;

	ret = wait_event_killable_timeout(point->wait,
					  READ_ONCE(point->state) ==
					  DMIRROR_POINT_STOPPED,
					  msecs_to_jiffies(timeout_ms));
	if (ret < 0)
		return -EINTR;
	return ret ? 0 : -ETIME;
}

/**
 * dmirror_point_go_on() - resume the stopped task, or disarm the point
 * @point: the point
 */
void dmirror_point_go_on(struct dmirror_point *point)
{
	spin_lock(&point->lock);
	dmirror_point_set(point, DMIRROR_POINT_PASS);
	spin_unlock(&point->lock);
}

/**
 * dmirror_point_stop() - stop here if nobody was faster
 * @point: a point that was seen armed
 *
 * Context: may sleep. See the top of this file for what the caller may hold.
 */
void dmirror_point_stop(struct dmirror_point *point)
{
	unsigned int ticket;

	if (dmirror_must_not_wait())
		return;

	spin_lock(&point->lock);
	if (point->state != DMIRROR_POINT_ARMED) {
		spin_unlock(&point->lock);
		return;
	}
	dmirror_point_set(point, DMIRROR_POINT_STOPPED);
	ticket = point->ticket;
	spin_unlock(&point->lock);

	/*
	 * Not the state but the ticket says "go on": before this task runs
	 * again, the point may be armed anew and somebody else stop at it.
	 */
	wait_event_killable_timeout(point->wait,
				    READ_ONCE(point->ticket) != ticket,
				    msecs_to_jiffies(DMIRROR_PATIENCE_MS));

	/* Killed, or never resumed. */
	spin_lock(&point->lock);
	if (point->ticket == ticket)
		dmirror_point_set(point, DMIRROR_POINT_PASS);
	spin_unlock(&point->lock);
}
