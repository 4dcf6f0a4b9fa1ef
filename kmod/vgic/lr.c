// SPDX-License-Identifier: GPL-2.0
/*
 * List registers: what the guest's CPU interface sees.
 *
 * They stay in the CPU as long as the vCPU is resident and are not looked at on exits. When an
 * answer is needed they are *folded* (read, and their state put back into the banks) and then
 * *filled* again by priority, as one step with IRQs off on the CPU that holds them:
 *   flush        ZVM_REQ_IRQ was posted: something to inject, or to withdraw
 *   maintenance  the guest deactivated a level interrupt, or list registers ran dry
 *   on_vcpu      somebody needs the truth, or changes state that a list register may hold
 *   load, put    the ends of residency (fill only, fold only)
 * Between a fold and the fill nothing can enter the guest, because IRQs are off on its CPU.
 *
 * Overflow: what does not fit waits in memory; UIE brings us back when at most one list register
 * is in use, NPIE when the last pending one was taken, the group interrupts when the guest switches
 * a group on or off. Active interrupts that do not fit are deactivated by count (ICH_HCR.EOIcount),
 * which is exact while EOIs nest (EOImode 0); with EOImode 1 deactivations come in any order, so
 * ICC_DIR traps while there are too many of them (ICH_HCR.TDIR, zvm_vgic_dir()).
 *
 * LPIs (lpi.c) go in like SPIs and have no active state: one that was taken is gone from here.
 *
 * GIC IHI 0069: 11.4 (ICH_*), 4.8 (priorities), 6.3 (maintenance).
 */
#include <linux/irqflags.h>
#include <linux/smp.h>

#include "internal.h"
#include "lrreg.h"

/* ICH_AP<group>R<n>_EL2 */
#define APR_REG(group, n) sys_reg(3, 4, 12, 8 + (group), n)

void zvm_vgic_aprs_read(const struct zvm_vgic *g, u32 *ap0r, u32 *ap1r)
{
	switch (g->nr_aprs) {
	case 4:
		ap0r[3] = read_sysreg_s(APR_REG(0, 3));
		ap0r[2] = read_sysreg_s(APR_REG(0, 2));
		ap1r[3] = read_sysreg_s(APR_REG(1, 3));
		ap1r[2] = read_sysreg_s(APR_REG(1, 2));
		fallthrough;
	case 2:
		ap0r[1] = read_sysreg_s(APR_REG(0, 1));
		ap1r[1] = read_sysreg_s(APR_REG(1, 1));
		fallthrough;
	default:
		ap0r[0] = read_sysreg_s(APR_REG(0, 0));
		ap1r[0] = read_sysreg_s(APR_REG(1, 0));
	}
}

static void aprs_write(const struct zvm_vgic *g, const u32 *ap0r, const u32 *ap1r)
{
	switch (g->nr_aprs) {
	case 4:
		write_sysreg_s(ap0r[3], APR_REG(0, 3));
		write_sysreg_s(ap0r[2], APR_REG(0, 2));
		write_sysreg_s(ap1r[3], APR_REG(1, 3));
		write_sysreg_s(ap1r[2], APR_REG(1, 2));
		fallthrough;
	case 2:
		write_sysreg_s(ap0r[1], APR_REG(0, 1));
		write_sysreg_s(ap1r[1], APR_REG(1, 1));
		fallthrough;
	default:
		write_sysreg_s(ap0r[0], APR_REG(0, 0));
		write_sysreg_s(ap1r[0], APR_REG(1, 0));
	}
}

static void hcr_write(struct zvm_vgic_cpu *c, u32 hcr)
{
	/* EOIcount is part of the register: writing it, even with the same bits, restarts it */
	if (hcr != c->hcr || c->active_left)
		write_sysreg_s(hcr, SYS_ICH_HCR_EL2);
	c->hcr = hcr;
}

/* SPIs that the guest deactivated: told to irqfd after the locks are dropped. */
struct deactivated {
	unsigned int nr;
	u32 intid[ZVM_VGIC_MAX_LRS + 32]; /* one per list register, 31 by EOIcount at most */
};

static void tell_deactivated(struct zvm_vcpu *v, const struct deactivated *d)
{
	unsigned int i;

	for (i = 0; i < d->nr; i++)
		zvm_irqfd_resample(v->vm, d->intid[i]);
}

