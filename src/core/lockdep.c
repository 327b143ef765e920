// SPDX-License-Identifier: GPL-2.0
/*
 * The lock class of callbacks: see lockdep.h.
 */
#include <linux/sched/mm.h>

#include "lockdep.h"

#ifdef CONFIG_LOCKDEP
static struct lock_class_key hmm_callback_key;
struct lockdep_map hmm_callback_map;
#endif

/*
 * Callbacks run in reclaim. Record this dependency when the module is loaded:
 * lockdep then reports a driver that allocates with GFP_KERNEL while it holds a
 * lock that its callback acquires, even if the callback has not yet run in
 * reclaim.
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
