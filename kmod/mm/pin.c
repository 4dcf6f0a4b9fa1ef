// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned guest memory: the table of pages behind a memslot, and what they cost their owner.
 *
 * Called by the fault path (parallel faults of several vCPUs, inside an SRCU read section) and by
 * slot deletion, which waits for those sections first. The table is lock-free: an entry is claimed
 * by cmpxchg, and whoever loses the race gives its pin back. Pages are charged to the creator's
 * locked_vm before they are pinned, so RLIMIT_MEMLOCK bounds what a VM can hold.
 */
#include <linux/capability.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

static struct page *block_page(unsigned long word)
{
	return word & ZVM_PIN_BLOCK ? (struct page *)(word & ~ZVM_PIN_BLOCK) : NULL;
}

/* The word of a chunk; with a table in it if there was nothing. 0: no memory for one. */
static unsigned long chunk_make(struct zvm_slot *slot, unsigned long chunk)
{
	unsigned long word = READ_ONCE(slot->pins[chunk]);
	unsigned long table;

	if (word)
		return word;
	table = get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!table)
		return 0;
	/* Full barrier: the page is zero before others find it. */
	word = cmpxchg(&slot->pins[chunk], 0, table);
	if (!word)
		return table;
	free_page(table);
	return word;
}

/* Slot page index -> chunk number and entry in it: chunks are 2 MiB of IPA, slots need not be. */
static void locate(const struct zvm_slot *slot, unsigned long index, unsigned long *chunk,
		   unsigned long *entry)
{
	unsigned long at = ((slot->ipa >> PAGE_SHIFT) & (ZVM_CHUNK_PAGES - 1)) + index;

	*chunk = at / ZVM_CHUNK_PAGES;
	*entry = at % ZVM_CHUNK_PAGES;
}

int zvm_pins_create(struct zvm_slot *slot)
{
	unsigned long chunk, entry;

	BUILD_BUG_ON(sizeof(struct zvm_pins) > PAGE_SIZE);
	locate(slot, slot->npages - 1, &chunk, &entry);
	slot->nr_pins = chunk + 1;
	slot->pins = kvcalloc(slot->nr_pins, sizeof(*slot->pins), GFP_KERNEL_ACCOUNT);
	return slot->pins ? 0 : -ENOMEM;
}

static void uncharge(struct zvm_vm *vm, unsigned long n)
{
	if (!n)
		return;
	account_locked_vm(vm->owner, n, false);
	WRITE_ONCE(vm->stats.pinned_bytes,
		   (u64)atomic_long_sub_return(n, &vm->mm.pinned_pages) << PAGE_SHIFT);
}

static int charge(struct zvm_vm *vm, unsigned long n)
{
	int ret = account_locked_vm(vm->owner, n, true);

	if (!ret)
		WRITE_ONCE(vm->stats.pinned_bytes,
			   (u64)atomic_long_add_return(n, &vm->mm.pinned_pages) << PAGE_SHIFT);
	return ret;
}

static void unpin(struct page **page, unsigned long n, bool dirty)
{
	if (n)
		unpin_user_pages_dirty_lock(page, n, dirty);
}

/* Give back the pins of a table; returns how many. */
static unsigned long table_destroy(struct zvm_slot *slot, struct zvm_pins *pins)
{
	struct page *clean[ZVM_PIN_BATCH], *dirty[ZVM_PIN_BATCH];
	unsigned long i, nclean = 0, ndirty = 0, total = 0;

	for (i = 0; i < ZVM_CHUNK_PAGES; i++) {
		unsigned long e = pins->e[i];

		if (!e)
			continue;
		/* A read-only slot's guest cannot have written. */
		if ((e & ZVM_PIN_WRITE) && !(slot->flags & KVM_MEM_READONLY))
			dirty[ndirty++] = ZVM_PIN_PAGE(e);
		else
			clean[nclean++] = ZVM_PIN_PAGE(e);
		total++;
		if (ndirty == ZVM_PIN_BATCH) {
			unpin(dirty, ndirty, true);
			ndirty = 0;
		}
		if (nclean == ZVM_PIN_BATCH) {
			unpin(clean, nclean, false);
			nclean = 0;
		}
	}
	unpin(dirty, ndirty, true);
	unpin(clean, nclean, false);
	free_page((unsigned long)pins);
	return total;
}

void zvm_pins_give_back(struct zvm_vm *vm, struct zvm_slot *slot)
{
	unsigned long c, total = 0;

	if (!slot->pins)
		return;
	for (c = 0; c < slot->nr_pins; c++) {
		struct page *block = block_page(slot->pins[c]);

		if (block) {
			unpin(&block, 1, !(slot->flags & KVM_MEM_READONLY));
			total += ZVM_CHUNK_PAGES;
		} else if (slot->pins[c]) {
			total += table_destroy(slot, (struct zvm_pins *)slot->pins[c]);
		}
		slot->pins[c] = 0;
		cond_resched();
	}
	uncharge(vm, total);
}

