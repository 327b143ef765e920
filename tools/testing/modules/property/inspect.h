/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the entries of a range, and their pages. */
#ifndef _HMM_PROPERTY_INSPECT_H
#define _HMM_PROPERTY_INSPECT_H

#include "property.h"

/* Return an entry to the program, with the content of its page. */
void property_add(struct property_call *call, unsigned int nr,
		  unsigned long page, unsigned long entry);
/* Record a wrong entry, if it is the first one. Always returns false. */
bool property_wrong(struct hmm_property_op *op, unsigned int wrong,
		    unsigned long page, unsigned long entry);

/*
 * Check each entry that a reader of the array reaches. If @tagged is set, also
 * check the tags of the first and the last page of each entry.
 */
void property_inspect(const struct property_range *range,
		      struct hmm_property_op *op, bool tagged);
/* Count the pages in the device page table, and check their tags. */
void property_access(const struct property_range *range,
		     struct hmm_property_op *op);
/* Return one entry per page of the range to the program. */
void property_show(const struct property_range *range, unsigned int nr,
		   struct property_call *call);

#endif /* _HMM_PROPERTY_INSPECT_H */
