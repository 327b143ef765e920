// SPDX-License-Identifier: GPL-2.0
/*
 * The mirror that all intervals of an mm share.
 */
#include <linux/export.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <hmm/dropin/types.h>

#include "mirror.h"

/*
 * Mirrors by the address of their mm. The address is not reused while the
 * xarray contains the mirror, because a registered mirror pins its mm.
 * The xarray's lock protects a lookup until it has acquired a reference.
 */
static DEFINE_XARRAY(hmm_dropin_mirrors);

/*
 * A worker unregisters a mirror, because the last interval may be removed with
 * the mmap lock held.
 */
static struct workqueue_struct *hmm_dropin_workqueue;

static void hmm_dropin_mirror_teardown(struct work_struct *work)
{
	struct hmm_dropin_mirror *mirror =
		container_of(work, struct hmm_dropin_mirror, teardown);

	hmm_mirror_unregister(&mirror->own);
	kfree(mirror);
}

/* Context: any. */
void hmm_dropin_mirror_put(struct hmm_dropin_mirror *mirror)
{
	if (refcount_dec_and_test(&mirror->users))
		queue_work(hmm_dropin_workqueue, &mirror->teardown);
}

/*
 * A sequence that no interval of the mm has had before. Drivers subtract 2 to
 * force a retry, and use LONG_MAX as a sequence that never occurs, so all
 * sequences are even.
 *
 * A reader that sees the new sequence of an interval, without the update lock,
 * must also see that the invalidation is in progress. The core records the
 * invalidation before this function runs, and the driver stores the sequence
 * afterwards. The atomic operation orders these stores: it returns a value, so
 * it is a full barrier.
 */
unsigned long hmm_dropin_mirror_next_seq(struct hmm_dropin_mirror *mirror)
{
	return atomic_long_add_return(2, &mirror->last_seq);
}

/* Drop the reference of the xarray, unless another task has dropped it. */
static void hmm_dropin_mirror_forget(struct hmm_dropin_mirror *mirror)
{
	unsigned long mm = (unsigned long)hmm_mirror_mm(&mirror->own);

	if (xa_cmpxchg(&hmm_dropin_mirrors, mm, mirror, NULL, 0) == mirror)
		hmm_dropin_mirror_put(mirror);
}

static void hmm_dropin_mirror_release(struct hmm_mirror *own)
{
	hmm_dropin_mirror_forget(container_of(own, struct hmm_dropin_mirror,
					      own));
}

static const struct hmm_mirror_ops hmm_dropin_mirror_ops = {
	.release = hmm_dropin_mirror_release,
};

static struct hmm_dropin_mirror *hmm_dropin_mirror_find(struct mm_struct *mm)
{
	struct hmm_dropin_mirror *mirror;

	xa_lock(&hmm_dropin_mirrors);
	mirror = xa_load(&hmm_dropin_mirrors, (unsigned long)mm);
	if (mirror)
		refcount_inc(&mirror->users);
	xa_unlock(&hmm_dropin_mirrors);
	return mirror;
}

/*
 * Register a mirror that cannot be found yet. It has two references: one for
 * the caller and one for the xarray.
 */
static struct hmm_dropin_mirror *
hmm_dropin_mirror_register(struct mm_struct *mm, bool locked)
{
	struct hmm_dropin_mirror *mirror;
	int ret;

	mirror = kzalloc(sizeof(*mirror), GFP_KERNEL);
	if (!mirror)
		return ERR_PTR(-ENOMEM);
	mirror->own.ops = &hmm_dropin_mirror_ops;
	refcount_set(&mirror->users, 2);
	atomic_long_set(&mirror->last_seq, 0);
	INIT_WORK(&mirror->teardown, hmm_dropin_mirror_teardown);

	ret = locked ? hmm_mirror_register_locked(&mirror->own, mm) :
		       hmm_mirror_register(&mirror->own, mm);
	if (ret) {
		kfree(mirror);
		return ERR_PTR(ret);
	}
	return mirror;
}

