/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread of the concurrent phase that makes calls of the API.
 */
#ifndef _PROPERTY_RACE_CALL_H
#define _PROPERTY_RACE_CALL_H

/* The argument is a struct racer. */
int race_calls(void *racer);

#endif /* _PROPERTY_RACE_CALL_H */
