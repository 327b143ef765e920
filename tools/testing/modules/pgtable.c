// SPDX-License-Identifier: GPL-2.0
/*
 * The predicates of src/compat/pgtable.h, applied to entries that the kernel's
 * helpers make. The cases do not walk page tables, because some entries need a
 * CPU that the test machine may not have.
 */
#include <linux/gfp.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>

#include "../../../src/compat/pgtable.h"
#include "api.h"

/* Expected results of the predicates for an entry. */
#define PGTABLE_PLAIN		0x1
#define PGTABLE_PLAIN_WRITE	0x2
#define PGTABLE_USER		0x4
#define PGTABLE_WRITE		0x8

#define PGTABLE_READABLE	(PGTABLE_PLAIN | PGTABLE_USER)
#define PGTABLE_WRITABLE \
	(PGTABLE_READABLE | PGTABLE_PLAIN_WRITE | PGTABLE_WRITE)

#define PGTABLE_SHARED		(VM_READ | VM_WRITE | VM_SHARED)

static unsigned int pgtable_pte(pte_t pte)
{
	bool user = hmm_pte_user(pte);

	return (hmm_pte_plain(hmm_plain(false), pte) ? PGTABLE_PLAIN : 0) |
	       (hmm_pte_plain(hmm_plain(true), pte) ? PGTABLE_PLAIN_WRITE : 0) |
	       (user ? PGTABLE_USER : 0) |
	       (user && hmm_pte_write(pte) ? PGTABLE_WRITE : 0);
}

static unsigned int pgtable_pmd(pmd_t pmd)
{
	const struct hmm_plain read = hmm_plain(false), write = hmm_plain(true);
	bool user = hmm_pmd_user_leaf(pmd);

	return (hmm_pmd_plain_leaf(read, pmd) ? PGTABLE_PLAIN : 0) |
	       (hmm_pmd_plain_leaf(write, pmd) ? PGTABLE_PLAIN_WRITE : 0) |
	       (user ? PGTABLE_USER : 0) |
	       (user && hmm_pmd_write(pmd) ? PGTABLE_WRITE : 0);
}

static unsigned int pgtable_pud(pud_t pud)
{
	const struct hmm_plain read = hmm_plain(false), write = hmm_plain(true);
	bool user = hmm_pud_user_leaf(pud);

	return (hmm_pud_plain_leaf(read, pud) ? PGTABLE_PLAIN : 0) |
	       (hmm_pud_plain_leaf(write, pud) ? PGTABLE_PLAIN_WRITE : 0) |
	       (user ? PGTABLE_USER : 0) |
	       (user && hmm_pud_write(pud) ? PGTABLE_WRITE : 0);
}

/* Returns the entry of a page in a vma with these flags. */
static pte_t pgtable_make(unsigned long flags)
{
	return pfn_pte(page_to_pfn(ZERO_PAGE(0)), vm_get_page_prot(flags));
}

/* Huge leaf entries for these flags. */
static pmd_t pgtable_huge_pmd(unsigned long flags)
{
	return pmd_mkhuge(pfn_pmd(0, vm_get_page_prot(flags)));
}

static pud_t pgtable_huge_pud(unsigned long flags)
{
	return pud_mkhuge(pfn_pud(0, vm_get_page_prot(flags)));
}

static void r53_user_accessible_entries(void)
{
	pte_t shared = pgtable_make(PGTABLE_SHARED);

	EXPECT_EQ(0, pgtable_pte(__pte(0)));
	EXPECT_EQ(PGTABLE_READABLE, pgtable_pte(pgtable_make(VM_READ)));
	EXPECT_EQ(PGTABLE_READABLE,
		  pgtable_pte(pgtable_make(VM_READ | VM_EXEC)));
	/* In a private mapping the first write faults. */
	EXPECT_EQ(PGTABLE_READABLE,
		  pgtable_pte(pgtable_make(VM_READ | VM_WRITE)));
	EXPECT_EQ(PGTABLE_WRITABLE, pgtable_pte(shared));
	EXPECT_EQ(PGTABLE_WRITABLE, pgtable_pte(pte_mkclean(shared)));
	EXPECT_EQ(PGTABLE_WRITABLE, pgtable_pte(pte_mkdirty(shared)));
	EXPECT_EQ(PGTABLE_WRITABLE, pgtable_pte(pte_mkold(shared)));
	EXPECT_EQ(PGTABLE_READABLE, pgtable_pte(pte_wrprotect(shared)));
	EXPECT_EQ(PGTABLE_READABLE,
		  pgtable_pte(pte_wrprotect(pte_mkdirty(shared))));
	EXPECT_EQ(PGTABLE_USER | PGTABLE_WRITE,
		  pgtable_pte(pte_mkspecial(shared)));

	EXPECT_EQ(PGTABLE_WRITABLE,
		  pgtable_pmd(pgtable_huge_pmd(PGTABLE_SHARED)));
	EXPECT_EQ(PGTABLE_READABLE, pgtable_pmd(pgtable_huge_pmd(VM_READ)));
	EXPECT_EQ(PGTABLE_WRITABLE,
		  pgtable_pud(pgtable_huge_pud(PGTABLE_SHARED)));
	EXPECT_EQ(PGTABLE_READABLE, pgtable_pud(pgtable_huge_pud(VM_READ)));
}

