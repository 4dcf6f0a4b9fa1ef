// SPDX-License-Identifier: GPL-2.0
/*
 * The distributor's registers: one Security state (DS = 1), affinity routing always on, LPIs if there
 * is an ITS, no message-based SPIs (TYPER.MBIS = 0). Values that user space may compare or restore are KVM's.
 * Context and locks: regs.c. GIC IHI 0069, 12.9.
 */
#include "internal.h"

#define GICD_TYPER_IDBITS(bits) (((bits) - 1u) << 19)
#define GICD_TYPER_LPIS	(1u << 17)
#define GICD_IIDR_KVM	0x4b00043bu  /* product 'K', implementer Arm: what KVM says */
#define GICD_IIDR_REV	12

/* --- control and identification ------------------------------------------------------------------- */

static u64 read_ctlr(const struct zvm_vgic_access *a, u32 arg)
{
	return READ_ONCE(a->vm->vgic.ctlr) | ZVM_GICD_CTLR_ARE | ZVM_GICD_CTLR_DS;
}

static int write_ctlr(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	struct zvm_vgic *g = &a->vm->vgic;
	u32 ctlr = val & ZVM_GICD_CTLR_GRPS, old;
	unsigned long flags;
	u64 all;

	raw_spin_lock_irqsave(&g->lock, flags);
	old = g->ctlr;
	WRITE_ONCE(g->ctlr, ctlr);
	raw_spin_unlock_irqrestore(&g->lock, flags);

	all = GENMASK_ULL(zvm_vm_nr_vcpus(a->vm) - 1, 0);
	if (old & ~ctlr)
		zvm_vgic_sync_mask(a->vm, all); /* RWP reads 0: nothing may be left */
	if (ctlr & ~old)
		zvm_vgic_request_mask(a->vm, all);
	return 0;
}

static u64 read_typer(const struct zvm_vgic_access *a, u32 arg)
{
	u32 ids = zvm_vgic_has_its(&a->vm->vgic) ? GICD_TYPER_IDBITS(16) | GICD_TYPER_LPIS :
						   GICD_TYPER_IDBITS(10);

	return ids | (a->vm->vgic.nr_irqs / 32 - 1);
}

static u64 read_iidr(const struct zvm_vgic_access *a, u32 arg)
{
	return GICD_IIDR_KVM | a->vm->vgic.revision << GICD_IIDR_REV;
}

static int write_iidr(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	u32 rev = (val >> GICD_IIDR_REV) & 0xf;

	if (!a->user)
		return 0;
	/* User space may choose the revision the guest was started with, nothing else. */
	if ((val ^ GICD_IIDR_KVM) & ~(0xfull << GICD_IIDR_REV) || (rev != 2 && rev != 3))
		return -EINVAL;
	a->vm->vgic.revision = rev;
	return 0;
}

static int write_typer2(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	return a->user && val ? -EINVAL : 0;
}

/* --- routing ---------------------------------------------------------------------------------------- */

static u64 read_irouter(const struct zvm_vgic_access *a, u32 arg)
{
	const struct zvm_vgic_bank *b = &a->vm->vgic.spi[a->intid / 32];

	/* affinities have three levels: the upper half, Aff3, is zero */
	return zvm_vgic_get_part(READ_ONCE(b->route[a->intid % 32]), a->off, a->len);
}