void zvm_vgic_phys_release(struct zvm_vcpu *v, u32 mask)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	u32 m = mask & c->priv.phys;

	c->priv.phys &= ~m;
	/* In memory, the timer code deactivated it at put and will not activate it at load. */
	if (c->cpu < 0)
		return;
	for (; m; m &= m - 1)
		zvm_timer_phys_active(v, __ffs(m), false);
}

/*
 * Pending timer interrupts that the guest has not taken and whose line fell since: it reprogrammed
 * the timer. Not at the ends of residency, where the timers are half in the CPU.
 */
static void withdraw_stale(struct zvm_vcpu *v)
{
	struct zvm_vgic_bank *b = &v->vgic.priv;
	u32 m;

	for (m = b->phys & b->latch & ~b->active; m; m &= m - 1) {
		u32 n = __ffs(m);

		if (!zvm_timer_line(v, n)) {
			b->latch &= ~BIT(n);
			b->level &= ~BIT(n);
			zvm_vgic_phys_release(v, BIT(n));
		}
	}
}

static void fold_one(struct zvm_vcpu *v, unsigned int i, struct deactivated *d)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	u64 lr = zvm_lr_read(i);
	u32 intid = ZVM_ICH_LR_VINTID(lr);
	struct zvm_vgic_bank *b;
	u32 bit = BIT(intid % 32);

	c->lr[i] = lr;
	if (unlikely(intid >= ZVM_VGIC_LPI_BASE)) {
		zvm_lpi_fold(v, i, lr & ZVM_ICH_LR_PENDING);
		return;
	}
	b = zvm_vgic_bank_of(v, intid);
	c->lr_used &= ~BIT(i);
	if (intid >= ZVM_VGIC_NR_PRIVATE)
		c->nr_spis--;
	b->in_lr &= ~bit;

	if (lr & ZVM_ICH_LR_ACTIVE)
		b->active |= bit;
	if (lr & ZVM_ICH_LR_PENDING) {
		if (c->lr_latched & BIT(i))
			b->latch |= bit;
	} else if (!(lr & ZVM_ICH_LR_ACTIVE)) {
		if (lr & ZVM_ICH_LR_HW) {
			/* The physical one went inactive with it and fires again if still high. */
			b->phys &= ~bit;
			b->latch &= ~bit;
		} else if ((lr & ZVM_ICH_LR_EOI) && intid >= ZVM_VGIC_NR_PRIVATE) {
			d->intid[d->nr++] = intid;
		}
	}
	c->lr_latched &= ~BIT(i);
	if (intid >= ZVM_VGIC_NR_PRIVATE)
		zvm_vgic_spi_touch(&v->vm->vgic, intid / 32);
}

/* Active SPIs of bank b that are v's: it acknowledged them, or they are routed to it. */
static u32 spi_active_of(const struct zvm_vgic_bank *b, u32 idx)
{
	u32 m, mine = 0;

	for (m = b->active; m; m &= m - 1) {
		u32 n = __ffs(m);

		if (b->owner[n] == idx || (b->owner[n] == ZVM_VGIC_NO_VCPU && b->target[n] == idx))
			mine |= BIT(n);
	}
	return mine;
}

u32 zvm_vgic_spi_pending_of(const struct zvm_vgic_bank *b, u32 ctlr, u32 idx)
{
	u32 m, mine = 0;

	for (m = zvm_vgic_deliverable(b, ctlr) & ~b->active & ~b->in_lr; m; m &= m - 1) {
		u32 n = __ffs(m);

		if (b->target[n] == idx || (b->route[n] & BIT(31)))
			mine |= BIT(n);
	}
	return mine;
}

