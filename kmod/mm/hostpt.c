// SPDX-License-Identifier: GPL-2.0
/*
 * A look at the VMM's page table: is a range mapped by one block?
 *
 * Called by the fault path on a thread of the VMM. The kernel exports no such question. A walk
 * with interrupts off, as the kernel's own lookup of pages makes it: page tables are freed only
 * after an IPI to, or a grace period of, every CPU that might be in such a walk. Entries
 * change under it; each is read once, and the answer is worth what the caller does to keep it.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "internal.h"

struct host_leaf {
	unsigned long pfn; /* of the address that was asked for */
	bool block, write;
};

static struct host_leaf hostpt_walk(struct mm_struct *mm, unsigned long hva)
{
	struct host_leaf leaf = {};
	pgd_t *pgdp = pgd_offset(mm, hva);
	pgd_t pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

	if (pgd_none(pgd))
		return leaf;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d))
		return leaf;
	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud) || !pud_present(pud))
		return leaf;
	if (pud_leaf(pud)) {
		leaf.pfn = pud_pfn(pud) + ((hva & ~PUD_MASK) >> PAGE_SHIFT);
		leaf.write = pud_write(pud);
		leaf.block = true;
		return leaf;
	}
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, hva));
	if (pmd_present(pmd) && pmd_leaf(pmd)) {
		leaf.pfn = pmd_pfn(pmd) + ((hva & ~PMD_MASK) >> PAGE_SHIFT);
		leaf.write = pmd_write(pmd);
		leaf.block = true;
	}
	return leaf;
}

bool zvm_hostpt_block(unsigned long hva, unsigned long pfn, bool write)
{
	struct host_leaf leaf;
	unsigned long flags;

	local_irq_save(flags);
	leaf = hostpt_walk(current->mm, hva);
	local_irq_restore(flags);
	return leaf.block && leaf.pfn == pfn && (leaf.write || !write);
}
