// SPDX-License-Identifier: GPL-2.0
/*
 * What lockdep is told of the callbacks.
 */
#include <linux/sched/mm.h>

#include "lockdep.h"

#ifdef CONFIG_LOCKDEP
static struct lock_class_key hmm_callback_key;
struct lockdep_map hmm_callback_map;
#endif

/*
 * Callbacks run under reclaim. Say so before the first of them does: a driver
 * that allocates with GFP_KERNEL under a lock that its callback takes is then
 * reported when it first does both, not when memory is first short.
 */
void hmm_lockdep_init(void)
{
#ifdef CONFIG_LOCKDEP
	lockdep_init_map(&hmm_callback_map, "hmm_mirror_callback",
			 &hmm_callback_key, 0);
#endif
	fs_reclaim_acquire(GFP_KERNEL);
	hmm_callbacks_begin();
	hmm_callbacks_end();
	fs_reclaim_release(GFP_KERNEL);
}
