// SPDX-License-Identifier: GPL-2.0
/*
 * The guest memory of one VM as a whole: made, copied from and to, flushed, given back.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/uaccess.h>

#include "internal.h"

int zvm_mm_create(struct zvm_vm *vm, u32 ipa_bits)
{
	struct zvm_mm *mm = &vm->mm;
	int cpu, ret;

	mm->ipa_bits = ipa_bits;
	mm->notifier_mode = zvm_notifier_default;
	spin_lock_init(&mm->lock);
	mutex_init(&mm->slots_lock);
	zvm_watch_init(vm);
	ret = init_srcu_struct(&mm->srcu);
	if (ret)
		return ret;
	ret = -ENOMEM;
	mm->last_vcpu = alloc_percpu_gfp(int, GFP_KERNEL_ACCOUNT);
	if (!mm->last_vcpu)
		goto err_srcu;
	for_each_possible_cpu(cpu)
		*per_cpu_ptr(mm->last_vcpu, cpu) = -1;
	ret = zvm_s2_create(vm);
	if (ret)
		goto err_percpu;
	ret = zvm_slots_create(vm);
	if (ret)
		goto err_s2;
	ret = zvm_notifier_register(vm);
	if (ret)
		goto err_slots;
	return 0;

err_slots:
	zvm_slots_destroy(vm);
err_s2:
	zvm_s2_destroy(vm);
err_percpu:
	free_percpu(mm->last_vcpu);
err_srcu:
	cleanup_srcu_struct(&mm->srcu);
	return ret;
}

void zvm_mm_give_back(struct zvm_vm *vm)
{
	struct zvm_slots *slots = zvm_slots_get(vm);
	unsigned int i;

	zvm_s2_unmap(vm, 0, 1ULL << vm->mm.ipa_bits, 0);
	for (i = 0; i < slots->nr; i++)
		zvm_pins_give_back(vm, slots->slot[i]);
}

void zvm_mm_unmap_all(struct zvm_vm *vm)
{
	struct zvm_mm *mm = &vm->mm;

	mutex_lock(&mm->slots_lock);
	if (!mm->dead) {
		WRITE_ONCE(mm->dead, true);
		synchronize_srcu_expedited(&mm->srcu); /* faults under way are over */
		zvm_mm_give_back(vm);
	}
	mutex_unlock(&mm->slots_lock);
}

void zvm_mm_destroy(struct zvm_vm *vm)
{
	struct zvm_mm *mm = &vm->mm;

	zvm_notifier_unregister(vm); /* no callback runs any more */
	zvm_watch_exit(vm);
	zvm_mm_unmap_all(vm);
	zvm_tlb_flush_vm(vm); /* walk caches over the root too */
	zvm_vmid_free(vm);
	zvm_slots_destroy(vm);
	zvm_s2_destroy(vm);
	free_percpu(mm->last_vcpu);
	cleanup_srcu_struct(&mm->srcu);
	WARN_ON_ONCE(atomic_long_read(&mm->pinned_pages) || vm->stats.table_bytes);
}

/* Copy within one page; the slot cannot go while SRCU is held. */
static int copy_piece(struct zvm_vm *vm, u64 ipa, void *to, const void *from, size_t n)
{
	struct zvm_slot *slot = zvm_slot_find(vm, ipa);
	unsigned long hva;

	if (!slot)
		return -EFAULT;
	hva = slot->hva + (ipa - slot->ipa);
	if (to)
		return copy_from_user(to, (void __user *)hva, n) ? -EFAULT : 0;
	if (slot->flags & KVM_MEM_READONLY || copy_to_user((void __user *)hva, from, n))
		return -EFAULT;
	zvm_dirty_mark(slot, zvm_slot_index(slot, ipa));
	return 0;
}

static int copy(struct zvm_vm *vm, u64 ipa, void *to, const void *from, size_t len)
{
	int idx, ret = 0;
	size_t n;

	if (current->mm != vm->owner)
		return -EFAULT;
	idx = srcu_read_lock(&vm->mm.srcu);
	while (len && !ret) {
		n = min_t(size_t, len, PAGE_SIZE - (ipa & ~PAGE_MASK));
		ret = copy_piece(vm, ipa, to, from, n);
		ipa += n;
		len -= n;
		if (to)
			to += n;
		else
			from += n;
	}
	srcu_read_unlock(&vm->mm.srcu, idx);
	return ret;
}

int zvm_mm_read(struct zvm_vm *vm, u64 ipa, void *buf, size_t len)
{
	return copy(vm, ipa, buf, NULL, len);
}

int zvm_mm_write(struct zvm_vm *vm, u64 ipa, const void *buf, size_t len)
{
	return copy(vm, ipa, NULL, buf, len);
}

bool zvm_mm_is_ram(struct zvm_vm *vm, u64 ipa)
{
	int idx = srcu_read_lock(&vm->mm.srcu);
	bool ram = zvm_slot_find(vm, ipa);

	srcu_read_unlock(&vm->mm.srcu, idx);
	return ram;
}

/* In pieces under the lock: a page that is not pinned may go, and its mapping here with it, after it. */
static void flush_slot(struct zvm_vm *vm, struct zvm_slot *slot)
{
	u64 ipa = slot->ipa, size, off;
	struct zvm_s2_leaf leaf;

	while (ipa < zvm_slot_end(slot)) {
		size = PAGE_SIZE;
		spin_lock(&vm->mm.lock);
		if (zvm_s2_lookup(vm, ipa, &leaf) && !(leaf.prot & ZVM_S2_DEVICE)) {
			off = ipa & (leaf.size - 1);
			size = min_t(u64, leaf.size - off, SZ_64K);
			zvm_cache_clean_short(leaf.pa + off, size);
		}
		spin_unlock(&vm->mm.lock);
		ipa += size;
		cond_resched();
	}
}

void zvm_mm_flush_dcache(struct zvm_vm *vm)
{
	struct zvm_slots *slots;
	unsigned int i;
	int idx;

	if (zvm_host.has_fwb)
		return; /* guest accesses are cacheable whatever the guest says */
	idx = srcu_read_lock(&vm->mm.srcu);
	slots = zvm_slots_get(vm);
	for (i = 0; i < slots->nr; i++)
		flush_slot(vm, slots->slot[i]);
	srcu_read_unlock(&vm->mm.srcu, idx);
}
