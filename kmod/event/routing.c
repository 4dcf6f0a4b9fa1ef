// SPDX-License-Identifier: GPL-2.0
/*
 * GSI routing: which SPI a GSI of irqfd or KVM_SET_GSI_ROUTING means.
 *
 * Until user space sets a table, GSI n is SPI n (INTID 32 + n), as in KVM on arm64. Readers run
 * in any context, hard IRQ included, under SRCU; writers hold events.lock. The entries come from
 * user space and are checked one by one.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../zvm.h"
#include "routing.h"

#define NR_PINS (1020 - 32) /* SPIs of a GICv3 */

int zvm_routing_intid(struct zvm_vm *vm, u32 gsi)
{
	struct zvm_events *ev = &vm->events;
	const struct zvm_routing *r;
	int idx, intid;

	idx = srcu_read_lock(&ev->srcu);
	r = srcu_dereference(ev->routing, &ev->srcu);
	if (r)
		intid = gsi < r->nr ? r->intid[gsi] : -1;
	else
		intid = gsi < NR_PINS ? (int)gsi + 32 : -1;
	srcu_read_unlock(&ev->srcu, idx);
	return intid;
}

int zvm_routing_inject(struct zvm_vm *vm, u32 gsi, bool level)
{
	int intid = zvm_routing_intid(vm, gsi);

	return intid < 0 ? -EINVAL : zvm_vgic_inject(vm, NULL, intid, level);
}

static int fill(struct zvm_routing *r, const struct kvm_irq_routing_entry *e)
{
	if (e->type != KVM_IRQ_ROUTING_IRQCHIP)
		return -EINVAL; /* MSIs are translated by an ITS, and there is none */
	if (e->flags || e->u.irqchip.irqchip || e->u.irqchip.pin >= NR_PINS)
		return -EINVAL;
	if (r->intid[e->gsi] >= 0)
		return -EINVAL; /* one irqchip, so one route for a GSI */
	r->intid[e->gsi] = e->u.irqchip.pin + 32;
	return 0;
}

int zvm_routing_set(struct zvm_vm *vm, const struct kvm_irq_routing_entry *entries, u32 nr)
{
	struct zvm_events *ev = &vm->events;
	struct zvm_routing *new, *old;
	u32 i, gsis = 0;
	int ret;

	if (nr > ZVM_MAX_ROUTES)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		if (entries[i].gsi >= ZVM_MAX_ROUTES)
			return -EINVAL;
		gsis = max(gsis, entries[i].gsi + 1);
	}
	new = kvmalloc(struct_size(new, intid, gsis), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->nr = gsis;
	for (i = 0; i < gsis; i++)
		new->intid[i] = -1;
	for (i = 0; i < nr; i++) {
		ret = fill(new, &entries[i]);
		if (ret) {
			kvfree(new);
			return ret;
		}
	}

	mutex_lock(&ev->lock);
	old = rcu_dereference_protected(ev->routing, lockdep_is_held(&ev->lock));
	rcu_assign_pointer(ev->routing, new);
	mutex_unlock(&ev->lock);
	synchronize_srcu_expedited(&ev->srcu);
	kvfree(old);
	return 0;
}
