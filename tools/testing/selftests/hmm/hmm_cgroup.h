/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A cgroup, to measure the memory that is charged to a process. Functions return
 * 0 or -errno, unless stated otherwise.
 */
#ifndef _HMM_CGROUP_H
#define _HMM_CGROUP_H

#define HMM_SKIP_NO_MEMCG	"this kernel has no memory controller (memcg)"

/*
 * Creates a cgroup and moves the calling process into it. Returns -EOPNOTSUPP if
 * the kernel does not charge memory.
 */
int hmm_cgroup_enter(void);
/* Moves the calling process out of the cgroup and removes the cgroup. */
void hmm_cgroup_leave(void);

/*
 * Returns how many bytes are charged, or -errno. The kernel charges in batches,
 * so the value may be too large by 256 KiB for each CPU.
 */
long hmm_cgroup_current(void);
/*
 * Returns how many bytes of kernel objects are charged, or -errno. Waits until
 * the number no longer changes, because the kernel frees some objects and
 * updates the number with a delay of seconds.
 */
long hmm_cgroup_objects(void);

#endif /* _HMM_CGROUP_H */
