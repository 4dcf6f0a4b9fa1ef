// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual GICv3: life of the device, and interrupts on their way in.
 *
 * Life runs under vm->lock. Injection runs anywhere, hard IRQ included: it changes a bank under its
 * raw lock, drops the lock, and posts ZVM_REQ_IRQ to the vCPU concerned, which flushes its list
 * registers before it enters the guest again.
 *
 * Nothing here trusts an INTID or an affinity: both are checked against what was configured.
 */
#include <linux/slab.h>

#include "../stats/trace.h"
#include "internal.h"

#define DEFAULT_NR_IRQS 256

/* --- life ------------------------------------------------------------------------------------- */

/* A vCPU's part as it is before anything was set; its KVM_ARM_VCPU_INIT may run at the same time. */
static int clear_cpu(struct zvm_vcpu *v)
{
	struct zvm_vgic *g = &v->vm->vgic;
	struct zvm_vgic_cpu *c = &v->vgic;
	unsigned long flags;

	if (g->initialized)
		return -EBUSY; /* the number of vCPUs is frozen */
	raw_spin_lock_irqsave(&c->lock, flags);
	memset(&c->priv, 0, sizeof(c->priv));
	c->priv.enabled = 0xffff; /* SGIs, as KVM */
	c->priv.edge = 0xffff;
	c->priv.group = ~0u;
	raw_spin_unlock_irqrestore(&c->lock, flags);
	c->cpu = -1;
	c->rd_base = ZVM_VGIC_ADDR_UNDEF;
	/* read-allocate write-back, inner shareable: what KVM reports without an ITS */
	c->pendbaser = 3ULL << 7 | 1ULL << 10;
	zvm_vgic_vcpu_reset(v);
	return g->exists ? zvm_vgic_place_redist(v) : 0;
}

bool zvm_vgic_exists(struct zvm_vm *vm)
{
	return READ_ONCE(vm->vgic.exists);
}

int zvm_vgic_create(struct zvm_vm *vm)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_vcpu *v;
	u32 i;
	int err;

	if (g->exists)
		return -EEXIST;
	if (vm->ran_once)
		return -EBUSY;

	raw_spin_lock_init(&g->lock);
	g->vtr = read_sysreg_s(SYS_ICH_VTR_EL2);
	g->nr_lrs = ZVM_ICH_VTR_LISTREGS(g->vtr);
	g->nr_aprs = 1 << (clamp_t(u32, ZVM_ICH_VTR_PREBITS(g->vtr), 5, 7) - 5);
	if (g->nr_lrs < 2) /* UIE says "at most one left": it would never stop saying it */
		return -ENXIO;
	g->dist_base = ZVM_VGIC_ADDR_UNDEF;
	g->regions = NULL;
	g->nr_regions = 0;
	g->revision = 3;
	g->plain = false;
	g->ctlr = 0;
	g->spi_busy = 0;
	if (!g->nr_its)
		g->propbaser = 0;
	zvm_for_each_vcpu(i, v, vm) {
		err = clear_cpu(v);
		if (err)
			return err;
	}
	WRITE_ONCE(g->exists, true);
	return 0;
}

void zvm_vgic_destroy(struct zvm_vm *vm)
{
	struct zvm_vgic *g = &vm->vgic;

	WRITE_ONCE(g->exists, false);
	zvm_its_destroy(vm);
	kfree(g->spi);
	kfree(g->regions);
	g->spi = NULL;
	g->regions = NULL;
	g->nr_regions = 0;
	g->initialized = g->ready = g->plain = false;
}

int zvm_vgic_vcpu_create(struct zvm_vcpu *v)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	unsigned int i;

	raw_spin_lock_init(&c->lock);
	for (i = 0; i < ARRAY_SIZE(c->lpi_queue); i++)
		INIT_LIST_HEAD(&c->lpi_queue[i]);
	return clear_cpu(v);
}

void zvm_vgic_vcpu_destroy(struct zvm_vcpu *v)
{
	zvm_vgic_unplace_redist(v);
}

void zvm_vgic_vcpu_reset(struct zvm_vcpu *v)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	u32 vtr = read_sysreg_s(SYS_ICH_VTR_EL2), hw;
	unsigned long flags;

	/* The timers are off now, so the interrupts they raised are gone, taken or not. */
	raw_spin_lock_irqsave(&c->lock, flags);
	hw = c->priv.hw;
	c->priv.level &= ~hw;
	c->priv.latch &= ~hw;
	c->priv.active &= ~hw;
	c->priv.phys &= ~hw;
	raw_spin_unlock_irqrestore(&c->lock, flags);

	/* Hardware raises the binary points to their minimum when it loads 0. */
	c->vmcr = 0;
	memset(c->ap0r, 0, sizeof(c->ap0r));
	memset(c->ap1r, 0, sizeof(c->ap1r));
	c->num_pri_bits = ZVM_ICH_VTR_PRIBITS(vtr);
	c->num_id_bits = (vtr >> 23) & 7;
}

