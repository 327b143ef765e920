// SPDX-License-Identifier: GPL-2.0
/*
 * The device page table, and the callbacks that remove entries from it.
 *
 * Under the update lock, no allocation may sleep: the allocation might wait for
 * reclaim, and reclaim might run a callback that waits for the lock. So memory
 * is reserved before the lock is acquired, and used under the lock:
 *
 *   read_begin                       all earlier invalidations have ended
 *   fault
 *   dmirror_table_reserve()          each index has a slot, empty or not
 *   lock the update lock
 *   hmm_mirror_range_valid()         no invalidation has begun since read_begin
 *   dmirror_table_store_range()      fills the slots
 *
 * A slot that was empty stays reserved, because callbacks skip empty slots. A
 * callback may remove the entry of a slot that was not empty, and free the
 * memory of the slot. But this callback began after read_begin, so the range is
 * not valid. One case remains: another thread that uses the same file may free
 * slots that this thread also needs. A command does so at its addresses if it
 * fails, and MIGRATE_TO_DEV always frees the slots that it has not filled. The
 * store may then fail to allocate memory, and the caller starts again.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>

#include "dmirror.h"
#include "pagetable.h"

/*
 * The delay of an invalidation is not killable. When CONFIG changes the delay
 * or the file is closed, the sleep ends within one step.
 */
#define DMIRROR_DELAY_STEP_US	(10 * USEC_PER_MSEC)

/**
 * dmirror_table_lookup() - find the page that the device maps at an address
 * @dm: the file
 * @index: the address, in pages
 * @write: find only a page that the device may write to
 *
 * Context: update lock held; the page is valid until the lock is dropped.
 * Return: the page, or NULL if there is no entry or it does not permit the
 * access.
 */
struct page *dmirror_table_lookup(struct dmirror *dm, unsigned long index,
				  bool write)
{
	void *entry;

	lockdep_assert_held(&dm->update_lock);

	entry = xa_load(&dm->table, index);
	if (!entry || (write && !xa_pointer_tag(entry)))
		return NULL;
	return xa_untag_pointer(entry);
}

/**
 * dmirror_table_is_exclusive() - check for exclusive access to a page
 * @dm: the file
 * @index: the address, in pages
 *
 * Context: update lock held.
 * Return: true if the device has exclusive access to the page at @index.
 */
bool dmirror_table_is_exclusive(struct dmirror *dm, unsigned long index)
{
	void *entry;

	lockdep_assert_held(&dm->update_lock);

	entry = xa_load(&dm->table, index);
	return entry && xa_pointer_tag(entry) == DMIRROR_ENTRY_EXCLUSIVE;
}

/**
 * dmirror_table_store() - program one entry into the device page table
 * @dm: the file
 * @index: the address, in pages; reserved
 * @page: the page
 * @tag: DMIRROR_ENTRY_*, or 0
 *
 * Context: update lock held. After acquiring the lock, the caller has checked
 * that the process still maps @page at @index.
 * Return: 0; -ESRCH if the mm has exited; -EAGAIN if the reserved slot was
 * freed and memory for a new one cannot be allocated without sleeping.
 */
int dmirror_table_store(struct dmirror *dm, unsigned long index,
			struct page *page, unsigned long tag)
{
	void *old;

	lockdep_assert_held(&dm->update_lock);

	if (dm->released)
		return -ESRCH;

	old = xa_store(&dm->table, index, xa_tag_pointer(page, tag),
		       GFP_NOWAIT | __GFP_NOWARN);
	if (xa_is_err(old))
		return -EAGAIN;
	if (!old)
		atomic64_inc(&dm->entries);
	return 0;
}

/**
 * dmirror_table_unreserve() - free reserved slots that are still empty
 * @dm: the file
 * @index: first address, in pages
 * @npages: number of slots
 */
void dmirror_table_unreserve(struct dmirror *dm, unsigned long index,
			     unsigned long npages)
{
	while (npages--)
		xa_release(&dm->table, index++);
}

/**
 * dmirror_table_reserve() - allocate memory for entries
 * @dm: the file
 * @index: first address, in pages
 * @npages: number of entries
 *
 * Context: may sleep; the caller must not hold the update lock.
 * Return: 0; -ENOMEM if out of memory. In both cases the caller must call
 * dmirror_table_unreserve() for slots that it does not fill, because on
 * -ENOMEM some slots may be reserved.
 */
