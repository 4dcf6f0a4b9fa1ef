// SPDX-License-Identifier: GPL-2.0
/*
 * A redistributor's registers: the RD frame at 0, the SGI frame (SGIs and PPIs) at 64 KiB. Without
 * an ITS the LPI registers hold what is written to them and have no effect, as in KVM.
 * Context and locks: regs.c. GIC IHI 0069, 12.10 and 12.11.
 */
#include "internal.h"

#define GICR_CTLR_LPIS	  (1u << 0)
#define GICR_CTLR_CES	  (1u << 1)
#define GICR_CTLR_IR	  (1u << 2)
#define GICR_IIDR_KVM	  0x4b00043bu
#define GICR_TYPER_PLPIS  BIT_ULL(0)
#define GICR_TYPER_LAST	  BIT_ULL(4)
#define SGI_FRAME	  0x10000

/* Bits that exist in GICR_PROPBASER and GICR_PENDBASER; PTZ of the latter reads as zero. */
#define PROPBASER_MASK (~(GENMASK_ULL(63, 59) | GENMASK_ULL(55, 52) | GENMASK_ULL(6, 5)))
#define PENDBASER_MASK                                                                      \
	(~(BIT_ULL(63) | GENMASK_ULL(61, 59) | GENMASK_ULL(55, 52) | GENMASK_ULL(15, 12) |      \
	   GENMASK_ULL(6, 0)))

static u64 read_ctlr(const struct zvm_vgic_access *a, u32 arg)
{
	return (a->vm->vgic.revision >= 3 ? GICR_CTLR_IR | GICR_CTLR_CES : 0) |
	       (READ_ONCE(a->v->vgic.lpis_enabled) ? GICR_CTLR_LPIS : 0);
}

static int write_ctlr(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	zvm_lpi_enable(a->v, val & GICR_CTLR_LPIS); /* done when it returns: RWP reads 0 */
	return 0;
}

static u64 read_iidr(const struct zvm_vgic_access *a, u32 arg)
{
	return GICR_IIDR_KVM;
}

static u64 read_typer(const struct zvm_vgic_access *a, u32 arg)
{
	u64 typer = (a->v->sys.mpidr & 0xffffff) << 32 | (u64)(a->v->id & 0xffff) << 8;

	if (zvm_vgic_has_its(&a->vm->vgic))
		typer |= GICR_TYPER_PLPIS;
	if (zvm_vgic_redist_is_last(a->v))
		typer |= GICR_TYPER_LAST;
	return zvm_vgic_get_part(typer, a->off, a->len);
}

/* Both are plain storage: a torn read of two 32-bit writers is the guest's own doing. */
static u64 read_propbaser(const struct zvm_vgic_access *a, u32 arg)
{
	return zvm_vgic_get_part(READ_ONCE(a->vm->vgic.propbaser), a->off, a->len);
}

static int write_propbaser(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	u64 *reg = &a->vm->vgic.propbaser;

	if (READ_ONCE(a->v->vgic.lpis_enabled))
		return 0;
	val = zvm_vgic_set_part(READ_ONCE(*reg), a->off, a->len, val);
	WRITE_ONCE(*reg, zvm_vgic_sanitise_base(val, 7, 56) & PROPBASER_MASK);
	return 0;
}

static u64 read_pendbaser(const struct zvm_vgic_access *a, u32 arg)
{
	u64 val = READ_ONCE(a->v->vgic.pendbaser) & ~ZVM_GICR_PENDBASER_PTZ;

	return zvm_vgic_get_part(val, a->off, a->len);
}

static int write_pendbaser(const struct zvm_vgic_access *a, u32 arg, u64 val)
{
	u64 *reg = &a->v->vgic.pendbaser;

	if (READ_ONCE(a->v->vgic.lpis_enabled))
		return 0;
	val = zvm_vgic_set_part(READ_ONCE(*reg), a->off, a->len, val);
	WRITE_ONCE(*reg, zvm_vgic_sanitise_base(val, 7, 56) & PENDBASER_MASK);
	return 0;
}

