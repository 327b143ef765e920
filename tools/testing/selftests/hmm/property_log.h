/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random decisions, the history of a run, and the report of its failure.
 */
#ifndef _PROPERTY_LOG_H
#define _PROPERTY_LOG_H

#include "property.h"

unsigned int property_pick(struct property *p, unsigned int limit);
bool property_once_in(struct property *p, unsigned int n);

/* Begin a step and its line in the history, and extend this line. */
void property_note(struct property *p, const char *format, ...);
void property_add_note(struct property *p, const char *format, ...);

/* Only the first failure is recorded. */
void property_fail(struct property *p, const char *format, ...);
void property_report(const struct property *p);
const char *property_errno(int error);

#endif /* _PROPERTY_LOG_H */
