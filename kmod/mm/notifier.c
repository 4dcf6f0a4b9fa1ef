// SPDX-License-Identifier: GPL-2.0
/*
 * The MMU notifier: the kernel tells us before it changes the VMM's page tables.
 *
 * Registered for every VM where the kernel has notifiers. A VM in notifier mode loses the leaves of
 * an invalidated range and faults them in again; a pinned VM only those over VM_PFNMAP mappings,
 * whose page frames nobody holds. In both, release() gives everything back when the address space
 * goes, even if another process still holds the VM's file descriptor.
 *
 * Callbacks run on any thread with the VMM's mmap lock or page-table locks of the kernel held, so
 * they take SRCU and mm->lock only. A fault that looked a page up before an invalidation and would
 * map it afterwards is caught by mn_seq and mn_busy, both under mm->lock.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "internal.h"
#include "../compat/compat.h"

bool zvm_notifier_default;

#ifdef CONFIG_MMU_NOTIFIER

#ifdef CONFIG_ZVM_NOTIFIER_MODE
module_param_named(notifier, zvm_notifier_default, bool, 0644);
MODULE_PARM_DESC(notifier, "new VMs follow the VMM's page tables instead of pinning memory");
#endif

static struct zvm_vm *vm_of(struct mmu_notifier *mn)
{
	return container_of(mn, struct zvm_vm, mm.mn);
}

/* Call `fn` for the part of each slot that the HVA range covers. Inside SRCU. */
static bool for_each_range(struct zvm_vm *vm, unsigned long start, unsigned long end,
			   bool (*fn)(struct zvm_vm *vm, u64 ipa, u64 size, unsigned int arg),
			   unsigned int arg)
{
	struct zvm_slots *slots = zvm_slots_get(vm);
	bool any = false;
	unsigned int i;

	for (i = 0; i < slots->nr; i++) {
		struct zvm_slot *s = slots->slot[i];
		unsigned long lo = max(start, s->hva) & PAGE_MASK;
		/* the slot's end first: aligning an end of ULONG_MAX up would wrap */
		unsigned long hi = PAGE_ALIGN(min(end, s->hva + (s->npages << PAGE_SHIFT)));

		if (lo < hi)
			any |= fn(vm, s->ipa + (lo - s->hva), hi - lo, arg);
	}
	return any;
}

static bool unmap_range(struct zvm_vm *vm, u64 ipa, u64 size, unsigned int flags)
{
	zvm_s2_unmap(vm, ipa, size, flags);
	return true;
}

static int mn_invalidate_range_start(struct mmu_notifier *mn,
				     const struct mmu_notifier_range *range)
{
	struct zvm_vm *vm = vm_of(mn);
	struct zvm_mm *mm = &vm->mm;
	unsigned int flags = ZVM_UNMAP_KEEP_PINNED;
	bool loose;
	int idx;

	spin_lock(&mm->lock);
	if (!mm->mn_busy++) {
		mm->mn_start = range->start;
		mm->mn_end = range->end;
	} else {
		mm->mn_start = min(mm->mn_start, range->start);
		mm->mn_end = max(mm->mn_end, range->end);
	}
	loose = mm->loose_leaves;
	spin_unlock(&mm->lock);
	if (!loose)
		return 0; /* whoever is about to map one sees mn_busy */

	if (!mmu_notifier_range_blockable(range))
		flags |= ZVM_UNMAP_NO_RESCHED;
	idx = srcu_read_lock(&mm->srcu);
	for_each_range(vm, range->start, range->end, unmap_range, flags);
	srcu_read_unlock(&mm->srcu, idx);
	return 0;
}

static void mn_invalidate_range_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct zvm_mm *mm = &vm_of(mn)->mm;

	spin_lock(&mm->lock);
	mm->mn_seq++;
	WARN_ON_ONCE(--mm->mn_busy < 0);
	spin_unlock(&mm->lock);
}

#define AGE_CLEAR BIT(0)
#define AGE_FLUSH BIT(1)

static bool age_range(struct zvm_vm *vm, u64 ipa, u64 size, unsigned int flags)
{
	bool young;

	spin_lock(&vm->mm.lock);
	young = zvm_s2_age(vm, ipa, size, flags & AGE_CLEAR);
	if (young && (flags & AGE_FLUSH))
		zvm_tlb_flush_range(vm, ipa, size);
	spin_unlock(&vm->mm.lock);
	return young;
}

