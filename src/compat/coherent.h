/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels: marking a device as coherent. Since 7.2,
 * dev_set_dma_coherent() does this. Before, the mark is a member of struct device.
 */
#ifndef _HMM_COMPAT_COHERENT_H
#define _HMM_COMPAT_COHERENT_H

#include <linux/device.h>
#include <linux/version.h>

/*
 * Marks a device as coherent. A platform device without a firmware node is not
 * coherent on arm64. Where every device is coherent, there is no such mark.
 */
static inline void hmm_dma_set_coherent(struct device *dev)
{
#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU_ALL)
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	dev_set_dma_coherent(dev);
#else
	dev->dma_coherent = true;
#endif
#endif
}

#endif /* _HMM_COMPAT_COHERENT_H */
