/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device: its page table of a range, its DMA mappings, and its writes.
 */
#ifndef _PROPERTY_DEVICE_H
#define _PROPERTY_DEVICE_H

#include "property.h"

void property_map_dma(struct property *p, unsigned int nr);
void property_unmap_dma(struct property *p, unsigned int nr);
/* Copy the entries of the range to the page table of the device. */
void property_program_range(struct property *p, unsigned int nr);
/* The device writes to all pages of the range that it may write to. */
void property_write_device(struct property *p, unsigned int nr);

#endif /* _PROPERTY_DEVICE_H */
