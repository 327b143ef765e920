/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mappings: pages of a buffer that the device can use.
 */
#ifndef _EDU_MAPPING_H
#define _EDU_MAPPING_H

#include "edu.h"

int edu_map(struct edu_buffer *buf, unsigned long addr, size_t length);
struct edu_mapping *edu_mapping_find(const struct edu_buffer *buf,
				     unsigned long addr);
bool edu_mappings_disable(struct edu_buffer *buf, unsigned long start,
			  unsigned long end, bool blockable);
void edu_mappings_unmap(struct edu_buffer *buf, unsigned long start,
			unsigned long end);
void edu_mappings_destroy(struct edu_buffer *buf, unsigned long start,
			  unsigned long end);
void edu_mappings_detach(struct edu_client *client);

#endif /* _EDU_MAPPING_H */