/* One EOI without a list register: it was for the most urgent active interrupt outside. */
static void drop_one_eoi(struct zvm_vcpu *v, bool spis, struct deactivated *d)
{
	struct zvm_vgic *g = &v->vm->vgic;
	u32 best = 0, best_prio = 0x100, m, words;

	for (m = v->vgic.priv.active; m; m &= m - 1) {
		if (v->vgic.priv.prio[__ffs(m)] < best_prio) {
			best = __ffs(m);
			best_prio = v->vgic.priv.prio[best];
		}
	}
	for (words = spis ? g->spi_busy : 0; words; words &= words - 1) {
		const struct zvm_vgic_bank *b = &g->spi[__ffs(words)];

		for (m = spi_active_of(b, v->idx) & ~b->in_lr; m; m &= m - 1) {
			if (b->prio[__ffs(m)] < best_prio) {
				best = __ffs(words) * 32 + __ffs(m);
				best_prio = b->prio[best % 32];
			}
		}
	}
	if (best_prio == 0x100)
		return; /* the guest EOIs what is not active: UNPREDICTABLE, nothing to do */
	zvm_vgic_bank_of(v, best)->active &= ~BIT(best % 32);
	if (best < ZVM_VGIC_NR_PRIVATE) {
		zvm_vgic_phys_release(v, BIT(best));
	} else {
		if (!(g->spi[best / 32].edge & BIT(best % 32)))
			d->intid[d->nr++] = best;
		zvm_vgic_spi_touch(g, best / 32);
	}
}

/*
 * All locks that v's list registers need are held (`spis`: g->lock too), IRQs off, v's list registers
 * are in this CPU.
 */
static void fold(struct zvm_vcpu *v, bool spis, struct deactivated *d)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	unsigned int i, n;

	/*
	 * With EOImode 1 only DIR deactivates, and it traps: a count that an implementation
	 * makes of EOIRs alone (QEMU) is not for us.
	 */
	if (c->active_left && !(read_sysreg_s(SYS_ICH_VMCR_EL2) & ZVM_ICH_VMCR_VEOIM)) {
		/* before in_lr is cleared: these are the ones that had no list register */
		n = (u32)(read_sysreg_s(SYS_ICH_HCR_EL2) & ZVM_ICH_HCR_EOICOUNT) >> 27;
		while (n--)
			drop_one_eoi(v, spis, d);
	}
	for (i = 0; i < v->vm->vgic.nr_lrs; i++)
		if (c->lr_used & BIT(i))
			fold_one(v, i, d);
}

static void offer_bank(struct zvm_vgic_picks *s, const struct zvm_vgic_bank *b, u32 base,
		       u32 active, u32 pending, u32 vmcr)
{
	u32 m;

	for (m = active | pending; m; m &= m - 1) {
		u32 n = __ffs(m);
		bool is_active = active & BIT(n);
		u32 veng = b->group & BIT(n) ? ZVM_ICH_VMCR_VENG1 : ZVM_ICH_VMCR_VENG0;

		zvm_vgic_offer(s,
			       zvm_vgic_rank(b->prio[n], is_active, !(vmcr & veng),
					     vmcr & ZVM_ICH_VMCR_VEOIM),
			       base + n, is_active);
	}
}

/* Put `intid` into a list register; its state leaves the bank. Returns the register's value. */
static u64 take(struct zvm_vcpu *v, u32 ctlr, u32 intid, unsigned int slot)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	struct zvm_vgic_bank *b = zvm_vgic_bank_of(v, intid);
	u32 n = intid % 32, bit = BIT(n);
	bool pending = zvm_vgic_deliverable(b, ctlr) & bit;
	bool active = b->active & bit;
	u64 lr = intid | (u64)b->prio[n] << ZVM_ICH_LR_PRIO_SHIFT;

	if (b->group & bit)
		lr |= ZVM_ICH_LR_GROUP1;
	if (b->phys & bit) {
		lr |= ZVM_ICH_LR_HW | (u64)c->hw_intid[n] << ZVM_ICH_LR_PINTID_SHIFT;
		if (active)
			pending = false; /* pending and active is illegal with HW = 1 */
	} else if (!(b->edge & bit)) {
		lr |= ZVM_ICH_LR_EOI; /* look at the line again when the guest is done */
		if (active)
			pending = false;
	}
	if (active) {
		lr |= ZVM_ICH_LR_ACTIVE;
		b->active &= ~bit;
	}
	if (pending) {
		lr |= ZVM_ICH_LR_PENDING;
		if (b->latch & bit) {
			b->latch &= ~bit;
			c->lr_latched |= BIT(slot);
		}
	}
	b->in_lr |= bit;
	c->lr_used |= BIT(slot);
	if (intid >= ZVM_VGIC_NR_PRIVATE) {
		b->owner[n] = v->idx;
		c->nr_spis++;
		zvm_vgic_spi_touch(&v->vm->vgic, intid / 32);
	}
	return lr;
}

