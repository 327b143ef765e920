// SPDX-License-Identifier: GPL-2.0
/*
 * Life and death of contexts.
 *
 * A context lives as long as a mirror uses it. The race that this file is
 * about is a last unregister meeting a new register:
 *
 *	unregister                        register
 *	----------                        --------
 *	users: 1 -> 0
 *	                                  finds the context in the hash,
 *	                                  users is 0: not this one
 *	                                  creates and hashes a new one
 *	unhashes the old one
 *	unregisters its notifiers
 *	frees it
 *
 * A count that has reached zero never rises again, so the newcomer cannot
 * get the dying context; the old and the new one may both be registered on
 * the mm for a moment, and the old one has nobody left to tell.
 */
#include <linux/hashtable.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "context.h"
#include "notifier.h"

static DEFINE_HASHTABLE(hmm_contexts_hash, 8);
static DEFINE_SPINLOCK(hmm_contexts_lock);

/* For what the task at hand cannot do itself; it may run under reclaim. */
static struct workqueue_struct *hmm_workqueue;

/* All contexts that have memory, dying ones too, for debugfs. */
DEFINE_XARRAY_ALLOC(hmm_contexts);

static struct hmm_context *hmm_context_lookup(struct mm_struct *mm)
{
	struct hmm_context *context, *found = NULL;

	spin_lock(&hmm_contexts_lock);
	hash_for_each_possible(hmm_contexts_hash, context, hash,
			       (unsigned long)mm) {
		if (context->mm == mm &&
		    refcount_inc_not_zero(&context->users)) {
			found = context;
			break;
		}
	}
	spin_unlock(&hmm_contexts_lock);
	return found;
}

/**
 * struct hmm_registration - a notifier that a worker registers
 * @work: the work
 * @notifier: the notifier
 * @mm: the mm, whose mmap lock the waiting task holds for writing
 * @ret: the result
 */
struct hmm_registration {
	struct work_struct work;
	struct mmu_notifier *notifier;
	struct mm_struct *mm;
	int ret;
};

static void hmm_notifier_register_work(struct work_struct *work)
{
	struct hmm_registration *registration =
		container_of(work, struct hmm_registration, work);
	struct mm_struct *mm = registration->mm;

	/* The waiting task lends its hold of the lock: tell lockdep. */
	rwsem_acquire(&mm->mmap_lock.dep_map, 0, 1, _THIS_IP_);
	registration->ret = __mmu_notifier_register(registration->notifier, mm);
	rwsem_release(&mm->mmap_lock.dep_map, _THIS_IP_);
}

/*
 * A worker registers the notifier while the caller keeps the mmap lock, and
 * waits. A worker has no signals, and never waits for the mmap lock here, so
 * the caller need not be killable.
 */
static int hmm_notifier_register_by_worker(struct mmu_notifier *notifier,
					   struct mm_struct *mm)
{
	struct hmm_registration registration = {
		.notifier = notifier,
		.mm = mm,
	};

	INIT_WORK_ONSTACK(&registration.work, hmm_notifier_register_work);
	rwsem_release(&mm->mmap_lock.dep_map, _THIS_IP_);
	queue_work(hmm_workqueue, &registration.work);
	flush_work(&registration.work);
	rwsem_acquire(&mm->mmap_lock.dep_map, 0, 1, _THIS_IP_);
	destroy_work_on_stack(&registration.work);
	return registration.ret;
}

/*
 * __mmu_notifier_register() takes every lock of the mm, and gives up with
 * -EINTR as soon as the calling task has anything to do in user mode: a signal
 * with a handler, a stop, a freezer, a task_work of io_uring. None of them is
 * a reason to fail, and trying again would find them still pending.
 */
static int hmm_notifier_register(struct mmu_notifier *notifier,
				 struct mm_struct *mm)
{
	int ret = __mmu_notifier_register(notifier, mm);

	if (ret == -EINTR && !fatal_signal_pending(current))
		ret = hmm_notifier_register_by_worker(notifier, mm);
	return ret;
}

static void hmm_context_free(struct hmm_context *context)
{
	xa_erase(&hmm_contexts, context->id);
	kfree_rcu(context, rcu);
}

