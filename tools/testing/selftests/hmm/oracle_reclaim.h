/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KSM at full speed, and swap.
 */
#ifndef _ORACLE_RECLAIM_H
#define _ORACLE_RECLAIM_H

#include <stdbool.h>

bool oracle_ksm_on(void);
void oracle_ksm_off(void);
/* Wait until KSM has had time to merge equal pages that do not change. */
void oracle_ksm_settle(void);
long oracle_ksm_sharing(void);

/* Use existing swap, or zram. On failure, *why contains the cause. */
bool oracle_swap_on(const char **why);
void oracle_swap_off(void);

#endif /* _ORACLE_RECLAIM_H */
