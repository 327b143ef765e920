/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device. The caller holds the update lock, except for
 * property_has_callback() and the init and exit functions.
 */
#ifndef _HMM_PROPERTY_DEVICE_H
#define _HMM_PROPERTY_DEVICE_H

#include "property.h"

extern const struct hmm_mirror_ops property_mirror_ops[];
extern const struct hmm_interval_notifier_ops *const property_interval_ops[];

/* Returns true if a callback clears the device page table of the range. */
bool property_has_callback(const struct property_range *range);
/*
 * Clear [@start, @end) of the device page table, and unmap its DMA mappings.
 * The bounds are widened to whole DMA mappings.
 */
void property_clear(struct property_range *range, unsigned long start,
		    unsigned long end);
/* Copy the entries of a valid range to the device page table. */
void property_program(struct property_range *range);
/* Make the device write through its page table. */
void property_device_write(struct property_range *range,
			   struct property_call *call);

/* Returns the number of entries that are mapped for DMA. */
unsigned long property_mapped(const struct property_range *range);
int property_dma_map(struct property_range *range, unsigned int dir,
		     struct hmm_property_op *op);
void property_dma_unmap(struct property_range *range, unsigned long start,
			unsigned long end);

int property_device_init(void);
void property_device_exit(void);

#endif /* _HMM_PROPERTY_DEVICE_H */
