// SPDX-License-Identifier: GPL-2.0
/*
 * See mmu.h. Arm ARM D8: VMSAv8-64, TTBR0 only, T0SZ = 25 so that the walk starts at level 1.
 * mmu_enable is called with the MMU off by every CPU (start.S, boot.c); the rest by one CPU.
 */
#include "mmu.h"
#include "tap.h"

#define PTE_VALID   BIT(0)
#define PTE_TABLE   BIT(1)
#define PTE_PAGE    BIT(1)
#define PTE_ATTR(n) ((u64)(n) << 2)
#define PTE_USER    BIT(6)
#define PTE_RO	    BIT(7)
#define PTE_ISH	    (3UL << 8)
#define PTE_AF	    BIT(10)
#define PTE_PXN	    BIT(53)
#define PTE_UXN	    BIT(54)
#define PTE_ADDR    0x0000fffffffff000UL

/* MAIR indices. */
#define ATTR_DEVICE   0 /* nGnRE */
#define ATTR_NORMAL   1 /* write-back */
#define ATTR_UNCACHED 2
#define MAIR_VALUE    (0x04UL | 0xffUL << 8 | 0x44UL << 16)

#define TCR_VALUE(ps)                                                                       \
	(25UL | 1UL << 8 | 1UL << 10 | 3UL << 12 /* IRGN0, ORGN0 write-back, SH0 inner */ | \
	 1UL << 23 /* EPD1 */ | (u64)(ps) << 32)

#define SCTLR_VALUE 0x30d00818UL /* RES1, SA, SA0 */
#define SCTLR_M	    BIT(0)
#define SCTLR_C	    BIT(2)
#define SCTLR_I	    BIT(12)

#define NR_TABLES 64

extern char __image_end[];

u64 ram_base, ram_size;
static u64 l1[512] __attribute__((aligned(4096)));
static u64 pool[NR_TABLES][512] __attribute__((aligned(4096)));
static u32 pool_used;

u64 ram_free(void)
{
	return ALIGN_UP((u64)__image_end, SZ_2M);
}

static u64 *new_table(void)
{
	if (pool_used == NR_TABLES)
		tap_bail("out of page tables");
	return pool[pool_used++];
}

static u64 leaf(u64 pa, u32 flags)
{
	u64 e = pa | PTE_VALID | PTE_AF | PTE_ISH;

	if (flags & MAP_DEVICE)
		e |= PTE_ATTR(ATTR_DEVICE) | PTE_UXN | PTE_PXN;
	else if (flags & MAP_UNCACHED)
		e |= PTE_ATTR(ATTR_UNCACHED);
	else
		e |= PTE_ATTR(ATTR_NORMAL);
	if (flags & MAP_RO)
		e |= PTE_RO;
	if (flags & MAP_USER)
		e |= PTE_USER | PTE_PXN;
	else
		e |= PTE_UXN;
	if (flags & MAP_NX)
		e |= PTE_UXN | PTE_PXN;
	return e;
}

void mmu_init(u64 base, u64 size)
{
	u64 *l2 = NULL;
	u64 a;

	ram_base = base;
	ram_size = size;
	l1[0] = leaf(0, MAP_DEVICE);
	/* Exactly RAM is mapped, so that a stray access faults here and is not a device access. */
	for (a = base; a < base + size; a += SZ_2M) {
		if (a == base || a % SZ_1G == 0) {
			l2 = new_table();
			l1[a / SZ_1G] = (u64)l2 | PTE_TABLE | PTE_VALID;
		}
		l2[a / SZ_2M % 512] = leaf(a, MAP_NORMAL);
	}
	dsb(sy);
}

void mmu_enable(void)
{
	u64 ps = read_sysreg(id_aa64mmfr0_el1) & 0xf;

	if (ps > 2)
		ps = 2; /* 40 bits are all this map needs */
	write_sysreg(MAIR_VALUE, mair_el1);
	write_sysreg(TCR_VALUE(ps), tcr_el1);
	write_sysreg((u64)l1, ttbr0_el1);
	isb();
	asm volatile("tlbi vmalle1; ic iallu" ::: "memory");
	dsb(nsh);
	isb();
	write_sysreg(SCTLR_VALUE | SCTLR_M | SCTLR_C | SCTLR_I, sctlr_el1);
	isb();
}

static u64 *next_level(u64 *entry)
{
	if (!(*entry & PTE_VALID)) {
		u64 *t = new_table();

		*entry = (u64)t | PTE_TABLE | PTE_VALID;
		dsb(ishst);
	} else if (!(*entry & PTE_TABLE)) {
		return NULL;
	}
	return (u64 *)(*entry & PTE_ADDR);
}

u64 *mmu_l1_entry(u64 va)
{
	return &l1[va >> 30 & 0x1ff];
}

u64 *mmu_pte(u64 va)
{
	u64 *t = next_level(mmu_l1_entry(va));

	if (t)
		t = next_level(&t[va >> 21 & 0x1ff]);
	return t ? &t[va >> 12 & 0x1ff] : NULL;
}

void mmu_map(u64 va, u64 pa, u64 len, u32 flags)
{
	u64 off;
	u64 *pte;

	for (off = 0; off < len; off += SZ_4K) {
		pte = mmu_pte(va + off);
		if (!pte)
			tap_bail("mmu_map over a block at %lx", va + off);
		if (*pte & PTE_VALID) {
			WRITE_ONCE(*pte, 0);
			tlbi_va(va + off);
		}
		WRITE_ONCE(*pte, leaf(pa + off, flags) | PTE_PAGE);
	}
	dsb(ishst);
	isb();
}

void mmu_unmap(u64 va, u64 len)
{
	u64 off;
	u64 *pte;

	for (off = 0; off < len; off += SZ_4K) {
		pte = mmu_pte(va + off);
		if (pte)
			WRITE_ONCE(*pte, 0);
		tlbi_va(va + off);
	}
}
