// SPDX-License-Identifier: GPL-2.0
/*
 * Stage-2 faults: find what is behind the address and map it.
 *
 * Called in ring 2 on the vCPU's thread, faults of several vCPUs at once. The whole fault is one
 * SRCU read section, so its slot stays; looking pages up, which may sleep, happens outside
 * mm->lock, mapping them inside. The caches are clean before a leaf becomes visible.
 *
 * Three kinds of memory: pages that this module pins (the default), pages that follow the VMM's
 * page tables through the MMU notifier, and VM_PFNMAP/VM_IO mappings, which have no pages to hold.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "internal.h"
#include "../compat/compat.h"
#include "../stats/trace.h"

static bool unsafe_pfnmap;
module_param(unsafe_pfnmap, bool, 0444);
MODULE_PARM_DESC(unsafe_pfnmap,
		 "map device memory of the VMM on kernels without MMU notifiers: the VMM must not unmap it while the VM lives");

struct fault {
	struct zvm_vm *vm;
	struct zvm_slot *slot;
	struct zvm_s2_cache cache;
	u64 ipa; /* page aligned */
	unsigned long index, hva;
	bool write, exec;
	bool logging; /* the slot has a dirty log: 4 KiB leaves, writable once written */
	bool readonly;
};

/* --- common ---------------------------------------------------------------------------------- */

/* What the guest may do with the page at `index`, which the host may write if `writable`. */
static u32 page_prot(struct fault *f, unsigned long index, bool writable)
{
	u32 prot = ZVM_S2_R;

	if (writable && !f->readonly && (!f->logging || (f->write && index == f->index)))
		prot |= ZVM_S2_W;
	/* With DIC = 0 a page becomes executable by an execution fault, after I-cache work. */
	if (f->exec || zvm_host.has_dic)
		prot |= ZVM_S2_X;
	return prot;
}

/* What memory needs done to the caches before it is mapped, or mapped executable. */
static bool must_inval(struct fault *f)
{
	return f->exec && !zvm_host.has_dic;
}

/* Without FWB the guest may read memory past the caches (MMU off): write them back. */
static bool must_clean(struct fault *f)
{
	return !zvm_host.has_fwb || (must_inval(f) && !zvm_host.has_idc);
}

static void sync_caches(struct fault *f, phys_addr_t pa, u64 size, bool mapped)
{
	if (!mapped && must_clean(f))
		zvm_cache_clean(pa, size);
	if (must_inval(f))
		zvm_cache_inval_icache(pa, size);
}

/* The same for one page that is new, in any context. */
static void sync_page(struct fault *f, phys_addr_t pa)
{
	if (must_clean(f))
		zvm_cache_clean_short(pa, PAGE_SIZE);
	if (must_inval(f))
		zvm_cache_inval_icache(pa, PAGE_SIZE);
}

/* No table left to map with: one more, outside the lock, and then again. */
static int more_tables(struct fault *f, int ret)
{
	if (ret != -EAGAIN)
		return ret;
	ret = zvm_s2_cache_fill(&f->cache);
	return ret ? ret : -EAGAIN;
}

static int map_locked(struct fault *f, u64 ipa, phys_addr_t pa, u64 size, u32 prot)
{
	if ((prot & ZVM_S2_W) && f->logging)
		zvm_dirty_mark(f->slot, f->index);
	return zvm_s2_map(f->vm, &f->cache, ipa, pa, size, prot);
}

/* Is there a leaf that already allows the access (another vCPU was first)? */
static bool already_mapped(struct fault *f)
{
	u32 need = f->write ? ZVM_S2_W : f->exec ? ZVM_S2_X : ZVM_S2_R;
	struct zvm_s2_leaf leaf;
	bool done = false;

	spin_lock(&f->vm->mm.lock);
	if (zvm_s2_lookup(f->vm, f->ipa, &leaf) && (leaf.prot & need)) {
		if (!(leaf.prot & ZVM_S2_AF))
			zvm_s2_mark_young(f->vm, f->ipa);
		done = true;
	}
	spin_unlock(&f->vm->mm.lock);
	return done;
}

