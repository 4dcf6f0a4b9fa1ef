// SPDX-License-Identifier: GPL-2.0
/*
 * Without MMU notifiers: how a VM learns that the address space of its VMM is gone.
 *
 * Such a kernel tells nobody, but like any it closes every mapping of an address space that it
 * takes down. So the VMM's mappings of struct kvm_run are counted, and as long as there is none no
 * fault is served: a page is only ever pinned while a close is still to come. The last close has
 * everything given back, even if another process holds the VM's descriptors. A VMM that unmaps
 * them all and lives on loses nothing: with a new mapping its guests fault their pages in again.
 *
 * open and close of a mapping run on any thread, with the mmap lock of their address space held,
 * which comes after slots_lock: so a work item does it. It holds no reference to the VM, the end of
 * the VM waits for it. Mappings of other address spaces, a fork's for one, do not count.
 */
#include "internal.h"

#ifndef CONFIG_MMU_NOTIFIER

static void watch_work(struct work_struct *work)
{
	struct zvm_vm *vm = container_of(work, struct zvm_vm, mm.watch_work);
	struct zvm_mm *mm = &vm->mm;

	mutex_lock(&mm->slots_lock);
	WRITE_ONCE(mm->watch_clearing, true);
	synchronize_srcu_expedited(&mm->srcu); /* faults under way are over, new ones wait */
	if (!atomic_read(&mm->watch_maps))
		zvm_mm_give_back(vm);
	WRITE_ONCE(mm->watch_clearing, false);
	mutex_unlock(&mm->slots_lock);
}

void zvm_watch_init(struct zvm_vm *vm)
{
	INIT_WORK(&vm->mm.watch_work, watch_work);
}

void zvm_watch_exit(struct zvm_vm *vm)
{
	cancel_work_sync(&vm->mm.watch_work);
}

void zvm_mm_run_mapped(struct zvm_vm *vm, const struct mm_struct *by)
{
	if (by == vm->owner)
		atomic_inc(&vm->mm.watch_maps);
}

void zvm_mm_run_unmapped(struct zvm_vm *vm, const struct mm_struct *by)
{
	if (by == vm->owner && atomic_dec_and_test(&vm->mm.watch_maps))
		queue_work(system_unbound_wq, &vm->mm.watch_work);
}

int zvm_watch_read_lock(struct zvm_vm *vm)
{
	int idx = srcu_read_lock(&vm->mm.srcu);

	while (unlikely(READ_ONCE(vm->mm.watch_clearing))) {
		srcu_read_unlock(&vm->mm.srcu, idx);
		flush_work(&vm->mm.watch_work);
		idx = srcu_read_lock(&vm->mm.srcu);
	}
	return idx;
}

bool zvm_watch_active(struct zvm_vm *vm)
{
	return atomic_read(&vm->mm.watch_maps);
}

#endif
