/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults of random memory, by both implementations.
 */
#ifndef _DIFF_FAULT_H
#define _DIFF_FAULT_H

/**
 * struct diff_fault_counts - how the cases went
 * @succeeded: in how many the first fault succeeded
 * @not_permitted: in how many it returned -EPERM
 * @failed: in how many it returned another error
 * @unequal: in how many the second memory was not equal to the first
 */
struct diff_fault_counts {
	unsigned long succeeded, not_permitted, failed, unequal;
};

extern struct diff_fault_counts diff_fault_counts;

/* One case; returns 0 or -errno. Differences are reported. */
int diff_fault_case(void);

#endif /* _DIFF_FAULT_H */
