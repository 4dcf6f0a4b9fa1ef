// SPDX-License-Identifier: GPL-2.0
/*
 * GSI routing: which SPI, or which message to an ITS, a GSI of irqfd means.
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

/* The route of a GSI into `to`; false: none. */
static bool lookup(struct zvm_vm *vm, u32 gsi, struct zvm_route *to)
{
	struct zvm_events *ev = &vm->events;
	const struct zvm_routing *r;
	bool found;
	int idx;

	if (likely(!rcu_access_pointer(ev->routing))) {
		/* the default needs no table to be held */
		to->type = KVM_IRQ_ROUTING_IRQCHIP;
		to->intid = gsi + 32;
		return gsi < NR_PINS;
	}
	idx = srcu_read_lock(&ev->srcu);
	r = srcu_dereference(ev->routing, &ev->srcu);
	found = r && gsi < r->nr && r->route[gsi].type;
	if (found)
		*to = r->route[gsi];
	srcu_read_unlock(&ev->srcu, idx);
	return found;
}

int zvm_routing_intid(struct zvm_vm *vm, u32 gsi)
{
	struct zvm_route r;

	return lookup(vm, gsi, &r) && r.type == KVM_IRQ_ROUTING_IRQCHIP ? (int)r.intid : -1;
}

int zvm_routing_inject(struct zvm_vm *vm, u32 gsi, bool level)
{
	struct kvm_msi msi = {};
	struct zvm_route r;

	if (!lookup(vm, gsi, &r))
		return -EINVAL;
	if (r.type == KVM_IRQ_ROUTING_IRQCHIP)
		return zvm_vgic_inject(vm, NULL, r.intid, level);
	if (!level)
		return 0; /* a message has no line to lower */
	msi.address_lo = (u32)r.msi.addr;
	msi.address_hi = r.msi.addr >> 32;
	msi.data = r.msi.data;
	msi.flags = r.msi.flags;
	msi.devid = r.msi.devid;
	return min(zvm_its_msi(vm, &msi), 0);
}

static int fill(struct zvm_routing *table, const struct kvm_irq_routing_entry *e)
{
	struct zvm_route *r = &table->route[e->gsi];

	if (r->type)
		return -EINVAL; /* one irqchip, so one route for a GSI */
	switch (e->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		if (e->flags || e->u.irqchip.irqchip || e->u.irqchip.pin >= NR_PINS)
			return -EINVAL;
		r->intid = e->u.irqchip.pin + 32;
		break;
	case KVM_IRQ_ROUTING_MSI:
		if (e->flags & ~KVM_MSI_VALID_DEVID)
			return -EINVAL;
		r->msi.addr = (u64)e->u.msi.address_hi << 32 | e->u.msi.address_lo;
		r->msi.data = e->u.msi.data;
		r->msi.flags = e->flags;
		r->msi.devid = e->u.msi.devid;
		break;
	default:
		return -EINVAL;
	}
	r->type = e->type;
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
	new = kvzalloc(struct_size(new, route, gsis), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->nr = gsis;
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
