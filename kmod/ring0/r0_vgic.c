// SPDX-License-Identifier: GPL-2.0
/*
 * The vGIC in ring 0: SGIs, the hot registers of GICD and of the vCPU's own GICR, and
 * interrupts that go straight into a free list register.
 *
 * Locks are the vGIC's own raw locks, by trylock on the lock word itself: lockdep and the preempt
 * count live behind `current`. Nothing is ever waited for: who finds a lock taken, or anything out
 * of the ordinary, leaves the whole access to ring 2, before it has changed anything. A holder in
 * ring 0 cannot be interrupted and holds for some tens of instructions; a holder in rings 1 and 2
 * has IRQs off and never enters the guest with the lock. So neither can deadlock the other.
 *
 * A vCPU that runs here has its list registers in this CPU. Trusts no value the guest has written.
 * GIC IHI 0069: 11.4 (ICH_LR), 12.2 (SGI generation), 12.9, 12.11 (GICD, GICR).
 */
#include "../gic.h"
#include "../vgic/lrreg.h"
#include "../vgic/mmio.h"
#include "../vgic/pick.h"
#include "../vgic/sgi.h"
#include "ring0.h"

static inline u32 zvm_ring0_deliverable(struct zvm_vcpu *v)
{
	return zvm_vgic_deliverable(&v->vgic.priv, READ_ONCE(v->vm->vgic.ctlr));
}

/*
 * Make `intid` of bank `b`, which is deliverable to v, pending in a list register of v, which runs
 * here; the locks of bank and vCPU are held. False: only a flush can do it. What fill() in
 * vgic/lr.c would make of it, as long as there is room and nothing waits outside.
 */
static bool zvm_ring0_place(struct zvm_vcpu *v, struct zvm_vgic_bank *b, u32 intid)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	u32 n = intid % 32, bit = BIT(n), slot, m;
	u64 lr, state = 0;

	/* hw: whether the physical interrupt goes along is the flush's to know */
	if (c->hcr != ZVM_ICH_HCR_EN || ((b->active | b->hw) & bit))
		return false;
	if (b->in_lr & bit) {
		for (m = c->lr_used; m; m &= m - 1)
			if (ZVM_ICH_LR_VINTID(c->lr[__builtin_ctz(m)]) == intid)
				break;
		if (!m || !(b->edge & bit))
			return false;
		slot = __builtin_ctz(m);
		state = zvm_lr_read(slot) & ZVM_ICH_LR_STATE; /* 0: the guest is done with it */
	} else {
		m = ~c->lr_used & GENMASK(v->vm->vgic.nr_lrs - 1, 0);
		if (!m)
			return false;
		slot = __builtin_ctz(m);
		if (intid >= ZVM_VGIC_NR_PRIVATE) {
			b->owner[n] = v->idx;
			c->nr_spis++;
		}
	}
	lr = intid | (u64)b->prio[n] << ZVM_ICH_LR_PRIO_SHIFT | state | ZVM_ICH_LR_PENDING;
	if (b->group & bit)
		lr |= ZVM_ICH_LR_GROUP1;
	if (!(b->edge & bit))
		lr |= ZVM_ICH_LR_EOI; /* look at the line again when the guest is done */
	if (b->latch & bit)
		c->lr_latched |= BIT(slot);
	b->latch &= ~bit;
	b->in_lr |= bit;
	c->lr_used |= BIT(slot);
	c->lr[slot] = lr;
	zvm_lr_write(slot, lr);
	return true;
}

/*
 * All of `pending` in bank `b`, whose first INTID is `base`. A level in a list register is there
 * already: its end raises a maintenance interrupt.
 */
static bool zvm_ring0_place_all(struct zvm_vcpu *v, struct zvm_vgic_bank *b, u32 base, u32 pending)
{
	u32 m;

	for (m = pending & ~(b->in_lr & ~b->edge); m; m &= m - 1)
		if (!zvm_ring0_place(v, b, base + __builtin_ctz(m)))
			return false;
	return true;
}

/* --- SGIs ------------------------------------------------------------------------------------ */

/* Make t notice its requests: at once if it runs, else ring 1 wakes it. */
static void zvm_ring0_kick(struct zvm_vcpu *v, struct zvm_vcpu *t)
{
	smp_mb(); /* the request before the mode: pairs with smp_store_mb() in the run loop */
	if (READ_ONCE(t->mode) == ZVM_IN_GUEST) {
		if (!zvm_gic_ring(READ_ONCE(t->resident_cpu)))
			v->kicks |= BIT_ULL(t->idx);
	} else if (READ_ONCE(t->blocked)) {
		v->kicks |= BIT_ULL(t->idx);
	}
}

