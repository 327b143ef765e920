/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers: registered memory of a process.
 */
#ifndef _EDU_BUFFER_H
#define _EDU_BUFFER_H

#include "edu.h"

int edu_buffer_create(struct edu_client *client, unsigned long addr,
		      unsigned long length, unsigned int flags);
void edu_buffer_destroy(struct edu_buffer *buf);
struct edu_buffer *edu_buffer_find(struct edu_client *client,
				   unsigned long addr, size_t length,
				   unsigned int flags);
struct edu_buffer *edu_buffer_find_start(struct edu_client *client,
					 unsigned long addr);

#endif /* _EDU_BUFFER_H */
