/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mirror that all intervals of an mm share.
 */
#ifndef _HMM_DROPIN_MIRROR_H
#define _HMM_DROPIN_MIRROR_H

#include <linux/refcount.h>
#include <linux/workqueue.h>

#include <hmm/mirror.h>

/*
 * Found by its mm until the mm exits, so that only the first interval of an mm
 * registers a mirror.
 */
struct hmm_dropin_mirror {
	struct hmm_mirror own;
	/* One for each interval, and one while the mirror can be found. */
	refcount_t users;
	/* The last sequence that an interval or an invalidation received. */
	atomic_long_t last_seq;
	struct work_struct teardown;
};

struct hmm_dropin_mirror *hmm_dropin_mirror_get(struct mm_struct *mm,
						bool locked);
void hmm_dropin_mirror_put(struct hmm_dropin_mirror *mirror);
unsigned long hmm_dropin_mirror_next_seq(struct hmm_dropin_mirror *mirror);

int hmm_dropin_mirrors_init(void);
void hmm_dropin_mirrors_exit(void);

#endif /* _HMM_DROPIN_MIRROR_H */
