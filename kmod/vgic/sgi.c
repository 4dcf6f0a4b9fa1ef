// SPDX-License-Identifier: GPL-2.0
/*
 * ICC_SGI1R_EL1, ICC_ASGI1R_EL1, ICC_SGI0R_EL1: a vCPU interrupts others. On the sender's thread;
 * takes each target's own lock for one OR, nothing VM-wide. GIC IHI 0069, 12.2.
 */
#include "internal.h"

#define SGI_TARGETS(val) ((u16)(val))
#define SGI_INTID(val)	 (((val) >> 24) & 0xf)
#define SGI_IRM(val)	 ((val) & BIT_ULL(40))
#define SGI_RS(val)	 (((val) >> 44) & 0xf)
/* Aff3.Aff2.Aff1 of the register, at their places in MPIDR_EL1 */
#define SGI_CLUSTER(val)                                                                    \
	((((val) >> 16) & 0xff) << 8 | (((val) >> 32) & 0xff) << 16 | (((val) >> 48) & 0xff) << 32)

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
		zvm_vcpu_request(v, ZVM_REQ_IRQ);
}

void zvm_vgic_sgi(struct zvm_vcpu *v, u64 val, bool group1)
{
	struct zvm_vm *vm = v->vm;
	struct zvm_vcpu *t;
	u32 i;

	if (!READ_ONCE(vm->vgic.ready))
		return;
	zvm_for_each_vcpu(i, t, vm) {
		u64 aff = t->sys.mpidr & ZVM_MPIDR_AFF_MASK;

		if (SGI_IRM(val)) {
			if (t == v)
				continue;
		} else if ((aff & ~0xffULL) != SGI_CLUSTER(val) || (aff & 0xff) >> 4 != SGI_RS(val) ||
			   !(SGI_TARGETS(val) & BIT(aff & 0xf))) {
			continue;
		}
		send(t, SGI_INTID(val), group1);
	}
}
