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
 * @swap: there is swap
 * @pkey: a protection key; not positive if there are none
 * @huge: there are transparent huge pages of DIFF_HUGE pages
 * @hugetlb: there are hugetlb pages of that size
 * @uffd: there is userfaultfd
 * @no_swap: why there is no swap
 * @no_hugetlb: why there are no hugetlb pages
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
