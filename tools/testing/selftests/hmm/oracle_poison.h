/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page frames that the arena has lost are reused and filled with poison.
 */
#ifndef _ORACLE_POISON_H
#define _ORACLE_POISON_H

#include "oracle.h"

/* Call this before the arena loses n pages at mem. */
void oracle_poison_before(struct oracle_worker *w, const char *mem,
			  unsigned int n);
/* Call this after the loss, to fill the page frames with poison. */
void oracle_poison_after(struct oracle_worker *w);

#endif /* _ORACLE_POISON_H */
