// SPDX-License-Identifier: GPL-2.0
/*
 * The device page table, and the callbacks that take entries out of it.
 *
 * No allocation that may sleep happens under the update lock: a callback runs
 * under reclaim, and the allocation might wait for that very callback. So
 * memory is reserved before the lock is taken and used under it:
 *
 *   read_begin                     every invalidation so far is over
 *   fault
 *   dmirror_table_reserve()        each index has a slot, empty or not
 *   lock the update lock
 *   hmm_mirror_range_valid()       no invalidation has begun since read_begin
 *   dmirror_table_store()          fills the slots
 *
 * A slot that was empty stays reserved: callbacks step over it. A slot that
 * held an entry may lose it, and its memory, to a callback; but that callback
 * has begun after read_begin, and the range is not valid then. What remains
 * is another thread of the same file that fails in the same place and takes
 * its reservations back, which are ours too. The store finds no memory then
 * and the caller begins again.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>

#include "dmirror.h"

/**
 * dmirror_table_lookup() - the page that the device maps at an address
 * @dm: the file
 * @index: the address, in pages
 * @write: the device wants to write
 *
 * Context: update lock held; the page stays for as long.
 * Return: the page; NULL if there is none or the device lacks the right.
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

/* Does the device have the page at an address for itself? */
bool dmirror_table_exclusive(struct dmirror *dm, unsigned long index)
{
	void *entry;

	lockdep_assert_held(&dm->update_lock);

	entry = xa_load(&dm->table, index);
	return entry && xa_pointer_tag(entry) == DMIRROR_ENTRY_EXCLUSIVE;
}

/**
 * dmirror_table_enter() - program one entry into the device page table
 * @dm: the file
 * @index: the address, in pages; reserved
 * @page: the page
 * @tag: DMIRROR_ENTRY_*, or 0
 *
 * Context: update lock held, since when the caller has made sure that the
 * process still has the page there.
 * Return: 0, -ESRCH if the mm has exited, -EAGAIN if the reservation is lost.
 */
int dmirror_table_enter(struct dmirror *dm, unsigned long index,
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
 * dmirror_table_unreserve() - give back what dmirror_table_reserve() took
 * @dm: the file
 * @index: first address, in pages
 * @npages: how many
 *
 * Entries stay as they are.
 */
void dmirror_table_unreserve(struct dmirror *dm, unsigned long index,
			     unsigned long npages)
{
	while (npages--)
		xa_release(&dm->table, index++);
}

/**
 * dmirror_table_reserve() - get the memory for entries
 * @dm: the file
 * @index: first address, in pages
 * @npages: how many
 *
 * Context: may sleep; update lock not held.
 * Return: 0 or -ENOMEM. On -ENOMEM some may be reserved; the caller gives
 * them back.
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
 * dmirror_table_store() - program entries into the device page table
 * @dm: the file
 * @index: first address, in pages; reserved
 * @pfns: what the mirror gave, each with a page
 * @npages: how many
 * @request: the flags that each of them has been asked for
 *
 * Context: update lock held, since when hmm_mirror_range_valid() has said
 * that @pfns are good.
 * Return: 0, -ESRCH if the mm has exited, -EAGAIN if the reservation is lost.
 */
int dmirror_table_store(struct dmirror *dm, unsigned long index,
			const unsigned long *pfns, unsigned long npages,
			unsigned long request)
{
	unsigned long i;
	int ret;

	for (i = 0; i < npages; i++) {
		unsigned long tag = 0;

		/* Success promises it; without it the device would loop. */
		if (WARN_ON_ONCE((pfns[i] & request) != request))
			return -EFAULT;
		if (pfns[i] & HMM_MIRROR_PFN_WRITE)
			tag = DMIRROR_ENTRY_WRITE;

		ret = dmirror_table_enter(dm, index + i,
					  hmm_mirror_pfn_to_page(pfns[i]), tag);
		if (ret)
			return ret;
	}
	return 0;
}

/* Take out the entries from first to last, both inclusive. */
unsigned long dmirror_table_drop(struct dmirror *dm, unsigned long first,
				 unsigned long last, bool blockable)
{
	unsigned long dropped = 0;
	unsigned long index;
	void *entry;

	lockdep_assert_held(&dm->update_lock);

	xa_for_each_range(&dm->table, index, entry, first, last) {
		xa_erase(&dm->table, index);
		dropped++;
		if (blockable)
			cond_resched();
	}
	atomic64_sub(dropped, &dm->entries);
	return dropped;
}

/*
 * Take as long as CONFIG says, whatever signals come, unless CONFIG changes its
 * mind. The invalidating task holds the SRCU of mm/mmu_notifier.c and perhaps
 * an rmap lock or a page lock, so tasks on which all others depend for memory
 * never wait here: kernel threads, among them kswapd and the OOM reaper, and
 * tasks that reclaim.
 */
static void dmirror_delay(struct dmirror *dm)
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
	/* range->end is the first address that is not invalidated. */
	unsigned long last = (range->end - 1) >> PAGE_SHIFT;
	unsigned long dropped;

	atomic64_inc(&dm->invalidations);

	/* The page stays where it is, only the CPU loses it: see exclusive.c. */
	if (hmm_mirror_caused_by(range, dm)) {
		atomic64_inc(&dm->own);
		return true;
	}
	if (hmm_mirror_caused_by(range, dm->device))
		atomic64_inc(&dm->own);

	if (blockable) {
		dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_INVALIDATE);
		dmirror_delay(dm);
		mutex_lock(&dm->update_lock);
	} else if (atomic_dec_if_positive(&dm->refuse_nonblock) >= 0 ||
		   !mutex_trylock(&dm->update_lock)) {
		atomic64_inc(&dm->refused);
		return false;
	}

	if (dm->claim >= first && dm->claim <= last)
		dm->claim_lost = true;
	dropped = dmirror_table_drop(dm, first, last, blockable);
	atomic64_add(dropped, &dm->dropped);

	mutex_unlock(&dm->update_lock);
	return true;
}

/* The mm exits: nothing of it may be touched after this returns. */
static void dmirror_release(struct hmm_mirror *mirror)
{
	struct dmirror *dm = container_of(mirror, struct dmirror, mirror);

	dmirror_stop_if_armed(dm, HMM_DMIRROR_POINT_RELEASE);

	mutex_lock(&dm->update_lock);
	WRITE_ONCE(dm->released, true);
	dmirror_table_drop(dm, 0, ULONG_MAX, true);
	mutex_unlock(&dm->update_lock);
}

const struct hmm_mirror_ops dmirror_mirror_ops = {
	.release = dmirror_release,
};

const struct hmm_interval_notifier_ops dmirror_interval_ops = {
	.invalidate = dmirror_invalidate,
};
