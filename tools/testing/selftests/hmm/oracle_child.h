/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Forked children, which have a copy of the arena.
 */
#ifndef _ORACLE_CHILD_H
#define _ORACLE_CHILD_H

#include "oracle.h"

/* Fork a child, or wait for the exit of an existing one. */
void oracle_fork(struct oracle_worker *w);
void oracle_reap_all(struct oracle_worker *w);

#endif /* _ORACLE_CHILD_H */