int zvm_vgic_init(struct zvm_vm *vm)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_vgic_bank *spi;
	u32 w;

	if (g->initialized)
		return 0;
	if (!g->nr_irqs)
		g->nr_irqs = DEFAULT_NR_IRQS;
	spi = kcalloc(g->nr_irqs / 32, sizeof(*spi), GFP_KERNEL_ACCOUNT);
	if (!spi)
		return -ENOMEM;
	for (w = 1; w < g->nr_irqs / 32; w++) {
		spi[w].group = ~0u;
		memset(spi[w].target, zvm_vm_nr_vcpus(vm) ? 0 : ZVM_VGIC_NO_VCPU,
		       sizeof(spi[w].target));
		memset(spi[w].owner, ZVM_VGIC_NO_VCPU, sizeof(spi[w].owner));
	}
	g->spi = spi;
	smp_store_release(&g->initialized, true); /* injection looks at spi after it */
	return 0;
}

int zvm_vgic_check_ready(struct zvm_vm *vm)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_vcpu *v;
	u32 i;

	if (!g->exists || g->ready)
		return 0;
	zvm_for_each_vcpu(i, v, vm)
		if (v->vgic.rd_base == ZVM_VGIC_ADDR_UNDEF)
			return -ENXIO;
	if (g->dist_base == ZVM_VGIC_ADDR_UNDEF)
		return -ENXIO;
	if (!zvm_vgic_regions_valid(vm))
		return -EINVAL;
	if (!g->initialized)
		return -EBUSY;
	zvm_vgic_mmio_ready(vm);
	WRITE_ONCE(g->ready, true);
	return 0;
}

/* --- who must look at an interrupt -------------------------------------------------------------- */

/* 1 of N: the first vCPU that is on. Any other one that flushes earlier may take it as well. */
static u32 any_vcpu(struct zvm_vm *vm)
{
	struct zvm_vcpu *v;
	u32 i;

	zvm_for_each_vcpu(i, v, vm)
		if (READ_ONCE(v->initialized) && !READ_ONCE(v->powered_off))
			return i;
	return 0;
}

u64 zvm_vgic_spi_targets(struct zvm_vm *vm, u32 word, u32 mask)
{
	const struct zvm_vgic *g = &vm->vgic;
	const struct zvm_vgic_bank *b = &g->spi[word];
	u64 vcpus = 0;

	for (mask &= zvm_vgic_deliverable(b, g->ctlr) & ~b->active; mask; mask &= mask - 1) {
		u32 n = __ffs(mask);

		if (b->in_lr & BIT(n))
			vcpus |= BIT_ULL(b->owner[n]);
		else if (b->route[n] & BIT(31))
			vcpus |= BIT_ULL(any_vcpu(vm));
		else if (b->target[n] != ZVM_VGIC_NO_VCPU)
			vcpus |= BIT_ULL(b->target[n]);
	}
	return vcpus;
}

u64 zvm_vgic_spi_owners(struct zvm_vm *vm, u32 word, u32 mask)
{
	const struct zvm_vgic_bank *b = &vm->vgic.spi[word];
	u64 vcpus = 0;

	for (mask &= b->in_lr; mask; mask &= mask - 1)
		vcpus |= BIT_ULL(b->owner[__ffs(mask)]);
	return vcpus;
}

void zvm_vgic_request_mask(struct zvm_vm *vm, u64 vcpus)
{
	for (; vcpus; vcpus &= vcpus - 1)
		zvm_vcpu_request(vm->vcpus[__ffs64(vcpus)], ZVM_REQ_IRQ);
}

void zvm_vgic_sync_mask(struct zvm_vm *vm, u64 vcpus)
{
	for (; vcpus; vcpus &= vcpus - 1)
		zvm_vgic_on_vcpu(vm->vcpus[__ffs64(vcpus)], NULL, NULL);
}

/* --- injection ---------------------------------------------------------------------------------- */

static void set_line(struct zvm_vgic_bank *b, u32 bit, bool level)
{
	if (!level)
		b->level &= ~bit;
	else if (b->edge & bit)
		b->latch |= bit; /* an edge leaves no line behind: its source may never lower it */
	else
		b->level |= bit;
}

