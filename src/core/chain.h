/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding the entry of a page in an array that may be compact.
 */
#ifndef _HMM_CORE_CHAIN_H
#define _HMM_CORE_CHAIN_H

#include <hmm/range.h>

unsigned long hmm_range_entry_index(const struct hmm_mirror_range *range,
				    unsigned long i);
unsigned long hmm_range_mapping_index(const struct hmm_mirror_range *range,
				      unsigned long i);

#endif /* _HMM_CORE_CHAIN_H */
