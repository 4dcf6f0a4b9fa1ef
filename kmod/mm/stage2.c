// SPDX-License-Identifier: GPL-2.0
/*
 * Stage-2 translation tables: 4 KiB granule, IPA of 32 to 48 bits, leaves of 4 KiB, 2 MiB, 1 GiB.
 *
 * Called in ring 2 by the fault path, memslot changes, the dirty log and the MMU notifier. Every
 * table and entry is guarded by mm->lock; the only other reader is the hardware. Tables come from a
 * cache that was filled before the lock was taken and are freed after the TLB invalidation that
 * made them unreachable, still under the lock: the walk of another CPU never meets a page that
 * has been given back.
 *
 * Arm ARM DDI 0487 D8.3 (VMSAv8-64 descriptor formats), D8.14 (break-before-make).
 */
#include <linux/list.h>
#include <linux/sched.h>
#include <asm/barrier.h>
#include <asm/cpufeature.h>

#include "internal.h"

#define S2_LAST_LEVEL 3
#define S2_ENTRIES    512

#define S2_VALID    BIT_ULL(0)
#define S2_TABLE    BIT_ULL(1) /* levels 0..2: table; level 3: page */
#define S2_ATTR(x)  ((u64)(x) << 2)
#define S2_READ	    BIT_ULL(6)
#define S2_WRITE    BIT_ULL(7)
#define S2_SH_IS    (3ULL << 8)
#define S2_AF	    BIT_ULL(10)
#define S2_XN	    BIT_ULL(54) /* XN[1:0] = 0b10 with FEAT_XNX: no execution at EL1 and EL0 */
#define S2_PINNED   BIT_ULL(55) /* for software */
#define S2_ADDR	    GENMASK_ULL(47, 12)

/* MemAttr without FWB, and with HCR_EL2.FWB = 1 (FEAT_S2FWB) */
#define S2_ATTR_NORMAL	   0xf
#define S2_ATTR_NORMAL_FWB 0x6
#define S2_ATTR_DEVICE	   0x1 /* nGnRE in both */

/* Work done under one hold of mm->lock by the range operations. */
#define S2_PIECE SZ_64M

static unsigned int s2_shift(u32 level)
{
	return 12 + 9 * (S2_LAST_LEVEL - level);
}

static u64 s2_size(u32 level)
{
	return 1ULL << s2_shift(level);
}

/* The roots of a concatenated start level are one array: no mask there. */
static u64 *s2_entry(struct zvm_mm *mm, u64 *table, u32 level, u64 ipa)
{
	u64 index = ipa >> s2_shift(level);

	return &table[level == mm->start_level ? index : index & (S2_ENTRIES - 1)];
}

static bool s2_is_table(u64 e, u32 level)
{
	return level < S2_LAST_LEVEL && (e & (S2_VALID | S2_TABLE)) == (S2_VALID | S2_TABLE);
}

static bool s2_is_leaf(u64 e, u32 level)
{
	return (e & S2_VALID) && !s2_is_table(e, level);
}

static u64 *s2_child(u64 e)
{
	return phys_to_virt(e & S2_ADDR);
}

static u64 *s2_root(struct zvm_mm *mm)
{
	return phys_to_virt(mm->root);
}

/* Descend to the entry for `ipa` at `target`, or to the first entry above it that is no table. */
static u64 *s2_walk(struct zvm_mm *mm, u64 ipa, u32 target, u32 *level)
{
	u64 *table = s2_root(mm);
	u64 *e;

	for (*level = mm->start_level;; (*level)++) {
		e = s2_entry(mm, table, *level, ipa);
		if (*level == target || !s2_is_table(*e, *level))
			return e;
		table = s2_child(*e);
	}
}

static u64 s2_make(phys_addr_t pa, u32 level, u32 prot)
{
	u64 e = pa | S2_VALID | S2_AF | S2_SH_IS;

	if (level == S2_LAST_LEVEL)
		e |= S2_TABLE;
	if (prot & ZVM_S2_R)
		e |= S2_READ;
	if (prot & ZVM_S2_W)
		e |= S2_WRITE;
	if (!(prot & ZVM_S2_X))
		e |= S2_XN;
	if (prot & ZVM_S2_PINNED)
		e |= S2_PINNED;
	if (prot & ZVM_S2_DEVICE)
		e |= S2_ATTR(S2_ATTR_DEVICE);
	else
		e |= S2_ATTR(zvm_host.has_fwb ? S2_ATTR_NORMAL_FWB : S2_ATTR_NORMAL);
	return e;
}

