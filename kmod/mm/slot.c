// SPDX-License-Identifier: GPL-2.0
/*
 * Memslots: which part of the guest's address space is which part of the VMM's.
 *
 * KVM_SET_USER_MEMORY_REGION, with the rules and error numbers of the KVM API. Writers hold
 * slots_lock and publish a new sorted array; readers (faults, MMIO, notifier) are inside SRCU.
 * Nothing in the arguments is trusted: they come from user space.
 *
 * A slot goes in this order: `dead` is set and readers that did not see it are waited for, its
 * leaves and their TLB entries are removed, the array without it is published and its readers are waited
 * for, its pages are given back. So an invalidation by the MMU notifier finds the slot for as long
 * as one of its pages may be mapped.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"
#include "../compat/compat.h"

#define SLOT_FLAGS     (KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)
#define SLOT_MAX_PAGES ((1UL << 31) - 1)

struct zvm_slots *zvm_slots_get(struct zvm_vm *vm)
{
	return srcu_dereference_check(vm->mm.slots, &vm->mm.srcu,
				      lockdep_is_held(&vm->mm.slots_lock));
}

struct zvm_slot *zvm_slot_find(struct zvm_vm *vm, u64 ipa)
{
	struct zvm_slots *slots = zvm_slots_get(vm);
	unsigned int lo = 0, hi = slots->nr;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;
		struct zvm_slot *s = slots->slot[mid];

		if (ipa < s->ipa)
			hi = mid;
		else if (ipa >= zvm_slot_end(s))
			lo = mid + 1;
		else
			return READ_ONCE(s->dead) ? NULL : s;
	}
	return NULL;
}

struct zvm_slot *zvm_slot_by_id(struct zvm_vm *vm, u32 id)
{
	struct zvm_slots *slots = zvm_slots_get(vm);
	unsigned int i;

	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i]->id == id)
			return slots->slot[i];
	return NULL;
}

static struct zvm_slots *slots_alloc(unsigned int nr)
{
	struct zvm_slots *slots = kvzalloc(struct_size(slots, slot, nr), GFP_KERNEL_ACCOUNT);

	if (slots)
		slots->nr = nr;
	return slots;
}

int zvm_slots_create(struct zvm_vm *vm)
{
	struct zvm_slots *slots = slots_alloc(0);

	if (!slots)
		return -ENOMEM;
	RCU_INIT_POINTER(vm->mm.slots, slots);
	return 0;
}

static void slot_free(struct zvm_vm *vm, struct zvm_slot *slot)
{
	if (!slot)
		return;
	zvm_pins_destroy(vm, slot);
	kvfree(slot->dirty);
	kfree(slot);
}

void zvm_slots_destroy(struct zvm_vm *vm)
{
	struct zvm_slots *slots = rcu_dereference_protected(vm->mm.slots, true);
	unsigned int i;

	if (!slots)
		return;
	for (i = 0; i < slots->nr; i++)
		slot_free(vm, slots->slot[i]);
	RCU_INIT_POINTER(vm->mm.slots, NULL);
	kvfree(slots);
}

/* After the change: who read the old number may have seen either state. */
static void slots_changed(struct zvm_vm *vm)
{
	smp_store_release(&vm->mm.slots_gen, vm->mm.slots_gen + 1);
}

/* Publish the array without `remove` and with `add` (either may be NULL); frees the old array. */
static int slots_publish(struct zvm_vm *vm, struct zvm_slot *remove, struct zvm_slot *add)
{
	struct zvm_slots *old = zvm_slots_get(vm);
	struct zvm_slots *new = slots_alloc(old->nr - !!remove + !!add);
	unsigned int i, n = 0;

	if (!new)
		return -ENOMEM;
	for (i = 0; i < old->nr; i++) {
		if (old->slot[i] == remove)
			continue;
		if (add && add->ipa < old->slot[i]->ipa) {
			new->slot[n++] = add;
			add = NULL;
		}
		new->slot[n++] = old->slot[i];
	}
	if (add)
		new->slot[n++] = add;
	rcu_assign_pointer(vm->mm.slots, new);
	slots_changed(vm);
	synchronize_srcu_expedited(&vm->mm.srcu);
	kvfree(old);
	return 0;
}

/* Take every mapping of the slot away; afterwards nobody can make a new one. */
static void slot_kill(struct zvm_vm *vm, struct zvm_slot *slot)
{
	WRITE_ONCE(slot->dead, true);
	synchronize_srcu_expedited(&vm->mm.srcu); /* faults under way have mapped or given up */
	zvm_s2_unmap(vm, slot->ipa, (u64)slot->npages << PAGE_SHIFT, 0);
}

static bool overlaps(struct zvm_vm *vm, u64 ipa, u64 size, const struct zvm_slot *except)
{
	struct zvm_slots *slots = zvm_slots_get(vm);
	unsigned int i;

	for (i = 0; i < slots->nr; i++) {
		struct zvm_slot *s = slots->slot[i];

		if (s != except && ipa < zvm_slot_end(s) && s->ipa < ipa + size)
			return true;
	}
	return false;
}

/* A dirty log of page frames without struct page is refused, as KVM does. */
static bool has_pfnmap(struct zvm_vm *vm, unsigned long hva, unsigned long size)
{
	struct vm_area_struct *vma;
	unsigned long at = hva;
	bool found = false;

	mmap_read_lock(vm->owner);
	while (at < hva + size && !found) {
		vma = find_vma(vm->owner, at);
		if (!vma || vma->vm_start >= hva + size)
			break;
		found = vma->vm_flags & VM_PFNMAP;
		at = vma->vm_end;
	}
	mmap_read_unlock(vm->owner);
	return found;
}