/*
 * Tell us when the guest switches a group on, and, only while both are on, when it switches one
 * off: with one group left nothing else can be let in. (QEMU 7.2 derives group 0's "off" from the
 * enable bit of group 1, which would be a storm with group 1 off.)
 */
static u32 group_interrupts(u32 vmcr)
{
	switch (vmcr & (ZVM_ICH_VMCR_VENG0 | ZVM_ICH_VMCR_VENG1)) {
	case ZVM_ICH_VMCR_VENG0 | ZVM_ICH_VMCR_VENG1:
		return ZVM_ICH_HCR_VGRP0DIE | ZVM_ICH_HCR_VGRP1DIE;
	case ZVM_ICH_VMCR_VENG0:
		return ZVM_ICH_HCR_VGRP1EIE;
	case ZVM_ICH_VMCR_VENG1:
		return ZVM_ICH_HCR_VGRP0EIE;
	default:
		return ZVM_ICH_HCR_VGRP0EIE | ZVM_ICH_HCR_VGRP1EIE;
	}
}

/* `spis`: g->lock is held, SPIs and LPIs may be offered. */
static void fill(struct zvm_vcpu *v, bool spis)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_cpu *c = &v->vgic;
	struct zvm_vgic_picks s = { .max = g->nr_lrs };
	u32 ctlr = READ_ONCE(g->ctlr), vmcr = read_sysreg_s(SYS_ICH_VMCR_EL2);
	u32 hcr = ZVM_ICH_HCR_EN, words;
	bool some_pending = false;
	unsigned int i;

	offer_bank(&s, &c->priv, 0, c->priv.active, zvm_vgic_deliverable(&c->priv, ctlr), vmcr);
	for (words = spis ? g->spi_busy : 0; words; words &= words - 1) {
		const struct zvm_vgic_bank *b = &g->spi[__ffs(words)];

		offer_bank(&s, b, __ffs(words) * 32, spi_active_of(b, v->idx) & ~b->in_lr,
			   zvm_vgic_spi_pending_of(b, ctlr, v->idx), vmcr);
	}
	if (spis) {
		c->lpi_posted = false;
		if (c->lpi_prios && (ctlr & ZVM_GICD_CTLR_GRP1))
			zvm_lpi_offer(v, &s, vmcr);
	}

	for (i = 0; i < g->nr_lrs; i++) {
		u64 lr = 0;

		if (i < s.nr && likely(s.p[i].intid < ZVM_VGIC_LPI_BASE))
			lr = take(v, ctlr, s.p[i].intid, i);
		else if (i < s.nr)
			lr = zvm_lpi_take(v, i); /* they were picked in the order they queue */

		some_pending |= (lr & ZVM_ICH_LR_STATE) == ZVM_ICH_LR_PENDING;
		if (lr != c->lr[i]) {
			zvm_lr_write(i, lr);
			c->lr[i] = lr;
		}
	}

	if (s.pending_left || s.active_left)
		hcr |= ZVM_ICH_HCR_UIE | group_interrupts(vmcr);
	/* Only if one is pending (not: and active) there now; else it would be asserted at once. */
	if (s.pending_left && some_pending)
		hcr |= ZVM_ICH_HCR_NPIE;
	if (s.active_left)
		hcr |= vmcr & ZVM_ICH_VMCR_VEOIM ? ZVM_ICH_HCR_TDIR : ZVM_ICH_HCR_LRENPIE;
	c->active_left |= s.active_left; /* so that a pending EOIcount is written away once more */
	hcr_write(c, hcr);
	c->active_left = s.active_left;
}

/*
 * The locks v's list registers need; IRQs are off. SPIs and LPIs matter if one is in a list
 * register (this CPU's own doing, hence stable) or if one wants to be: whoever makes it so posts a
 * request after setting the summary, so a stale 0 is caught by the next flush.
 */
static bool lock_lrs(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	bool spis = v->vgic.nr_spis || READ_ONCE(g->spi_busy) || READ_ONCE(v->vgic.lpi_prios);

	if (spis)
		raw_spin_lock(&g->lock);
	raw_spin_lock(&v->vgic.lock);
	return spis;
}

