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
 *
 * Present, ordinary pages in a vma that is not readable, or is a device's
 * (VM_IO), have a meaning of their own to some. They are what the CPU can
 * reach, and get_user_pages_fast() gives them out as well; so does this walk,
 * without looking at the vma, unless something in the range makes it look.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include <hmm/pfn.h>

#include "../compat/device_private.h"
#include "../compat/pgtable.h"
#include "pfn_entry.h"
#include "walk.h"

#ifndef CONFIG_64BIT
#error "hmm_mirror needs a 64-bit kernel: pfn entries and sequences are one word"
#endif

/*
 * The longest stretch with interrupts off: what a PMD entry spans, and as many
 * entries. If huge pages need one entry each, it is more, but not more entries.
 */
#define HMM_WALK_STRETCH	PMD_SIZE
#define HMM_WALK_COMPACT	PUD_SIZE
#define HMM_WALK_ENTRIES	((long)(PMD_SIZE >> PAGE_SHIFT))

/*
 * The entry of a PTE; false if it depends on the vma and the walk has none.
 */
static bool hmm_walk_decode(const struct hmm_walk *walk, pte_t pte,
			    unsigned long *entry)
{
	bool zero;

	if (hmm_pte_plain(hmm_plain(false), pte)) {
		*entry = hmm_mirror_pfn_entry(pte_pfn(pte), hmm_pte_write(pte),
					      0);
		return true;
	}
	*entry = 0;
	if (!pte_present(pte)) {
		if (walk->vma && walk->owner)
			*entry = hmm_pte_device_entry(pte, walk->owner);
		return walk->vma;
	}
	if (!hmm_pte_user(pte))
		return walk->vma;
	/* The zero page is mapped by a special entry, and never writable. */
	zero = pte_special(pte) && is_zero_pfn(pte_pfn(pte));
	if (pte_special(pte) && !zero && !hmm_pte_devmap(pte))
		*entry = HMM_MIRROR_PFN_ERROR;
	else
		*entry = hmm_mirror_pfn_entry(pte_pfn(pte), hmm_pte_write(pte),
					      0);
	return walk->vma || (zero && !hmm_pte_keyed(pte));
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
		slot[i] = hmm_mirror_pfn_entry(hmm_pte_plain_pfn(pte),
					       hmm_pte_write(pte), 0);
	}
	return i;
}

/* Likewise, the run of entries where nothing is and nothing is asked. */
static noinline unsigned long
hmm_walk_none_ptes(const pte_t *ptep, unsigned long *slot, unsigned long n)
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
			if (walk->vma && !walk->required)
				i += hmm_walk_none_ptes(ptep + i, slot + i,
							n - i);
			if (i == n)
				break;
		}
		if (!hmm_walk_decode(walk, READ_ONCE(ptep[i]), &entry) ||
		    !hmm_walk_store(walk, slot + i, entry))
			break;
		i++;
	}
	return addr + (i << PAGE_SHIFT);
}

/* In a vma: a huge mapping that is not plain. */
static unsigned long hmm_walk_vma_leaf(struct hmm_walk *walk,
				       unsigned long addr, unsigned long end,
				       unsigned long pfn, unsigned int shift,
				       bool writable, bool special)
{
	if (!special)
		return hmm_walk_leaf(walk, addr, end, pfn, shift, writable);
	/* Of what is special, anonymous memory has the huge zero page only. */
	if (vma_is_anonymous(walk->vma))
		return hmm_walk_leaf(walk, addr, end, pfn, shift, false);
	return hmm_walk_fill(walk, addr, end, HMM_MIRROR_PFN_ERROR);
}

