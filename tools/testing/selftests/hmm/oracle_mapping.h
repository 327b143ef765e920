/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Changes of mappings and of protections.
 */
#ifndef _ORACLE_MAPPING_H
#define _ORACLE_MAPPING_H

#include "oracle_step.h"

void oracle_make_read_only(struct oracle_worker *w, struct oracle_step *s);
void oracle_make_inaccessible(struct oracle_worker *w, struct oracle_step *s);
void oracle_unmap(struct oracle_worker *w, struct oracle_step *s);
void oracle_map_over(struct oracle_worker *w, struct oracle_step *s);
void oracle_move(struct oracle_worker *w, struct oracle_step *s);

/* Make the blocked pages of a region accessible again. */
void oracle_restore(struct oracle_worker *w, struct oracle_region *region);

#endif /* _ORACLE_MAPPING_H */
