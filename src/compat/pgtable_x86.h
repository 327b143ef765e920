/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page table entries of x86-64; included by pgtable.h, which defines the terms.
 */
#ifndef _HMM_COMPAT_PGTABLE_X86_H
#define _HMM_COMPAT_PGTABLE_X86_H

#include <linux/pgtable.h>

#define HMM_USER	(_PAGE_PRESENT | _PAGE_USER)
#define HMM_KEY_MASK	_PAGE_PKEY_MASK
#define HMM_LEAF_MASK	_PAGE_PSE
#define HMM_LEAF	_PAGE_PSE

/* An entry is plain if its bits in @mask are equal to @bits. */
struct hmm_plain {
	pteval_t mask;
	pteval_t bits;
};

static inline struct hmm_plain hmm_plain(bool write)
{
	pteval_t bits = HMM_USER | (write ? _PAGE_RW : 0);

	return (struct hmm_plain){
		.mask = bits | _PAGE_SPECIAL | HMM_KEY_MASK,
		.bits = bits,
	};
}

static inline pteval_t hmm_pte_bits(pte_t pte)
{
	return native_pte_val(pte);
}

static inline pteval_t hmm_pmd_bits(pmd_t pmd)
{
	return native_pmd_val(pmd);
}

static inline pteval_t hmm_pud_bits(pud_t pud)
{
	return native_pud_val(pud);
}

/* Returns false for shadow stacks: _PAGE_DIRTY is set without _PAGE_RW. */
static inline bool hmm_bits_write(pteval_t bits)
{
	return (bits >> _PAGE_BIT_RW) & 1;
}

/*
 * Only valid for present entries. Unlike pte_pfn(), this function does not
 * handle PROT_NONE entries, whose page frame number is inverted.
 */
static inline unsigned long hmm_pte_plain_pfn(pte_t pte)
{
	return (pte_val(pte) & PTE_PFN_MASK) >> PAGE_SHIFT;
}

static inline unsigned long hmm_pmd_plain_pfn(pmd_t pmd)
{
	return (native_pmd_val(pmd) & PTE_PFN_MASK & PMD_MASK) >> PAGE_SHIFT;
}

#endif /* _HMM_COMPAT_PGTABLE_X86_H */