static struct zvm_slot *slot_make(struct zvm_vm *vm, const struct kvm_userspace_memory_region *r,
				  u32 flags)
{
	struct zvm_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return ERR_PTR(-ENOMEM);
	slot->ipa = r->guest_phys_addr;
	slot->npages = r->memory_size >> PAGE_SHIFT;
	slot->hva = r->userspace_addr;
	slot->flags = flags;
	slot->id = r->slot;
	if (!vm->mm.notifier_mode && zvm_pins_create(slot))
		goto no_memory;
	if (flags & KVM_MEM_LOG_DIRTY_PAGES) {
		slot->dirty = zvm_dirty_alloc(vm, slot);
		if (!slot->dirty)
			goto no_memory;
	}
	return slot;

no_memory:
	slot_free(vm, slot);
	return ERR_PTR(-ENOMEM);
}

static int slot_delete(struct zvm_vm *vm, struct zvm_slot *slot)
{
	int ret;

	slot_kill(vm, slot);
	ret = slots_publish(vm, slot, NULL);
	if (ret) {
		WRITE_ONCE(slot->dead, false); /* it stays, its leaves come back by faults */
		slots_changed(vm);
		return ret;
	}
	slot_free(vm, slot);
	return 0;
}

static int slot_create(struct zvm_vm *vm, const struct kvm_userspace_memory_region *r)
{
	struct zvm_slot *slot = slot_make(vm, r, r->flags);
	int ret;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	ret = slots_publish(vm, NULL, slot);
	if (ret)
		slot_free(vm, slot);
	return ret;
}

static int slot_move(struct zvm_vm *vm, struct zvm_slot *old,
		     const struct kvm_userspace_memory_region *r)
{
	struct zvm_slot *slot = slot_make(vm, r, r->flags);
	int ret;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	slot_kill(vm, old);
	ret = slots_publish(vm, old, slot);
	if (ret) {
		WRITE_ONCE(old->dead, false);
		slots_changed(vm);
		slot_free(vm, slot);
		return ret;
	}
	slot_free(vm, old);
	return 0;
}

static int slot_set_logging(struct zvm_vm *vm, struct zvm_slot *slot, u32 flags)
{
	unsigned long *dirty;

	if (flags & KVM_MEM_LOG_DIRTY_PAGES) {
		dirty = zvm_dirty_alloc(vm, slot);
		if (!dirty)
			return -ENOMEM;
		WRITE_ONCE(slot->flags, flags);
		smp_store_release(&slot->dirty, dirty); /* bits before the pointer to them */
		zvm_dirty_start(vm, slot);
		return 0;
	}
	dirty = slot->dirty;
	WRITE_ONCE(slot->flags, flags);
	WRITE_ONCE(slot->dirty, NULL);
	synchronize_srcu_expedited(&vm->mm.srcu); /* nobody marks pages in it any more */
	kvfree(dirty);
	return 0;
}

static int set_region(struct zvm_vm *vm, const struct kvm_userspace_memory_region *r)
{
	struct zvm_slot *old = zvm_slot_by_id(vm, r->slot);
	u64 size = r->memory_size;
	bool same_place;

	if (!size)
		return old ? slot_delete(vm, old) : -EINVAL;

	same_place = old && old->ipa == r->guest_phys_addr;
	if (old && (old->hva != r->userspace_addr || old->npages != size >> PAGE_SHIFT ||
		    (old->flags ^ r->flags) & KVM_MEM_READONLY))
		return -EINVAL;
	if (same_place && old->flags == r->flags)
		return 0;
	if (!same_place && overlaps(vm, r->guest_phys_addr, size, old))
		return -EEXIST;
	if (r->guest_phys_addr + size > 1ULL << vm->mm.ipa_bits)
		return -EFAULT;
	if ((r->flags & KVM_MEM_LOG_DIRTY_PAGES) && has_pfnmap(vm, r->userspace_addr, size))
		return -EINVAL;
	if (same_place)
		return slot_set_logging(vm, old, r->flags);
	return old ? slot_move(vm, old, r) : slot_create(vm, r);
}

int zvm_mm_set_region(struct zvm_vm *vm, const struct kvm_userspace_memory_region *r)
{
	u64 size = r->memory_size;
	int ret;

	if (r->flags & ~SLOT_FLAGS || r->slot >= ZVM_MAX_SLOTS)
		return -EINVAL;
	if ((size | r->guest_phys_addr | r->userspace_addr) & ~PAGE_MASK)
		return -EINVAL;
	if (r->userspace_addr != untagged_addr(r->userspace_addr) ||
	    !access_ok((void __user *)(unsigned long)r->userspace_addr, size))
		return -EINVAL;
	if (r->guest_phys_addr + size < r->guest_phys_addr || size >> PAGE_SHIFT > SLOT_MAX_PAGES)
		return -EINVAL;
	if (current->mm != vm->owner)
		return -EIO;

	mutex_lock(&vm->mm.slots_lock);
	ret = vm->mm.dead ? -EIO : set_region(vm, r);
	mutex_unlock(&vm->mm.slots_lock);
	if (!ret && size)
		zvm_vgic_memslot(vm, r->guest_phys_addr, size);
	return ret;
}
