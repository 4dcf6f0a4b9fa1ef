// SPDX-License-Identifier: GPL-2.0
/*
 * ICC_SGI1R_EL1, ICC_ASGI1R_EL1, ICC_SGI0R_EL1: a vCPU interrupts others. Ring 0 has tried first
 * (ring0/r0_vgic.c) and left the targets it could not serve in v->sgi_left; here, in ring 2 on the
 * sender's thread, each target's own lock is waited for, one at a time. GIC IHI 0069, 12.2.
 */
#include "internal.h"
#include "sgi.h"

static void send(struct zvm_vcpu *v, u32 sgi, bool group1)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	unsigned long flags;
	bool wake = false;

	raw_spin_lock_irqsave(&c->lock, flags);
	/* ICC_SGI0R reaches SGIs of group 0 only; ICC_SGI1R both, with one Security state. */
	if (group1 || !(c->priv.group & BIT(sgi))) {
		c->priv.latch |= BIT(sgi);
		/* active: it goes in beside, as pending and active, if a list register holds it */
		wake = zvm_vgic_deliverable(&c->priv, READ_ONCE(v->vm->vgic.ctlr)) & BIT(sgi);
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
	if (wake)
		zvm_vcpu_request(v, ZVM_REQ_POST);
}

void zvm_vgic_sgi(struct zvm_vcpu *v, u64 val, bool group1)
{
	u64 left = v->sgi_left;

	v->sgi_left = 0;
	for (; left; left &= left - 1)
		send(v->vm->vcpus[__ffs64(left)], ZVM_SGI_INTID(val), group1);
}