static u32 s2_prot(u64 e)
{
	u32 prot = 0;

	if (e & S2_READ)
		prot |= ZVM_S2_R;
	if (e & S2_WRITE)
		prot |= ZVM_S2_W;
	if (!(e & S2_XN))
		prot |= ZVM_S2_X;
	if (e & S2_AF)
		prot |= ZVM_S2_AF;
	if (e & S2_PINNED)
		prot |= ZVM_S2_PINNED;
	if ((e & S2_ATTR(0xf)) == S2_ATTR(S2_ATTR_DEVICE))
		prot |= ZVM_S2_DEVICE;
	return prot;
}

static void s2_count(struct zvm_vm *vm, u64 e, u32 level, long n)
{
	u64 *stat = level == 3 ? &vm->stats.pages_4k :
		    level == 2 ? &vm->stats.pages_2m : &vm->stats.pages_1g;

	*stat += n;
	if (!(e & S2_PINNED))
		vm->mm.loose_leaves += n;
}

static void s2_write(u64 *e, u64 val)
{
	smp_wmb(); /* a table is complete before the entry that leads to it */
	WRITE_ONCE(*e, val);
}

static void s2_free_table(struct zvm_vm *vm, u64 *table)
{
	vm->stats.table_bytes -= PAGE_SIZE;
	free_page((unsigned long)table);
}

/* Nobody walks this table any more: free it and all below it. */
static void s2_free_tree(struct zvm_vm *vm, u64 *table, u32 level)
{
	int i;

	for (i = 0; i < S2_ENTRIES; i++) {
		if (s2_is_table(table[i], level))
			s2_free_tree(vm, s2_child(table[i]), level + 1);
		else if (s2_is_leaf(table[i], level))
			s2_count(vm, table[i], level, -1);
	}
	s2_free_table(vm, table);
}

int zvm_s2_cache_fill(struct zvm_s2_cache *cache)
{
	u64 *page;

	if (cache->nr == ARRAY_SIZE(cache->page))
		return 0;
	page = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	cache->page[cache->nr++] = page;
	return 0;
}

void zvm_s2_cache_drain(struct zvm_s2_cache *cache)
{
	while (cache->nr)
		free_page((unsigned long)cache->page[--cache->nr]);
}

static u64 *s2_cache_take(struct zvm_vm *vm, struct zvm_s2_cache *cache)
{
	if (!cache->nr)
		return NULL;
	vm->stats.table_bytes += PAGE_SIZE;
	return cache->page[--cache->nr];
}

/* Replace the block at `e` by a table of leaves one level down that translate the same. */
static int s2_split(struct zvm_vm *vm, struct zvm_s2_cache *cache, u64 *e, u32 level, u64 ipa)
{
	u64 *table = s2_cache_take(vm, cache);
	u64 block = *e;
	u64 leaf = block;
	int i;

	if (!table)
		return -EAGAIN;
	if (level + 1 == S2_LAST_LEVEL)
		leaf |= S2_TABLE;
	for (i = 0; i < S2_ENTRIES; i++)
		table[i] = leaf + i * s2_size(level + 1);

	/* Break before make: no TLB may hold the block and a page of it together. */
	s2_write(e, 0);
	zvm_tlb_flush_range(vm, ipa & ~(s2_size(level) - 1), s2_size(level));
	s2_write(e, virt_to_phys(table) | S2_VALID | S2_TABLE);
	dsb(ishst);
	s2_count(vm, block, level, -1);
	s2_count(vm, block, level + 1, S2_ENTRIES);
	return 0;
}

static void s2_replace(struct zvm_vm *vm, u64 *e, u32 level, u64 ipa, u64 val)
{
	u64 old = *e;

	if (old & S2_VALID) {
		/* Another output address or another size: break before make. */
		s2_write(e, 0);
		zvm_tlb_flush_range(vm, ipa, s2_size(level));
		if (s2_is_table(old, level))
			s2_free_tree(vm, s2_child(old), level + 1);
		else
			s2_count(vm, old, level, -1);
	}
	s2_write(e, val);
	dsb(ishst); /* walkers see the leaf before the guest repeats its access */
	s2_count(vm, val, level, 1);
}