/*
 * Find or register the mirror of @mm, and acquire a reference.
 *
 * Context: may sleep. If @locked, the caller holds the mmap lock for writing,
 * or for reading if the mm has a mirror. Otherwise it must not hold the lock.
 * Returns the mirror, or an error pointer: -ENOMEM, or the error of
 * hmm_mirror_register().
 */
struct hmm_dropin_mirror *hmm_dropin_mirror_get(struct mm_struct *mm,
						bool locked)
{
	struct hmm_dropin_mirror *mirror, *other;

	for (;;) {
		mirror = hmm_dropin_mirror_find(mm);
		if (mirror)
			return mirror;

		mirror = hmm_dropin_mirror_register(mm, locked);
		if (IS_ERR(mirror))
			return mirror;
		other = xa_cmpxchg(&hmm_dropin_mirrors, (unsigned long)mm, NULL,
				   mirror, GFP_KERNEL);
		if (!other)
			break;

		hmm_dropin_mirror_put(mirror);
		hmm_dropin_mirror_put(mirror);
		if (xa_is_err(other))
			return ERR_PTR(xa_err(other));
		/* Another task was faster. Use its mirror. */
	}

	/*
	 * If the mm has exited since the registration, the release callback may
	 * have run before the mirror could be found.
	 */
	if (!hmm_mirror_mm_is_alive(&mirror->own))
		hmm_dropin_mirror_forget(mirror);
	return mirror;
}

/**
 * hmm_dropin_notifier_register() - __mmu_notifier_register()
 * @notifier: a notifier; NULL prepares the mm for intervals, so that the mmap
 *            lock for reading is enough to insert one
 * @mm: the mm
 *
 * The kernel runs the callbacks of intervals before those of notifiers, and
 * drivers rely on it. A notifier that is newer than the mirror of the mm would
 * run first, and is refused.
 *
 * Context: may sleep; the caller holds the mmap lock of @mm for writing.
 * Return: 0; -EBUSY if @notifier would run before the intervals of the mm;
 * -ESRCH if the mm has exited; -ENOMEM if out of memory; -EINTR if the calling
 * task was killed, or if a signal is pending and @notifier is not NULL.
 *
 * Since: 0.3
 */
int hmm_dropin_notifier_register(struct mmu_notifier *notifier,
				 struct mm_struct *mm)
{
	struct hmm_dropin_mirror *mirror;

	mirror = notifier ? hmm_dropin_mirror_find(mm) :
			    hmm_dropin_mirror_get(mm, true);
	if (IS_ERR(mirror))
		return PTR_ERR(mirror);
	if (!mirror)
		return __mmu_notifier_register(notifier, mm);

	hmm_dropin_mirror_put(mirror);
	if (!notifier)
		return 0;
	pr_warn_once("hmm_mirror_dropin: %ps: register the notifier before the first interval of the mm\n",
		     notifier->ops);
	return -EBUSY;
}
EXPORT_SYMBOL_GPL(hmm_dropin_notifier_register);

int hmm_dropin_mirrors_init(void)
{
	hmm_dropin_workqueue = alloc_workqueue("hmm_mirror_dropin", WQ_UNBOUND,
					       0);
	return hmm_dropin_workqueue ? 0 : -ENOMEM;
}

void hmm_dropin_mirrors_exit(void)
{
	struct hmm_dropin_mirror *mirror;
	unsigned long index;

	/*
	 * A mirror that the xarray still contains may be freed at any time. Use
	 * it only after xa_erase() has passed on the reference of the xarray.
	 */
	xa_for_each(&hmm_dropin_mirrors, index, mirror) {
		mirror = xa_erase(&hmm_dropin_mirrors, index);
		if (mirror)
			hmm_dropin_mirror_put(mirror);
	}
	/* Release callbacks may be about to queue a mirror. */
	hmm_mirror_synchronize();
	destroy_workqueue(hmm_dropin_workqueue);
	xa_destroy(&hmm_dropin_mirrors);
}
