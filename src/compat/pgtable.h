/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels and architectures: reading page tables without a
 * lock.
 *
 * The header of an architecture defines three properties of an entry:
 *
 * plain
 *	The entry has the same meaning in every vma: user mode may read the page
 *	(and write to it, if that is requested), the page has a struct page, and
 *	the entry has no protection key. get_user_pages_fast() also accepts
 *	entries with a key, because it checks the key against the rights of the
 *	current CPU. Here, the current CPU may run another process. The slow
 *	path therefore handles entries with a key, and checks the vma.
 * user
 *	User mode may read the page, regardless of protection keys and the kind
 *	of page. Entries for PROT_NONE and NUMA hinting are not user entries. On
 *	arm64 with EPAN, entries for execute-only memory are not user entries
 *	either.
 * write
 *	A device may write to the page. This is false for shadow stacks, because
 *	only the CPU writes to them, although pte_write() returns true.
 */
#ifndef _HMM_COMPAT_PGTABLE_H
#define _HMM_COMPAT_PGTABLE_H

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/version.h>

/*
 * A walk with interrupts disabled prevents page tables from being freed under
 * one of two conditions.
 *
 * HMM_PAGE_TABLES_FREED_BY_RCU
 *	The page tables of any mm may be walked. The kernel frees page tables
 *	through tlb_remove_table(), which defers the freeing to the end of an
 *	RCU grace period. If it cannot allocate memory for that, it sends an IPI
 *	to every CPU and waits until all have handled it (newer kernels use RCU
 *	here as well). A CPU with interrupts disabled delays both the grace
 *	period and the IPI. This includes PREEMPT_RT, where local_irq_save()
 *	disables interrupts as well.
 *
 * HMM_PAGE_TABLES_FREED_AFTER_IPI
 *	The page tables of the current mm may be walked. Before a table is
 *	freed, an IPI flushes the TLBs of the CPUs that run its mm, and the
 *	kernel waits until all of them have handled it. Under hypervisors that
 *	flush TLBs without IPIs, tables are freed by RCU. As for
 *	get_user_pages_fast(), this includes hugetlb tables that are unshared only
 *	on kernels that wait for such walks after unsharing (CVE-2025-38085).
 *
 * Otherwise, page tables are walked with the mmap lock held. The lock protects
 * the tables of a vma, except for hugetlb tables that several processes share.
 * huge_pmd_unshare() may run with only the i_mmap lock of the file held for
 * writing, for example in truncate. Another process may free the tables
 * immediately afterwards.
 *
 * Tables that khugepaged frees without tlb_remove_table() are safe, too: after
 * it has unlinked a table, khugepaged sends an IPI to every CPU (since 6.1, and
 * in stable kernels that have the fix), or (since 6.6, for files) calls
 * pte_free_defer(), which frees the table after a grace period.
 *
 * x86-64: MMU_GATHER_RCU_TABLE_FREE is selected with PARAVIRT since 4.20, but
 * before 6.14 arch/x86/mm/pgtable.c called tlb_remove_table() only under some
 * hypervisors. 6.14 always calls it if PT_RECLAIM is enabled. 6.15 and later
 * always call it.
 *
 * arm64: __pte_free_tlb(), __pmd_free_tlb() and __pud_free_tlb() of
 * arch/arm64/include/asm/tlb.h have called tlb_remove_table() since before
 * 5.10. Since 6.9 there can be a fifth level, if the CPU has 52-bit addresses.
 * Before 6.14, the tables of this level were freed immediately. The TLB is
 * flushed without an IPI, so the second condition never holds.
 */
#if defined(CONFIG_X86_64)
#include "pgtable_x86.h"
#define HMM_PAGE_TABLES_FREED_AFTER_IPI	1
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0) || \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0) && \
	 defined(CONFIG_PT_RECLAIM))