int dmirror_table_reserve(struct dmirror *dm, unsigned long index,
			  unsigned long npages)
{
	int ret;

	while (npages--) {
		ret = xa_reserve(&dm->table, index++, GFP_KERNEL);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * dmirror_table_store_range() - program entries into the device page table
 * @dm: the file
 * @index: first address, in pages; reserved
 * @pfns: pfn entries of the mirror, each with a page
 * @npages: number of entries
 * @request: the flags that were requested for each entry
 *
 * Context: update lock held; since the lock was acquired,
 * hmm_mirror_range_valid() has returned true for @pfns.
 * Return: 0; -ESRCH if the mm has exited; -EAGAIN if a reserved slot was freed
 * and memory for a new one cannot be allocated without sleeping; -EFAULT, with
 * one warning, if an entry lacks a flag of @request.
 */
int dmirror_table_store_range(struct dmirror *dm, unsigned long index,
			      const unsigned long *pfns, unsigned long npages,
			      unsigned long request)
{
	unsigned long i;
	int ret;

	for (i = 0; i < npages; i++) {
		unsigned long tag = 0;

		/* Without the permission, the device would fault forever. */
		if (WARN_ON_ONCE((pfns[i] & request) != request))
			return -EFAULT;
		if (pfns[i] & HMM_MIRROR_PFN_WRITE)
			tag = DMIRROR_ENTRY_WRITE;

		ret = dmirror_table_store(dm, index + i,
					  hmm_mirror_pfn_to_page(pfns[i]), tag);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * dmirror_table_erase_range() - remove entries from the device page table
 * @dm: the file
 * @first: first address, in pages
 * @last: last address, in pages, inclusive
 * @may_sleep: reschedule between entries if necessary
 *
 * Context: update lock held.
 * Return: the number of entries that were removed.
 */
unsigned long dmirror_table_erase_range(struct dmirror *dm,
					unsigned long first,
					unsigned long last, bool may_sleep)
{
	unsigned long dropped = 0;
	unsigned long index;
	void *entry;

	lockdep_assert_held(&dm->update_lock);

	xa_for_each_range(&dm->table, index, entry, first, last) {
		xa_erase(&dm->table, index);
		dropped++;
		if (may_sleep)
			cond_resched();
	}
	atomic64_sub(dropped, &dm->entries);
	return dropped;
}

/*
 * Sleep for the time that CONFIG has set, or until CONFIG changes this time.
 * Signals do not end the sleep. The invalidating task holds the SRCU read lock
 * of mm/mmu_notifier.c, and perhaps an rmap lock or a page lock. So tasks that
 * free memory for other tasks never sleep here: tasks that reclaim memory, and
 * kernel threads, which include kswapd and the OOM reaper.
 */
static void dmirror_delay_invalidation(struct dmirror *dm)
{
	u32 delay = READ_ONCE(dm->invalidate_delay_us);
	ktime_t end;

	if (likely(!delay) || dmirror_must_not_wait())
		return;

	end = ktime_add_us(ktime_get(), delay);
	do {
		fsleep(min_t(u32, delay, DMIRROR_DELAY_STEP_US));
	} while (READ_ONCE(dm->invalidate_delay_us) == delay &&
		 ktime_before(ktime_get(), end));
}

static bool dmirror_invalidate(struct hmm_interval_notifier *interval,
			       const struct mmu_notifier_range *range)
{
	struct dmirror *dm = container_of(interval, struct dmirror, interval);
	bool blockable = mmu_notifier_range_blockable(range);
	unsigned long first = range->start >> PAGE_SHIFT;
	/* range->end is exclusive; the bounds of the table are inclusive. */
	unsigned long last = (range->end - 1) >> PAGE_SHIFT;
	unsigned long dropped;

	atomic64_inc(&dm->invalidations);

	/* Only the CPU loses access to the page: see exclusive.c. */
	if (hmm_mirror_caused_by(range, dm)) {
		atomic64_inc(&dm->own);
		return true;
	}
	if (hmm_mirror_caused_by(range, dm->device))
		atomic64_inc(&dm->own);

	if (blockable) {
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_INVALIDATE);
		dmirror_delay_invalidation(dm);
		mutex_lock(&dm->update_lock);
	} else if (atomic_dec_if_positive(&dm->refuse_nonblock) >= 0 ||
		   !mutex_trylock(&dm->update_lock)) {
		atomic64_inc(&dm->refused);
		return false;
	}

	if (dm->claim >= first && dm->claim <= last)
		dm->claim_lost = true;
	dropped = dmirror_table_erase_range(dm, first, last, blockable);
	atomic64_add(dropped, &dm->dropped);

	mutex_unlock(&dm->update_lock);
	return true;
}

/* The mm exits: the device must not access it after this callback returns. */
static void dmirror_release(struct hmm_mirror *mirror)
{
	struct dmirror *dm = container_of(mirror, struct dmirror, mirror);

	dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_RELEASE);

	mutex_lock(&dm->update_lock);
	WRITE_ONCE(dm->released, true);
	dmirror_table_erase_range(dm, 0, ULONG_MAX, true);
	mutex_unlock(&dm->update_lock);
}

const struct hmm_mirror_ops dmirror_mirror_ops = {
	.release = dmirror_release,
};

const struct hmm_interval_notifier_ops dmirror_interval_ops = {
	.invalidate = dmirror_invalidate,
};