static int write_irouter(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	struct zvm_vgic *g = &a->vm->vgic;
	struct zvm_vgic_bank *b = &g->spi[a->intid / 32];
	u32 n = a->intid % 32, route;
	struct zvm_vcpu *v;
	unsigned long flags;
	u64 vcpus;

	if (a->len == 4 && (a->off & 4))
		return 0;
	route = val & (BIT(31) | 0xffffff);
	v = zvm_vcpu_by_mpidr(a->vm, route & 0xffffff);

	raw_spin_lock_irqsave(&g->lock, flags);
	WRITE_ONCE(b->route[n], route);
	if (route & BIT(31))
		b->target[n] = 0; /* any vCPU may take it; the first one if none is on */
	else
		b->target[n] = v ? v->idx : ZVM_VGIC_NO_VCPU;
	vcpus = zvm_vgic_spi_owners(a->vm, a->intid / 32, BIT(n));
	raw_spin_unlock_irqrestore(&g->lock, flags);

	/* pending in the old target's list registers: taken out; active: stays until it ends */
	zvm_vgic_sync_mask(a->vm, vcpus);
	raw_spin_lock_irqsave(&g->lock, flags);
	vcpus = zvm_vgic_spi_targets(a->vm, a->intid / 32, BIT(n));
	raw_spin_unlock_irqrestore(&g->lock, flags);
	zvm_vgic_request_mask(a->vm, vcpus);
	return 0;
}

/* --- table -------------------------------------------------------------------------------------------- */

#define REG(_off, _len, _widths, _read, _write) \
	{ .off = _off, .len = _len, .widths = _widths, .read = _read, .write = _write }
/* INTIDs 0..1023; find_reg() makes those without a bank reserved */
#define IRQ_REG(_off, _bits, _widths, _name, _arg)                                           \
	{ .off = _off, .len = 1024 * (_bits) / 8, .bits = _bits, .widths = _widths, .arg = _arg, \
	  .read = zvm_vgic_read_##_name, .write = zvm_vgic_write_##_name }

const struct zvm_vgic_reg zvm_vgic_dist_regs[] = {
	REG(0x0000, 4, 4, read_ctlr, write_ctlr),			/* GICD_CTLR */
	REG(0x0004, 4, 4, read_typer, NULL),				/* GICD_TYPER */
	REG(0x0008, 4, 4, read_iidr, write_iidr),			/* GICD_IIDR */
	REG(0x000c, 4, 4, NULL, write_typer2),				/* GICD_TYPER2 */
	REG(0x0010, 4, 4, NULL, NULL),					/* GICD_STATUSR */
	IRQ_REG(0x0080, 1, 4, group, 0),				/* GICD_IGROUPR */
	IRQ_REG(0x0100, 1, 4, enable, ZVM_VGIC_SET),			/* GICD_ISENABLER */
	IRQ_REG(0x0180, 1, 4, enable, ZVM_VGIC_CLEAR),			/* GICD_ICENABLER */
	IRQ_REG(0x0200, 1, 4, state, ZVM_VGIC_PEND_SET),		/* GICD_ISPENDR */
	IRQ_REG(0x0280, 1, 4, state, ZVM_VGIC_PEND_CLEAR),		/* GICD_ICPENDR */
	IRQ_REG(0x0300, 1, 4, state, ZVM_VGIC_ACTIVE_SET),		/* GICD_ISACTIVER */
	IRQ_REG(0x0380, 1, 4, state, ZVM_VGIC_ACTIVE_CLEAR),		/* GICD_ICACTIVER */
	IRQ_REG(0x0400, 8, 1 | 4, priority, 0),				/* GICD_IPRIORITYR */
	REG(0x0800, 1024, 1 | 4, NULL, NULL),				/* GICD_ITARGETSR */
	IRQ_REG(0x0c00, 2, 4, config, 0),				/* GICD_ICFGR */
	REG(0x0d00, 128, 4, NULL, NULL),				/* GICD_IGRPMODR */
	{ .off = 0x6000, .len = 1024 * 8, .bits = 64, .widths = 4 | 8,	/* GICD_IROUTER */
	  .read = read_irouter, .write = write_irouter },
	REG(0xffd0, 48, 4, zvm_vgic_read_pidr, NULL),			/* GICD_PIDR, CIDR */
};
const unsigned int zvm_vgic_nr_dist_regs = ARRAY_SIZE(zvm_vgic_dist_regs);
