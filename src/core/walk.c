// SPDX-License-Identifier: GPL-2.0
/*
 * Walking the CPU page tables.
 *
 * The walk acquires no page table lock. It runs with interrupts disabled, which
 * prevents page tables from being freed under the conditions in
 * compat/pgtable.h. It decodes each entry from a single read. The entry may
 * change immediately afterwards. The caller detects the change by the sequence
 * of its interval.
 *
 * There are two modes. Without a vma and without a lock, the walk only accepts
 * entries that have the same meaning in every vma: present, ordinary pages of
 * any size, and the zero page. It stops at any other entry. Within a readable
 * vma, with its lock or the mmap lock held, the walk accepts every entry. It
 * reports pages that user mode can read, and device-private pages of
 * walk->owner. It reports special pages, except zero pages and DAX pages, as
 * errors, and anything else as not present. In both modes, the walk stops where
 * an entry does not satisfy the request.
 *
 * Present, ordinary pages may also be in a vma that is not readable, or that
 * belongs to a device (VM_IO). Like get_user_pages_fast(), the walk without a
 * vma reports them, because user mode can access them.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include <hmm/pfn.h>

#include "../compat/device_private.h"
#include "../compat/pgtable.h"
#include "pfn_entry.h"
#include "walk.h"

#ifndef CONFIG_64BIT
#error "hmm_mirror needs a 64-bit kernel for its pfn entries and sequences"
#endif

/*
 * Limits on a walk with interrupts disabled: the memory under one PMD entry,
 * and one entry for each of its pages. In a compact range, the limit on memory
 * is larger, and the limit on entries is the same. The limit on entries is only
 * checked between PMD entries, so the walk of a compact range may exceed it.
 */
#define HMM_WALK_STRETCH	PMD_SIZE
#define HMM_WALK_STRETCH_COMPACT	PUD_SIZE
#define HMM_WALK_ENTRIES	((long)(PMD_SIZE >> PAGE_SHIFT))

/*
 * Convert a PTE to an entry. Returns false if the result depends on the vma and
 * walk->vma is NULL.
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
	/* The zero page is mapped by a special PTE, which is not writable. */
	zero = pte_special(pte) && is_zero_pfn(pte_pfn(pte));
	if (pte_special(pte) && !zero && !hmm_pte_devmap(pte))
		*entry = HMM_MIRROR_PFN_ERROR;
	else
		*entry = hmm_mirror_pfn_entry(pte_pfn(pte), hmm_pte_write(pte),
					      0);
	return walk->vma || (zero && !hmm_pte_keyed(pte));
}

/*
 * Convert up to @n plain PTEs from @ptep on. Stops at the first PTE that is not
 * plain, and returns the number of converted PTEs. Most memory is mapped by
 * plain PTEs.
 *
 * This function is out of line, so that all variables of the loop stay in
 * registers.
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

/*
 * Like hmm_walk_plain_ptes(), but for empty PTEs. Only called within a vma, if
 * nothing is requested.
 */
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
		/* Fast path: all entries have the same request. */
		if (likely(!walk->keep)) {
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

/* Within a vma: write the entries of a huge mapping that is not plain. */
static unsigned long hmm_walk_vma_leaf(struct hmm_walk *walk,
				       unsigned long addr, unsigned long end,
				       unsigned long pfn, unsigned int shift,
				       bool writable, bool special)
{
	if (!special)
		return hmm_walk_leaf(walk, addr, end, pfn, shift, writable);
	/*
	 * A special entry in anonymous memory or a DAX file maps the huge zero
	 * page.
	 */
	if (vma_is_anonymous(walk->vma) || vma_is_dax(walk->vma))
		return hmm_walk_leaf(walk, addr, end, pfn, shift, false);
	return hmm_walk_fill(walk, addr, end, HMM_MIRROR_PFN_ERROR);
}

/* Within a vma: handle a PMD that is neither a table nor a plain mapping. */
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

/* Within a vma: handle a PUD that is neither a table nor a plain mapping. */
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
 * In a compact range: convert up to @n plain huge PMDs from @pmdp on. Stops at
 * the first PMD that is not plain, and returns the number of converted PMDs.
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

/* Returns the PMD that points to the PTE table of @addr, or an empty PMD. */
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
 * Find the first address in [@addr, @end) whose PTE is not empty, within one
 * PTE table. Returns the end of the table or @end if all PTEs are empty, and
 * @addr if there is no PTE table.
 */
unsigned long hmm_walk_skip_empty(struct hmm_walk *walk, unsigned long addr,
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
 * Returns true if the mmap lock must be held during the walk to prevent page
 * tables from being freed. compat/pgtable.h lists the conditions.
 */
bool hmm_walk_needs_lock(const struct hmm_walk *walk)
{
	if (HMM_PAGE_TABLES_FREED_BY_RCU)
		return false;
	return !HMM_PAGE_TABLES_FREED_AFTER_IPI || current->mm != walk->mm;
}

/*
 * Returns true if the calling task, a kernel thread without an mm of its own,
 * no longer needs the mmap lock after kthread_use_mm().
 */
bool hmm_walk_may_borrow_mm(void)
{
	return HMM_PAGE_TABLES_FREED_AFTER_IPI &&
	       current->flags & PF_KTHREAD && !current->mm;
}

/*
 * Write the entries of [@addr, @end). Returns @end, or the address at which the
 * walk stopped: the entry there does not satisfy the request, or depends on the
 * vma and walk->vma is NULL, or the calling task was killed. Reschedules
 * between stretches.
 *
 * In a compact range, an entry is always written at @addr, unless @addr is
 * returned.
 *
 * Context: may sleep; the caller holds a reference to mm_users, or runs in a
 * task that uses the mm. It holds the mmap lock if hmm_walk_needs_lock()
 * returns true. If walk->vma is set, it holds the lock of this vma or the mmap
 * lock.
 */
unsigned long hmm_walk_page_tables(struct hmm_walk *walk, unsigned long addr,
				   unsigned long end)
{
	const unsigned long stretch = walk->compact ? HMM_WALK_STRETCH_COMPACT :
						      HMM_WALK_STRETCH;
	unsigned long next, done, flags;

	while (addr < end) {
		/* Avoid wrapping past the top of the address space. */
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
