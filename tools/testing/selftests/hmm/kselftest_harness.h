/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's harness, with a longer time limit for each test. The default of
 * 30 seconds is too short for a guest that is emulated on a busy host. A test
 * that exceeds this limit hangs, so no test sets its own limit.
 */
#ifndef _HMM_KSELFTEST_HARNESS_H
#define _HMM_KSELFTEST_HARNESS_H

#include_next <kselftest_harness.h>

#include "hmm_system.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	HMM_TEST_TIMEOUT_S

#endif /* _HMM_KSELFTEST_HARNESS_H */
