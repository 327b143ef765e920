/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page table entries of arm64; included by pgtable.h, which defines the terms.
 */
#ifndef _HMM_COMPAT_PGTABLE_ARM64_H
#define _HMM_COMPAT_PGTABLE_ARM64_H

#include <linux/bits.h>
#include <linux/pgtable.h>

#define HMM_USER	((pteval_t)(PTE_VALID | PTE_USER))
/* The permission overlay index, PTE_PO_IDX_MASK. It is 0 before 6.12. */
#define HMM_KEY_MASK	((pteval_t)GENMASK_ULL(62, 60))
/* The type of a huge PMD; PUD_TYPE_SECT, for huge PUDs, has the same value. */
#define HMM_LEAF_MASK	((pteval_t)PMD_TYPE_MASK)
#define HMM_LEAF	((pteval_t)PMD_TYPE_SECT)

/* An entry is plain if its bits in @mask are equal to @bits. */
struct hmm_plain {
	pteval_t mask;
	pteval_t bits;
};

/*
 * Every entry of a user page has PTE_PXN, except in shadow stacks (Guarded
 * Control Stack, since 6.13), where the bit is part of a permission index. The
 * slow path handles shadow stacks.
 */
static inline struct hmm_plain hmm_plain(bool write)
{
	pteval_t bits = HMM_USER | PTE_PXN | (write ? PTE_WRITE : 0);

	return (struct hmm_plain){
		.mask = bits | PTE_SPECIAL | HMM_KEY_MASK,
		.bits = bits,
	};
}

static inline pteval_t hmm_pte_bits(pte_t pte)
{
	return pte_val(pte);
}

static inline pteval_t hmm_pmd_bits(pmd_t pmd)
{
	return pmd_val(pmd);
}

static inline pteval_t hmm_pud_bits(pud_t pud)
{
	return pud_val(pud);
}

static inline bool hmm_bits_write(pteval_t bits)
{
	return (bits & (PTE_WRITE | PTE_PXN)) == (PTE_WRITE | PTE_PXN);
}

static inline unsigned long hmm_pte_plain_pfn(pte_t pte)
{
	return pte_pfn(pte);
}

static inline unsigned long hmm_pmd_plain_pfn(pmd_t pmd)
{
	return pmd_pfn(pmd);
}

#endif /* _HMM_COMPAT_PGTABLE_ARM64_H */