static void unlock_lrs(struct zvm_vcpu *v, bool spis)
{
	raw_spin_unlock(&v->vgic.lock);
	if (spis)
		raw_spin_unlock(&v->vm->vgic.lock);
}

/*
 * The second half of a fold: fill, unlock. Interrupts the guest has deactivated are told first,
 * without locks, because the answer may be that their line falls.
 */
static void fill_and_unlock(struct zvm_vcpu *v, bool spis, const struct deactivated *d)
{
	if (d->nr) {
		unlock_lrs(v, spis);
		tell_deactivated(v, d);
		spis = lock_lrs(v);
	}
	fill(v, spis);
	unlock_lrs(v, spis);
}

static void refresh(struct zvm_vcpu *v)
{
	struct deactivated d = {};
	bool spis = lock_lrs(v);

	fold(v, spis, &d);
	withdraw_stale(v);
	fill_and_unlock(v, spis, &d);
}

void zvm_vgic_flush(struct zvm_vcpu *v)
{
	if (v->vgic.cpu >= 0)
		refresh(v);
}

void zvm_vgic_maintenance(struct zvm_vcpu *v)
{
	if (v->vgic.cpu < 0)
		return;
	refresh(v);
	isb(); /* the line falls before the handler's caller completes the interrupt */
	/*
	 * A cause that a refresh does not remove would keep this CPU in the handler for ever. The
	 * guest loses the refill, not the host its CPU.
	 */
	if (unlikely(read_sysreg_s(SYS_ICH_MISR_EL2))) {
		write_sysreg_s(ZVM_ICH_HCR_EN, SYS_ICH_HCR_EL2);
		v->vgic.hcr = ZVM_ICH_HCR_EN;
		isb();
	}
}

/*
 * A guest without a vGIC: with HCR_EL2.IMO the ICC registers are the virtual ones, and those are as
 * the last guest left them. All of them trap, and the trap finds no such register.
 */
static void close_interface(struct zvm_vgic_cpu *c)
{
	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL2) & ~ZVM_ICC_SRE_EL2_ENABLE, SYS_ICC_SRE_EL2);
	write_sysreg_s(ZVM_ICH_HCR_TC | ZVM_ICH_HCR_TALL0 | ZVM_ICH_HCR_TALL1, SYS_ICH_HCR_EL2);
	c->closed = true;
}

static void open_interface(struct zvm_vgic_cpu *c)
{
	write_sysreg_s(0, SYS_ICH_HCR_EL2);
	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL2) | ZVM_ICC_SRE_EL2_ENABLE, SYS_ICC_SRE_EL2);
	c->closed = false;
}

void zvm_vgic_load(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_cpu *c = &v->vgic;
	unsigned int i;
	bool spis;

	if (!g->ready) {
		close_interface(c);
		return;
	}
	/* an access of EL1 to ICC_SRE_EL1 traps: the guest has no other mode to choose */
	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL2) & ~ZVM_ICC_SRE_EL2_ENABLE, SYS_ICC_SRE_EL2);
	write_sysreg_s(c->vmcr, SYS_ICH_VMCR_EL2);
	aprs_write(g, c->ap0r, c->ap1r);

	spis = lock_lrs(v);
	for (i = 0; i < g->nr_lrs; i++) {
		zvm_lr_write(i, 0); /* another hypervisor's leftovers included */
		c->lr[i] = 0;
	}
	c->hcr = 0;
	c->cpu = smp_processor_id();
	isb(); /* fill() reads VMCR back */
	fill(v, spis);
	unlock_lrs(v, spis);
}

void zvm_vgic_put(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_cpu *c = &v->vgic;
	struct deactivated d = {};
	unsigned int i;
	bool spis;

	if (c->closed)
		open_interface(c);
	if (c->cpu < 0)
		return;
	spis = lock_lrs(v);
	fold(v, spis, &d);
	for (i = 0; i < g->nr_lrs; i++) {
		if (c->lr[i])
			zvm_lr_write(i, 0);
		c->lr[i] = 0;
	}
	c->vmcr = read_sysreg_s(SYS_ICH_VMCR_EL2);
	zvm_vgic_aprs_read(g, c->ap0r, c->ap1r);
	write_sysreg_s(0, SYS_ICH_HCR_EL2);
	c->hcr = 0;
	c->active_left = false;
	c->cpu = -1;
	unlock_lrs(v, spis);
	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL2) | ZVM_ICC_SRE_EL2_ENABLE, SYS_ICC_SRE_EL2);
	tell_deactivated(v, &d);
}