void zvm_pins_destroy(struct zvm_vm *vm, struct zvm_slot *slot)
{
	zvm_pins_give_back(vm, slot);
	kvfree(slot->pins);
	slot->pins = NULL;
}

unsigned long zvm_pin_entry(struct zvm_slot *slot, unsigned long index)
{
	unsigned long chunk, entry, word;
	struct page *block;

	locate(slot, index, &chunk, &entry);
	word = READ_ONCE(slot->pins[chunk]);
	block = block_page(word);
	if (block)
		return (unsigned long)(block + entry) | ZVM_PIN_WRITE;
	return word ? READ_ONCE(((struct zvm_pins *)word)->e[entry]) : 0;
}

static void warn_limit(struct zvm_vm *vm)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK);

	pr_warn_ratelimited("zvm: VM %s: guest memory needs more locked memory than RLIMIT_MEMLOCK allows (%lu KiB, %lu KiB pinned): raise it (ulimit -l, LimitMEMLOCK=) to the size of the guest's RAM or give the VMM CAP_IPC_LOCK\n",
			    vm->name, limit >> 10,
			    (unsigned long)atomic_long_read(&vm->mm.pinned_pages) * (PAGE_SIZE / 1024));
}

static int gup_errno(int got)
{
	switch (got) {
	case 0:
	case -EFAULT:
		return -EFAULT;
	case -EHWPOISON:
	case -ENOMEM:
		return got;
	case -EAGAIN: /* only a signal interrupts a lookup that may wait */
	case -EINTR:
	case -ERESTARTSYS:
		return -EINTR;
	default:
		return -EFAULT;
	}
}

/* One page, for writing if the VMM may write it or if it has to be. The caller has charged it. */
static int pin_one(unsigned long hva, bool write, struct page **page, unsigned long *tag)
{
	int got = pin_user_pages_fast(hva, 1, FOLL_WRITE | FOLL_LONGTERM, page);

	*tag = ZVM_PIN_WRITE;
	if (got != 1 && !write) {
		/* The VMM may hold it read-only; then so does the guest. */
		*tag = 0;
		got = pin_user_pages_fast(hva, 1, FOLL_LONGTERM, page);
	}
	return got == 1 ? 0 : gup_errno(got);
}

int zvm_mm_pin_user(struct zvm_vm *vm, u64 hva, struct page **page)
{
	unsigned long tag;
	int ret = charge(vm, 1);

	if (ret)
		return ret;
	ret = pin_one(hva & PAGE_MASK, true, page, &tag);
	if (ret)
		uncharge(vm, 1);
	return ret;
}

void zvm_mm_unpin_user(struct zvm_vm *vm, struct page *page)
{
	unpin(&page, 1, true);
	uncharge(vm, 1);
}

/*
 * Make the pin of `page`, at `index`, that of its whole chunk if the VMM maps the chunk by one
 * writable block. False: it does not, or the chunk has pins already, or there is too much to charge.
 */
static bool chunk_claim(struct zvm_vm *vm, struct zvm_slot *slot, unsigned long index,
			struct page *page)
{
	unsigned long chunk, entry, hva;

	locate(slot, index, &chunk, &entry);
	hva = slot->hva + ((index - entry) << PAGE_SHIFT);
	if (READ_ONCE(slot->pins[chunk]) || index < entry ||
	    index - entry + ZVM_CHUNK_PAGES > slot->npages || (hva & (SZ_2M - 1)))
		return false;
	/* The pin keeps a huge page whole, so what its block maps now stays the chunk's. */
	if (page_size(compound_head(page)) < SZ_2M ||
	    !zvm_hostpt_block(hva, page_to_pfn(page) - entry, true))
		return false;
	if (charge(vm, ZVM_CHUNK_PAGES - 1))
		return false;
	if (!cmpxchg(&slot->pins[chunk], 0, (unsigned long)(page - entry) | ZVM_PIN_BLOCK))
		return true;
	uncharge(vm, ZVM_CHUNK_PAGES - 1);
	return false;
}

