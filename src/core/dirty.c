// SPDX-License-Identifier: GPL-2.0
/*
 * Marking pages dirty that a device has written to.
 *
 * The dirty bit of the CPU's page table entry does not show what a device
 * writes, and a writable entry may be clean. If neither that bit nor the folio
 * is dirty, reclaim drops the page: after MADV_FREE, or if it is in the page
 * cache or the swap cache. It reads both bits after the invalidation, so it is
 * early enough to mark the folio in the callback.
 */
#include <linux/mm.h>

#include "../compat/folio.h"
#include "dirty.h"

/*
 * Mark @n pages dirty, each folio once.
 *
 * The folio lock is not needed, and waiting for it would deadlock with reclaim,
 * which holds it in the callback: the CPU still maps the pages, because their
 * invalidation waits for the update lock. So they are not truncated, split or
 * freed meanwhile.
 */
void hmm_pfns_mark_dirty(unsigned long pfn, unsigned long n)
{
	unsigned long end = pfn + n;

	while (pfn < end)
		pfn += hmm_folio_mark_dirty(pfn_to_page(pfn));
}
