/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hardware: registers, interrupt, DMA.
 */
#ifndef _EDU_ENGINE_H
#define _EDU_ENGINE_H

#include <linux/irqreturn.h>

#include "edu.h"

int edu_engine_init(struct edu_device *edu);
irqreturn_t edu_irq(int irq, void *data);
void edu_stop(struct edu_device *edu, int error, const char *why);

int edu_engine_lock(struct edu_device *edu);
void edu_engine_unlock(struct edu_device *edu);

int edu_dma_start(struct edu_device *edu, dma_addr_t addr, size_t length,
		  enum dma_data_direction dir, unsigned long *dma);
bool edu_dma_has_ended(struct edu_device *edu, unsigned long dma);
void edu_dma_wait(struct edu_device *edu, unsigned long dma);
int edu_dma_wait_killable(struct edu_device *edu, unsigned long dma);

void edu_test_raise_irq(struct edu_device *edu);

#endif /* _EDU_ENGINE_H */
