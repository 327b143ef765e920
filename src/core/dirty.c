// SPDX-License-Identifier: GPL-2.0
/*
 * Marking pages as dirty after a device has written to them.
 *
 * The dirty bit of a CPU page table entry does not reflect writes by a device,
 * and a writable entry may be clean. If neither the entry nor the folio is
 * dirty, reclaim drops a page without writing it back if MADV_FREE was called
 * for the page, or if it is in the page cache or swap cache. Reclaim checks the
 * entry and the folio after the invalidation, so the callback can still mark
 * the folio dirty.
 */
#include <linux/export.h>
#include <linux/mm.h>

#include <hmm/range.h>

#include "../compat/folio.h"
#include "chain.h"
#include "dirty.h"

/*
 * Mark @n pages from @pfn on as dirty, each folio once.
 *
 * The folio lock must not be acquired, because reclaim holds it while it runs
 * the callback. The lock is not needed either. The invalidation of the pages
 * waits for the update lock, so the CPU still maps them. They therefore cannot
 * be truncated, split or freed.
 */
void hmm_pfns_mark_dirty(unsigned long pfn, unsigned long n)
{
	unsigned long end = pfn + n;

	while (pfn < end)
		pfn += hmm_folio_mark_dirty(pfn_to_page(pfn));
}

/**
 * hmm_mirror_range_mark_dirty() - mark pages as dirty after device writes
 * @range: a range that has been read
 * @start: first address, in bytes
 * @end: first address past the end, in bytes
 *
 * A page may be writable and clean: memory after MADV_FREE, a page that was
 * swapped in, or shared memory that was only read. If a device writes to such a
 * page and nothing marks it dirty, reclaim may drop the page, and the write is
 * lost.
 *
 * A driver must call this function for pages that its device may have written
 * to, after the last write and before the callback of the invalidation returns.
 * Only pages with a writable entry in the range are marked. A driver that uses
 * hmm_mirror_range_dma_map() does not need this function, because
 * hmm_mirror_range_dma_unmap() marks pages that were mapped for writing.
 *
 * [@start, @end) is clipped to the range. It must not contain pages that have
 * been invalidated since the range was read, except by the invalidation of the
 * running callback, because such pages may have been freed. The range must not
 * be read again before its pages are marked. If the device writes to the pages
 * again after a call, the driver must call this function again.
 *
 * Context: does not sleep; the caller holds its update lock.
 *
 * Since: 0.2
 */
void hmm_mirror_range_mark_dirty(const struct hmm_mirror_range *range,
				 unsigned long start, unsigned long end)
{
	const unsigned long writable = HMM_MIRROR_PFN_VALID |
				       HMM_MIRROR_PFN_WRITE;
	unsigned long i, last, head, next, entry;

	start = max(start, range->start);
	end = min(end, range->end);
	if (start >= end)
		return;

	i = (start - range->start) >> PAGE_SHIFT;
	last = (end - 1 - range->start) >> PAGE_SHIFT;
	head = hmm_range_entry_index(range, i);
	for (; i <= last; i = head = next) {
		next = hmm_mirror_range_next(range, head);
		entry = range->pfns[head];
		if ((entry & writable) == writable)
			hmm_pfns_mark_dirty(hmm_mirror_pfn_to_pfn(entry) +
					    i - head,
					    min(next, last + 1) - i);
	}
}
EXPORT_SYMBOL_GPL(hmm_mirror_range_mark_dirty);