/* False: not done, nothing changed. */
static bool zvm_ring0_send(struct zvm_vcpu *v, struct zvm_vcpu *t, u32 sgi, bool group1)
{
	struct zvm_vgic_cpu *c = &t->vgic;
	bool wake;

	if (!zvm_ring0_trylock(&c->lock))
		return false;
	if (!group1 && (c->priv.group & BIT(sgi))) {
		zvm_ring0_unlock(&c->lock);
		return true;
	}
	c->priv.latch |= BIT(sgi);
	wake = zvm_ring0_deliverable(t) & BIT(sgi);
	if (wake && t == v && zvm_ring0_place(v, &v->vgic.priv, sgi))
		wake = false;
	zvm_ring0_unlock(&c->lock);
	if (!wake)
		return true;
	if (t == v) {
		set_bit(ZVM_REQ_IRQ, &v->requests);
	} else {
		set_bit(ZVM_REQ_POST, &t->requests);
		zvm_ring0_kick(v, t);
	}
	return true;
}

u32 zvm_ring0_sgi(struct zvm_vcpu *v, u64 val, bool group1)
{
	u64 left;

	if (!READ_ONCE(v->vm->vgic.ready))
		return ZVM_EXIT_SYNC;
	for (left = zvm_sgi_targets(v, val); left; left &= left - 1) {
		if (!zvm_ring0_send(v, v->vm->vcpus[__builtin_ctzl(left)], ZVM_SGI_INTID(val),
				    group1)) {
			v->sgi_left = left;
			return ZVM_EXIT_SYNC;
		}
	}
	zvm_ring0_skip();
	return v->kicks || READ_ONCE(v->requests) ? ZVM_EXIT_AGAIN : ZVM_RESUME;
}

/* --- what was posted ------------------------------------------------------------------------- */

/* SPIs of bank `b` that v may take and that no other vCPU has in a list register; g->lock held. */
static u32 zvm_ring0_spis(struct zvm_vcpu *v, const struct zvm_vgic_bank *b)
{
	u32 m, mine = 0, n;

	for (m = zvm_vgic_deliverable(b, v->vm->vgic.ctlr) & ~b->active; m; m &= m - 1) {
		n = __builtin_ctz(m);
		if (b->in_lr & BIT(n) ? b->owner[n] == v->idx :
					b->target[n] == v->idx || (b->route[n] & BIT(31)))
			mine |= BIT(n);
	}
	return mine;
}

/* Nothing was posted but interrupts that have come up. Ring 1 may call it too, IRQs off. */
u32 zvm_ring0_take_posted(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_cpu *c = &v->vgic;
	bool spis = READ_ONCE(g->spi_busy), done = false;
	u32 words;

	/* LPIs are in lists, which ring 0 leaves to ring 1 */
	if (c->cpu < 0 || READ_ONCE(c->lpi_posted) || (spis && !zvm_ring0_trylock(&g->lock)))
		return ZVM_EXIT_AGAIN;
	if (!zvm_ring0_trylock(&c->lock))
		goto out;
	clear_bit(ZVM_REQ_POST, &v->requests);
	smp_mb__after_atomic(); /* before the banks are looked at, as zvm_vcpu_take_request() */
	done = (spis || !READ_ONCE(g->spi_busy)) && !READ_ONCE(c->lpi_posted) &&
	       zvm_ring0_place_all(v, &c->priv, 0, zvm_ring0_deliverable(v));
	for (words = spis ? g->spi_busy : 0; done && words; words &= words - 1) {
		struct zvm_vgic_bank *b = &g->spi[__builtin_ctz(words)];

		done = zvm_ring0_place_all(v, b, __builtin_ctz(words) * 32, zvm_ring0_spis(v, b));
	}
	zvm_ring0_unlock(&c->lock);
	if (!done)
		set_bit(ZVM_REQ_IRQ, &v->requests);
out:
	if (spis)
		zvm_ring0_unlock(&g->lock);
	return done ? ZVM_RESUME : ZVM_EXIT_AGAIN;
}

/* --- the timers ------------------------------------------------------------------------------ */

/*
 * Find a list register for a timer's interrupt that is about to be acknowledged. True: v's lock is
 * held. The one of the last time is folded if the guest has finished it.
 */