static bool age(struct mmu_notifier *mn, unsigned long start, unsigned long end, unsigned int flags)
{
	struct zvm_vm *vm = vm_of(mn);
	bool young;
	int idx;

	if (!vm->mm.notifier_mode)
		return false;
	idx = srcu_read_lock(&vm->mm.srcu);
	young = for_each_range(vm, start, end, age_range, flags);
	srcu_read_unlock(&vm->mm.srcu, idx);
	return young;
}

static zvm_compat_young_t mn_clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
					       unsigned long start, unsigned long end)
{
	return age(mn, start, end, AGE_CLEAR | AGE_FLUSH);
}

static zvm_compat_young_t mn_test_young(struct mmu_notifier *mn, struct mm_struct *mm,
					unsigned long address)
{
	return age(mn, address, address + 1, 0);
}

static void mn_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	zvm_mm_unmap_all(vm_of(mn));
}

static const struct mmu_notifier_ops zvm_notifier_ops = {
	.invalidate_range_start = mn_invalidate_range_start,
	.invalidate_range_end = mn_invalidate_range_end,
	.clear_flush_young = mn_clear_flush_young,
	.test_young = mn_test_young,
	.release = mn_release,
};

int zvm_notifier_register(struct zvm_vm *vm)
{
	int ret;

	vm->mm.mn.ops = &zvm_notifier_ops;
	ret = mmu_notifier_register(&vm->mm.mn, vm->owner);
	vm->mm.mn_registered = !ret;
	return ret;
}

void zvm_notifier_unregister(struct zvm_vm *vm)
{
	if (vm->mm.mn_registered)
		mmu_notifier_unregister(&vm->mm.mn, vm->owner);
	vm->mm.mn_registered = false;
}

bool zvm_notifier_active(struct zvm_vm *vm)
{
	return vm->mm.mn_registered;
}

unsigned long zvm_notifier_begin(struct zvm_vm *vm)
{
	unsigned long seq = READ_ONCE(vm->mm.mn_seq);

	smp_rmb(); /* the page is looked up after the count was read */
	return seq;
}

bool zvm_notifier_retry(struct zvm_vm *vm, unsigned long seq, unsigned long hva, u64 size)
{
	struct zvm_mm *mm = &vm->mm;

	lockdep_assert_held(&mm->lock);
	if (mm->mn_seq != seq)
		return true;
	return mm->mn_busy && hva < mm->mn_end && mm->mn_start < hva + size;
}

bool zvm_notifier_busy(struct zvm_vm *vm)
{
	return READ_ONCE(vm->mm.mn_busy);
}

bool zvm_mm_sync_mmu(struct zvm_vm *vm)
{
	return vm ? vm->mm.notifier_mode : zvm_notifier_default;
}

bool zvm_mm_can_follow(void)
{
	return IS_ENABLED(CONFIG_ZVM_NOTIFIER_MODE);
}

int zvm_mm_set_notifier_mode(struct zvm_vm *vm, bool on)
{
	int ret = 0;

	if (on && !zvm_mm_can_follow())
		return -EINVAL;
	mutex_lock(&vm->mm.slots_lock);
	if (zvm_slots_get(vm)->nr)
		ret = -EBUSY; /* its pin tables were made, or not, when the slot was */
	else
		vm->mm.notifier_mode = on;
	mutex_unlock(&vm->mm.slots_lock);
	return ret;
}

#else /* !CONFIG_MMU_NOTIFIER: pinned memory only */

int zvm_notifier_register(struct zvm_vm *vm)
{
	return 0;
}

void zvm_notifier_unregister(struct zvm_vm *vm)
{
}

bool zvm_notifier_active(struct zvm_vm *vm)
{
	return false;
}

unsigned long zvm_notifier_begin(struct zvm_vm *vm)
{
	return 0;
}

bool zvm_notifier_retry(struct zvm_vm *vm, unsigned long seq, unsigned long hva, u64 size)
{
	return false;
}

bool zvm_notifier_busy(struct zvm_vm *vm)
{
	return false;
}

bool zvm_mm_sync_mmu(struct zvm_vm *vm)
{
	return false;
}

bool zvm_mm_can_follow(void)
{
	return false;
}

int zvm_mm_set_notifier_mode(struct zvm_vm *vm, bool on)
{
	return on ? -EINVAL : 0;
}

#endif
