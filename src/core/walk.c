// SPDX-License-Identifier: GPL-2.0
/*
 * The walk over the CPU's page tables.
 *
 * It takes no lock of the page tables: interrupts are off, which keeps the
 * tables from being freed (compat/pgtable.h says under which condition), and
 * each level is read once. What it reads may be out of date a moment later;
 * the caller finds that out from the sequence of its interval.
 *
 * It comes in two strengths. Outside of a vma, with no mm lock held, it takes
 * only what has the same meaning in every vma: present, ordinary pages, at
 * every level. It stops at anything else. Inside of a vma that is known to be
 * readable, with the mmap lock held, what is not such a page is simply not
 * there. In both it stops where less is there than was requested.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include <hmm/pfn.h>

#include "../compat/pgtable.h"
#include "walk.h"

#ifndef CONFIG_64BIT
#error "hmm_mirror needs a 64-bit kernel: pfn entries and sequences are one word"
#endif

/* The longest stretch with interrupts off, in what a PMD entry spans. */
#define HMM_WALK_STRETCH	PMD_SIZE

/*
 * An entry that was written keeps what was requested of it, so that the same
 * array can be asked again: the request sits HMM_PFN_KEPT_SHIFT lower.
 */
#define HMM_PFN_KEPT		BIT(55)
#define HMM_PFN_KEPT_SHIFT	9
#define HMM_PFN_REQUEST		(HMM_MIRROR_PFN_VALID | HMM_MIRROR_PFN_WRITE)

/* What is requested of the page whose entry this is. */
unsigned long hmm_walk_requested(const struct hmm_walk *walk,
				 unsigned long entry)
{
	if (entry & HMM_PFN_KEPT)
		entry <<= HMM_PFN_KEPT_SHIFT;
	return ((entry & walk->mask) | walk->required) & HMM_PFN_REQUEST;
}

/*
 * Write one entry, unless it is less than what was requested: then it stays
 * as it is, and so does what it requests.
 */
static __always_inline bool hmm_walk_put(struct hmm_walk *walk,
					 unsigned long *slot,
					 unsigned long entry)
{
	if (likely(!walk->mask)) {
		if (unlikely(walk->required & ~entry))
			return false;
	} else {
		unsigned long requested = *slot;

		if (requested & HMM_PFN_KEPT)
			requested <<= HMM_PFN_KEPT_SHIFT;
		requested &= HMM_PFN_REQUEST;
		if (((requested & walk->mask) | walk->required) & ~entry)
			return false;
		entry |= HMM_PFN_KEPT | (requested >> HMM_PFN_KEPT_SHIFT);
	}
	*slot = entry;
	return true;
}

/*
 * Fill [addr, end) with @entry; returns the first address of which more was
 * requested than that.
 */
unsigned long hmm_walk_fill(struct hmm_walk *walk, unsigned long addr,
			    unsigned long end, unsigned long entry)
{
	unsigned long *slot = &walk->pfns[(addr - walk->base) >> PAGE_SHIFT];

	for (; addr < end; addr += PAGE_SIZE, slot++) {
		if (!hmm_walk_put(walk, slot, entry))
			break;
	}
	return addr;
}

/* The part of a mapping of @order pages at @pfn that [addr, end) covers. */
static unsigned long hmm_walk_leaf(struct hmm_walk *walk, unsigned long addr,
				   unsigned long end, unsigned long pfn,
				   unsigned int shift, bool writable)
{
	unsigned long *slot = &walk->pfns[(addr - walk->base) >> PAGE_SHIFT];
	unsigned long entry;

	entry = pfn + ((addr & (BIT(shift) - 1)) >> PAGE_SHIFT);
	entry |= HMM_MIRROR_PFN_VALID | (writable ? HMM_MIRROR_PFN_WRITE : 0) |
		 (unsigned long)(shift - PAGE_SHIFT)
			<< HMM_MIRROR_PFN_ORDER_SHIFT;
	for (; addr < end; addr += PAGE_SIZE, slot++, entry++) {
		if (!hmm_walk_put(walk, slot, entry))
			break;
	}
	return addr;
}

/* What a PTE that is not plain means inside of a vma. */
static unsigned long hmm_walk_odd_pte(pte_t pte)
{
	if (!pte_present(pte) || pte_protnone(pte))
		return 0;
	if (pte_special(pte) && !is_zero_pfn(pte_pfn(pte)))
		return HMM_MIRROR_PFN_ERROR;
	return pte_pfn(pte) | HMM_MIRROR_PFN_VALID |
	       (pte_write(pte) ? HMM_MIRROR_PFN_WRITE : 0);
}