static void inject_spi(struct zvm_vm *vm, u32 intid, bool level)
{
	struct zvm_vgic *g = &vm->vgic;
	struct zvm_vgic_bank *b = &g->spi[intid / 32];
	u32 bit = BIT(intid % 32);
	struct zvm_vcpu *stale = NULL;
	unsigned long flags;
	u64 vcpus = 0;

	raw_spin_lock_irqsave(&g->lock, flags);
	if (!(b->edge & bit) && !!(b->level & bit) == level)
		goto unlock;
	set_line(b, bit, level);
	zvm_vgic_spi_touch(g, intid / 32);
	if (level && (b->edge & bit || !(b->in_lr & bit)))
		vcpus = zvm_vgic_spi_targets(vm, intid / 32, bit);
	else if (!level && !(b->edge & bit) && (b->in_lr & bit))
		stale = vm->vcpus[b->owner[intid % 32]];
unlock:
	raw_spin_unlock_irqrestore(&g->lock, flags);

	for (; vcpus; vcpus &= vcpus - 1)
		zvm_vcpu_request(vm->vcpus[__ffs64(vcpus)], ZVM_REQ_POST);
	/* Still pending in a list register perhaps: withdraw it at the next entry, no kick for it. */
	if (stale)
		set_bit(ZVM_REQ_IRQ, &stale->requests);
}

static void inject_private(struct zvm_vcpu *v, u32 intid, bool level)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	struct zvm_vgic_bank *b = &c->priv;
	u32 bit = BIT(intid);
	unsigned long flags;
	bool wake = false, stale = false;

	raw_spin_lock_irqsave(&c->lock, flags);
	if (b->hw & bit) /* the VMM's line is not connected to it */
		goto unlock;
	if (!(b->edge & bit) && !!(b->level & bit) == level)
		goto unlock;
	set_line(b, bit, level);
	stale = !level && (b->in_lr & bit);
	wake = level && zvm_vgic_deliverable(b, READ_ONCE(v->vm->vgic.ctlr)) & ~b->active & bit;
unlock:
	raw_spin_unlock_irqrestore(&c->lock, flags);

	if (wake)
		zvm_vcpu_request(v, stale ? ZVM_REQ_IRQ : ZVM_REQ_POST);
	else if (stale)
		set_bit(ZVM_REQ_IRQ, &v->requests);
}

int zvm_vgic_inject(struct zvm_vm *vm, struct zvm_vcpu *v, u32 intid, bool level)
{
	struct zvm_vgic *g = &vm->vgic;

	if (!smp_load_acquire(&g->initialized)) /* pairs with zvm_vgic_init() */
		return READ_ONCE(g->exists) ? -EBUSY : -ENXIO;
	if (intid < ZVM_VGIC_NR_SGIS || intid >= zvm_vgic_nr_intids(g))
		return -EINVAL;
	if (intid >= ZVM_VGIC_NR_PRIVATE) {
		trace_zvm_irq_inject(-1, intid, level);
		inject_spi(vm, intid, level);
		return 0;
	}
	if (!v)
		return -EINVAL;
	trace_zvm_irq_inject(v->id, intid, level);
	inject_private(v, intid, level);
	return 0;
}

int zvm_vgic_raise_hw(struct zvm_vcpu *v, u32 intid)
{
	struct zvm_vgic_cpu *c = &v->vgic;
	struct zvm_vgic_bank *b = &c->priv;
	u32 bit = BIT(intid);
	unsigned long flags;
	bool wake;

	if (!smp_load_acquire(&v->vm->vgic.initialized)) /* pairs with zvm_vgic_init() */
		return READ_ONCE(v->vm->vgic.exists) ? -EBUSY : -ENXIO;
	trace_zvm_irq_inject(v->id, intid, true);
	raw_spin_lock_irqsave(&c->lock, flags);
	/*
	 * The guest may have finished the last one in its list register: its end must be seen
	 * before this one begins.
	 */
	zvm_vgic_fold_private(v, intid);
	b->level |= bit;
	b->latch |= bit;
	b->phys |= bit;
	wake = zvm_vgic_deliverable(b, READ_ONCE(v->vm->vgic.ctlr)) & ~b->active & bit;
	raw_spin_unlock_irqrestore(&c->lock, flags);

	/* In any case it may have been folded above. */
	if (wake)
		zvm_vcpu_request(v, ZVM_REQ_IRQ);
	else
		set_bit(ZVM_REQ_IRQ, &v->requests);
	return 0;
}

void zvm_vgic_map_hw(struct zvm_vcpu *v, u32 intid, u32 host_intid)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&v->vgic.lock, flags);
	v->vgic.priv.hw |= BIT(intid);
	v->vgic.hw_intid[intid] = host_intid;
	raw_spin_unlock_irqrestore(&v->vgic.lock, flags);
}