/* The caches are made ready for [pa, pa + size) at `ipa`, where it is not mapped already. */
static void prepare(struct fault *f, u64 ipa, phys_addr_t pa, u64 size)
{
	struct zvm_s2_leaf leaf;
	bool same;

	if (!must_clean(f) && !must_inval(f))
		return;
	spin_lock(&f->vm->mm.lock);
	same = zvm_s2_lookup(f->vm, ipa, &leaf) && leaf.size >= size &&
	       leaf.pa + (ipa & (leaf.size - 1)) == pa;
	spin_unlock(&f->vm->mm.lock);
	sync_caches(f, pa, size, same);
}

/* --- pinned ---------------------------------------------------------------------------------- */

static int map_block(struct fault *f, unsigned long pfn, u64 size)
{
	u64 ipa = f->ipa & ~(size - 1);
	phys_addr_t pa = (phys_addr_t)pfn << PAGE_SHIFT;
	bool writable = zvm_pin_entry(f->slot, f->index) & ZVM_PIN_WRITE;
	u32 prot = page_prot(f, f->index, writable) | ZVM_S2_PINNED;
	int ret;

	prepare(f, ipa, pa, size);
	do {
		spin_lock(&f->vm->mm.lock);
		ret = map_locked(f, ipa, pa, size, prot);
		spin_unlock(&f->vm->mm.lock);
		ret = more_tables(f, ret);
	} while (ret == -EAGAIN);
	return ret;
}

/* Map those of [first, first + n) that are pinned. -ESTALE: the one that matters was exchanged. */
static int map_pages(struct fault *f, unsigned long first, unsigned long n)
{
	u64 base = f->slot->ipa + ((u64)first << PAGE_SHIFT);
	unsigned long entry[ZVM_PIN_BATCH];
	unsigned long i;
	int ret;

	for (i = 0; i < n; i++) {
		entry[i] = zvm_pin_entry(f->slot, first + i);
		if (entry[i])
			prepare(f, base + i * PAGE_SIZE, page_to_phys(ZVM_PIN_PAGE(entry[i])),
				PAGE_SIZE);
	}
	do {
		ret = 0;
		spin_lock(&f->vm->mm.lock);
		for (i = 0; i < n && !ret; i++) {
			u32 prot = page_prot(f, first + i, entry[i] & ZVM_PIN_WRITE);

			if (!entry[i])
				continue;
			if (zvm_pin_entry(f->slot, first + i) == entry[i])
				ret = map_locked(f, base + i * PAGE_SIZE,
						 page_to_phys(ZVM_PIN_PAGE(entry[i])), PAGE_SIZE,
						 prot | ZVM_S2_PINNED);
			else if (first + i == f->index)
				ret = -ESTALE;
		}
		spin_unlock(&f->vm->mm.lock);
		ret = more_tables(f, ret);
	} while (ret == -EAGAIN);
	return ret;
}

static int fault_pinned(struct fault *f)
{
	unsigned long gfn = f->ipa >> PAGE_SHIFT;
	unsigned long base = f->slot->ipa >> PAGE_SHIFT;
	unsigned long start = max(gfn & ~(ZVM_PIN_BATCH - 1), base);
	unsigned long end = min((gfn | (ZVM_PIN_BATCH - 1)) + 1, base + f->slot->npages);
	unsigned long pfn;
	u64 size = PAGE_SIZE;
	int ret;

	do {
		ret = zvm_pin_pages(f->vm, f->slot, f->index, start - base, end - start, f->write);
		if (ret)
			return ret;
		if (!f->logging)
			size = zvm_pin_block(f->vm, f->slot, f->ipa, &pfn);
		if (size > PAGE_SIZE)
			ret = map_block(f, pfn, size);
		else
			ret = map_pages(f, start - base, end - start);
	} while (ret == -ESTALE);
	return ret;
}

/* --- following the VMM's page tables ---------------------------------------------------------- */

