/* SPDX-License-Identifier: GPL-2.0 */
/* The headers that most test programs need. */
#ifndef _HMM_LIB_H
#define _HMM_LIB_H

#include "hmm_device.h"
#include "hmm_memory.h"
#include "hmm_process.h"
#include "hmm_system.h"
#include "hmm_thread.h"

#endif /* _HMM_LIB_H */
