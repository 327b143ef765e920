// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a range: the walk of the page tables, and page faults.
 */
#include <linux/fs.h>
#include <linux/hugetlb_inline.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include <hmm/pfn.h>

#include "../compat/fault.h"
#include "../compat/vma_lock.h"
#include "pfn_entry.h"
#include "read_range.h"

/*
 * How many times a page that does not satisfy its request is faulted before the
 * range is checked for a collision. See hmm_range_fill_retrying().
 */
#define HMM_FAULT_TRIES	4

/* Maximum size of memory to fault in before the page tables are read again. */
#define HMM_FAULT_BATCH	(64 * PAGE_SIZE)

/*
 * Maximum size of memory to read before the mmap lock is dropped if another
 * task waits for it. A stretch of this size ends at a multiple of PMD_SIZE, so
 * that it does not end within a huge page mapped by a PMD.
 */
#define HMM_READ_STRETCH	max_t(unsigned long, SZ_64M, PMD_SIZE)

/* Returns true for a vma whose pages a device cannot or must not use. */
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
 * Fault in one page. *@locked is cleared if the lock of the vma or the mmap
 * lock was dropped.
 */
static int hmm_fault_page(struct hmm_read_request *request,
			  struct vm_area_struct *vma, unsigned long addr,
			  bool write, bool *locked)
{
	unsigned int flags = FAULT_FLAG_REMOTE | FAULT_FLAG_ALLOW_RETRY;
	vm_fault_t ret;

	if (write && !hmm_vma_writable(vma))
		return -EPERM;

	if (write)
		flags |= FAULT_FLAG_WRITE;
	/*
	 * FAULT_FLAG_TRIED makes the fault handlers wait with the mmap lock
	 * held. The first attempt can drop the lock, so set the flag only for
	 * later attempts.
	 */
	if (request->keep_lock)
		flags |= FAULT_FLAG_RETRY_NOWAIT;
	else if (request->tries > 1 && !request->vma_locked)
		flags |= FAULT_FLAG_KILLABLE | FAULT_FLAG_TRIED;
	else
		flags |= FAULT_FLAG_KILLABLE;
	if (request->vma_locked)
		flags |= HMM_FAULT_VMA_LOCK;

	request->faults++;
	ret = handle_mm_fault(vma, addr, flags, NULL);
	if (ret & HMM_FAULT_UNLOCKED) {
		/* With FAULT_FLAG_RETRY_NOWAIT the lock is still held. */
		if (request->keep_lock)
			return -EAGAIN;
		*locked = false;
		/* The fault under the mmap lock is the first attempt again. */
		if (request->vma_locked && ret & VM_FAULT_RETRY) {
			request->need_mmap_lock = true;
			request->tries--;
		}
		return fatal_signal_pending(current) ? -EINTR : 0;
	}
	if (ret & VM_FAULT_ERROR)
		return hmm_fault_errno(ret);
	return 0;
}

/*
 * Fault in the page at @addr. In anonymous memory, fault in the requested pages
 * after it as well, as long as their page table entries are empty. This saves a
 * walk of the page tables after each fault. If one of these pages fails, return
 * 0, because the walk must first write the entries of the pages below it. The
 * page is then faulted again.
 */
static int hmm_fault_pages(struct hmm_read_request *request,
			   struct vm_area_struct *vma, unsigned long addr,
			   unsigned long end, bool *locked)
{
	unsigned long requested = hmm_walk_requested(&request->walk, addr);
	unsigned long first = addr, last = addr;
	int ret;

	if (vma_is_anonymous(vma)) {
		end = min(end, addr + HMM_FAULT_BATCH);
		last = hmm_walk_skip_empty(&request->walk, addr, end);
	}

	do {
		ret = hmm_fault_page(request, vma, addr,
				     requested & HMM_MIRROR_PFN_WRITE, locked);
		if (ret)
			return addr == first ? ret : 0;
		addr += PAGE_SIZE;
		if (!*locked || addr >= last)
			break;
		requested = hmm_walk_requested(&request->walk, addr);
	} while (requested);
	return 0;
}

