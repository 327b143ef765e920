/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A driver that is written for the kernel's own interface. Each file that uses it
 * includes the drop-in header first.
 */
#ifndef _HMM_TEST_DROPIN_DRIVER_H
#define _HMM_TEST_DROPIN_DRIVER_H

#include <hmm/dropin/dropin.h>

#include <linux/mmu_notifier.h>
#include <linux/mutex.h>

#include "api.h"

#define DROPIN_PAGES	4

/**
 * struct dropin_driver - a driver with one interval
 * @notifier: the interval
 * @lock: the update lock
 * @finish: the second pass
 * @passes: the first pass requests the second one
 * @ignore: the callback does not call mmu_interval_set_seq()
 * @calls: callbacks, or first passes
 * @finishes: second passes
 * @releases: callbacks for the exit of the mm
 * @cur_seq: the number that the last callback received
 */
struct dropin_driver {
	struct mmu_interval_notifier notifier;
	struct mutex lock;	/* the update lock */
	struct mmu_interval_notifier_finish finish;
	bool passes;
	bool ignore;
	atomic_t calls;
	atomic_t finishes;
	atomic_t releases;
	unsigned long cur_seq;
};

extern const struct mmu_interval_notifier_ops dropin_ops;
extern const struct mmu_interval_notifier_ops dropin_two_pass_ops;

struct dropin_driver *
dropin_driver_on(struct mm_struct *mm,
		 const struct mmu_interval_notifier_ops *ops);
struct dropin_driver *dropin_driver(void);
void dropin_remove(struct dropin_driver *driver);
bool dropin_retry(struct dropin_driver *driver, unsigned long seq);

#endif /* _HMM_TEST_DROPIN_DRIVER_H */
