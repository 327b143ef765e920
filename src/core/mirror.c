// SPDX-License-Identifier: GPL-2.0
/*
 * Mirrors: registration, and the callbacks that concern a whole mm.
 */
#include <linux/export.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>

#include <hmm/mirror.h>

#include "../compat/notifier.h"
#include "context.h"
#include "interval.h"
#include "lockdep.h"
#include "mirror_callbacks.h"

static int hmm_mirror_attach(struct hmm_mirror *mirror, struct mm_struct *mm,
			     bool locked)
{
	struct hmm_context *context;

	if (!mirror || !mm)
		return -EINVAL;
	if (WARN_ONCE(mirror->context, "hmm_mirror registered twice\n"))
		return -EINVAL;

	context = hmm_context_get(mm, locked);
	if (IS_ERR(context))
		return PTR_ERR(context);

	mirror->context = context;
	mirror->nr_intervals = 0;
	spin_lock(&context->lock);
	hlist_add_head_rcu(&mirror->node, &context->mirrors);
	context->nr_mirrors++;
	if (hmm_mirror_has_sync(mirror))
		context->nr_sync_mirrors++;
	spin_unlock(&context->lock);
	return 0;
}

/**
 * hmm_mirror_register() - begin to mirror an mm
 * @mirror: zeroed but for its ops, which may be NULL; not registered
 * @mm: the mm; the caller holds a reference on it (mm_count at the least)
 *
 * Callbacks may come before it returns. Any number of mirrors may register
 * on one mm, at the same time and from anywhere. The mm stays pinned
 * (mm_count) until hmm_mirror_unregister(), but is not kept from exiting.
 *
 * Context: may sleep; the caller does not hold the mmap lock, nor a lock
 * that one of its callbacks takes.
 * Return: 0, -EINVAL for a bad argument or a mirror that is registered
 * already, -ESRCH if the mm has exited, -ENOMEM, -EINTR if the caller was
 * killed.
 *
 * Since: 0.1
 */
int hmm_mirror_register(struct hmm_mirror *mirror, struct mm_struct *mm)
{
	int ret;

	might_sleep();
	if (!mm)
		return -EINVAL;
	if (!mmget_not_zero(mm))
		return -ESRCH;
	ret = hmm_mirror_attach(mirror, mm, false);
	/* This may be the last reference: the callbacks are ready for it. */
	mmput(mm);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_mirror_register);

/**
 * hmm_mirror_register_locked() - begin to mirror an mm, mmap lock held
 * @mirror: zeroed but for its ops, which may be NULL; not registered
 * @mm: the mm; the caller keeps it from exiting (mm_users)
 *
 * As hmm_mirror_register(), for a caller that holds the mmap lock for
 * writing.
 *
 * Context: may sleep; the mmap lock is held for writing.
 * Return: as hmm_mirror_register().
 *
 * Since: 0.1
 */
int hmm_mirror_register_locked(struct hmm_mirror *mirror,
			       struct mm_struct *mm)
{
	might_sleep();
	if (!mm)
		return -EINVAL;
	mmap_assert_write_locked(mm);
	if (!atomic_read(&mm->mm_users))
		return -ESRCH;
	return hmm_mirror_attach(mirror, mm, true);
}
EXPORT_SYMBOL_GPL(hmm_mirror_register_locked);

/**
 * hmm_mirror_unregister() - stop mirroring
 * @mirror: a registered mirror, all of whose intervals are gone
 *
 * On return no callback of the mirror runs or will run. If it was the last
 * mirror of the mm, nothing of this module refers to the mm any longer. Safe
 * against every other register and unregister and against the mm exiting: a
 * release callback that has begun is waited for, one that has not will not
 * come.
 *
 * Context: may sleep; not from a callback, not with the mmap lock nor with a
 * lock held that a callback takes.
 *
 * Since: 0.1
 */
void hmm_mirror_unregister(struct hmm_mirror *mirror)
{
	struct hmm_context *context = mirror->context;

	might_sleep();
	hmm_might_wait_for_callbacks();

	if (WARN_ONCE(!context, "hmm_mirror unregistered, but not registered\n"))
		return;

	spin_lock(&context->lock);
	hlist_del_rcu(&mirror->node);
	context->nr_mirrors--;
	if (hmm_mirror_has_sync(mirror))
		context->nr_sync_mirrors--;
	spin_unlock(&context->lock);

	/* All walks of the list and all callbacks run inside of that SRCU. */
	mmu_notifier_synchronize();

	if (WARN_ONCE(mirror->nr_intervals,
		      "hmm_mirror unregistered with %lu intervals left\n",
		      mirror->nr_intervals))
		hmm_mirror_detach_intervals(mirror);

	mirror->context = NULL;
	hmm_context_put(context);
}
EXPORT_SYMBOL_GPL(hmm_mirror_unregister);

/**
 * hmm_mirror_synchronize() - wait for callbacks that have begun
 *
 * After it returns, no callback runs that had begun before, the release
 * callbacks of intervals among them. A driver calls it in its module exit,
 * after the last hmm_interval_notifier_put().
 *
 * Context: may sleep; not from a callback.
 *
 * Since: 0.1
 */
void hmm_mirror_synchronize(void)
{
	hmm_might_wait_for_callbacks();
	mmu_notifier_synchronize();
}
EXPORT_SYMBOL_GPL(hmm_mirror_synchronize);

/**
 * hmm_mirror_caused_by() - is this invalidation of the driver's own making?
 * @range: what a callback was told
 * @owner: the driver's &migrate_vma.pgmap_owner, or what it gave to
 *         make_device_exclusive_range(); NULL is nobody
 *
 * For a driver that migrates pages, or makes them exclusive, and keeps its
 * page table right while it does so: its callback may leave the mappings
 * alone then. The interval collides all the same.
 *
 * Context: any; from a callback.
 * Return: true if the invalidation comes from migrate_vma_setup() or
 * make_device_exclusive_range() with this very owner.
 *
 * Since: 0.1
 */
bool hmm_mirror_caused_by(const struct mmu_notifier_range *range,
			  const void *owner)
{
	return owner && hmm_range_caused_by(range, owner);
}
EXPORT_SYMBOL_GPL(hmm_mirror_caused_by);