/* In a vma: a PMD that is neither a table nor a plain mapping. */
static unsigned long hmm_walk_vma_pmd(struct hmm_walk *walk, pmd_t pmd,
				      unsigned long addr, unsigned long end)
{
	unsigned long entry = 0;

	if (hmm_pmd_user_leaf(pmd))
		return hmm_walk_vma_leaf(walk, addr, end, pmd_pfn(pmd),
					 PMD_SHIFT, hmm_pmd_write(pmd),
					 hmm_pmd_special(pmd));
	if (walk->owner && !pmd_present(pmd))
		entry = hmm_pmd_device_entry(pmd, walk->owner);
	if (entry)
		return hmm_walk_leaf(walk, addr, end,
				     hmm_mirror_pfn_to_pfn(entry), PMD_SHIFT,
				     entry & HMM_MIRROR_PFN_WRITE);
	return hmm_walk_fill(walk, addr, end, 0);
}

/* Likewise a PUD. */
static unsigned long hmm_walk_vma_pud(struct hmm_walk *walk, pud_t pud,
				      unsigned long addr, unsigned long end)
{
	if (hmm_pud_user_leaf(pud))
		return hmm_walk_vma_leaf(walk, addr, end, pud_pfn(pud),
					 PUD_SHIFT, hmm_pud_write(pud),
					 hmm_pud_special(pud));
	return hmm_walk_fill(walk, addr, end, 0);
}

/*
 * Compact: the run of plain huge pages from @pmdp on, one entry for each.
 * Returns how many of @n it took.
 */
static noinline unsigned long
hmm_walk_plain_pmds(struct hmm_plain plain, const pmd_t *pmdp,
		    unsigned long *slot, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++, slot += PTRS_PER_PTE) {
		pmd_t pmd = READ_ONCE(pmdp[i]);

		if (unlikely(!hmm_pmd_plain_leaf(plain, pmd)))
			break;
		*slot = hmm_mirror_pfn_entry(hmm_pmd_plain_pfn(pmd),
					     hmm_pmd_write(pmd),
					     PMD_SHIFT - PAGE_SHIFT);
	}
	return i;
}

static unsigned long hmm_walk_pmd(struct hmm_walk *walk, pmd_t pmd,
				  unsigned long addr, unsigned long end)
{
	if (hmm_pmd_plain_leaf(hmm_plain(false), pmd))
		return hmm_walk_leaf(walk, addr, end, pmd_pfn(pmd), PMD_SHIFT,
				     hmm_pmd_write(pmd));
	if (hmm_pmd_table(pmd))
		return hmm_walk_ptes(walk, pmd, addr, end);
	if (walk->vma)
		return hmm_walk_vma_pmd(walk, pmd, addr, end);
	return addr;
}

static unsigned long hmm_walk_pmds(struct hmm_walk *walk, pud_t *pudp,
				   pud_t pud, unsigned long addr,
				   unsigned long end)
{
	const bool write = walk->required & HMM_MIRROR_PFN_WRITE;
	pmd_t *pmdp = pmd_offset_lockless(pudp, pud, addr);
	unsigned long next, n;

	while (addr != end && walk->budget > 0) {
		pmd_t pmd;

		if (walk->compact && IS_ALIGNED(addr, PMD_SIZE)) {
			n = hmm_walk_plain_pmds(hmm_plain(write), pmdp,
						hmm_walk_slot(walk, addr),
						(end - addr) >> PMD_SHIFT);
			walk->budget -= n;
			pmdp += n;
			addr += n << PMD_SHIFT;
			if (addr == end)
				break;
		}
		pmd = READ_ONCE(*pmdp++);
		next = pmd_addr_end(addr, end);
		addr = hmm_walk_pmd(walk, pmd, addr, next);
		if (addr != next)
			break;
		walk->budget -= hmm_pmd_table(pmd) ? PTRS_PER_PTE : 1;
	}
	return addr;
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
					     PUD_SHIFT, hmm_pud_write(pud));
		else if (hmm_pud_table(pud))
			done = hmm_walk_pmds(walk, pudp, pud, addr, next);
		else if (walk->vma)
			done = hmm_walk_vma_pud(walk, pud, addr, next);
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
		else if (walk->vma)
			done = hmm_walk_fill(walk, addr, next, 0);
		else
			return addr;
		if (done != next)
			return done;
	} while (p4dp++, addr = next, addr != end);
	return end;
}