/*
 * Walk the page tables of a readable vma, with its lock or the mmap lock held.
 *
 * Page tables of hugetlb memory may be shared with another process. They are
 * protected by the i_mmap lock, not by the mmap lock; see compat/pgtable.h.
 */
static unsigned long hmm_read_page_tables(struct hmm_walk *walk,
					  struct vm_area_struct *vma,
					  unsigned long addr, unsigned long end)
{
	struct address_space *shared = NULL;

	if (hmm_walk_needs_lock(walk) && is_vm_hugetlb_page(vma) &&
	    vma->vm_flags & VM_MAYSHARE)
		shared = vma->vm_file->f_mapping;
	if (shared)
		i_mmap_lock_read(shared);
	walk->vma = vma;
	addr = hmm_walk_page_tables(walk, addr, end);
	walk->vma = NULL;
	if (shared)
		i_mmap_unlock_read(shared);
	return addr;
}

/*
 * Read from *@addr up to @end in one readable vma, or in memory that a device
 * cannot use if @vma is NULL, and fault in requested pages. Return early if the
 * lock is dropped, either by a page fault or because another task waits for it.
 * *@addr is advanced to the first address whose entry has not been written.
 * *@locked is cleared if the lock was dropped.
 */
static int hmm_read_in_vma(struct hmm_read_request *request,
			   struct vm_area_struct *vma, unsigned long *addr,
			   unsigned long end, bool *locked)
{
	struct hmm_walk *walk = &request->walk;
	unsigned long stopped = *addr;
	int ret;

	while (*locked && *addr < end) {
		unsigned long next = end;

		if (next - *addr > HMM_READ_STRETCH)
			next = ALIGN_DOWN(*addr + HMM_READ_STRETCH, PMD_SIZE);
		walk->unusable = false;
		if (vma)
			*addr = hmm_read_page_tables(walk, vma, *addr, next);
		else
			*addr = hmm_walk_fill(walk, *addr, next,
					      HMM_MIRROR_PFN_ERROR);
		if (walk->unusable)
			return -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (*addr != stopped)
			request->tries = 0;
		stopped = *addr;

		if (*addr != next) {
			if (request->tries++ == HMM_FAULT_TRIES)
				return -EBUSY;
			ret = hmm_fault_pages(request, vma, *addr, next, locked);
			if (ret)
				return ret;
		}
		/* A task that changes the vma waits for its lock. */
		if (request->vma_locked)
			return 0;
		if (*locked && !request->keep_lock &&
		    mmap_lock_is_contended(walk->mm)) {
			mmap_read_unlock(walk->mm);
			*locked = false;
		}
	}
	return 0;
}

/*
 * Read from *@addr up to @end or the end of the vma or hole that contains
 * *@addr, with the mmap lock held; see hmm_read_in_vma().
 */
static int hmm_read_vma(struct hmm_read_request *request, unsigned long *addr,
			unsigned long end, bool *locked)
{
	struct vm_area_struct *vma = find_vma(request->walk.mm, *addr);

	if (vma && vma->vm_start <= *addr) {
		end = min(end, vma->vm_end);
	} else {
		if (vma)
			end = min(end, vma->vm_start);
		vma = NULL;
	}
	if (vma && hmm_vma_forbidden(vma))
		vma = NULL;
	return hmm_read_in_vma(request, vma, addr, end, locked);
}

/*
 * Read from *@addr up to @end, the end of the vma, the end of a stretch, or the
 * first fault, with the lock of the vma held; see hmm_read_in_vma(). Does
 * nothing if the lock is not available. In this case, and if a fault needs the
 * mmap lock, sets request->need_mmap_lock.
 */
