/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Changes of contents by madvise(), and moves of pages to other page frames.
 */
#ifndef _ORACLE_ADVICE_H
#define _ORACLE_ADVICE_H

#include "oracle_step.h"

void oracle_zero(struct oracle_worker *w, struct oracle_step *s);
void oracle_lazy_free(struct oracle_worker *w, struct oracle_step *s);
void oracle_collapse(struct oracle_worker *w, struct oracle_step *s);
void oracle_page_out(struct oracle_worker *w, struct oracle_step *s);
void oracle_populate(struct oracle_worker *w, struct oracle_step *s);
void oracle_merge(struct oracle_worker *w, struct oracle_step *s);
/* Sometimes compact all memory of the machine. Most calls return at once. */
void oracle_compact(struct oracle_worker *w, struct oracle_step *s);

#endif /* _ORACLE_ADVICE_H */