static unsigned long hmm_walk_pgds(struct hmm_walk *walk,
				   unsigned long addr, unsigned long end)
{
	pgd_t *pgdp = pgd_offset(walk->mm, addr);
	unsigned long next, done;

	do {
		pgd_t pgd = READ_ONCE(*pgdp);

		next = pgd_addr_end(addr, end);
		if (!pgd_none(pgd) && !pgd_bad(pgd))
			done = hmm_walk_p4ds(walk, pgdp, pgd, addr, next);
		else if (walk->vma)
			done = hmm_walk_fill(walk, addr, next, 0);
		else
			return addr;
		if (done != next)
			return done;
	} while (pgdp++, addr = next, addr != end);
	return end;
}

/* The table that holds the PTE of @addr; none if there is no such table. */
static pmd_t hmm_walk_table(const struct hmm_walk *walk, unsigned long addr)
{
	pgd_t *pgdp = pgd_offset(walk->mm, addr);
	pgd_t pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

	if (pgd_none(pgd) || pgd_bad(pgd))
		return __pmd(0);
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d) || p4d_bad(p4d))
		return __pmd(0);
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = READ_ONCE(*pudp);
	if (!hmm_pud_table(pud))
		return __pmd(0);
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, addr));
	return hmm_pmd_table(pmd) ? pmd : __pmd(0);
}

/*
 * How far from @addr on do empty entries of one table reach? Returns the first
 * address behind them; @addr if there is no table of PTEs.
 */
unsigned long hmm_walk_find_present(struct hmm_walk *walk, unsigned long addr,
				    unsigned long end)
{
	unsigned long flags;
	pte_t *ptep;
	pmd_t pmd;

	end = pmd_addr_end(addr, end);
	local_irq_save(flags);
	pmd = hmm_walk_table(walk, addr);
	if (!pmd_none(pmd)) {
		ptep = pte_offset_kernel(&pmd, addr);
		while (addr < end && pte_none(READ_ONCE(*ptep))) {
			addr += PAGE_SIZE;
			ptep++;
		}
	}
	local_irq_restore(flags);
	return addr;
}

/*
 * Whether the mmap lock must be held so that no page table is freed during
 * the walk. compat/pgtable.h has the conditions.
 */
bool hmm_walk_needs_lock(const struct hmm_walk *walk)
{
	if (HMM_PAGE_TABLES_FREED_BY_RCU)
		return false;
	return !HMM_PAGE_TABLES_FREED_AFTER_IPI || current->mm != walk->mm;
}

/*
 * Write the entries of [addr, end), as far as they can be told; returns the
 * first address that cannot, or @end. Reschedules between stretches.
 *
 * Compact: an entry is written at @addr, wherever that is, unless @addr is
 * returned.
 *
 * Context: may sleep; the caller holds mm_users, and the mmap lock if
 * walk->vma or hmm_walk_needs_lock().
 */
unsigned long hmm_walk_page_tables(struct hmm_walk *walk, unsigned long addr,
				   unsigned long end)
{
	const unsigned long stretch = walk->compact ? HMM_WALK_COMPACT :
						      HMM_WALK_STRETCH;
	unsigned long next, done, flags;

	while (addr < end) {
		/* The one behind the last address there is would be 0. */
		next = min(end - 1, addr | (stretch - 1)) + 1;
		walk->budget = HMM_WALK_ENTRIES;
		local_irq_save(flags);
		done = hmm_walk_pgds(walk, addr, next);
		local_irq_restore(flags);
		if (done != next && walk->budget > 0)
			return done;
		addr = done;
		cond_resched();
		if (fatal_signal_pending(current))
			break;
	}
	return addr;
}
