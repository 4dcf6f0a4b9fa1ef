// SPDX-License-Identifier: GPL-2.0
/*
 * Cache maintenance by address for guest pages, through the kernel's linear map. Ring 2.
 *
 * Own loops: the kernel's are not exported under one name. Arm ARM D7.5 (cache support), CTR_EL0.
 */
#include <linux/sched.h>
#include <asm/barrier.h>
#include <asm/sysreg.h>

#include "internal.h"

#define CACHE_PIECE SZ_256K /* between two chances to be scheduled */

static unsigned long line_size(unsigned int ctr_shift)
{
	return 4UL << ((read_sysreg(ctr_el0) >> ctr_shift) & 0xf);
}

static void clean(unsigned long va, unsigned long end)
{
	unsigned long line = line_size(16); /* CTR_EL0.DminLine */

	for (; va < end; va += line)
		asm volatile("dc civac, %0" : : "r"(va) : "memory");
}

void zvm_cache_clean_short(phys_addr_t pa, u64 size)
{
	unsigned long va = (unsigned long)phys_to_virt(pa);

	clean(va, va + size);
	dsb(sy);
}

void zvm_cache_clean(phys_addr_t pa, u64 size)
{
	unsigned long va = (unsigned long)phys_to_virt(pa);
	unsigned long end = va + size;

	for (; va < end; va += CACHE_PIECE) {
		clean(va, min(end, va + CACHE_PIECE));
		cond_resched();
	}
	dsb(sy); /* to the point of coherency before the page can be used with caches off */
}

void zvm_cache_inval_icache(phys_addr_t pa, u64 size)
{
	unsigned long line = line_size(0); /* CTR_EL0.IminLine */
	unsigned long va = (unsigned long)phys_to_virt(pa);
	unsigned long end = va + size;
	bool pipt = ((read_sysreg(ctr_el0) >> 14) & 3) == 3;

	dsb(ishst); /* data written before is what a refill fetches */
	if (!pipt || size > SZ_64K) {
		/* The guest's virtual index is unknown, or one operation is cheaper than many. */
		asm volatile("ic ialluis" : : : "memory");
	} else {
		for (; va < end; va += line)
			asm volatile("ic ivau, %0" : : "r"(va) : "memory");
	}
	dsb(ish);
	isb();
}
