/* SPDX-License-Identifier: GPL-2.0 */
/* userfaultfd. Functions return 0 or -errno, unless stated otherwise. */
#ifndef _HMM_UFFD_H
#define _HMM_UFFD_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/*
 * Opens a userfaultfd that also handles faults taken in the kernel. Returns a
 * file descriptor or -errno.
 */
int hmm_uffd_open(__u64 features);
int hmm_uffd_register(int uffd, void *addr, size_t size, __u64 mode);
/*
 * Waits for a page fault. Stores the address and UFFD_PAGEFAULT_FLAG_*, each
 * only if its pointer is not NULL.
 */
int hmm_uffd_wait(int uffd, void **addr, __u64 *flags);
int hmm_uffd_copy(int uffd, void *to, const void *from, size_t size);
int hmm_uffd_protect(int uffd, void *addr, size_t size, bool protect);
int hmm_uffd_continue(int uffd, void *addr, size_t size);

#endif /* _HMM_UFFD_H */