static unsigned long hmm_walk_ptes(struct hmm_walk *walk, pmd_t pmd,
				   unsigned long addr, unsigned long end)
{
	unsigned long *slot = &walk->pfns[(addr - walk->base) >> PAGE_SHIFT];
	pte_t *ptep = pte_offset_kernel(&pmd, addr);

	for (; addr < end; addr += PAGE_SIZE, slot++, ptep++) {
		pte_t pte = READ_ONCE(*ptep);
		unsigned long entry;

		if (likely(hmm_pte_plain(pte))) {
			entry = pte_pfn(pte) | HMM_MIRROR_PFN_VALID;
			if (pte_write(pte))
				entry |= HMM_MIRROR_PFN_WRITE;
		} else if (pte_present(pte) && !pte_protnone(pte) &&
			   pte_special(pte) && is_zero_pfn(pte_pfn(pte))) {
			entry = pte_pfn(pte) | HMM_MIRROR_PFN_VALID;
		} else if (walk->in_vma) {
			entry = hmm_walk_odd_pte(pte);
		} else {
			break;
		}
		if (unlikely(!hmm_walk_put(walk, slot, entry)))
			break;
	}
	return addr;
}

static unsigned long hmm_walk_pmds(struct hmm_walk *walk, pud_t *pudp,
				   pud_t pud, unsigned long addr,
				   unsigned long end)
{
	pmd_t *pmdp = pmd_offset_lockless(pudp, pud, addr);
	unsigned long next, done;

	do {
		pmd_t pmd = READ_ONCE(*pmdp);

		next = pmd_addr_end(addr, end);
		if (hmm_pmd_plain_leaf(pmd))
			done = hmm_walk_leaf(walk, addr, next, pmd_pfn(pmd),
					     PMD_SHIFT, pmd_write(pmd));
		else if (hmm_pmd_table(pmd))
			done = hmm_walk_ptes(walk, pmd, addr, next);
		else if (walk->in_vma)
			done = hmm_walk_fill(walk, addr, next, 0);
		else
			return addr;
		if (done != next)
			return done;
	} while (pmdp++, addr = next, addr != end);
	return end;
}

static unsigned long hmm_walk_puds(struct hmm_walk *walk, p4d_t *p4dp,
				   p4d_t p4d, unsigned long addr,
				   unsigned long end)
{
	pud_t *pudp = pud_offset_lockless(p4dp, p4d, addr);
	unsigned long next, done;

	do {
		pud_t pud = READ_ONCE(*pudp);

		next = pud_addr_end(addr, end);
		if (hmm_pud_plain_leaf(pud))
			done = hmm_walk_leaf(walk, addr, next, pud_pfn(pud),
					     PUD_SHIFT, pud_write(pud));
		else if (hmm_pud_table(pud))
			done = hmm_walk_pmds(walk, pudp, pud, addr, next);
		else if (walk->in_vma)
			done = hmm_walk_fill(walk, addr, next, 0);
		else
			return addr;
		if (done != next)
			return done;
	} while (pudp++, addr = next, addr != end);
	return end;
}

static unsigned long hmm_walk_p4ds(struct hmm_walk *walk, pgd_t *pgdp,
				   pgd_t pgd, unsigned long addr,
				   unsigned long end)
{
	p4d_t *p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	unsigned long next, done;

	do {
		p4d_t p4d = READ_ONCE(*p4dp);

		next = p4d_addr_end(addr, end);
		if (!p4d_none(p4d) && !p4d_bad(p4d))
			done = hmm_walk_puds(walk, p4dp, p4d, addr, next);
		else if (walk->in_vma)
			done = hmm_walk_fill(walk, addr, next, 0);
		else
			return addr;
		if (done != next)
			return done;
	} while (p4dp++, addr = next, addr != end);
	return end;
}

static unsigned long hmm_walk_stretch(struct hmm_walk *walk,
				      unsigned long addr, unsigned long end)
{
	pgd_t *pgdp = pgd_offset(walk->mm, addr);
	unsigned long next, done;

	do {
		pgd_t pgd = READ_ONCE(*pgdp);

		next = pgd_addr_end(addr, end);
		if (!pgd_none(pgd) && !pgd_bad(pgd))
			done = hmm_walk_p4ds(walk, pgdp, pgd, addr, next);
		else if (walk->in_vma)
			done = hmm_walk_fill(walk, addr, next, 0);
		else
			return addr;
		if (done != next)
			return done;
	} while (pgdp++, addr = next, addr != end);
	return end;
}

/*
 * Must the caller hold the mmap lock for the tables to stay? See
 * compat/pgtable.h.
 */
bool hmm_walk_needs_lock(const struct hmm_walk *walk)
{
	return !HMM_PAGE_TABLES_FREED_BY_RCU && current->mm != walk->mm;
}

/*
 * Write the entries of [addr, end), as far as they can be told; returns the
 * first address that cannot, or @end. Reschedules between stretches.
 *
 * Context: may sleep; the caller holds mm_users, and the mmap lock if
 * walk->in_vma or hmm_walk_needs_lock().
 */
unsigned long hmm_walk_page_tables(struct hmm_walk *walk, unsigned long addr,
				   unsigned long end)
{
	unsigned long next, done, flags;

	while (addr < end) {
		next = min(end, ALIGN(addr + 1, HMM_WALK_STRETCH));
		local_irq_save(flags);
		done = hmm_walk_stretch(walk, addr, next);
		local_irq_restore(flags);
		if (done != next)
			return done;
		addr = next;
		cond_resched();
		if (fatal_signal_pending(current))
			break;
	}
	return addr;
}
