/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tree of intervals: the kernel's interval tree, instantiated for struct
 * hmm_interval_notifier so that the compiler can inline it. Intervals with the
 * same first address are in the order in which an insert or an update added
 * them to the tree.
 *
 * Context: context->lock held.
 */
#ifndef _HMM_CORE_TREE_H
#define _HMM_CORE_TREE_H

#include <linux/interval_tree_generic.h>

#include <hmm/interval.h>

#define HMM_INTERVAL_START(interval)	((interval)->start)
#define HMM_INTERVAL_LAST(interval)	((interval)->last)

INTERVAL_TREE_DEFINE(struct hmm_interval_notifier, rb, unsigned long,
		     subtree_last, HMM_INTERVAL_START, HMM_INTERVAL_LAST,
		     static __maybe_unused, hmm_tree)

static inline bool
hmm_interval_in_tree(const struct hmm_interval_notifier *interval)
{
	return !RB_EMPTY_NODE(&interval->rb);
}

#endif /* _HMM_CORE_TREE_H */
