/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels and architectures in reading page tables
 * without a lock.
 *
 * The header of an architecture says what its entries mean:
 *
 * plain
 *	The entry means the same in every vma: user mode may read the page (and
 *	write to it, if that is requested), it has a struct page, and no
 *	protection key decides about it. That is what get_user_pages_fast()
 *	accepts, except that it compares a key with the rights of the current
 *	CPU, which may be running another process. Entries with a key are left
 *	to the slow path, which looks at the vma.
 * user
 *	User mode may read the page, whatever its key or kind. PROT_NONE, a NUMA
 *	hint and memory that can only be executed are not user.
 * write
 *	A device may write to the page. False for shadow stacks, to which only
 *	the CPU writes, although pte_write() is true for them.
 */
#ifndef _HMM_COMPAT_PGTABLE_H
#define _HMM_COMPAT_PGTABLE_H

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/version.h>

/*
 * A walk with interrupts off keeps page tables from being freed under it in
 * one of two ways.
 *
 * HMM_PAGE_TABLES_FREED_BY_RCU
 *	The tables of any mm may be walked. Every page table is freed through
 *	tlb_remove_table(), which waits for an RCU grace period. Without memory
 *	for that, it sends an interrupt to every CPU and waits until all have
 *	taken it (newer kernels: synchronize_rcu()). A CPU with interrupts off
 *	holds up either one, also on PREEMPT_RT, where local_irq_save()
 *	disables interrupts as elsewhere.
 *
 * HMM_PAGE_TABLES_FREED_AFTER_IPI
 *	The tables of the current mm may be walked. Before a table is freed, the
 *	CPUs that run its mm are sent an interrupt to flush their TLB, and all of
 *	them have to take it. Under hypervisors that flush without interrupts,
 *	tables are freed by RCU.
 *
 * With neither, tables are walked with the mmap lock held. It keeps the tables
 * of a vma, except those of hugetlb pages that several processes share: they
 * are unshared (huge_pmd_unshare(), as by truncate) with only the i_mmap lock
 * of the file held for writing, and then another process may free them at once.
 *
 * Tables that do not go through tlb_remove_table() are safe as well: after
 * khugepaged has unlinked one, it sends an interrupt to every CPU, or (since
 * 6.6, for files) calls pte_free_defer(), which waits for a grace period.
 *
 * x86-64: MMU_GATHER_RCU_TABLE_FREE is selected with PARAVIRT since 4.20, but
 * before 6.14 arch/x86/mm/pgtable.c called tlb_remove_table() only under some
 * hypervisors. 6.14 calls it in every case with PT_RECLAIM; 6.15 and later
 * also without.
 *
 * arm64: __pte_free_tlb(), __pmd_free_tlb() and __pud_free_tlb() of
 * arch/arm64/include/asm/tlb.h have called tlb_remove_table() since before
 * 5.10. Since 6.9 there can be a fifth level, if the CPU has 52-bit addresses;
 * until 6.14 its tables were freed at once. The TLB is flushed without
 * interrupts.
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
/* How another architecture frees page tables has not been examined. */
#error "hmm_mirror supports x86-64 and arm64 only"
#endif

#ifndef CONFIG_MMU_GATHER_RCU_TABLE_FREE
#if defined(CONFIG_ARM64) || HMM_PAGE_TABLES_FREED_BY_RCU
#error "hmm_mirror expects page tables freed by RCU: set MMU_GATHER_RCU_TABLE_FREE"
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

/* For user entries. */
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

/* Memory of a DAX file was mapped by special entries with a struct page. */
static inline bool hmm_pte_devmap(pte_t pte)
{
#ifdef CONFIG_ARCH_HAS_PTE_DEVMAP
	return pte_devmap(pte);
#else
	return false;
#endif
}

/* Huge mappings can be special since 6.12; before, nothing told them apart. */
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

/* A pointer to a table of the next level, and neither empty nor a leaf. */
static inline bool hmm_pmd_table(pmd_t pmd)
{
	return pmd_present(pmd) && !pmd_leaf(pmd) && !pmd_bad(pmd);
}

static inline bool hmm_pud_table(pud_t pud)
{
	return pud_present(pud) && !pud_leaf(pud) && !pud_bad(pud);
}

#endif /* _HMM_COMPAT_PGTABLE_H */
