// SPDX-License-Identifier: GPL-2.0
/*
 * Running the callbacks of all mirrors of a context.
 */
#include <linux/rculist.h>

#include "context.h"
#include "mirror_callbacks.h"

/*
 * The caller is in a read-side critical section of the SRCU of
 * mm/mmu_notifier.c. Lockdep cannot check this here, because the SRCU is
 * private to that file.
 */
#define hmm_for_each_mirror(mirror, context) \
	hlist_for_each_entry_srcu(mirror, &(context)->mirrors, node, true)

/*
 * Run the sync callback of every mirror that has one. Returns false if a
 * callback refused a non-blockable invalidation; further callbacks do not run.
 * *@called is set to the number of callbacks that have run.
 */
bool hmm_mirrors_sync(struct hmm_context *context,
		      const struct mmu_notifier_range *range,
		      unsigned int *called)
{
	struct hmm_mirror *mirror;

	*called = 0;
	hmm_for_each_mirror(mirror, context) {
		if (!hmm_mirror_has_sync(mirror))
			continue;
		++*called;
		if (mirror->ops->sync_cpu_device_pagetables(mirror, range))
			continue;
		if (!WARN_ONCE(mmu_notifier_range_blockable(range),
			       "%ps refused an invalidation that may block\n",
			       mirror->ops->sync_cpu_device_pagetables))
			return false;
	}
	return true;
}

/* Run the release callbacks when the mm exits. */
void hmm_mirrors_release(struct hmm_context *context)
{
	struct hmm_mirror *mirror;

	hmm_for_each_mirror(mirror, context) {
		if (mirror->ops && mirror->ops->release)
			mirror->ops->release(mirror);
	}
}
