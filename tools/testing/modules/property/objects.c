// SPDX-License-Identifier: GPL-2.0
/*
 * Spaces, mirrors and intervals.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

#include "device.h"
#include "objects.h"
#include "ranges.h"

void property_init(struct property *property)
{
	unsigned int i;

	init_rwsem(&property->objects);
	for (i = 0; i < HMM_PROPERTY_MIRRORS; i++) {
		mutex_init(&property->mirrors[i].update);
		INIT_LIST_HEAD(&property->mirrors[i].ranges);
	}
	for (i = 0; i < HMM_PROPERTY_INTERVALS; i++) {
		init_rwsem(&property->intervals[i].lock);
		init_completion(&property->intervals[i].released);
	}
	for (i = 0; i < HMM_PROPERTY_RANGES; i++)
		mutex_init(&property->ranges[i].lock);
}

static struct mm_struct *property_mm_of(pid_t nr)
{
	struct pid *pid = find_get_pid(nr);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);
	struct mm_struct *mm = task ? get_task_mm(task) : NULL;

	if (task)
		put_task_struct(task);
	put_pid(pid);
	return mm;
}

int property_space(struct property_call *call)
{
	struct hmm_property_op *op = &call->op;
	struct mm_struct **space, *mm;

	if (op->a >= HMM_PROPERTY_SPACES)
		return -EINVAL;
	space = &call->property->spaces[op->a];
	if (op->opcode == HMM_PROPERTY_SPACE_CLOSE ? !*space : !!*space)
		return -EINVAL;
	if (*space) {
		mmdrop(*space);
		*space = NULL;
		return 0;
	}
	mm = property_mm_of(op->start);
	if (!mm) {
		op->result = -ESRCH;
		return 0;
	}
	op->value = mm->task_size;
	mmgrab(mm);
	mmput(mm);
	*space = mm;
	return 0;
}

static int property_register(struct property_call *call,
			     struct property_mirror *mirror)
{
	struct hmm_property_op *op = &call->op;

	if (op->b >= HMM_PROPERTY_SPACES ||
	    op->kind >= HMM_PROPERTY_MIRROR_KINDS || mirror->registered ||
	    !call->property->spaces[op->b])
		return -EINVAL;
	memset(&mirror->mirror, 0, sizeof(mirror->mirror));
	mirror->mirror.ops = &property_mirror_ops[op->kind];
	mirror->kind = op->kind;
	atomic_set(&mirror->releases, 0);
	op->result = hmm_mirror_register(&mirror->mirror,
					 call->property->spaces[op->b]);
	mirror->registered = !op->result;
	return 0;
}

int property_mirror(struct property_call *call)
{
	struct hmm_property_op *op = &call->op;
	struct property_mirror *mirror;

	if (op->a >= HMM_PROPERTY_MIRRORS)
		return -EINVAL;
	mirror = &call->property->mirrors[op->a];
	if (op->opcode == HMM_PROPERTY_REGISTER)
		return property_register(call, mirror);
	if (!mirror->registered || atomic_read(&mirror->users))
		return -EINVAL;
	hmm_mirror_unregister(&mirror->mirror);
	mirror->registered = false;
	op->value = atomic_read(&mirror->releases);
	return 0;
}

static int property_insert(struct property_call *call,
			   struct property_interval *interval)
{
	const struct hmm_interval_notifier_ops *ops;
	struct hmm_property_op *op = &call->op;
	struct property_mirror *mirror;

	if (op->b >= HMM_PROPERTY_MIRRORS ||
	    op->kind >= HMM_PROPERTY_INTERVAL_KINDS || interval->mirror)
		return -EINVAL;
	mirror = &call->property->mirrors[op->b];
	if (!mirror->registered)
		return -EINVAL;
	reinit_completion(&interval->released);
	interval->kind = op->kind;
	/* Its callbacks may run before the insert returns. */
	interval->mirror = mirror;
	ops = property_interval_ops[op->kind];
	op->result = hmm_interval_notifier_insert(&interval->notifier,
						  &mirror->mirror, op->start,
						  op->length, ops);
	if (op->result) {
		interval->mirror = NULL;
		return 0;
	}
	interval->owned = true;
	interval->found = 0;
	interval->seq = 0;
	atomic_inc(&mirror->users);
	return 0;
}

