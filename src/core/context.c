// SPDX-License-Identifier: GPL-2.0
/*
 * Creation and teardown of contexts.
 *
 * A context exists as long as a mirror uses it. The last unregister may race
 * with a new register:
 *
 *	unregister                        register
 *	----------                        --------
 *	users: 1 -> 0
 *	                                  finds the context in the hash,
 *	                                  but users is 0: skips it
 *	                                  creates and hashes a new one
 *	unhashes the old one
 *	unregisters its notifiers
 *	frees it
 *
 * A count that has reached zero never increases again, so the new mirror cannot
 * acquire the dying context. For a short time, the notifiers of both contexts
 * may be registered on the mm. The old context has no mirrors and no intervals
 * left.
 */
#include <linux/hashtable.h>
#include <linux/ktime.h>
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

/*
 * Registers and unregisters notifiers for tasks that cannot do it themselves.
 * The workqueue has a rescuer, so it makes progress when memory is short.
 */
static struct workqueue_struct *hmm_workqueue;

/*
 * All allocated contexts, including dying ones, for debugfs. User space
 * determines the number of contexts, so charge the memory of the array.
 */
DEFINE_XARRAY_FLAGS(hmm_contexts, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);

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
 * struct hmm_registration - the registration of a notifier by a worker
 * @work: the work item
 * @notifier: the notifier
 * @mm: the mm; the waiting task holds its mmap lock for writing
 * @ret: return value of __mmu_notifier_register()
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

	/* The waiting task holds the mmap lock on behalf of this worker. */
	rwsem_acquire(&mm->mmap_lock.dep_map, 0, 1, _THIS_IP_);
	registration->ret = __mmu_notifier_register(registration->notifier, mm);
	rwsem_release(&mm->mmap_lock.dep_map, _THIS_IP_);
}

/*
 * Let a worker register the notifier while the caller holds the mmap lock and
 * waits. The worker receives no signals and does not acquire the mmap lock, so
 * the wait is short and need not be killable.
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
 * __mmu_notifier_register() acquires every lock of the mm. It fails with -EINTR
 * if signal_pending() is true for the calling task: because of a signal with a
 * handler, a stop, the freezer, or a task_work of io_uring. The registration
 * must not fail for any of these reasons, and a second attempt by the same task
 * would fail as well.
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
 * No invalidation is in progress while a notifier is being registered, because
 * __mmu_notifier_register() acquires every lock of the mm. An invalidation may
 * start and end between the two registrations, however. The end notifier is
 * registered first, so that it ignores the end of such an invalidation. In the
 * reverse order, the start would be recorded, and readers would wait forever
 * for its end.
 *
 * Unregistering the end notifier waits for the SRCU read-side critical sections
 * of all notifiers in the system, which may take as long as the slowest
 * callback of any driver. A worker unregisters it, so that the caller need not
 * wait with the mmap lock held.
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

	/* A file may keep a context after its process has exited. */
	context = kzalloc(sizeof(*context), GFP_KERNEL_ACCOUNT);
	if (!context)
		return ERR_PTR(-ENOMEM);
	context->mm = mm;
	hmm_process_find(&context->process, mm);
	context->since_ns = ktime_get_ns();
	spin_lock_init(&context->lock);
	context->intervals = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&context->dispatches);
	INIT_LIST_HEAD(&context->updated);
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
 * Find or create the context of an mm. The caller holds a reference to
 * mm_users, and the mmap lock for writing if @locked.
 */
struct hmm_context *hmm_context_get(struct mm_struct *mm, bool locked)
{
	struct hmm_context *context;

	context = hmm_context_lookup(mm);
	if (context)
		return context;

	if (!locked && mmap_write_lock_killable(mm))
		return ERR_PTR(-EINTR);

	/* Another task may have created the context in the meantime. */
	context = hmm_context_lookup(mm);
	if (!context)
		context = hmm_context_create(mm);

	if (!locked)
		mmap_write_unlock(mm);
	return context;
}

/*
 * Drop a reference. If it is the last one, unregister the notifiers: on return
 * the context no longer pins the mm.
 *
 * mmu_notifier_unregister() waits for all callbacks, so the caller must not
 * hold the mmap lock or run in a callback.
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
	/* Wait until failed registrations have been unwound. */
	destroy_workqueue(hmm_workqueue);
	/* Contexts are freed after an RCU grace period. */
	rcu_barrier();
}
