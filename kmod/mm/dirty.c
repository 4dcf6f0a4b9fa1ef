// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty log: which pages of a slot the guest, or this module for it, has written.
 *
 * While a slot is logged its leaves are 4 KiB and lose write permission whenever their bit is
 * reported; the write fault that follows sets the bit again (fault.c). Called from VM ioctls with
 * slots_lock; the bitmap words are exchanged under mm->lock, where the fault path sets bits, so
 * that a page is never writable with its bit clear.
 *
 * Documentation/virt/kvm/api.rst of the kernel: KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

#define DIRTY_WORDS 32 /* handled under one hold of mm->lock: 2048 pages */

unsigned long *zvm_dirty_alloc(struct zvm_vm *vm, const struct zvm_slot *slot)
{
	unsigned long *dirty = kvzalloc(zvm_dirty_bytes(slot), GFP_KERNEL_ACCOUNT);

	if (dirty && (vm->mm.dirty_caps & KVM_DIRTY_LOG_INITIALLY_SET))
		bitmap_set(dirty, 0, slot->npages);
	return dirty;
}

void zvm_dirty_start(struct zvm_vm *vm, struct zvm_slot *slot)
{
	/* Faults that began before the bitmap was there may still map writable leaves. */
	synchronize_srcu_expedited(&vm->mm.srcu);
	/* All bits set: protection follows when they are cleared. */
	if (!(vm->mm.dirty_caps & KVM_DIRTY_LOG_INITIALLY_SET))
		zvm_s2_wrprotect(vm, slot->ipa, (u64)slot->npages << PAGE_SHIFT);
}

int zvm_mm_set_dirty_caps(struct zvm_vm *vm, u64 caps)
{
	if (caps & ~(u64)ZVM_DIRTY_CAPS ||
	    ((caps & KVM_DIRTY_LOG_INITIALLY_SET) && !(caps & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)))
		return -EINVAL;
	mutex_lock(&vm->mm.slots_lock);
	vm->mm.dirty_caps = caps;
	mutex_unlock(&vm->mm.slots_lock);
	return 0;
}

/* The logged slot of an ioctl; slots_lock held. */
static struct zvm_slot *logged_slot(struct zvm_vm *vm, u32 id, int *ret)
{
	struct zvm_slot *slot;

	*ret = -EINVAL;
	if (id >= ZVM_MAX_SLOTS)
		return NULL;
	*ret = -ENOENT;
	slot = zvm_slot_by_id(vm, id);
	return slot && slot->dirty ? slot : NULL;
}

static bool protect_word(struct zvm_vm *vm, struct zvm_slot *slot, unsigned long word,
			 unsigned long mask)
{
	bool changed = false;
	unsigned long bit;

	for_each_set_bit(bit, &mask, BITS_PER_LONG) {
		u64 index = word * BITS_PER_LONG + bit;

		changed |= zvm_s2_wrprotect_locked(vm, slot->ipa + (index << PAGE_SHIFT),
						   PAGE_SIZE);
	}
	return changed;
}

/* Report and clear: KVM_GET_DIRTY_LOG without manual protection. */
static int get_and_protect(struct zvm_vm *vm, struct zvm_slot *slot, unsigned long __user *user)
{
	unsigned long words = BITS_TO_LONGS(slot->npages);
	unsigned long buf[DIRTY_WORDS];
	unsigned long at, i, n;
	bool flush = false;
	int ret = 0;

	for (at = 0; at < words && !ret; at += n) {
		n = min_t(unsigned long, words - at, DIRTY_WORDS);
		spin_lock(&vm->mm.lock);
		for (i = 0; i < n; i++) {
			buf[i] = slot->dirty[at + i] ? xchg(&slot->dirty[at + i], 0) : 0;
			flush |= protect_word(vm, slot, at + i, buf[i]);
		}
		spin_unlock(&vm->mm.lock);
		if (copy_to_user(user + at, buf, n * sizeof(long)))
			ret = -EFAULT;
		cond_resched();
	}
	/* Writes through stale entries end before the caller copies the pages. */
	if (flush)
		zvm_tlb_flush_vm(vm);
	return ret;
}

int zvm_mm_get_dirty_log(struct zvm_vm *vm, struct kvm_dirty_log *log)
{
	struct zvm_slot *slot;
	int ret;

	mutex_lock(&vm->mm.slots_lock);
	slot = logged_slot(vm, log->slot, &ret);
	if (!slot)
		goto out;
	if (vm->mm.dirty_caps & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		ret = copy_to_user(log->dirty_bitmap, slot->dirty, zvm_dirty_bytes(slot)) ?
		      -EFAULT : 0;
	else
		ret = get_and_protect(vm, slot, log->dirty_bitmap);
out:
	mutex_unlock(&vm->mm.slots_lock);
	return ret;
}

int zvm_mm_clear_dirty_log(struct zvm_vm *vm, struct kvm_clear_dirty_log *log)
{
	unsigned long __user *user = log->dirty_bitmap;
	unsigned long buf[DIRTY_WORDS];
	unsigned long first, words, at, i, n;
	struct zvm_slot *slot;
	bool flush = false;
	int ret;

	if (log->first_page & (BITS_PER_LONG - 1))
		return -EINVAL;
	mutex_lock(&vm->mm.slots_lock);
	slot = logged_slot(vm, log->slot, &ret);
	if (!slot)
		goto out;
	ret = -EINVAL;
	if (log->first_page > slot->npages || log->num_pages > slot->npages - log->first_page ||
	    (log->num_pages < slot->npages - log->first_page &&
	     (log->num_pages & (BITS_PER_LONG - 1))))
		goto out;

	ret = 0;
	first = log->first_page / BITS_PER_LONG;
	words = BITS_TO_LONGS(log->num_pages);
	for (at = 0; at < words; at += n) {
		n = min_t(unsigned long, words - at, DIRTY_WORDS);
		if (copy_from_user(buf, user + at, n * sizeof(long))) {
			ret = -EFAULT;
			break;
		}
		spin_lock(&vm->mm.lock);
		for (i = 0; i < n; i++) {
			unsigned long word = first + at + i;
			unsigned long mask = buf[i];

			/* Only what was reported dirty: bits beyond the slot are never set. */
			mask &= atomic_long_fetch_andnot(mask, (atomic_long_t *)&slot->dirty[word]);
			flush |= protect_word(vm, slot, word, mask);
		}
		spin_unlock(&vm->mm.lock);
		cond_resched();
	}
	if (flush)
		zvm_tlb_flush_vm(vm);
out:
	mutex_unlock(&vm->mm.slots_lock);
	return ret;
}
