/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copies: a copy is a series of DMAs.
 */
#ifndef _EDU_COPY_H
#define _EDU_COPY_H

#include "edu.h"

int edu_copy(struct edu_client *client, struct hmm_edu_copy *copy);

#endif /* _EDU_COPY_H */