/* Pin page `index`, which had no pin, and its whole chunk where one pin can hold it. */
static int pin_first(struct zvm_vm *vm, struct zvm_slot *slot, unsigned long index, bool write)
{
	unsigned long chunk, entry, word, tag;
	struct page *page;
	int ret;

	ret = charge(vm, 1);
	if (ret)
		return ret;
	ret = pin_one(slot->hva + (index << PAGE_SHIFT), write, &page, &tag);
	if (ret)
		goto out_uncharge;
	if (tag && chunk_claim(vm, slot, index, page))
		return 0;
	locate(slot, index, &chunk, &entry);
	word = chunk_make(slot, chunk);
	if (!word)
		ret = -ENOMEM;
	else if (!block_page(word) && !cmpxchg(&((struct zvm_pins *)word)->e[entry], 0,
					       (unsigned long)page | tag))
		return 0;
	unpin_user_page(page); /* another vCPU was first */
out_uncharge:
	uncharge(vm, 1);
	return ret;
}

/*
 * Until 6.2 a lookup that pins for long keeps the mmap lock, so it cannot wait for userfaultfd and
 * fails. An ordinary one waits: true if the page is there now and pinning it is worth another try.
 */
static bool bring_page(unsigned long hva, bool write)
{
	struct page *page;
	long got = get_user_pages_unlocked(hva, 1, &page, FOLL_WRITE);

	if (got != 1 && !write)
		got = get_user_pages_unlocked(hva, 1, &page, 0);
	if (got == 1)
		put_page(page);
	return got == 1;
}

/*
 * Pin up to ZVM_PIN_BATCH pages from `index` on and claim their entries. Returns how many of them
 * the table holds now from the first on, or -errno if not even one.
 */
static int pin_batch(struct zvm_vm *vm, struct zvm_slot *slot, struct zvm_pins *pins,
		     unsigned long index, unsigned long entry, unsigned long n)
{
	unsigned long hva = slot->hva + (index << PAGE_SHIFT);
	struct page *page[ZVM_PIN_BATCH];
	unsigned long tag = ZVM_PIN_WRITE;
	unsigned long i, spare;
	int got;

	got = charge(vm, n);
	if (got)
		return got;
	got = pin_user_pages_fast(hva, n, FOLL_WRITE | FOLL_LONGTERM, page);
	if (got <= 0) {
		tag = 0;
		got = pin_user_pages_fast(hva, n, FOLL_LONGTERM, page);
	}
	spare = n - max(got, 0);
	for (i = 0; (int)i < got; i++) {
		if (cmpxchg(&pins->e[entry + i], 0, (unsigned long)page[i] | tag)) {
			unpin_user_page(page[i]); /* another vCPU was first */
			spare++;
		}
	}
	uncharge(vm, spare);
	return got > 0 ? got : gup_errno(got);
}

/* The page is pinned for reading and must be written: look it up again for writing. */
static int pin_upgrade(struct zvm_vm *vm, struct zvm_slot *slot, unsigned long index)
{
	unsigned long hva = slot->hva + (index << PAGE_SHIFT);
	unsigned long chunk, entry, old;
	struct zvm_pins *pins;
	struct page *page;
	int got;

	got = pin_user_pages_fast(hva, 1, FOLL_WRITE | FOLL_LONGTERM, &page);
	if (got != 1 && bring_page(hva, true))
		got = pin_user_pages_fast(hva, 1, FOLL_WRITE | FOLL_LONGTERM, &page);
	if (got != 1)
		return gup_errno(got);
	locate(slot, index, &chunk, &entry);
	pins = (struct zvm_pins *)slot->pins[chunk]; /* what a block holds can be written */

	/* Under the lock nobody maps the old page again once it is out of the table. */
	spin_lock(&vm->mm.lock);
	old = pins->e[entry];
	if (old & ZVM_PIN_WRITE) {
		spin_unlock(&vm->mm.lock);
		unpin_user_page(page);
		return 0;
	}
	if (ZVM_PIN_PAGE(old) != page)
		zvm_s2_unmap_locked(vm, slot->ipa + ((u64)index << PAGE_SHIFT), PAGE_SIZE, 0);
	WRITE_ONCE(pins->e[entry], (unsigned long)page | ZVM_PIN_WRITE);
	spin_unlock(&vm->mm.lock);
	unpin_user_page(ZVM_PIN_PAGE(old));
	return 0;
}

/* Pin what is missing of [first, first + n), all in one chunk; stops at the first failure. */
static int pin_missing(struct zvm_vm *vm, struct zvm_slot *slot, unsigned long first,
		       unsigned long n)
{
	unsigned long chunk, entry, run, word;
	struct zvm_pins *pins;
	int got;

	locate(slot, first, &chunk, &entry);
	word = chunk_make(slot, chunk);
	if (!word)
		return -ENOMEM;
	if (block_page(word))
		return 0;
	pins = (struct zvm_pins *)word;
	while (n) {
		for (run = 0; run < n && run < ZVM_PIN_BATCH; run++)
			if (READ_ONCE(pins->e[entry + run]))
				break;
		if (run) {
			got = pin_batch(vm, slot, pins, first, entry, run);
			if (got < 0)
				return got;
			run = got;
		} else {
			run = 1;
		}
		first += run;
		entry += run;
		n -= run;
	}
	return 0;
}

