/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread of the concurrent phase that makes API calls.
 */
#ifndef _PROPERTY_RACE_CALL_H
#define _PROPERTY_RACE_CALL_H

/* The main function of a thread. The argument is a struct racer. */
int race_calls(void *racer);

#endif /* _PROPERTY_RACE_CALL_H */
