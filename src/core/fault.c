// SPDX-License-Identifier: GPL-2.0
/*
 * Faulting in, and whatever else needs the vma.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include <hmm/pfn.h>

#include "../compat/fault.h"
#include "fault.h"

/*
 * How often a page is faulted that is still not there afterwards. Something
 * takes it away each time, and to do that it invalidates: a collision.
 */
#define HMM_FAULT_TRIES	4

/* A vma whose pages a device must not or cannot use at all. */
static bool hmm_vma_forbidden(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_IO | VM_PFNMAP)) ||
	       !(vma->vm_flags & VM_READ);
}

static int hmm_fault_errno(vm_fault_t fault)
{
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	return -EFAULT;
}

/*
 * Fault one page in. *@locked: whether the mmap lock is still held.
 */
static int hmm_fault_page(struct hmm_fault *fault,
			  struct vm_area_struct *vma, unsigned long addr,
			  bool write, bool *locked)
{
	unsigned int flags = FAULT_FLAG_REMOTE | FAULT_FLAG_ALLOW_RETRY;
	vm_fault_t ret;

	if (write && !(vma->vm_flags & VM_WRITE))
		return -EPERM;

	if (write)
		flags |= FAULT_FLAG_WRITE;
	if (fault->keep_lock)
		flags |= FAULT_FLAG_RETRY_NOWAIT;
	else
		flags |= FAULT_FLAG_KILLABLE;
	if (fault->tries)
		flags |= FAULT_FLAG_TRIED;

	ret = handle_mm_fault(vma, addr, flags, NULL);
	if (ret & HMM_FAULT_UNLOCKED) {
		/* With RETRY_NOWAIT it would have slept, but kept the lock. */
		if (fault->keep_lock)
			return -EAGAIN;
		*locked = false;
		return fatal_signal_pending(current) ? -EINTR : 0;
	}
	if (ret & VM_FAULT_ERROR)
		return hmm_fault_errno(ret);
	return 0;
}

/*
 * Go on from @addr, where the walk stopped, as far as the vma there reaches.
 * Returns the first address that is not done, or an error.
 */
static int hmm_fault_vma(struct hmm_fault *fault, unsigned long *addr,
			 unsigned long end, bool *locked)
{
	struct hmm_walk *walk = &fault->walk;
	struct vm_area_struct *vma = find_vma(walk->mm, *addr);
	unsigned long stopped = *addr;
	bool forbidden;

	if (vma && vma->vm_start <= *addr) {
		end = min(end, vma->vm_end);
		forbidden = hmm_vma_forbidden(vma);
	} else {
		if (vma)
			end = min(end, vma->vm_start);
		forbidden = true;
	}

	if (forbidden) {
		*addr = hmm_walk_fill(walk, *addr, end, HMM_MIRROR_PFN_ERROR);
		return *addr == end ? 0 : -EFAULT;
	}

	while (*locked) {
		unsigned long entry, requested;
		int ret;

		walk->in_vma = true;
		*addr = hmm_walk_page_tables(walk, *addr, end);
		walk->in_vma = false;
		if (*addr == end)
			return 0;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (*addr != stopped)
			fault->tries = 0;
		stopped = *addr;
		if (fault->tries == HMM_FAULT_TRIES)
			return -EBUSY;

		entry = walk->pfns[(*addr - walk->base) >> PAGE_SHIFT];
		requested = hmm_walk_requested(walk, entry);
		ret = hmm_fault_page(fault, vma, *addr,
				     requested & HMM_MIRROR_PFN_WRITE, locked);
		if (ret)
			return ret;
		fault->tries++;
	}
	return 0;
}

/*
 * Write every entry of [start, end) as requested.
 *
 * The mmap lock is taken only once something is met that needs the vma, and
 * given back at the latest before a fault sleeps: handle_mm_fault() itself
 * lets it go for that.
 *
 * Context: may sleep; the caller holds mm_users, and the mmap lock exactly
 * if fault->keep_lock.
 */
int hmm_fault_range(struct hmm_fault *fault, unsigned long start,
		    unsigned long end)
{
	struct hmm_walk *walk = &fault->walk;
	bool locked = fault->keep_lock;
	unsigned long addr = start;
	int ret = 0;

	if (!locked && !hmm_walk_needs_lock(walk))
		addr = hmm_walk_page_tables(walk, addr, end);

	while (!ret && addr < end) {
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		if (!locked) {
			if (mmap_read_lock_killable(walk->mm)) {
				ret = -EINTR;
				break;
			}
			locked = true;
		}
		ret = hmm_fault_vma(fault, &addr, end, &locked);
	}

	if (locked && !fault->keep_lock)
		mmap_read_unlock(walk->mm);
	return ret;
}