bool zvm_ring0_timer_slot(struct zvm_vcpu *v, int i, u32 *slot)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	struct zvm_vgic_bank *b = &c->priv;
	u32 intid = v->timers.t[i].intid, bit = BIT(intid), m;

	if (!zvm_ring0_trylock(&c->lock))
		return false;
	if (c->hcr != ZVM_ICH_HCR_EN || !(b->hw & bit) || (b->active & bit) ||
	    !(zvm_vgic_forwarded(b, READ_ONCE(v->vm->vgic.ctlr)) & bit))
		goto no;
	if (b->in_lr & bit) {
		for (m = c->lr_used; m; m &= m - 1)
			if (ZVM_ICH_LR_VINTID(c->lr[__builtin_ctz(m)]) == intid)
				break;
		/* not HW: software in the guest had made it pending, and its end is reported */
		if (!m || !(c->lr[__builtin_ctz(m)] & ZVM_ICH_LR_HW) ||
		    (zvm_lr_read(__builtin_ctz(m)) & ZVM_ICH_LR_STATE))
			goto no;
	} else {
		m = ~c->lr_used & GENMASK(v->vm->vgic.nr_lrs - 1, 0);
		if (!m || (b->phys & bit))
			goto no;
	}
	*slot = __builtin_ctz(m);
	return true;
no:
	zvm_ring0_unlock(&c->lock);
	return false;
}

/* It was acknowledged: what zvm_vgic_raise_hw() and fill() would have done. v's lock is held. */
void zvm_ring0_timer_place(struct zvm_vcpu *v, int i, u32 slot)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	struct zvm_vgic_bank *b = &c->priv;
	u32 intid = v->timers.t[i].intid, bit = BIT(intid);
	u64 lr = intid | (u64)b->prio[intid] << ZVM_ICH_LR_PRIO_SHIFT | ZVM_ICH_LR_PENDING |
		 ZVM_ICH_LR_HW | (u64)c->hw_intid[intid] << ZVM_ICH_LR_PINTID_SHIFT;

	if (b->group & bit)
		lr |= ZVM_ICH_LR_GROUP1;
	b->level |= bit;
	b->phys |= bit;
	b->latch &= ~bit;
	b->in_lr |= bit;
	c->lr_used |= BIT(slot);
	c->lr_latched |= BIT(slot);
	c->lr[slot] = lr;
	zvm_lr_write(slot, lr);
}

/* --- registers ------------------------------------------------------------------------------- */

/* Offsets, the same in GICD and in the SGI frame of GICR */
#define R_CTLR	     0x0000
#define R_TYPER	     0x0004
#define R_IGROUPR    0x0080
#define R_ISENABLER  0x0100
#define R_ICENABLER  0x0180
#define R_IPRIORITYR 0x0400
#define R_END	     0x0800
#define R_PIDR2	     0xffe8
#define GICR_TYPER   0x0008
#define SGI_FRAME    0x10000

/* A word of bits or bytes of priority of one bank; `off` is below R_END. */
static bool zvm_ring0_bank_read(const struct zvm_vgic_bank *b, u32 off, u32 len, u64 *val)
{
	const u8 *prio;
	u32 i;

	if (off >= R_IPRIORITYR) {
		if (len == 8)
			return false; /* has no such width: ring 2 answers as KVM does */
		prio = &b->prio[off & 31];
		for (*val = 0, i = 0; i < len; i++)
			*val |= (u64)READ_ONCE(prio[i]) << (i * 8);
		return true;
	}
	if (len != 4)
		return false;
	switch (off & ~0x7fU) {
	case R_IGROUPR:
		*val = READ_ONCE(b->group);
		return true;
	case R_ISENABLER:
	case R_ICENABLER:
		*val = READ_ONCE(b->enabled);
		return true;
	}
	return false;
}

/* The bank of SPIs that `off` of the distributor is about, or NULL. */
static struct zvm_vgic_bank *zvm_ring0_spi_bank(struct zvm_vgic *g, u32 off)
{
	u32 word = off >= R_IPRIORITYR ? (off - R_IPRIORITYR) / 32 : (off & 0x7f) / 4;

	return word && word < g->nr_irqs / 32 ? &g->spi[word] : NULL;
}

static bool zvm_ring0_dist_read(struct zvm_vgic *g, u32 off, u32 len, u64 *val)
{
	const struct zvm_vgic_bank *b;

	if (off >= R_IGROUPR && off < R_END) {
		b = zvm_ring0_spi_bank(g, off);
		return b && zvm_ring0_bank_read(b, off, len, val);
	}
	if (len != 4)
		return false;
	switch (off) {
	case R_CTLR:
		*val = READ_ONCE(g->ctlr) | ZVM_GICD_CTLR_ARE | ZVM_GICD_CTLR_DS;
		return true;
	case R_TYPER:
		*val = READ_ONCE(g->typer);
		return true;
	case R_PIDR2:
		*val = ZVM_GIC_PIDR2;
		return true;
	}
	return false;
}

