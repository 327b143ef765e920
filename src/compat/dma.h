/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in mapping memory for DMA that nobody hands
 * over: the CPU and the device use it at the same time.
 */
#ifndef _HMM_COMPAT_DMA_H
#define _HMM_COMPAT_DMA_H

#include <linux/dma-mapping.h>

/*
 * Kernels of 2026 know such mappings, and refuse what is not coherent or needs
 * a bounce buffer. Earlier ones can only be told that nobody will sync; or
 * they take two mappings of one page for a mistake (DMA_API_DEBUG).
 */
#ifdef DMA_ATTR_REQUIRE_COHERENT
#define HMM_DMA_ATTRS	DMA_ATTR_REQUIRE_COHERENT
#else
#define HMM_DMA_ATTRS	DMA_ATTR_SKIP_CPU_SYNC
#endif

#endif /* _HMM_COMPAT_DMA_H */
