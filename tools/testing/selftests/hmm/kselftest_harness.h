/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's harness, with one limit for all tests: its own default of 30
 * seconds is too little for a guest that is emulated on a busy host. A test
 * that takes longer than this hangs. So no test here has a limit of its own.
 */
#ifndef _HMM_KSELFTEST_HARNESS_H
#define _HMM_KSELFTEST_HARNESS_H

#include_next <kselftest_harness.h>

#include "hmm_lib.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	HMM_TEST_TIMEOUT_S

#endif /* _HMM_KSELFTEST_HARNESS_H */