int zvm_s2_map(struct zvm_vm *vm, struct zvm_s2_cache *cache, u64 ipa, phys_addr_t pa, u64 size,
	       u32 prot)
{
	struct zvm_mm *mm = &vm->mm;
	u32 target = size == SZ_1G ? 1 : size == SZ_2M ? 2 : 3;
	u64 *e, *table;
	u64 old, val;
	u32 level;

	lockdep_assert_held(&mm->lock);
	if (WARN_ON_ONCE((ipa | pa) & (s2_size(target) - 1) || (ipa >> mm->ipa_bits)))
		return -EINVAL;

	for (;;) {
		e = s2_walk(mm, ipa, target, &level);
		if (level == target)
			break;
		old = *e;
		if (s2_is_leaf(old, level)) {
			phys_addr_t at = (old & S2_ADDR) + (ipa & (s2_size(level) - 1));

			if (at == pa && !(prot & ~s2_prot(old)))
				return 0; /* the block already says it all */
			if (s2_split(vm, cache, e, level, ipa))
				return -EAGAIN;
			continue;
		}
		table = s2_cache_take(vm, cache);
		if (!table)
			return -EAGAIN;
		s2_write(e, virt_to_phys(table) | S2_VALID | S2_TABLE);
	}

	old = *e;
	if (s2_is_leaf(old, level) && (old & S2_ADDR) == pa &&
	    !((s2_prot(old) ^ prot) & ZVM_S2_DEVICE)) {
		val = s2_make(pa, level, prot | s2_prot(old));
		if (val == old)
			return 0;
		s2_count(vm, old, level, -1);
		s2_count(vm, val, level, 1);
		s2_write(e, val);
		/* A stale entry that allows less could fault for ever. */
		zvm_tlb_flush_range(vm, ipa, PAGE_SIZE);
		return 0;
	}
	s2_replace(vm, e, level, ipa, s2_make(pa, level, prot));
	return 0;
}

bool zvm_s2_lookup(struct zvm_vm *vm, u64 ipa, struct zvm_s2_leaf *leaf)
{
	u32 level;
	u64 e;

	lockdep_assert_held(&vm->mm.lock);
	if (ipa >> vm->mm.ipa_bits)
		return false;
	e = *s2_walk(&vm->mm, ipa, S2_LAST_LEVEL, &level);
	if (!(e & S2_VALID))
		return false;
	leaf->pa = e & S2_ADDR;
	leaf->size = s2_size(level);
	leaf->prot = s2_prot(e);
	return true;
}

void zvm_s2_mark_young(struct zvm_vm *vm, u64 ipa)
{
	u32 level;
	u64 *e = s2_walk(&vm->mm, ipa, S2_LAST_LEVEL, &level);

	lockdep_assert_held(&vm->mm.lock);
	/* No invalidation: a translation with AF = 0 is never cached. */
	if (*e & S2_VALID) {
		s2_write(e, *e | S2_AF);
		dsb(ishst);
	}
}

bool zvm_s2_age(struct zvm_vm *vm, u64 ipa, u64 size, bool clear)
{
	u64 end = ipa + size;
	bool young = false;
	u32 level;
	u64 *e;

	lockdep_assert_held(&vm->mm.lock);
	while (ipa < end) {
		e = s2_walk(&vm->mm, ipa, S2_LAST_LEVEL, &level);
		if ((*e & S2_VALID) && (*e & S2_AF)) {
			young = true;
			if (!clear)
				break;
			s2_write(e, *e & ~S2_AF);
		}
		ipa = (ipa | (s2_size(level) - 1)) + 1;
	}
	return young;
}

struct s2_unmap {
	struct zvm_vm *vm;
	bool keep_pinned;
	bool changed;
	struct list_head tables; /* unhooked, to be freed after the invalidation */
};

static bool s2_table_empty(const u64 *table)
{
	int i;

	for (i = 0; i < S2_ENTRIES; i++)
		if (table[i])
			return false;
	return true;
}

static void s2_unmap_level(struct s2_unmap *u, u64 *table, u32 level, u64 ipa, u64 end)
{
	u64 next;

	for (; ipa < end; ipa = next) {
		u64 *e = s2_entry(&u->vm->mm, table, level, ipa);

		next = min(end, (ipa | (s2_size(level) - 1)) + 1);
		if (s2_is_table(*e, level)) {
			u64 *child = s2_child(*e);

			s2_unmap_level(u, child, level + 1, ipa, next);
			if (!s2_table_empty(child))
				continue;
			/* The link is in struct page: walkers may still read the table itself. */
			list_add(&virt_to_page(child)->lru, &u->tables);
		} else if (!(*e & S2_VALID) || (u->keep_pinned && (*e & S2_PINNED))) {
			continue;
		} else {
			s2_count(u->vm, *e, level, -1);
		}
		s2_write(e, 0);
		u->changed = true;
	}
}

void zvm_s2_unmap_locked(struct zvm_vm *vm, u64 ipa, u64 size, unsigned int flags)
{
	struct s2_unmap u = { .vm = vm, .keep_pinned = flags & ZVM_UNMAP_KEEP_PINNED };
	struct page *page, *tmp;

	lockdep_assert_held(&vm->mm.lock);
	INIT_LIST_HEAD(&u.tables);
	s2_unmap_level(&u, s2_root(&vm->mm), vm->mm.start_level, ipa, ipa + size);
	if (!u.changed)
		return;
	/* A block that the range only touches went as a whole: the VM-wide form covers it. */
	if (size > PAGE_SIZE)
		zvm_tlb_flush_vm(vm);
	else
		zvm_tlb_flush_range(vm, ipa, size);
	list_for_each_entry_safe(page, tmp, &u.tables, lru) {
		list_del(&page->lru);
		s2_free_table(vm, page_address(page));
	}
}