struct on_vcpu {
	struct zvm_vcpu *v;
	void (*fn)(struct zvm_vcpu *v, void *arg);
	void *arg;
	bool done;
};

/* IRQs off. Does it if v is loaded here or nowhere. */
static void on_vcpu_here(void *info)
{
	struct on_vcpu *o = info;
	struct zvm_vcpu *v = o->v;
	struct zvm_vgic *g = &v->vm->vgic;
	struct deactivated d = {};
	int cpu;

	raw_spin_lock(&g->lock);
	raw_spin_lock(&v->vgic.lock);
	cpu = v->vgic.cpu;
	if (cpu < 0 || cpu == smp_processor_id()) {
		if (cpu >= 0)
			fold(v, true, &d);
		withdraw_stale(v);
		if (o->fn)
			o->fn(v, o->arg);
		o->done = true;
		if (cpu >= 0) {
			fill_and_unlock(v, true, &d);
			return;
		}
	}
	unlock_lrs(v, true);
}

void zvm_vgic_on_vcpu(struct zvm_vcpu *v, void (*fn)(struct zvm_vcpu *v, void *arg), void *arg)
{
	struct on_vcpu o = { .v = v, .fn = fn, .arg = arg };
	unsigned long flags;
	int cpu;

	for (;;) {
		local_irq_save(flags);
		on_vcpu_here(&o);
		local_irq_restore(flags);
		if (o.done)
			return;
		/* It may have moved when we arrive, or its CPU be gone: look again. */
		cpu = READ_ONCE(v->vgic.cpu);
		if (cpu >= 0)
			smp_call_function_single(cpu, on_vcpu_here, &o, 1);
		if (o.done)
			return;
		cpu_relax();
	}
}

static int slot_of(const struct zvm_vgic_cpu *c, u32 intid)
{
	u32 m;

	for (m = c->lr_used; m; m &= m - 1)
		if (ZVM_ICH_LR_VINTID(c->lr[__ffs(m)]) == intid)
			return __ffs(m);
	return -1;
}

void zvm_vgic_fold_private(struct zvm_vcpu *v, u32 intid)
{
	struct deactivated none = {};
	int slot;

	if (v->vgic.cpu != smp_processor_id() || !(v->vgic.priv.in_lr & BIT(intid)))
		return;
	slot = slot_of(&v->vgic, intid);
	if (slot >= 0)
		fold_one(v, slot, &none);
}

bool zvm_vgic_hw_outstanding(struct zvm_vcpu *v, u32 intid)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	u32 bit = BIT(intid);
	unsigned long flags;
	bool out;
	int slot;

	raw_spin_lock_irqsave(&c->lock, flags);
	out = c->priv.phys & bit;
	if (out && (c->priv.in_lr & bit)) {
		slot = slot_of(c, intid);
		if (slot >= 0 && c->cpu == smp_processor_id())
			out = zvm_lr_read(slot) & ZVM_ICH_LR_STATE;
	} else if (out) {
		out = (c->priv.latch | c->priv.active) & bit;
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return out;
}

static void deactivate(struct zvm_vcpu *v, void *arg)
{
	u32 intid = *(u32 *)arg;
	struct zvm_vgic_bank *b = zvm_vgic_bank_of(v, intid);
	u32 bit = BIT(intid % 32);

	if (!(b->active & bit) || (intid >= ZVM_VGIC_NR_PRIVATE && b->owner[intid % 32] != v->idx))
		return;
	b->active &= ~bit;
	if (intid < ZVM_VGIC_NR_PRIVATE)
		zvm_vgic_phys_release(v, bit);
	else
		zvm_vgic_spi_touch(&v->vm->vgic, intid / 32);
}

void zvm_vgic_dir(struct zvm_vcpu *v, u64 val)
{
	u32 intid = val & 0xffffff;

	if (!v->vm->vgic.ready || intid >= zvm_vgic_nr_intids(&v->vm->vgic))
		return;
	zvm_vgic_on_vcpu(v, deactivate, &intid);
	if (intid >= ZVM_VGIC_NR_PRIVATE)
		zvm_irqfd_resample(v->vm, intid);
}
