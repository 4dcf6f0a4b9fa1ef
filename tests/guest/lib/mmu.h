/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage 1: identity map of devices (first GiB) and RAM, 39-bit VA, 4 KiB granule, and page
 * mappings that tests add at addresses of their own. One set of tables for all CPUs; changes are
 * made by one CPU at a time.
 */
#ifndef GUEST_MMU_H
#define GUEST_MMU_H

#include "arch.h"

/* Attributes for mmu_map; combine one memory type with flags. */
#define MAP_NORMAL   BIT(0)
#define MAP_DEVICE   BIT(1)
#define MAP_RO	     BIT(2)
#define MAP_USER     BIT(3) /* accessible at EL0 (then never executable at EL1) */
#define MAP_NX	     BIT(4)
#define MAP_UNCACHED BIT(5) /* Normal non-cacheable */

/* Tests map things from here up; nothing is mapped there at start. */
#define TEST_VA 0x1000000000UL

/* Builds the tables for RAM [base, base + size); boot CPU, MMU off. */
void mmu_init(u64 ram_base, u64 ram_size);
void mmu_enable(void);

/* 4 KiB pages; va, pa and len are page aligned. Replaces old entries break-before-make. */
void mmu_map(u64 va, u64 pa, u64 len, u32 flags);
void mmu_unmap(u64 va, u64 len);
/* The address of the level-3 entry of va, or NULL; for tests that damage tables on purpose. */
u64 *mmu_pte(u64 va);
/* Writes a level-1 entry, for tests of walks that leave RAM. */
u64 *mmu_l1_entry(u64 va);

extern u64 ram_base, ram_size;
/* First byte of RAM after the image that nobody uses; tests may take all up to the end of RAM. */
u64 ram_free(void);

#endif
