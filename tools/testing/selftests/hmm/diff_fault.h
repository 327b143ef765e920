/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults of random memory, by both implementations.
 */
#ifndef _DIFF_FAULT_H
#define _DIFF_FAULT_H

/**
 * struct diff_fault_counts - counts of cases
 * @succeeded: the fault of the first memory by this module succeeded
 * @not_permitted: this fault returned -EPERM
 * @failed: this fault returned another error
 * @unequal: the second memory was not equal to the first
 */
struct diff_fault_counts {
	unsigned long succeeded, not_permitted, failed, unequal;
};

extern struct diff_fault_counts diff_fault_counts;

/* Run one case, and report differences. Returns 0 or -errno. */
int diff_fault_case(void);

#endif /* _DIFF_FAULT_H */