static bool zvm_ring0_redist_read(struct zvm_vcpu *v, u32 off, u32 len, u64 *val)
{
	if (off >= SGI_FRAME + R_IGROUPR && off < SGI_FRAME + R_END) {
		off -= SGI_FRAME;
		if (off >= R_IPRIORITYR + 32 || (off < R_IPRIORITYR && (off & 0x7f)))
			return false;
		return zvm_ring0_bank_read(&v->vgic.priv, off, len, val);
	}
	if (off == GICR_TYPER && len == 8) {
		*val = READ_ONCE(v->vgic.typer);
		return true;
	}
	if (off == R_PIDR2 && len == 4) {
		*val = ZVM_GIC_PIDR2;
		return true;
	}
	return false;
}

/*
 * Enable or disable interrupts of the vCPU's own bank. One that is in a list register, or now has
 * to go into one, is dealt with by the flush before the guest goes on.
 */
static u32 zvm_ring0_redist_write(struct zvm_vcpu *v, u32 off, u32 val)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	u32 touched;

	if (off != SGI_FRAME + R_ISENABLER && off != SGI_FRAME + R_ICENABLER)
		return ZVM_EXIT_SYNC;
	if (!zvm_ring0_trylock(&c->lock))
		return ZVM_EXIT_SYNC;
	if (off == SGI_FRAME + R_ISENABLER) {
		val &= ~c->priv.enabled;
		c->priv.enabled |= val;
		touched = zvm_ring0_deliverable(v) & val;
	} else {
		val &= c->priv.enabled;
		c->priv.enabled &= ~val;
		touched = c->priv.in_lr & val;
	}
	zvm_ring0_unlock(&c->lock);
	if (!touched)
		return ZVM_RESUME;
	set_bit(ZVM_REQ_IRQ, &v->requests);
	return ZVM_EXIT_AGAIN;
}

/* The same of SPIs, as long as no list register and no other vCPU is concerned. */
static u32 zvm_ring0_dist_write(struct zvm_vgic *g, u32 off, u32 val)
{
	struct zvm_vgic_bank *b;
	u32 ret = ZVM_EXIT_SYNC;

	if (off < R_ISENABLER || off >= R_ICENABLER + 0x80)
		return ZVM_EXIT_SYNC;
	b = zvm_ring0_spi_bank(g, off);
	if (!b || b == &g->spi[31] || !zvm_ring0_trylock(&g->lock))
		return ZVM_EXIT_SYNC;
	if (off < R_ICENABLER) {
		if (!(zvm_vgic_pending(b) & val & ~b->enabled)) {
			b->enabled |= val;
			ret = ZVM_RESUME;
		}
	} else if (!(b->in_lr & val & b->enabled)) {
		b->enabled &= ~val;
		ret = ZVM_RESUME;
	}
	zvm_ring0_unlock(&g->lock);
	return ret;
}

u32 zvm_ring0_mmio(struct zvm_vcpu *v, u64 ipa)
{
	struct zvm_vgic *g = &v->vm->vgic;
	u64 esr = v->ctx.esr, val = 0, off;
	u32 len = 1U << ZVM_ISS_SAS(esr), rt = ZVM_ISS_SRT(esr), ret;
	bool dist = ipa - g->dist_base < ZVM_GICD_SIZE;

	off = ipa - (dist ? g->dist_base : v->vgic.rd_base);
	if (!READ_ONCE(g->plain) || off >= (dist ? ZVM_GICD_SIZE : ZVM_GICR_SIZE) || len == 2 ||
	    (off & (len - 1)) || (esr & ZVM_ISS_SSE))
		return ZVM_EXIT_SYNC;
	/* big-endian data, and programs in AArch32 with their lengths and IT state, are for ring 2 */
	if ((v->ctx.sctlr & (ZVM_SCTLR_EE | ZVM_SCTLR_E0E)) ||
	    (read_sysreg(spsr_el2) & ZVM_PSR_MODE32))
		return ZVM_EXIT_SYNC;
	if (esr & ZVM_ISS_WNR) {
		if (len != 4)
			return ZVM_EXIT_SYNC;
		val = rt == 31 ? 0 : v->ctx.x[rt];
		ret = dist ? zvm_ring0_dist_write(g, off, val) :
			     zvm_ring0_redist_write(v, off, val);
		if (ret == ZVM_EXIT_SYNC)
			return ret;
	} else {
		if (!(dist ? zvm_ring0_dist_read(g, off, len, &val) :
			     zvm_ring0_redist_read(v, off, len, &val)))
			return ZVM_EXIT_SYNC;
		if (rt != 31)
			v->ctx.x[rt] = val;
		ret = ZVM_RESUME;
	}
	v->stats.mmio_kernel_exits++;
	zvm_ring0_skip();
	return ret;
}