/* The 512 pages around `page` if the VMM maps them as one congruent block: the first page frame. */
static unsigned long host_block(struct fault *f, struct page *page, bool writable)
{
	u64 base = f->ipa & ~(u64)(SZ_2M - 1);
	unsigned long hva = f->hva - (f->ipa - base);
	unsigned long pfn = page_to_pfn(page);
	unsigned long first = pfn & ~(ZVM_CHUNK_PAGES - 1);

	if (f->logging || page_size(compound_head(page)) < SZ_2M || base < f->slot->ipa ||
	    base + SZ_2M > zvm_slot_end(f->slot) || (hva & (SZ_2M - 1)) ||
	    ((pfn ^ (f->ipa >> PAGE_SHIFT)) & (ZVM_CHUNK_PAGES - 1)))
		return 0;
	return zvm_hostpt_block(hva, first, writable) ? first : 0;
}

static int host_page(struct fault *f, struct page **page, bool *writable)
{
	int got = get_user_pages_fast(f->hva, 1, f->write ? FOLL_WRITE : 0, page);

	*writable = f->write;
	if (got == 1) {
#ifdef ZVM_HAVE_GET_USER_PAGE_FAST_ONLY
		struct page *again;

		/* Writable in the VMM at no cost (no copy, no zero page): for the guest too. */
		if (!f->write && !f->readonly &&
		    get_user_page_fast_only(f->hva, FOLL_WRITE, &again)) {
			put_page(*page);
			*page = again;
			*writable = true;
		}
#endif
		return 0;
	}
	return got == -EINTR || got == -EAGAIN ? -EINTR : got == -ENOMEM ? -ENOMEM : -EFAULT;
}

/*
 * Before another look. One that is under way the second time may be a thread's that this one keeps off
 * the CPU, by its real-time priority: to yield would not help it.
 */
static void let_invalidation_end(struct zvm_vm *vm, unsigned int again)
{
	if (again > 1 && zvm_notifier_busy(vm))
		schedule_timeout_interruptible(1);
	else
		cond_resched();
}

static int fault_notified(struct fault *f)
{
	struct zvm_vm *vm = f->vm;
	unsigned int again = 0;
	unsigned long seq, block;
	struct page *page;
	bool writable;
	phys_addr_t pa;
	u64 size;
	int ret;

	do {
		if (signal_pending(current))
			return -EINTR;
		seq = zvm_notifier_begin(vm);
		ret = host_page(f, &page, &writable);
		if (ret)
			return ret;
		block = host_block(f, page, writable);
		size = block ? SZ_2M : PAGE_SIZE;
		pa = block ? (phys_addr_t)block << PAGE_SHIFT : page_to_phys(page);
		prepare(f, f->ipa & ~(size - 1), pa, size);
		do {
			spin_lock(&vm->mm.lock);
			if (zvm_notifier_retry(vm, seq, f->hva & ~(unsigned long)(size - 1), size))
				ret = -ESTALE;
			else
				ret = map_locked(f, f->ipa & ~(size - 1), pa, size,
						 page_prot(f, f->index, writable));
			spin_unlock(&vm->mm.lock);
			ret = more_tables(f, ret);
		} while (ret == -EAGAIN);
		if (!ret && writable)
			set_page_dirty_lock(page);
		put_page(page);
		let_invalidation_end(vm, again += ret == -ESTALE);
	} while (ret == -ESTALE);
	return ret;
}

/* --- memory without pages --------------------------------------------------------------------- */

static int host_pfn(struct fault *f, unsigned long *pfn, bool *writable)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	bool unlocked = false;
	int ret;

	mmap_read_lock(mm);
	for (;;) {
		vma = find_vma(mm, f->hva);
		ret = -EFAULT;
		if (!vma || vma->vm_start > f->hva || !(vma->vm_flags & (VM_IO | VM_PFNMAP)) ||
		    (f->write && !(vma->vm_flags & VM_WRITE)))
			break;
		ret = zvm_compat_follow_pfn(vma, f->hva, pfn, writable);
		if (!ret && (*writable || !f->write))
			break;
		ret = -EFAULT;
		if (unlocked || fixup_user_fault(mm, f->hva, f->write ? FAULT_FLAG_WRITE : 0,
						 &unlocked))
			break;
		unlocked = true; /* one attempt: the vma is looked up again after it */
	}
	mmap_read_unlock(mm);
	return ret;
}