/* Run `fn` over the range in pieces, with mm->lock held for each. */
static void s2_in_pieces(struct zvm_vm *vm, u64 ipa, u64 size,
			 void (*fn)(struct zvm_vm *vm, u64 ipa, u64 size, unsigned int flags),
			 unsigned int flags)
{
	u64 end = min(ipa + size, 1ULL << vm->mm.ipa_bits);
	u64 next;
	u32 level;

	for (; ipa < end; ipa = next) {
		next = min(end, (ipa | (S2_PIECE - 1)) + 1);
		spin_lock(&vm->mm.lock);
		/* Step over holes of a whole upper-level entry at once. */
		if (!(*s2_walk(&vm->mm, ipa, 2, &level) & S2_VALID))
			next = max(next, min(end, (ipa | (s2_size(level) - 1)) + 1));
		fn(vm, ipa, next - ipa, flags);
		spin_unlock(&vm->mm.lock);
		if (!(flags & ZVM_UNMAP_NO_RESCHED))
			cond_resched();
	}
}

void zvm_s2_unmap(struct zvm_vm *vm, u64 ipa, u64 size, unsigned int flags)
{
	s2_in_pieces(vm, ipa, size, zvm_s2_unmap_locked, flags);
}

bool zvm_s2_wrprotect_locked(struct zvm_vm *vm, u64 ipa, u64 size)
{
	u64 end = ipa + size;
	bool changed = false;
	u32 level;
	u64 *e;

	lockdep_assert_held(&vm->mm.lock);
	while (ipa < end) {
		e = s2_walk(&vm->mm, ipa, S2_LAST_LEVEL, &level);
		if (s2_is_leaf(*e, level) && (*e & S2_WRITE)) {
			s2_write(e, *e & ~S2_WRITE);
			changed = true;
		}
		ipa = (ipa | (s2_size(level) - 1)) + 1;
	}
	return changed;
}

static void s2_wrprotect_piece(struct zvm_vm *vm, u64 ipa, u64 size, unsigned int flags)
{
	if (zvm_s2_wrprotect_locked(vm, ipa, size))
		zvm_tlb_flush_vm(vm);
}

void zvm_s2_wrprotect(struct zvm_vm *vm, u64 ipa, u64 size)
{
	s2_in_pieces(vm, ipa, size, s2_wrprotect_piece, 0);
}

/* 40 to 43 bits start at level 1 with up to 16 root tables side by side; more start at level 0. */
static unsigned int s2_root_order(u32 ipa_bits)
{
	return ipa_bits > 39 && ipa_bits <= 43 ? ipa_bits - 39 : 0;
}

int zvm_s2_create(struct zvm_vm *vm)
{
	struct zvm_mm *mm = &vm->mm;
	unsigned int order = s2_root_order(mm->ipa_bits);
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);
	u64 parange = min_t(u64, mmfr0 & 0xf, 5); /* 48 bits: FEAT_LPA is not used */
	struct page *page;

	/* A block of 2^order pages is naturally aligned, as concatenated roots must be. */
	page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, order);
	if (!page)
		return -ENOMEM;
	mm->root = page_to_phys(page);
	mm->start_level = mm->ipa_bits > 43 ? 0 : 1;
	/* HA and HD stay clear: leaves are made with AF set, dirty state comes from faults. */
	mm->vtcr = ZVM_VTCR_RES1 | ZVM_VTCR_PS(parange) | ZVM_VTCR_TG0_4K | ZVM_VTCR_SH0_IS |
		   ZVM_VTCR_ORGN0_WBWA | ZVM_VTCR_IRGN0_WBWA | ZVM_VTCR_SL0(mm->start_level) |
		   ZVM_VTCR_T0SZ(mm->ipa_bits) | (zvm_host.vmid_bits == 16 ? ZVM_VTCR_VS_16BIT : 0);
	vm->stats.table_bytes += PAGE_SIZE << order;
	return 0;
}

void zvm_s2_destroy(struct zvm_vm *vm)
{
	struct zvm_mm *mm = &vm->mm;
	unsigned int order = s2_root_order(mm->ipa_bits);

	if (!mm->root)
		return;
	zvm_s2_unmap(vm, 0, 1ULL << mm->ipa_bits, 0);
	vm->stats.table_bytes -= PAGE_SIZE << order;
	__free_pages(phys_to_page(mm->root), order);
	mm->root = 0;
}
