/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The features of the machine, and the settings that keep memory unchanged.
 */
#ifndef _DIFF_MACHINE_H
#define _DIFF_MACHINE_H

#include <stdbool.h>

/**
 * struct diff_machine - features of the machine
 * @device: descriptor of HMM_DIFF_DEVICE
 * @swap: swap is available
 * @pkey: a protection key; not positive if the machine has no protection keys
 * @huge: transparent huge pages of DIFF_HUGE pages are available
 * @hugetlb: hugetlb pages of this size are available
 * @uffd: userfaultfd is available
 * @no_swap: the reason if swap is not available
 * @no_hugetlb: the reason if hugetlb pages are not available
 */
struct diff_machine {
	int device;
	bool swap;
	int pkey;
	bool huge;
	bool hugetlb;
	bool uffd;
	const char *no_swap;
	const char *no_hugetlb;
};

extern struct diff_machine diff_machine;

void diff_machine_open(int device);
void diff_machine_close(void);

#endif /* _DIFF_MACHINE_H */