static void property_interval_free(struct property_interval *interval)
{
	interval->owned = false;
	atomic_dec(&interval->mirror->users);
	interval->mirror = NULL;
}

/* A reference was dropped. If it was the last one, wait for the release. */
static void property_put_done(struct property_interval *interval,
			      struct hmm_property_op *op)
{
	const unsigned long timeout = msecs_to_jiffies(PROPERTY_TIMEOUT_MS);

	if (interval->owned || interval->found) {
		op->value = completion_done(&interval->released);
		return;
	}
	op->value = 1;
	if (interval->kind != HMM_PROPERTY_INTERVAL_PLAIN &&
	    !wait_for_completion_timeout(&interval->released, timeout))
		op->value = 0;
	property_interval_free(interval);
}

/*
 * Before an interval moves, clear the device page tables of its ranges. The
 * caller must not drop the update lock before the interval has moved.
 */
static void property_interval_clear(struct property_interval *interval)
{
	struct property_range *range;

	list_for_each_entry(range, &interval->mirror->ranges, node)
		if (range->interval == interval)
			property_clear(range, 0, ULONG_MAX);
}

static int property_update(struct property_interval *interval,
			   struct hmm_property_op *op)
{
	struct property_mirror *mirror = interval->mirror;

	mutex_lock(&mirror->update);
	property_interval_clear(interval);
	op->result = hmm_interval_notifier_update(&interval->notifier,
						  op->start, op->length);
	mutex_unlock(&mirror->update);
	return 0;
}

static int property_drop(struct property_interval *interval,
			 struct hmm_property_op *op)
{
	if (!interval->mirror || !interval->owned ||
	    atomic_read(&interval->bound))
		return -EINVAL;
	if (op->opcode == HMM_PROPERTY_PUT) {
		interval->owned = false;
		hmm_interval_notifier_put(&interval->notifier);
		property_put_done(interval, op);
		return 0;
	}
	if (interval->found)
		return -EINVAL;
	hmm_interval_notifier_remove(&interval->notifier);
	op->value = completion_done(&interval->released);
	property_interval_free(interval);
	return 0;
}

static int property_interval_use(struct property_interval *interval,
				 struct hmm_property_op *op)
{
	if (!interval->mirror)
		return -EINVAL;
	switch (op->opcode) {
	case HMM_PROPERTY_UPDATE:
		return property_update(interval, op);
	case HMM_PROPERTY_BEGIN:
		op->value = hmm_interval_read_try_begin(&interval->notifier,
							&interval->seq);
		return 0;
	case HMM_PROPERTY_RETRY:
		mutex_lock(&interval->mirror->update);
		op->value = hmm_interval_read_retry(&interval->notifier,
						    interval->seq);
		mutex_unlock(&interval->mirror->update);
		return 0;
	}
	return -EINVAL;
}

int property_interval(struct property_call *call)
{
	struct hmm_property_op *op = &call->op;
	struct property_interval *interval;
	int ret;

	if (op->a >= HMM_PROPERTY_INTERVALS)
		return -EINVAL;
	interval = &call->property->intervals[op->a];
	switch (op->opcode) {
	case HMM_PROPERTY_INSERT:
	case HMM_PROPERTY_REMOVE:
	case HMM_PROPERTY_PUT:
		down_write(&interval->lock);
		if (op->opcode == HMM_PROPERTY_INSERT)
			ret = property_insert(call, interval);
		else
			ret = property_drop(interval, op);
		up_write(&interval->lock);
		return ret;
	}
	down_read(&interval->lock);
	ret = property_interval_use(interval, op);
	up_read(&interval->lock);
	return ret;
}

