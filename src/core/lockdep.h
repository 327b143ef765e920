/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Annotations that let debug kernels find wrong locking in an ordinary run.
 *
 * To lockdep, every callback runs with the lock hmm_callback_map held, and a
 * function that may wait for callbacks acquires it. If a driver calls such a
 * function from a callback, or with a lock held that a callback acquires,
 * lockdep reports a possible deadlock, even if nothing had to wait.
 *
 * The map is not acquired as a recursive read lock, because lockdep does not
 * follow dependencies through those. Callbacks do not nest: no callback may
 * cause an invalidation.
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
 * CONFIG_DEBUG_ATOMIC_SLEEP it does nothing, because the voluntary
 * reschedule in might_sleep() costs more than the rest of their fast path.
 */
static __always_inline void hmm_might_sleep(void)
{
#ifdef CONFIG_DEBUG_ATOMIC_SLEEP
	might_sleep();
#endif
}

#endif /* _HMM_CORE_LOCKDEP_H */
