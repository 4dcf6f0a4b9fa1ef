/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of mm/ share. Nobody outside includes this.
 *
 * Lock order: slots_lock > mmap lock of the VMM (taken by the kernel inside GUP) > mm->lock.
 * SRCU read sections may sleep in GUP; a holder of slots_lock waits for them, so a reader never
 * takes slots_lock.
 */
#ifndef ZVM_MM_INTERNAL_H
#define ZVM_MM_INTERNAL_H

#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "../zvm.h"

#define ZVM_CHUNK_PAGES 512UL /* pages in 2 MiB, the unit of the pin table */
#define ZVM_PIN_BATCH	64UL  /* pages pinned and mapped around a fault */

/*
 * One 2 MiB piece (aligned in IPA) of a pinned slot: the page behind each 4 KiB, 0 if not pinned,
 * ZVM_PIN_WRITE if it was pinned for writing. An entry goes 0 -> page by cmpxchg; a page pinned for
 * reading is exchanged for a writable one under mm->lock; a writable one stays until the slot goes.
 */
struct zvm_pins {
	unsigned long e[ZVM_CHUNK_PAGES];
};

#define ZVM_PIN_WRITE 1UL
#define ZVM_PIN_PAGE(e) ((struct page *)((e) & ~ZVM_PIN_WRITE))

/*
 * The pins of one chunk, one word: 0, a table of them, or, where the VMM maps the chunk by one
 * writable block of a huge page, that block's first page | ZVM_PIN_BLOCK. One pin holds all of it:
 * a huge page with a pin is neither split nor freed. The word changes once, by cmpxchg.
 */
#define ZVM_PIN_BLOCK 1UL

/* A memslot. Constant while readers can see it, but for the fields that say otherwise. */
struct zvm_slot {
	u64 ipa;
	unsigned long npages;
	unsigned long hva;
	u32 flags; /* KVM_MEM_*; LOG_DIRTY_PAGES changes under slots_lock */
	u16 id;
	bool dead;	      /* being deleted: faults treat it as absent */
	unsigned long *dirty; /* one bit per page, words of 64; NULL unless logging */
	unsigned long *pins;  /* of each chunk, filled on demand; NULL in notifier mode */
	unsigned long nr_pins;
};

/* Sorted by ipa, never overlapping; replaced as a whole, read under SRCU. */
struct zvm_slots {
	unsigned int nr;
	struct zvm_slot *slot[];
};

/* The slot that holds `ipa`, or NULL. SRCU read section or slots_lock. */
struct zvm_slot *zvm_slot_find(struct zvm_vm *vm, u64 ipa);
struct zvm_slots *zvm_slots_get(struct zvm_vm *vm);
/* The slot with this KVM slot number, or NULL; slots_lock held. */
struct zvm_slot *zvm_slot_by_id(struct zvm_vm *vm, u32 id);
int zvm_slots_create(struct zvm_vm *vm);
/* No reader left: frees every slot with its pins. */
void zvm_slots_destroy(struct zvm_vm *vm);

static inline u64 zvm_slot_end(const struct zvm_slot *s)
{
	return s->ipa + ((u64)s->npages << PAGE_SHIFT);
}

static inline unsigned long zvm_slot_index(const struct zvm_slot *s, u64 ipa)
{
	return (ipa - s->ipa) >> PAGE_SHIFT;
}

/* Bytes of a dirty bitmap as KVM_GET_DIRTY_LOG copies it. */
static inline size_t zvm_dirty_bytes(const struct zvm_slot *s)
{
	return BITS_TO_LONGS(s->npages) * sizeof(long);
}

/* --- stage2.c: tables ------------------------------------------------------------------------ */

#define ZVM_S2_R      BIT(0)
#define ZVM_S2_W      BIT(1)
#define ZVM_S2_X      BIT(2)
#define ZVM_S2_DEVICE BIT(3) /* Device-nGnRE instead of normal write-back */
#define ZVM_S2_PINNED BIT(4) /* the page is held by a pin: invalidations leave it alone */
#define ZVM_S2_AF     BIT(5) /* lookup only: accessed since it was last aged */

struct zvm_s2_leaf {
	phys_addr_t pa; /* of the first byte of the leaf */
	u64 size;	/* 4 KiB, 2 MiB or 1 GiB */
	u32 prot;	/* ZVM_S2_* */
};

/* Zeroed pages taken outside mm->lock; three tables are the most that one leaf can need. */
struct zvm_s2_cache {
	unsigned int nr;
	u64 *page[4];
};

/* One page more: after -EAGAIN of zvm_s2_map(). */
int zvm_s2_cache_fill(struct zvm_s2_cache *cache);
void zvm_s2_cache_drain(struct zvm_s2_cache *cache);

int zvm_s2_create(struct zvm_vm *vm);
void zvm_s2_destroy(struct zvm_vm *vm);

/*
 * Install a leaf; mm->lock held; ipa and pa aligned to `size`. A leaf over the same memory keeps
 * what it already allows, one over other memory is replaced (break before make), smaller leaves
 * below a block are replaced by it, a block above a smaller leaf is split. -EAGAIN: the cache is
 * empty, fill it and repeat.
 */
int zvm_s2_map(struct zvm_vm *vm, struct zvm_s2_cache *cache, u64 ipa, phys_addr_t pa, u64 size,
	       u32 prot);
/* The leaf that translates `ipa`; mm->lock held. */
bool zvm_s2_lookup(struct zvm_vm *vm, u64 ipa, struct zvm_s2_leaf *leaf);
/* Set the access flag of the leaf at `ipa`; or look at it, and clear it; mm->lock held. */
void zvm_s2_mark_young(struct zvm_vm *vm, u64 ipa);
bool zvm_s2_age(struct zvm_vm *vm, u64 ipa, u64 size, bool clear);
/*
 * Remove every leaf that touches the range, TLBs included, before returning. Takes mm->lock in
 * pieces.
 */
