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
 * A plain entry is one whose meaning does not depend on the vma: present, not
 * special, not under a protection key; and, if the device is to write,
 * writable. Where the architecture permits it, that is one comparison.
 */
#ifdef CONFIG_X86
#define HMM_X86_PLAIN		(_PAGE_PRESENT | _PAGE_USER)
#define HMM_X86_NOT_PLAIN	(_PAGE_SPECIAL | _PAGE_PKEY_MASK)

struct hmm_plain {
	pteval_t mask;
	pteval_t bits;
};

static inline struct hmm_plain hmm_plain(bool write)
{
	pteval_t bits = HMM_X86_PLAIN | (write ? _PAGE_RW : 0);

	return (struct hmm_plain){
		.mask = bits | HMM_X86_NOT_PLAIN,
		.bits = bits,
	};
}

static inline bool hmm_pte_plain(struct hmm_plain plain, pte_t pte)
{
	return (native_pte_val(pte) & plain.mask) == plain.bits;
}

static inline bool hmm_pmd_plain_leaf(struct hmm_plain plain, pmd_t pmd)
{
	return (native_pmd_val(pmd) & (plain.mask | _PAGE_PSE)) ==
	       (plain.bits | _PAGE_PSE);
}

static inline bool hmm_pud_plain_leaf(struct hmm_plain plain, pud_t pud)
{
	return (native_pud_val(pud) & (plain.mask | _PAGE_PSE)) ==
	       (plain.bits | _PAGE_PSE);
}

/* pte_pfn() also undoes the inversion of entries that are not present. */
static inline unsigned long hmm_pte_plain_pfn(pte_t pte)
{
	return (pte_val(pte) & PTE_PFN_MASK) >> PAGE_SHIFT;
}

static inline unsigned long hmm_pmd_plain_pfn(pmd_t pmd)
{
	return (native_pmd_val(pmd) & PTE_PFN_MASK & PMD_MASK) >> PAGE_SHIFT;
}

/* 1 or 0, without a branch. */
static inline unsigned long hmm_pte_plain_write(pte_t pte)
{
	return (native_pte_val(pte) >> _PAGE_BIT_RW) & 1;
}

static inline unsigned long hmm_pmd_plain_write(pmd_t pmd)
{
	return (native_pmd_val(pmd) >> _PAGE_BIT_RW) & 1;
}
#else
struct hmm_plain {
	bool write;
};

static inline struct hmm_plain hmm_plain(bool write)
{
	return (struct hmm_plain){ .write = write };
}

static inline bool hmm_pte_plain(struct hmm_plain plain, pte_t pte)
{
	return pte_present(pte) && !pte_protnone(pte) && !pte_special(pte) &&
	       (!plain.write || pte_write(pte));
}

static inline bool hmm_pmd_plain_leaf(struct hmm_plain plain, pmd_t pmd)
{
	return pmd_present(pmd) && pmd_leaf(pmd) && !pmd_protnone(pmd) &&
	       (!plain.write || pmd_write(pmd));
}

static inline bool hmm_pud_plain_leaf(struct hmm_plain plain, pud_t pud)
{
	return pud_present(pud) && pud_leaf(pud) &&
	       (!plain.write || pud_write(pud));
}

static inline unsigned long hmm_pte_plain_pfn(pte_t pte)
{
	return pte_pfn(pte);
}

static inline unsigned long hmm_pmd_plain_pfn(pmd_t pmd)
{
	return pmd_pfn(pmd);
}

static inline unsigned long hmm_pte_plain_write(pte_t pte)
{
	return !!pte_write(pte);
}

static inline unsigned long hmm_pmd_plain_write(pmd_t pmd)
{
	return !!pmd_write(pmd);
}
#endif

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