static int hmm_read_locked_vma(struct hmm_read_request *request,
			       unsigned long *addr, unsigned long end)
{
	struct vm_area_struct *vma = hmm_vma_lock(request->walk.mm, *addr);
	bool locked = true;
	int ret;

	if (!vma) {
		request->need_mmap_lock = true;
		return 0;
	}
	request->vma_locked = true;
	ret = hmm_read_in_vma(request, hmm_vma_forbidden(vma) ? NULL : vma,
			      addr, min(end, vma->vm_end), &locked);
	request->vma_locked = false;
	if (locked)
		hmm_vma_unlock(vma);
	return ret;
}

/*
 * Read from @addr up to the first entry that depends on the vma or does not
 * satisfy its request. Returns the address of this entry, or @end.
 *
 * If hmm_walk_needs_lock() returns true, a kernel thread that cannot acquire
 * the mmap lock immediately uses the mm during the walk. Switching to the mm
 * and back costs more than the lock. Any other task reads nothing here.
 * *@locked is set if the lock was acquired.
 */
static unsigned long hmm_read_present(struct hmm_read_request *request,
				      unsigned long addr, unsigned long end,
				      bool *locked)
{
	struct hmm_walk *walk = &request->walk;
	unsigned long start = addr;

	if (!hmm_walk_needs_lock(walk)) {
		addr = hmm_walk_page_tables(walk, addr, end);
	} else if (hmm_walk_may_borrow_mm()) {
		*locked = mmap_read_trylock(walk->mm);
		if (*locked)
			return addr;
		kthread_use_mm(walk->mm);
		addr = hmm_walk_page_tables(walk, addr, end);
		kthread_unuse_mm(walk->mm);
	}
	if (addr != start)
		request->tries = 0;
	return addr;
}

/*
 * Write every entry of [@start, @end), and fault in requested pages. On an error,
 * set request->reached to the first address whose entry has not been written or
 * does not satisfy its request.
 *
 * The lock of a vma is acquired at the first entry that hmm_read_present() does
 * not write. If this lock is not available, or a fault needs the mmap lock, the
 * mmap lock is acquired, and the rest is read under it. If a fault drops the
 * mmap lock, or if it is dropped because another task waits for it,
 * hmm_read_present() continues. If request->keep_lock is set, the caller's lock
 * is never dropped.
 *
 * Context: may sleep; the caller holds a reference to mm_users, or runs in a
 * task that uses the mm. It holds the mmap lock if and only if
 * request->keep_lock is set.
 * Return: 0; -EBUSY if a page does not satisfy its request after
 * HMM_FAULT_TRIES faults; -EFAULT if a device cannot use a requested page, or
 * its fault failed; -EPERM if writing is requested and the vma does not permit
 * it; -ENOMEM if a fault ran out of memory; -EAGAIN if request->keep_lock is
 * set and a fault would have to drop the mmap lock; -EINTR if the calling task
 * was killed.
 */
int hmm_read_range(struct hmm_read_request *request, unsigned long start,
		   unsigned long end)
{
	struct mm_struct *mm = request->walk.mm;
	bool locked = request->keep_lock;
	unsigned long addr = start;
	int ret = 0;

	request->tries = 0;
	request->need_mmap_lock = !HMM_HAS_VMA_LOCK;

	while (!ret && addr < end) {
		if (!locked)
			addr = hmm_read_present(request, addr, end, &locked);
		if (addr == end)
			break;
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		if (!locked && !request->need_mmap_lock) {
			ret = hmm_read_locked_vma(request, &addr, end);
			continue;
		}
		if (!locked && mmap_read_lock_killable(mm)) {
			ret = -EINTR;
			break;
		}
		locked = true;
		request->need_mmap_lock = !HMM_HAS_VMA_LOCK;
		ret = hmm_read_vma(request, &addr, end, &locked);
	}

	if (locked && !request->keep_lock)
		mmap_read_unlock(mm);
	if (ret)
		request->reached = addr;
	return ret;
}