#define ZVM_UNMAP_KEEP_PINNED BIT(0) /* leave pinned leaves */
#define ZVM_UNMAP_NO_RESCHED  BIT(1) /* the caller may not give up the CPU */
void zvm_s2_unmap(struct zvm_vm *vm, u64 ipa, u64 size, unsigned int flags);
/* The same for a short range with mm->lock held. */
void zvm_s2_unmap_locked(struct zvm_vm *vm, u64 ipa, u64 size, unsigned int flags);
/* Take write permission away; mm->lock held. True: something changed, the caller flushes TLBs. */
bool zvm_s2_wrprotect_locked(struct zvm_vm *vm, u64 ipa, u64 size);
/* Over a range of any size, in pieces, TLBs included. */
void zvm_s2_wrprotect(struct zvm_vm *vm, u64 ipa, u64 size);

/* --- cache.c --------------------------------------------------------------------------------- */

/* Data cache lines of [pa, pa + size) to the point of coherency, clean and invalidated. */
void zvm_cache_clean(phys_addr_t pa, u64 size);
/* The same for at most 64 KiB in any context. Memory that nobody holds: under mm->lock, as mapped. */
void zvm_cache_clean_short(phys_addr_t pa, u64 size);
/* Instruction caches of all CPUs forget [pa, pa + size). */
void zvm_cache_inval_icache(phys_addr_t pa, u64 size);

/* --- pin.c ----------------------------------------------------------------------------------- */

int zvm_pins_create(struct zvm_slot *slot);
void zvm_pins_give_back(struct zvm_vm *vm, struct zvm_slot *slot); /* unpins and uncharges */
void zvm_pins_destroy(struct zvm_vm *vm, struct zvm_slot *slot); /* the table, too */
/*
 * Make sure page `index` of the slot is pinned (for writing if `write`), and its neighbours
 * [first, first + n) as far as that is possible; all in one chunk. 0 or -errno for `index`.
 */
int zvm_pin_pages(struct zvm_vm *vm, struct zvm_slot *slot, unsigned long index,
		  unsigned long first, unsigned long n, bool write);
/* Pin table entry of a page, 0 if it has none. */
unsigned long zvm_pin_entry(struct zvm_slot *slot, unsigned long index);
/*
 * The largest block around `ipa` (which is pinned) whose pages are all pinned alike, physically
 * contiguous and congruent: its size (PAGE_SIZE if none) and first page frame. Pins what is missing
 * where the page at `ipa` is part of a huge page.
 */
u64 zvm_pin_block(struct zvm_vm *vm, struct zvm_slot *slot, u64 ipa, unsigned long *pfn);

/* --- hostpt.c -------------------------------------------------------------------------------- */

/*
 * Does the page table of this thread's process map the 2 MiB at `hva` (aligned) by one entry, to
 * the page frames from `pfn` on, and writable if `write`? The answer is old when it arrives: the
 * caller holds a reference to the page, or an invalidation tells it.
 */
bool zvm_hostpt_block(unsigned long hva, unsigned long pfn, bool write);

/* --- notifier.c ------------------------------------------------------------------------------ */

extern bool zvm_notifier_default;

int zvm_notifier_register(struct zvm_vm *vm);
void zvm_notifier_unregister(struct zvm_vm *vm);
/* Number of invalidations so far, for zvm_notifier_retry() after the page was looked up. */
unsigned long zvm_notifier_begin(struct zvm_vm *vm);
/* mm->lock held: was [hva, hva + size) invalidated since zvm_notifier_begin()? */
bool zvm_notifier_retry(struct zvm_vm *vm, unsigned long seq, unsigned long hva, u64 size);
/* Is an invalidation under way? */
bool zvm_notifier_busy(struct zvm_vm *vm);
/* Does anybody tell this VM about changes of the VMM's page tables? */
bool zvm_notifier_active(struct zvm_vm *vm);

/* --- mm.c ------------------------------------------------------------------------------------ */

/* Every leaf and every pin; slots_lock held, and no fault under way or to come. */
void zvm_mm_give_back(struct zvm_vm *vm);

/* --- watch.c --------------------------------------------------------------------------------- */

#ifdef CONFIG_MMU_NOTIFIER
static inline void zvm_watch_init(struct zvm_vm *vm) {}
static inline void zvm_watch_exit(struct zvm_vm *vm) {}

static inline int zvm_watch_read_lock(struct zvm_vm *vm)
{
	return srcu_read_lock(&vm->mm.srcu);
}

static inline bool zvm_watch_active(struct zvm_vm *vm)
{
	return true;
}
#else
void zvm_watch_init(struct zvm_vm *vm);
void zvm_watch_exit(struct zvm_vm *vm); /* nothing is given back behind one's back any more */
/* srcu_read_lock() of a section that may pin; not while pages are being given back. */
int zvm_watch_read_lock(struct zvm_vm *vm);
/* Inside: will the end of the VMM's address space be noticed? */
bool zvm_watch_active(struct zvm_vm *vm);
#endif

/* --- dirty.c --------------------------------------------------------------------------------- */

/* Logging of a slot begins: pages written from now on will be seen. slots_lock held. */
void zvm_dirty_start(struct zvm_vm *vm, struct zvm_slot *slot);
unsigned long *zvm_dirty_alloc(struct zvm_vm *vm, const struct zvm_slot *slot);

static inline void zvm_dirty_mark(struct zvm_slot *slot, unsigned long index)
{
	unsigned long *dirty = READ_ONCE(slot->dirty);

	if (dirty)
		set_bit(index, dirty);
}

#endif