/*
 * PROT_NONE entries are not user entries. NUMA hinting entries look the same,
 * but the predicates must also work on kernels without NUMA balancing.
 */
static void r53_prot_none_entries(void)
{
	EXPECT_EQ(0, pgtable_pte(pgtable_make(VM_NONE)));
	EXPECT_EQ(0, pgtable_pte(pte_mkdirty(pgtable_make(VM_NONE))));
	EXPECT_EQ(0, pgtable_pmd(pgtable_huge_pmd(VM_NONE)));
	EXPECT_EQ(0, pgtable_pud(pgtable_huge_pud(VM_NONE)));
	/* A kernel page is present and writable, but not for user mode. */
	EXPECT_EQ(0, pgtable_pte(pfn_pte(0, PAGE_KERNEL)));
}

/* Pages that user mode can execute but not read. */
static void r53_execute_only_entries(void)
{
#ifdef PAGE_EXECONLY
	EXPECT_EQ(0, pgtable_pte(pfn_pte(0, PAGE_EXECONLY)));
	EXPECT_EQ(0, pgtable_pmd(pmd_mkhuge(pfn_pmd(0, PAGE_EXECONLY))));
	EXPECT_EQ(0, pgtable_pud(pud_mkhuge(pfn_pud(0, PAGE_EXECONLY))));
#else
	api_skip("this architecture has no execute-only entries");
#endif
}

/* The predicates must ignore the protection key rights of this CPU. */
static void r53_entries_with_a_protection_key(void)
{
#if defined(VM_PKEY_BIT0) && defined(CONFIG_X86)
	unsigned long flags = PGTABLE_SHARED | VM_PKEY_BIT0;

	EXPECT_EQ(PGTABLE_USER | PGTABLE_WRITE,
		  pgtable_pte(pgtable_make(flags)));
	EXPECT_EQ(PGTABLE_USER | PGTABLE_WRITE,
		  pgtable_pmd(pgtable_huge_pmd(flags)));
	EXPECT_EQ(PGTABLE_USER | PGTABLE_WRITE,
		  pgtable_pud(pgtable_huge_pud(flags)));
	EXPECT(hmm_pte_keyed(pgtable_make(flags)));
	EXPECT(!hmm_pte_keyed(pgtable_make(PGTABLE_SHARED)));
#elif defined(PTE_PO_IDX_MASK)
	pte_t pte = __pte(pte_val(pgtable_make(PGTABLE_SHARED)) | PTE_PO_IDX_0);

	EXPECT_EQ(PGTABLE_USER | PGTABLE_WRITE, pgtable_pte(pte));
	EXPECT_EQ(PGTABLE_USER | PGTABLE_WRITE,
		  pgtable_pmd(pmd_mkhuge(pte_pmd(pte))));
	EXPECT(hmm_pte_keyed(pte));
#else
	api_skip("this kernel has no protection keys");
#endif
}

static void r54_entries_of_a_shadow_stack(void)
{
#if defined(CONFIG_X86_USER_SHADOW_STACK)
	pte_t pte = pte_mkwrite_shstk(pgtable_make(VM_READ));
	pmd_t pmd = pmd_mkwrite_shstk(pgtable_huge_pmd(VM_READ));

	EXPECT_EQ(PGTABLE_READABLE, pgtable_pte(pte));
	EXPECT_EQ(PGTABLE_READABLE, pgtable_pmd(pmd));
#elif defined(_PAGE_GCS)
	EXPECT_EQ(PGTABLE_USER, pgtable_pte(pfn_pte(0, __pgprot(_PAGE_GCS))));
	EXPECT_EQ(PGTABLE_USER,
		  pgtable_pte(pfn_pte(0, __pgprot(_PAGE_GCS_RO))));
#else
	api_skip("this kernel has no shadow stacks");
#endif
}

const struct api_case api_pgtable_cases[] = {
	{ "r53_user_accessible_entries",
	  r53_user_accessible_entries },
	{ "r53_prot_none_entries", r53_prot_none_entries },
	{ "r53_execute_only_entries", r53_execute_only_entries },
	{ "r53_entries_with_a_protection_key",
	  r53_entries_with_a_protection_key },
	{ "r54_entries_of_a_shadow_stack", r54_entries_of_a_shadow_stack },
	{}
};