static int fault_pfnmap(struct fault *f)
{
	unsigned int again = 0;
	unsigned long pfn, seq;
	bool writable, memory;
	u32 prot;
	int ret;

	do {
		if (signal_pending(current))
			return -EINTR;
		seq = zvm_notifier_begin(f->vm);
		ret = host_pfn(f, &pfn, &writable);
		if (ret)
			return ret;
		if (!zvm_notifier_active(f->vm) && !unsafe_pfnmap) {
			pr_warn_ratelimited("zvm: VM %s: device memory at IPA 0x%llx refused: this kernel has no MMU notifiers (see module parameter unsafe_pfnmap)\n",
					    f->vm->name, f->ipa);
			return -EFAULT;
		}
		prot = page_prot(f, f->index, writable);
		memory = zvm_compat_pfn_is_memory(pfn);
		if (!memory)
			prot = (prot & ~ZVM_S2_X) | ZVM_S2_DEVICE;
		spin_lock(&f->vm->mm.lock);
		if (zvm_notifier_retry(f->vm, seq, f->hva, PAGE_SIZE)) {
			ret = -ESTALE;
		} else {
			if (memory) /* it is there as long as its mapping is: until the lock is dropped */
				sync_page(f, PFN_PHYS(pfn));
			ret = map_locked(f, f->ipa, PFN_PHYS(pfn), PAGE_SIZE, prot);
		}
		spin_unlock(&f->vm->mm.lock);
		ret = more_tables(f, ret);
		let_invalidation_end(f->vm, again += ret == -ESTALE);
	} while (ret == -EAGAIN || ret == -ESTALE);
	return ret;
}

/* Nothing usable behind the address: tell poisoned memory from none. */
static int fault_poisoned(struct fault *f)
{
	struct page *page;
	long got = get_user_pages_unlocked(f->hva, 1, &page,
					   FOLL_HWPOISON | (f->write ? FOLL_WRITE : 0));

	if (got == 1)
		put_page(page);
	if (got != -EHWPOISON)
		return -EFAULT;
	send_sig_mceerr(BUS_MCEERR_AR, (void __user *)f->hva, PAGE_SHIFT, current);
	return -EHWPOISON;
}

int zvm_mm_fault(struct zvm_vcpu *v, u64 ipa, enum zvm_access access, bool permission)
{
	struct zvm_vm *vm = v->vm;
	struct fault f = {
		.vm = vm,
		.ipa = ipa & PAGE_MASK,
		.write = access == ZVM_ACCESS_WRITE,
		.exec = access == ZVM_ACCESS_EXEC,
	};
	int idx, ret;

	idx = zvm_watch_read_lock(vm);
	ret = -EIO;
	if (READ_ONCE(vm->mm.dead) || current->mm != vm->owner || !zvm_watch_active(vm))
		goto out;
	ret = -ENOENT;
	f.slot = zvm_slot_find(vm, f.ipa);
	if (!f.slot)
		goto out;
	f.readonly = f.slot->flags & KVM_MEM_READONLY;
	ret = -EROFS;
	if (f.write && f.readonly)
		goto out;
	ret = 0;
	if (already_mapped(&f))
		goto out;

	f.index = zvm_slot_index(f.slot, f.ipa);
	f.hva = f.slot->hva + (f.index << PAGE_SHIFT);
	f.logging = smp_load_acquire(&f.slot->dirty); /* pairs with slot_set_logging() */
	if (IS_ENABLED(CONFIG_ZVM_NOTIFIER_MODE) && vm->mm.notifier_mode)
		ret = fault_notified(&f);
	else
		ret = fault_pinned(&f);
	if (ret == -EFAULT)
		ret = fault_pfnmap(&f);
	if (ret == -EFAULT)
		ret = fault_poisoned(&f);
	zvm_s2_cache_drain(&f.cache);
out:
	srcu_read_unlock(&vm->mm.srcu, idx);
	trace_zvm_fault(v->id, ipa, access, permission, ret);
	return ret;
}
