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
#include <linux/string.h>

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

static unsigned long *hmm_walk_slot(const struct hmm_walk *walk,
				    unsigned long addr)
{
	return &walk->pfns[(addr - walk->base) >> PAGE_SHIFT];
}

/*
 * Fill [addr, end) with @entry; returns the first address of which more was
 * requested than that.
 */
unsigned long hmm_walk_fill(struct hmm_walk *walk, unsigned long addr,
			    unsigned long end, unsigned long entry)
{
	unsigned long *slot = hmm_walk_slot(walk, addr);

	if (likely(!walk->mask)) {
		if (walk->required & ~entry)
			return addr;
		memset64((u64 *)slot, entry, (end - addr) >> PAGE_SHIFT);
		return end;
	}
	for (; addr < end; addr += PAGE_SIZE, slot++) {
		if (!hmm_walk_put(walk, slot, entry))
			break;
	}
	return addr;
}

/* The part of a mapping of 1 << @shift bytes that [addr, end) covers. */
static unsigned long hmm_walk_leaf(struct hmm_walk *walk, unsigned long addr,
				   unsigned long end, unsigned long pfn,
				   unsigned int shift, bool writable)
{
	unsigned long *slot = hmm_walk_slot(walk, addr);
	unsigned long n = (end - addr) >> PAGE_SHIFT;
	unsigned long entry;

	entry = pfn + ((addr & (BIT(shift) - 1)) >> PAGE_SHIFT);
	entry |= HMM_MIRROR_PFN_VALID | (writable ? HMM_MIRROR_PFN_WRITE : 0) |
		 (unsigned long)(shift - PAGE_SHIFT)
			<< HMM_MIRROR_PFN_ORDER_SHIFT;

	/* All of them are alike, but for the page frame. */
	if (likely(!walk->mask)) {
		if (walk->required & ~entry)
			return addr;
		for (; n >= 8; n -= 8, slot += 8, entry += 8) {
			slot[0] = entry;
			slot[1] = entry + 1;
			slot[2] = entry + 2;
			slot[3] = entry + 3;
			slot[4] = entry + 4;
			slot[5] = entry + 5;
			slot[6] = entry + 6;
			slot[7] = entry + 7;
		}
		while (n--)
			*slot++ = entry++;
		return end;
	}
	for (; addr < end; addr += PAGE_SIZE, slot++, entry++) {
		if (!hmm_walk_put(walk, slot, entry))
			break;
	}
	return addr;
}

/*
 * What a PTE says; false if that depends on the vma and the walk is not in
 * one.
 */
static bool hmm_walk_decode(const struct hmm_walk *walk, pte_t pte,
			    unsigned long *entry)
{
	if (hmm_pte_plain(hmm_plain(false), pte)) {
		*entry = pte_pfn(pte) | HMM_MIRROR_PFN_VALID |
			 (pte_write(pte) ? HMM_MIRROR_PFN_WRITE : 0);
		return true;
	}
	*entry = 0;
	if (!pte_present(pte) || pte_protnone(pte))
		return walk->in_vma;
	/* The zero page is mapped as a special one, and never writable. */
	if (pte_special(pte) && is_zero_pfn(pte_pfn(pte))) {
		*entry = pte_pfn(pte) | HMM_MIRROR_PFN_VALID;
		return true;
	}
	if (pte_special(pte))
		*entry = HMM_MIRROR_PFN_ERROR;
	else
		*entry = pte_pfn(pte) | HMM_MIRROR_PFN_VALID |
			 (pte_write(pte) ? HMM_MIRROR_PFN_WRITE : 0);
	return walk->in_vma;
}

/*
 * The run of plain entries from @ptep on: what most memory consists of, and
 * all that this loop knows. Returns how many of @n it took.
 *
 * Out of line, for then all that it needs stays in registers.
 */
static noinline unsigned long
hmm_walk_plain_ptes(struct hmm_plain plain, const pte_t *ptep,
		    unsigned long *slot, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		pte_t pte = READ_ONCE(ptep[i]);

		if (unlikely(!hmm_pte_plain(plain, pte)))
			break;
		slot[i] = hmm_pte_plain_pfn(pte) | HMM_MIRROR_PFN_VALID |
			  hmm_pte_plain_write(pte) << HMM_MIRROR_PFN_WRITE_BIT;
	}
	return i;
}

/* Likewise, the run of entries where nothing is and nothing is asked. */
static noinline unsigned long
hmm_walk_no_ptes(const pte_t *ptep, unsigned long *slot, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n && pte_none(READ_ONCE(ptep[i])); i++)
		slot[i] = 0;
	return i;
}

static unsigned long hmm_walk_ptes(struct hmm_walk *walk, pmd_t pmd,
				   unsigned long addr, unsigned long end)
{
	const bool write = walk->required & HMM_MIRROR_PFN_WRITE;
	const struct hmm_plain plain = hmm_plain(write);
	const pte_t *ptep = pte_offset_kernel(&pmd, addr);
	unsigned long *slot = hmm_walk_slot(walk, addr);
	unsigned long n = (end - addr) >> PAGE_SHIFT;
	unsigned long i = 0, entry;

	while (i < n) {
		/* What each page is asked for need not be looked at. */
		if (likely(!walk->mask)) {
			i += hmm_walk_plain_ptes(plain, ptep + i, slot + i,
						 n - i);
			if (walk->in_vma && !walk->required)
				i += hmm_walk_no_ptes(ptep + i, slot + i,
						      n - i);
			if (i == n)
				break;
		}
		if (!hmm_walk_decode(walk, READ_ONCE(ptep[i]), &entry) ||
		    !hmm_walk_put(walk, slot + i, entry))
			break;
		i++;
	}
	return addr + (i << PAGE_SHIFT);
}

static unsigned long hmm_walk_pmds(struct hmm_walk *walk, pud_t *pudp,
				   pud_t pud, unsigned long addr,
				   unsigned long end)
{
	pmd_t *pmdp = pmd_offset_lockless(pudp, pud, addr);
	const struct hmm_plain plain = hmm_plain(false);
	unsigned long next, done;

	do {
		pmd_t pmd = READ_ONCE(*pmdp);

		next = pmd_addr_end(addr, end);
		if (hmm_pmd_plain_leaf(plain, pmd))
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
	const struct hmm_plain plain = hmm_plain(false);
	unsigned long next, done;

	do {
		pud_t pud = READ_ONCE(*pudp);

		next = pud_addr_end(addr, end);
		if (hmm_pud_plain_leaf(plain, pud))
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
