/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels and architectures in reading page tables
 * without a lock.
 */
#ifndef _HMM_COMPAT_PGTABLE_H
#define _HMM_COMPAT_PGTABLE_H

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/version.h>

/*
 * A walk with interrupts off keeps page tables from being freed under it in
 * one of two ways. Where the kernel frees every page table after an RCU grace
 * period, a stretch with interrupts off is a read section, and the tables of
 * any mm may be walked. Elsewhere the freeing CPU interrupts the CPUs that
 * run the mm and waits for them: that holds it up only if this CPU is one of
 * them, so only the tables of the current mm may be walked.
 *
 * x86 has MMU_GATHER_RCU_TABLE_FREE set since 4.20, but until 6.14 used it
 * only under some hypervisors.
 */
#if defined(CONFIG_MMU_GATHER_RCU_TABLE_FREE) && \
	(!defined(CONFIG_X86) || LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0))
#define HMM_PAGE_TABLES_FREED_BY_RCU	1
#else
#define HMM_PAGE_TABLES_FREED_BY_RCU	0
#endif

/*
 * Is this an entry whose meaning does not depend on the vma: present, not
 * special, not under a protection key? One comparison where the architecture
 * permits it.
 */
#ifdef CONFIG_X86
#define HMM_X86_PLAIN \
	(_PAGE_PRESENT | _PAGE_USER | _PAGE_SPECIAL | _PAGE_PKEY_MASK)

static inline bool hmm_pte_plain(pte_t pte)
{
	return (pte_flags(pte) & HMM_X86_PLAIN) ==
	       (_PAGE_PRESENT | _PAGE_USER);
}

static inline bool hmm_pmd_plain_leaf(pmd_t pmd)
{
	return (pmd_flags(pmd) & (HMM_X86_PLAIN | _PAGE_PSE)) ==
	       (_PAGE_PRESENT | _PAGE_USER | _PAGE_PSE);
}

static inline bool hmm_pud_plain_leaf(pud_t pud)
{
	return (pud_flags(pud) & (HMM_X86_PLAIN | _PAGE_PSE)) ==
	       (_PAGE_PRESENT | _PAGE_USER | _PAGE_PSE);
}
#else
static inline bool hmm_pte_plain(pte_t pte)
{
	return pte_present(pte) && !pte_protnone(pte) && !pte_special(pte);
}

static inline bool hmm_pmd_plain_leaf(pmd_t pmd)
{
	return pmd_present(pmd) && pmd_leaf(pmd) && !pmd_protnone(pmd);
}

static inline bool hmm_pud_plain_leaf(pud_t pud)
{
	return pud_present(pud) && pud_leaf(pud);
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
