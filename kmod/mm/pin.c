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

static struct zvm_pins *chunk_get(struct zvm_slot *slot, unsigned long chunk, bool alloc)
{
	struct zvm_pins *pins = READ_ONCE(slot->pins[chunk]);
	struct zvm_pins *old;

	if (pins || !alloc)
		return pins;
	pins = (struct zvm_pins *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!pins)
		return NULL;
	/* Full barrier: the page is zero before others find it. */
	old = cmpxchg(&slot->pins[chunk], NULL, pins);
	if (old) {
		free_page((unsigned long)pins);
		pins = old;
	}
	return pins;
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

void zvm_pins_destroy(struct zvm_vm *vm, struct zvm_slot *slot)
{
	struct page *clean[ZVM_PIN_BATCH], *dirty[ZVM_PIN_BATCH];
	unsigned long c, i, nclean, ndirty, total = 0;

	if (!slot->pins)
		return;
	for (c = 0; c < slot->nr_pins; c++) {
		struct zvm_pins *pins = slot->pins[c];

		if (!pins)
			continue;
		nclean = 0;
		ndirty = 0;
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
		cond_resched();
	}
	kvfree(slot->pins);
	slot->pins = NULL;
	uncharge(vm, total);
}

unsigned long zvm_pin_entry(struct zvm_slot *slot, unsigned long index)
{
	unsigned long chunk, entry;
	struct zvm_pins *pins;

	locate(slot, index, &chunk, &entry);
	pins = chunk_get(slot, chunk, false);
	return pins ? READ_ONCE(pins->e[entry]) : 0;
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
		     unsigned long index, unsigned long entry, unsigned long n, bool write)
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
	if (got <= 0 && !write) {
		/* The VMM may hold it read-only; then so does the guest. */
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
	pins = slot->pins[chunk];

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
	unsigned long chunk, entry, run;
	struct zvm_pins *pins;
	int got;

	locate(slot, first, &chunk, &entry);
	pins = chunk_get(slot, chunk, true);
	if (!pins)
		return -ENOMEM;
	while (n) {
		for (run = 0; run < n && run < ZVM_PIN_BATCH; run++)
			if (READ_ONCE(pins->e[entry + run]))
				break;
		if (run) {
			got = pin_batch(vm, slot, pins, first, entry, run, false);
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
	unsigned long chunk, entry, e;
	struct zvm_pins *pins;
	int ret;

	e = zvm_pin_entry(slot, index);
	if (!e) {
		/* Its failure matters only if this page was among those that failed. */
		pin_missing(vm, slot, first, n);
		e = zvm_pin_entry(slot, index);
	}
	if (!e) {
		locate(slot, index, &chunk, &entry);
		pins = chunk_get(slot, chunk, true);
		if (!pins)
			return -ENOMEM;
		ret = pin_batch(vm, slot, pins, index, entry, 1, write);
		if (ret == -EFAULT && bring_page(slot->hva + (index << PAGE_SHIFT), write))
			ret = pin_batch(vm, slot, pins, index, entry, 1, write);
		if (ret == -ENOMEM && !capable(CAP_IPC_LOCK))
			warn_limit(vm);
		if (ret < 0)
			return ret;
		e = zvm_pin_entry(slot, index);
	}
	if (write && !(e & ZVM_PIN_WRITE))
		return pin_upgrade(vm, slot, index);
	return 0;
}

/* First page frame of a chunk whose 512 pages are one aligned 2 MiB run with equal rights, or 0. */
static unsigned long chunk_run(struct zvm_slot *slot, unsigned long chunk)
{
	struct zvm_pins *pins = chunk_get(slot, chunk, false);
	unsigned long first, tag, pfn, i;

	if (!pins)
		return 0;
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

		if (huge >= SZ_1G && pin_missing(vm, slot, zvm_slot_index(slot, at),
						 ZVM_CHUNK_PAGES))
			return SZ_2M;
		run = chunk_run(slot, chunk + c);
		if (run != *pfn + ((long)(at - base) >> PAGE_SHIFT))
			return SZ_2M;
		cond_resched();
	}
	*pfn += (long)(giga - base) >> PAGE_SHIFT;
	return SZ_1G;
}
