/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random changes of the arena.
 */
#ifndef _ORACLE_CHANGE_H
#define _ORACLE_CHANGE_H

#include "oracle.h"

/* Make one random change, or undo a change that blocks accesses. */
void oracle_change(struct oracle_worker *w);
/* Let both devices handle invalidations without a delay. */
void oracle_end_delays(struct oracle_worker *w);
/* Make all pages accessible. No other thread must change the arena. */
void oracle_restore_all(struct oracle_worker *w);

#endif /* _ORACLE_CHANGE_H */
