/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of interval.c that is not exported.
 */
#ifndef _HMM_CORE_INTERVAL_H
#define _HMM_CORE_INTERVAL_H

struct hmm_mirror;

void hmm_mirror_detach_intervals(struct hmm_mirror *mirror);

#endif /* _HMM_CORE_INTERVAL_H */
