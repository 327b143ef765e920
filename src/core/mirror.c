// SPDX-License-Identifier: GPL-2.0
/*
 * Registration of mirrors.
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
 * hmm_mirror_register() - start mirroring an mm
 * @mirror: an unregistered mirror, zeroed except for its ops, which may be NULL
 * @mm: the mm; the caller holds a reference to it (at least mm_count)
 *
 * Callbacks may run before this function returns. Any number of mirrors may be
 * registered on an mm, by any task and at the same time. The mm is pinned
 * (mm_count) until hmm_mirror_unregister(), but it may exit.
 *
 * Context: may sleep. The caller must not hold the mmap lock or a lock that one
 * of its callbacks acquires.
 * Return: 0; -EINVAL if an argument is NULL or the mirror is already
 * registered; -ESRCH if the mm has exited; -ENOMEM if out of memory; -EINTR if
 * the calling task was killed.
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
	/* If this is the last reference, the release callback runs here. */
	mmput(mm);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_mirror_register);

/**
 * hmm_mirror_register_locked() - start mirroring an mm, mmap lock held
 * @mirror: an unregistered mirror, zeroed except for its ops, which may be NULL
 * @mm: the mm; the caller holds a reference to mm_users, or runs in a task
 *      that uses the mm
 *
 * Like hmm_mirror_register(), but for a caller that holds the mmap lock for
 * writing.
 *
 * Context: may sleep; the caller holds the mmap lock for writing.
 * Return: the same as hmm_mirror_register().
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
 * @mirror: a registered mirror without intervals
 *
 * On return no callback of the mirror is running, and no further callback will
 * run. If the mirror was the last one of the mm, the module no longer pins the
 * mm.
 *
 * This function may race with any other register and unregister, and with the
 * exit of the mm: it waits for a release callback that has started, and no
 * release callback starts afterwards.
 *
 * Context: may sleep. It must not be called from a callback, with the mmap lock
 * held, or with a lock held that a callback acquires.
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

	/* Wait for all walks of the list, and for all callbacks. */
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
 * hmm_mirror_synchronize() - wait for callbacks that have started
 *
 * On return, every callback of an invalidation or an exit that had started
 * before the call has returned. If such a callback was the last user of an
 * interval, the interval's release callback has returned as well. A driver
 * calls this function in its module exit, after its last
 * hmm_interval_notifier_put() has returned.
 *
 * Context: may sleep. It must not be called from a callback.
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
 * hmm_mirror_mm() - get the mm that a mirror is registered on
 * @mirror: a mirror; the caller serializes against register and unregister
 *
 * The mirror pins the mm (mm_count), so the result can be compared with the mm
 * of a task until the mirror is unregistered, even if the mm has exited. A
 * caller that uses the address space also needs a reference from
 * mmget_not_zero(). Functions that read a range acquire one themselves.
 *
 * Context: any, including callbacks of the mirror and its intervals.
 * Return: the mm, without a reference; NULL if @mirror is not registered.
 *
 * Since: 0.3
 */
struct mm_struct *hmm_mirror_mm(const struct hmm_mirror *mirror)
{
	return mirror->context ? mirror->context->mm : NULL;
}
EXPORT_SYMBOL_GPL(hmm_mirror_mm);

/**
 * hmm_mirror_mm_is_alive() - check whether the mm of a mirror has not exited
 * @mirror: a mirror; the caller serializes against register and unregister
 *
 * Once the mm has exited, the result stays false, and functions that read a
 * valid range return -ESRCH. It is false in every callback that the exit of the
 * mm causes, and may be false in other callbacks that run at the same time. If
 * the result is true, the mm may exit immediately afterwards.
 *
 * Context: any, including callbacks of the mirror and its intervals.
 * Return: true if the mm has not exited; false if it has, or if @mirror is not
 * registered.
 *
 * Since: 0.3
 */
bool hmm_mirror_mm_is_alive(const struct hmm_mirror *mirror)
{
	const struct mm_struct *mm = hmm_mirror_mm(mirror);

	return mm && atomic_read(&mm->mm_users);
}
EXPORT_SYMBOL_GPL(hmm_mirror_mm_is_alive);

/**
 * hmm_mirror_caused_by() - check whether a driver caused an invalidation
 * @range: the invalidation that the callback received
 * @owner: the driver's &migrate_vma.pgmap_owner, or the owner that it passed to
 *         make_device_exclusive_range() (make_device_exclusive() since 6.15);
 *         if NULL, the result is false
 *
 * A driver that migrates pages, or makes them exclusive, may update its page
 * table itself. In this case its callback need not remove the mappings. The
 * interval collides nevertheless.
 *
 * Context: any; called from a callback.
 * Return: true if the invalidation was caused by migrate_vma_setup() or
 * migrate_vma_pages(), or by making pages exclusive, with @owner; otherwise
 * false.
 *
 * Since: 0.1
 */
bool hmm_mirror_caused_by(const struct mmu_notifier_range *range,
			  const void *owner)
{
	return owner && hmm_range_caused_by(range, owner);
}
EXPORT_SYMBOL_GPL(hmm_mirror_caused_by);