int zvm_pin_pages(struct zvm_vm *vm, struct zvm_slot *slot, unsigned long index,
		  unsigned long first, unsigned long n, bool write)
{
	unsigned long e = zvm_pin_entry(slot, index);
	int ret;

	if (!e) {
		/* Alone: that may bring a huge page in, which makes the others cheap, or be enough. */
		ret = pin_first(vm, slot, index, write);
		if (ret == -EFAULT && bring_page(slot->hva + (index << PAGE_SHIFT), write))
			ret = pin_first(vm, slot, index, write);
		if (ret == -ENOMEM && !capable(CAP_IPC_LOCK))
			warn_limit(vm);
		if (ret)
			return ret;
		pin_missing(vm, slot, first, n); /* what can be had; its failure says nothing */
		e = zvm_pin_entry(slot, index);
	}
	if (write && !(e & ZVM_PIN_WRITE))
		return pin_upgrade(vm, slot, index);
	return 0;
}

/* First page frame of a chunk whose 512 pages are one aligned 2 MiB run with equal rights, or 0. */
static unsigned long chunk_run(struct zvm_slot *slot, unsigned long chunk)
{
	unsigned long word = READ_ONCE(slot->pins[chunk]);
	unsigned long first, tag, pfn, i;
	struct zvm_pins *pins;

	if (!word)
		return 0;
	if (block_page(word))
		return page_to_pfn(block_page(word));
	pins = (struct zvm_pins *)word;
	first = READ_ONCE(pins->e[0]);
	tag = first & ZVM_PIN_WRITE;
	/* A page held for reading may yet be exchanged, unless the guest can never write it. */
	if (!first || (!tag && !(slot->flags & KVM_MEM_READONLY)))
		return 0;
	pfn = page_to_pfn(ZVM_PIN_PAGE(first));
	if (pfn & (ZVM_CHUNK_PAGES - 1))
		return 0;
	for (i = 1; i < ZVM_CHUNK_PAGES; i++) {
		unsigned long e = READ_ONCE(pins->e[i]);

		if (!e || (e & ZVM_PIN_WRITE) != tag || page_to_pfn(ZVM_PIN_PAGE(e)) != pfn + i)
			return 0;
	}
	return pfn;
}

u64 zvm_pin_block(struct zvm_vm *vm, struct zvm_slot *slot, u64 ipa, unsigned long *pfn)
{
	unsigned long e = zvm_pin_entry(slot, zvm_slot_index(slot, ipa));
	unsigned long in_page = page_to_pfn(ZVM_PIN_PAGE(e));
	u64 huge = page_size(compound_head(ZVM_PIN_PAGE(e)));
	unsigned long chunk, entry, c, run;
	u64 base = ipa & ~(u64)(SZ_2M - 1);
	u64 giga = ipa & ~(u64)(SZ_1G - 1);

	if (base < slot->ipa || base + SZ_2M > zvm_slot_end(slot))
		return PAGE_SIZE;
	locate(slot, zvm_slot_index(slot, base), &chunk, &entry);
	/* The rest of a huge page that is congruent is there for the asking. */
	if (huge >= SZ_2M && !(((u64)in_page ^ (ipa >> PAGE_SHIFT)) & (ZVM_CHUNK_PAGES - 1)))
		pin_missing(vm, slot, zvm_slot_index(slot, base), ZVM_CHUNK_PAGES);
	*pfn = chunk_run(slot, chunk);
	if (!*pfn)
		return PAGE_SIZE;

	if (giga < slot->ipa || giga + SZ_1G > zvm_slot_end(slot) ||
	    (((u64)*pfn << PAGE_SHIFT) ^ base) & (SZ_1G - 1))
		return SZ_2M;
	locate(slot, zvm_slot_index(slot, giga), &chunk, &entry);
	for (c = 0; c < SZ_1G / SZ_2M; c++) {
		u64 at = giga + c * SZ_2M;

		if (huge >= SZ_1G && zvm_pin_pages(vm, slot, zvm_slot_index(slot, at),
						   zvm_slot_index(slot, at), ZVM_CHUNK_PAGES,
						   false))
			return SZ_2M;
		run = chunk_run(slot, chunk + c);
		if (run != *pfn + ((long)(at - base) >> PAGE_SHIFT))
			return SZ_2M;
		cond_resched();
	}
	*pfn += (long)(giga - base) >> PAGE_SHIFT;
	return SZ_1G;
}
