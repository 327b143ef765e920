/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One API call by a random agent, and the check of the pages that the device
 * holds.
 */
#ifndef _PROPERTY_CALL_H
#define _PROPERTY_CALL_H

#include "../../modules/property/hmm_property_test.h"
#include "property.h"

/* Prepare an operation for property_call(). */
struct hmm_property_op *property_op(unsigned int opcode, unsigned int a);
/*
 * Make the prepared call from an agent or from a workqueue. Prefers the agent
 * whose memory the mirror mirrors. Afterwards the operation contains the
 * results. Returns false after a failure, which is recorded.
 */
bool property_call(struct property *p, unsigned int mirror);
/* Check that the call returned one of the count results. */
bool property_expect(struct property *p, int count, ...);
/* The entries that the call has returned. */
const struct hmm_property_entry *
property_entries(const struct property *p, const struct hmm_property_op *op);

/* After each step, check that the device holds no page that was lost. */
void property_check_device(struct property *p);

/* Describes HMM_PROPERTY_UNWRITTEN and so on. */
const char *property_wrong_name(unsigned int wrong);

#endif /* _PROPERTY_CALL_H */