static void hmm_context_unwind_work(struct work_struct *work)
{
	struct hmm_context *context = container_of(work, struct hmm_context,
						   unwind);

	mmu_notifier_unregister(&context->end_notifier, context->mm);
	hmm_context_free(context);
}

/*
 * Register both notifiers. On failure the context is freed.
 *
 * No invalidation is in progress while a notifier registers, because
 * __mmu_notifier_register() takes every lock of the mm. But one may come and
 * go between the two registrations: with the end notifier there first its end is
 * ignored, while the other way round its start would be known, and its end
 * awaited for ever.
 *
 * To unregister the end notifier waits for the SRCU read sections of every notifier in
 * the system. With the mmap lock held that could last as long as the slowest
 * callback of any driver, so a worker does it later.
 */
static int hmm_context_register_notifiers(struct hmm_context *context)
{
	int ret;

	context->end_notifier.ops = &hmm_end_notifier_ops;
	ret = hmm_notifier_register(&context->end_notifier, context->mm);
	if (ret) {
		hmm_context_free(context);
		return ret;
	}

	context->start_notifier.ops = &hmm_start_notifier_ops;
	ret = hmm_notifier_register(&context->start_notifier, context->mm);
	if (ret) {
		INIT_WORK(&context->unwind, hmm_context_unwind_work);
		queue_work(hmm_workqueue, &context->unwind);
	}
	return ret;
}

static struct hmm_context *hmm_context_create(struct mm_struct *mm)
{
	struct hmm_context *context;
	int ret;

	mmap_assert_write_locked(mm);

	context = kzalloc(sizeof(*context), GFP_KERNEL);
	if (!context)
		return ERR_PTR(-ENOMEM);
	context->mm = mm;
	spin_lock_init(&context->lock);
	context->intervals = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&context->dispatches);
	INIT_LIST_HEAD(&context->moved);
	init_waitqueue_head(&context->wq);
	refcount_set(&context->users, 1);

	ret = xa_alloc(&hmm_contexts, &context->id, context, xa_limit_32b,
		       GFP_KERNEL);
	if (ret) {
		kfree(context);
		return ERR_PTR(ret == -EBUSY ? -ENOMEM : ret);
	}

	ret = hmm_context_register_notifiers(context);
	if (ret)
		return ERR_PTR(ret);

	spin_lock(&hmm_contexts_lock);
	hash_add(hmm_contexts_hash, &context->hash, (unsigned long)mm);
	spin_unlock(&hmm_contexts_lock);
	return context;
}

/*
 * Find or create the context of an mm whose mm_users the caller holds. With
 * @locked, it also holds the mmap lock for writing.
 */
struct hmm_context *hmm_context_get(struct mm_struct *mm, bool locked)
{
	struct hmm_context *context;

	context = hmm_context_lookup(mm);
	if (context)
		return context;

	if (!locked && mmap_write_lock_killable(mm))
		return ERR_PTR(-EINTR);

	/* Somebody else may have created it while we waited for the lock. */
	context = hmm_context_lookup(mm);
	if (!context)
		context = hmm_context_create(mm);

	if (!locked)
		mmap_write_unlock(mm);
	return context;
}

/*
 * The last user unregisters. It must not hold the mmap lock nor run inside
 * of a callback, for mmu_notifier_unregister() waits for all callbacks. On
 * return the context no longer pins the mm.
 */
void hmm_context_put(struct hmm_context *context)
{
	if (!refcount_dec_and_test(&context->users))
		return;

	spin_lock(&hmm_contexts_lock);
	hash_del(&context->hash);
	spin_unlock(&hmm_contexts_lock);

	WARN_ON_ONCE(!RB_EMPTY_ROOT(&context->intervals.rb_root));
	mmu_notifier_unregister(&context->start_notifier, context->mm);
	mmu_notifier_unregister(&context->end_notifier, context->mm);
	hmm_context_free(context);
}

int hmm_contexts_init(void)
{
	hmm_workqueue = alloc_workqueue("hmm_mirror",
					WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return hmm_workqueue ? 0 : -ENOMEM;
}

void hmm_contexts_exit(void)
{
	/* What a failed registration left behind is unregistered first. */
	destroy_workqueue(hmm_workqueue);
	/* Contexts are freed by RCU; debugfs may still look at the last. */
	rcu_barrier();
}