#define HMM_PAGE_TABLES_FREED_BY_RCU	1
#else
#define HMM_PAGE_TABLES_FREED_BY_RCU	0
#endif
#elif defined(CONFIG_ARM64)
#include "pgtable_arm64.h"
#define HMM_PAGE_TABLES_FREED_AFTER_IPI	0
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0) || CONFIG_PGTABLE_LEVELS < 5
#define HMM_PAGE_TABLES_FREED_BY_RCU	1
#else
#define HMM_PAGE_TABLES_FREED_BY_RCU	(!pgtable_l5_enabled())
#endif
#else
/* How other architectures free page tables has not been examined. */
#error "hmm_mirror supports x86-64 and arm64 only"
#endif

#ifndef CONFIG_MMU_GATHER_RCU_TABLE_FREE
#if defined(CONFIG_ARM64) || HMM_PAGE_TABLES_FREED_BY_RCU
#error "hmm_mirror needs page tables freed by RCU, but CONFIG_MMU_GATHER_RCU_TABLE_FREE is not set"
#endif
#endif

static inline bool hmm_pte_plain(struct hmm_plain plain, pte_t pte)
{
	return (hmm_pte_bits(pte) & plain.mask) == plain.bits;
}

static inline bool hmm_pmd_plain_leaf(struct hmm_plain plain, pmd_t pmd)
{
	return (hmm_pmd_bits(pmd) & (plain.mask | HMM_LEAF_MASK)) ==
	       (plain.bits | HMM_LEAF);
}

static inline bool hmm_pud_plain_leaf(struct hmm_plain plain, pud_t pud)
{
	return (hmm_pud_bits(pud) & (plain.mask | HMM_LEAF_MASK)) ==
	       (plain.bits | HMM_LEAF);
}

static inline bool hmm_pte_user(pte_t pte)
{
	return (hmm_pte_bits(pte) & HMM_USER) == HMM_USER;
}

static inline bool hmm_pmd_user_leaf(pmd_t pmd)
{
	return (hmm_pmd_bits(pmd) & (HMM_USER | HMM_LEAF_MASK)) ==
	       (HMM_USER | HMM_LEAF);
}

static inline bool hmm_pud_user_leaf(pud_t pud)
{
	return (hmm_pud_bits(pud) & (HMM_USER | HMM_LEAF_MASK)) ==
	       (HMM_USER | HMM_LEAF);
}

static inline bool hmm_pte_keyed(pte_t pte)
{
	return hmm_pte_bits(pte) & HMM_KEY_MASK;
}

/* Only valid for user entries. */
static inline bool hmm_pte_write(pte_t pte)
{
	return hmm_bits_write(hmm_pte_bits(pte));
}

static inline bool hmm_pmd_write(pmd_t pmd)
{
	return hmm_bits_write(hmm_pmd_bits(pmd));
}

static inline bool hmm_pud_write(pud_t pud)
{
	return hmm_bits_write(hmm_pud_bits(pud));
}

/* Older kernels map DAX pages, which have a struct page, by special PTEs. */
static inline bool hmm_pte_devmap(pte_t pte)
{
#ifdef CONFIG_ARCH_HAS_PTE_DEVMAP
	return pte_devmap(pte);
#else
	return false;
#endif
}

/* Since 6.12, huge mappings of frames without a struct page are special. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define hmm_pmd_special		pmd_special
#define hmm_pud_special		pud_special
#else
static inline bool hmm_pmd_special(pmd_t pmd)
{
	return false;
}

static inline bool hmm_pud_special(pud_t pud)
{
	return false;
}
#endif

/* Returns true if the entry points to a table of the next level. */
static inline bool hmm_pmd_table(pmd_t pmd)
{
	return pmd_present(pmd) && !pmd_leaf(pmd) && !pmd_bad(pmd);
}

static inline bool hmm_pud_table(pud_t pud)
{
	return pud_present(pud) && !pud_leaf(pud) && !pud_bad(pud);
}

#endif /* _HMM_COMPAT_PGTABLE_H */
