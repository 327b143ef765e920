/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Annotations with which lockdep detects wrong locking in an ordinary run.
 *
 * In lockdep, hmm_callback_map is a lock. It is held while the callbacks of an
 * invalidation or an exit run, and a function that may wait for callbacks
 * acquires and releases it. If a driver calls such a function from a callback,
 * or with a lock held that a callback acquires, lockdep reports a possible
 * deadlock, even if the function did not have to wait.
 *
 * The map is not acquired as a recursive read lock, because lockdep does not
 * follow dependencies through recursive read locks. Callbacks do not nest,
 * because a callback must not cause an invalidation.
 */
#ifndef _HMM_CORE_LOCKDEP_H
#define _HMM_CORE_LOCKDEP_H

#include <linux/kernel.h>
#include <linux/lockdep.h>

#ifdef CONFIG_LOCKDEP
extern struct lockdep_map hmm_callback_map;
#endif

void hmm_lockdep_init(void);

static inline void hmm_callbacks_begin(void)
{
	lock_map_acquire(&hmm_callback_map);
}

static inline void hmm_callbacks_end(void)
{
	lock_map_release(&hmm_callback_map);
}

static inline void hmm_might_wait_for_callbacks(void)
{
	lock_map_acquire(&hmm_callback_map);
	lock_map_release(&hmm_callback_map);
}

/*
 * might_sleep() for functions that seldom sleep. Without
 * CONFIG_DEBUG_ATOMIC_SLEEP it does nothing, because the voluntary reschedule
 * in might_sleep() costs more than the rest of the fast path of such a
 * function.
 */
static __always_inline void hmm_might_sleep(void)
{
#ifdef CONFIG_DEBUG_ATOMIC_SLEEP
	might_sleep();
#endif
}

#endif /* _HMM_CORE_LOCKDEP_H */