/* The upper half of INVLPIR and INVALLR is about virtual LPIs: nothing to do for it alone. */
static int write_inv(const struct zvm_vgic_access *a, u32 all, u64 val)
{
	if (!(a->off & 4) && (all || (u32)val >= ZVM_VGIC_LPI_BASE))
		zvm_lpi_inv_redist(a->v, all, (u32)val);
	return 0;
}

#define REG(_off, _len, _widths, _read, _write) \
	{ .off = _off, .len = _len, .widths = _widths, .read = _read, .write = _write }
#define IRQ_REG(_off, _bits, _widths, _name, _arg)                                         \
	{ .off = SGI_FRAME + (_off), .len = 32 * (_bits) / 8, .bits = _bits, .widths = _widths, \
	  .arg = _arg, .read = zvm_vgic_read_##_name, .write = zvm_vgic_write_##_name }

const struct zvm_vgic_reg zvm_vgic_redist_regs[] = {
	REG(0x0000, 4, 4, read_ctlr, write_ctlr),				/* GICR_CTLR */
	REG(0x0004, 4, 4, read_iidr, NULL),				/* GICR_IIDR */
	REG(0x0008, 8, 4 | 8, read_typer, NULL),			/* GICR_TYPER */
	REG(0x0010, 4, 4, NULL, NULL),					/* GICR_STATUSR */
	REG(0x0014, 4, 4, NULL, NULL),					/* GICR_WAKER: awake */
	REG(0x0070, 8, 4 | 8, read_propbaser, write_propbaser),		/* GICR_PROPBASER */
	REG(0x0078, 8, 4 | 8, read_pendbaser, write_pendbaser),		/* GICR_PENDBASER */
	{ .off = 0x00a0, .len = 8, .widths = 4 | 8, .write = write_inv, .arg = 0 }, /* INVLPIR */
	{ .off = 0x00b0, .len = 8, .widths = 4 | 8, .write = write_inv, .arg = 1 }, /* INVALLR */
	REG(0x00c0, 4, 4, NULL, NULL),					/* GICR_SYNCR: never busy */
	REG(0xffd0, 48, 4, zvm_vgic_read_pidr, NULL),			/* GICR_PIDR, CIDR */
	IRQ_REG(0x0080, 1, 4, group, 0),				/* GICR_IGROUPR0 */
	IRQ_REG(0x0100, 1, 4, enable, ZVM_VGIC_SET),			/* GICR_ISENABLER0 */
	IRQ_REG(0x0180, 1, 4, enable, ZVM_VGIC_CLEAR),			/* GICR_ICENABLER0 */
	IRQ_REG(0x0200, 1, 4, state, ZVM_VGIC_PEND_SET),		/* GICR_ISPENDR0 */
	IRQ_REG(0x0280, 1, 4, state, ZVM_VGIC_PEND_CLEAR),		/* GICR_ICPENDR0 */
	IRQ_REG(0x0300, 1, 4, state, ZVM_VGIC_ACTIVE_SET),		/* GICR_ISACTIVER0 */
	IRQ_REG(0x0380, 1, 4, state, ZVM_VGIC_ACTIVE_CLEAR),		/* GICR_ICACTIVER0 */
	IRQ_REG(0x0400, 8, 1 | 4, priority, 0),				/* GICR_IPRIORITYR */
	IRQ_REG(0x0c00, 2, 4, config, 0),				/* GICR_ICFGR0, 1 */
	REG(SGI_FRAME + 0x0d00, 4, 4, NULL, NULL),			/* GICR_IGRPMODR0 */
	REG(SGI_FRAME + 0x0e00, 4, 4, NULL, NULL),			/* GICR_NSACR */
};
const unsigned int zvm_vgic_nr_redist_regs = ARRAY_SIZE(zvm_vgic_redist_regs);