/* Returns the value of HMM_PROPERTY_FIND for an interval. */
static int property_number(const struct property *property,
			   const struct hmm_interval_notifier *notifier)
{
	unsigned int i;

	if (!notifier)
		return -1;
	for (i = 0; i < HMM_PROPERTY_INTERVALS; i++)
		if (notifier == &property->intervals[i].notifier)
			return i;
	for (i = 0; i < HMM_PROPERTY_RANGES; i++)
		if (notifier == &property->ranges[i].range.own)
			return HMM_PROPERTY_FOUND_RANGE + i;
	return -2;
}

/*
 * If @op.b is set, drop the reference at once and do not count it, because
 * another task may be about to remove the interval.
 */
int property_find(struct property_call *call)
{
	struct property *property = call->property;
	struct hmm_property_op *op = &call->op;
	struct hmm_interval_notifier *notifier;
	struct property_mirror *mirror;

	if (op->a >= HMM_PROPERTY_MIRRORS ||
	    op->kind >= HMM_PROPERTY_INTERVAL_KINDS)
		return -EINVAL;
	mirror = &property->mirrors[op->a];
	if (!mirror->registered)
		return -EINVAL;
	notifier = hmm_interval_notifier_find(&mirror->mirror,
					      property_interval_ops[op->kind],
					      op->start, op->length);
	op->value = property_number(property, notifier);
	if (op->b && notifier)
		hmm_interval_notifier_put(notifier);
	else if (op->value >= HMM_PROPERTY_FOUND_RANGE)
		property->ranges[op->value - HMM_PROPERTY_FOUND_RANGE].found++;
	else if (op->value >= 0)
		property->intervals[op->value].found++;
	return 0;
}

int property_put_found(struct property_call *call)
{
	struct hmm_property_op *op = &call->op;
	struct property_interval *interval;
	struct property_range *range;
	unsigned int nr;

	if (op->a >= HMM_PROPERTY_FOUND_RANGE) {
		nr = op->a - HMM_PROPERTY_FOUND_RANGE;
		if (nr >= HMM_PROPERTY_RANGES)
			return -EINVAL;
		range = &call->property->ranges[nr];
		if (!range->found)
			return -EINVAL;
		range->found--;
		hmm_interval_notifier_put(&range->range.own);
		return 0;
	}
	if (op->a >= HMM_PROPERTY_INTERVALS)
		return -EINVAL;
	interval = &call->property->intervals[op->a];
	if (!interval->found)
		return -EINVAL;
	interval->found--;
	hmm_interval_notifier_put(&interval->notifier);
	property_put_done(interval, op);
	return 0;
}

static void property_interval_destroy(struct property_interval *interval)
{
	struct hmm_property_op op = { .opcode = HMM_PROPERTY_REMOVE };

	while (interval->mirror && interval->found) {
		interval->found--;
		hmm_interval_notifier_put(&interval->notifier);
		property_put_done(interval, &op);
	}
	if (interval->mirror)
		property_drop(interval, &op);
}

/* The program may have exited with any objects in use. */
void property_destroy(struct property *property)
{
	unsigned int i;

	for (i = 0; i < HMM_PROPERTY_RANGES; i++) {
		struct property_range *range = &property->ranges[i];

		for (; range->mirror && range->found; range->found--)
			hmm_interval_notifier_put(&range->range.own);
		if (range->mirror)
			property_range_drop(range);
	}
	for (i = 0; i < HMM_PROPERTY_INTERVALS; i++)
		property_interval_destroy(&property->intervals[i]);
	for (i = 0; i < HMM_PROPERTY_MIRRORS; i++) {
		struct property_mirror *mirror = &property->mirrors[i];

		if (mirror->registered)
			hmm_mirror_unregister(&mirror->mirror);
	}
	for (i = 0; i < HMM_PROPERTY_SPACES; i++)
		if (property->spaces[i])
			mmdrop(property->spaces[i]);
}
