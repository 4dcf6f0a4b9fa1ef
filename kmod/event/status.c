// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt status words: the two registers that a driver of virtio-mmio uses for every interrupt,
 * InterruptStatus and InterruptACK, answered without the VMM (ZVM_CAP_STATUS_WORD).
 *
 * The word is the VMM's own, in a page that stays pinned for as long as the VM lives. The VMM sets
 * bits in it before it signals its irqfd; the guest reads it at `addr` and clears bits at `addr +
 * 4`, in ring 0 (ring0/r0_status.c) or here.
 *
 * Words are added before a vCPU has run, under vm->lock, and never go: those who look one up need
 * no lock. The word's value is the VMM's and the guest's, both hostile, and never looked at.
 * VIRTIO 1.2, 4.2.2.
 */
#include <linux/mm.h>

#include "../mm/mm.h"
#include "../zvm.h"

int zvm_status_add(struct zvm_vm *vm, u64 addr, u64 word)
{
	struct zvm_events *ev = &vm->events;
	struct zvm_status *s = &ev->status[ev->nr_status];
	int ret;

	lockdep_assert_held(&vm->lock);
	if (vm->ran_once)
		return -EBUSY;
	if (addr & 7 || addr >> vm->mm.ipa_bits || word & 3)
		return -EINVAL;
	if (zvm_status_find(ev, addr))
		return -EEXIST;
	if (ev->nr_status == ZVM_MAX_STATUS)
		return -ENOSPC;
	ret = zvm_mm_pin_user(vm, word, &s->page);
	if (ret)
		return ret;
	s->word = page_address(s->page) + offset_in_page(word);
	s->addr = addr;
	smp_store_release(&ev->nr_status, ev->nr_status + 1); /* the entry before its number */
	return 0;
}

bool zvm_status_mmio(struct zvm_vm *vm, u64 ipa, unsigned int len, bool write, u64 *val)
{
	const struct zvm_status *s = zvm_status_find(&vm->events, ipa & ~7ULL);

	return s && len == 4 && zvm_status_access(s, ipa, write, val);
}

void zvm_status_destroy(struct zvm_vm *vm)
{
	struct zvm_events *ev = &vm->events;

	while (ev->nr_status)
		zvm_mm_unpin_user(vm, ev->status[--ev->nr_status].page);
}
