// SPDX-License-Identifier: GPL-2.0
/*
 * Would the guest's CPU interface signal an interrupt now? That is what ends a WFI. A CPU that is
 * suspended has no CPU interface: what the distributor forwards wakes it (WakeRequest).
 *
 * zvm_vgic_has_pending() and zvm_vgic_wakes() are for the vCPU's thread before it blocks and when
 * it was woken; it takes the locks and brings list registers into memory (lr.c).
 * zvm_vgic_signalled_here() asks the list registers of this CPU, IRQs off, without a lock. The
 * rules are in pick.h.
 *
 * GIC IHI 0069: 4.8 (priorities, preemption), 11.1 (wake requests).
 */
#include "internal.h"
#include "lrreg.h"

struct query {
	u32 vmcr;
	u32 ap0r[ZVM_VGIC_MAX_APRS], ap1r[ZVM_VGIC_MAX_APRS];
	bool asleep; /* any will do */
	bool yes;
};

static bool any_signalled(const struct zvm_vgic_bank *b, u32 mask, const struct query *q,
			  u8 nr_aprs)
{
	for (; mask; mask &= mask - 1) {
		u32 n = __ffs(mask);

		if (q->asleep || zvm_vgic_signalled(b->prio[n], b->group & BIT(n), q->vmcr, q->ap0r,
						    q->ap1r, nr_aprs))
			return true;
	}
	return false;
}

static void query_pending(struct zvm_vcpu *v, void *arg)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_cpu *c = &v->vgic;
	struct query *q = arg;
	u32 words;

	if (c->cpu >= 0) {
		q->vmcr = read_sysreg_s(SYS_ICH_VMCR_EL2);
		zvm_vgic_aprs_read(g, q->ap0r, q->ap1r);
	} else {
		q->vmcr = c->vmcr;
		memcpy(q->ap0r, c->ap0r, sizeof(q->ap0r));
		memcpy(q->ap1r, c->ap1r, sizeof(q->ap1r));
	}
	q->yes = any_signalled(&c->priv, zvm_vgic_deliverable(&c->priv, g->ctlr) & ~c->priv.active,
			       q, g->nr_aprs);
	for (words = g->spi_busy; words && !q->yes; words &= words - 1) {
		const struct zvm_vgic_bank *b = &g->spi[__ffs(words)];

		q->yes = any_signalled(b, zvm_vgic_spi_pending_of(b, g->ctlr, v->idx), q,
				       g->nr_aprs);
	}
	if (!q->yes && c->lpi_prios && (g->ctlr & ZVM_GICD_CTLR_GRP1))
		q->yes = q->asleep || zvm_vgic_signalled(zvm_lpi_best(v), true, q->vmcr, q->ap0r,
							 q->ap1r, g->nr_aprs);
}

static bool ask(struct zvm_vcpu *v, bool asleep)
{
	struct query q = { .asleep = asleep };

	if (!v->vm->vgic.ready)
		return false;
	zvm_vgic_on_vcpu(v, query_pending, &q);
	return q.yes;
}

bool zvm_vgic_has_pending(struct zvm_vcpu *v)
{
	return ask(v, false);
}

bool zvm_vgic_wakes(struct zvm_vcpu *v)
{
	return ask(v, true);
}

bool zvm_vgic_signalled_here(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_cpu *c = &v->vgic;
	struct query q = {};
	u32 m;

	if (c->cpu < 0)
		return false;
	for (m = c->lr_used; m; m &= m - 1) {
		u64 lr = zvm_lr_read(__ffs(m));

		if ((lr & ZVM_ICH_LR_STATE) != ZVM_ICH_LR_PENDING)
			continue;
		if (!q.yes) {
			q.vmcr = read_sysreg_s(SYS_ICH_VMCR_EL2);
			zvm_vgic_aprs_read(g, q.ap0r, q.ap1r);
			q.yes = true;
		}
		if (zvm_vgic_signalled(lr >> ZVM_ICH_LR_PRIO_SHIFT, lr & ZVM_ICH_LR_GROUP1, q.vmcr,
				       q.ap0r, q.ap1r, g->nr_aprs))
			return true;
	}
	return false;
}
