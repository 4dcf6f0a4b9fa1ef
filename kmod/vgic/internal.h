/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of vgic/ share; nobody else includes this. Lock order: head of vgic.h.
 */
#ifndef ZVM_VGIC_INTERNAL_H
#define ZVM_VGIC_INTERNAL_H

#include <linux/bits.h>

#include "../zvm.h"
#include "mmio.h"
#include "pick.h"

/* Last INTID + 1 that can be delivered: 1020..1023 are special even with 1024 configured. */
static inline u32 zvm_vgic_nr_intids(const struct zvm_vgic *g)
{
	return g->nr_irqs < 1020 ? g->nr_irqs : 1020;
}

static inline struct zvm_vgic_bank *zvm_vgic_bank_of(struct zvm_vcpu *v, u32 intid)
{
	return intid < ZVM_VGIC_NR_PRIVATE ? &v->vgic.priv : &v->vm->vgic.spi[intid / 32];
}

/* The summary bit of an SPI bank, after the bank changed; g->lock held. */
static inline void zvm_vgic_spi_touch(struct zvm_vgic *g, u32 word)
{
	const struct zvm_vgic_bank *b = &g->spi[word];

	if (b->latch | b->level | b->active | b->in_lr)
		WRITE_ONCE(g->spi_busy, g->spi_busy | BIT(word));
	else
		WRITE_ONCE(g->spi_busy, g->spi_busy & ~BIT(word));
}

/* --- lr.c ------------------------------------------------------------------------------------- */

/*
 * Run `fn` while all of v's list registers are folded into memory and g->lock and v->vgic.lock are
 * held, IRQs off, on the CPU that holds them if one does; then fill them again. `fn` may be NULL:
 * what is in list registers now agrees with memory when this returns. Caller: preemptible, IRQs
 * on, no raw lock held. If v is in the guest on another CPU, an IPI brings it out for a moment.
 */
void zvm_vgic_on_vcpu(struct zvm_vcpu *v, void (*fn)(struct zvm_vcpu *v, void *arg), void *arg);
/* Fold the one list register that holds the private `intid`, if it is in this CPU; v's lock held. */
void zvm_vgic_fold_private(struct zvm_vcpu *v, u32 intid);
/* phys bits `mask` are no longer wanted: deactivate in this CPU's GIC if v is loaded; lock held. */
void zvm_vgic_phys_release(struct zvm_vcpu *v, u32 mask);
/* The active priorities of the vCPU that is in this CPU; arrays of ZVM_VGIC_MAX_APRS. */
void zvm_vgic_aprs_read(const struct zvm_vgic *g, u32 *ap0r, u32 *ap1r);
/* SPIs of bank `b` that vCPU `idx` could take and that are in no list register; g->lock held. */
u32 zvm_vgic_spi_pending_of(const struct zvm_vgic_bank *b, u32 ctlr, u32 idx);

/* --- vgic.c ----------------------------------------------------------------------------------- */

/* vCPU indices (bit mask) that must look at SPIs `mask` of bank `word`; g->lock held. */
u64 zvm_vgic_spi_targets(struct zvm_vm *vm, u32 word, u32 mask);
/* vCPU indices whose list registers hold SPIs `mask` of bank `word`; g->lock held. */
u64 zvm_vgic_spi_owners(struct zvm_vm *vm, u32 word, u32 mask);
/* Post ZVM_REQ_IRQ to each; no raw lock held. */
void zvm_vgic_request_mask(struct zvm_vm *vm, u64 vcpus);
/* zvm_vgic_on_vcpu(v, NULL) for each. */
void zvm_vgic_sync_mask(struct zvm_vm *vm, u64 vcpus);
/* vgic initialisation (CTRL_INIT); vm->lock held. 0 if it was done before. */
int zvm_vgic_init(struct zvm_vm *vm);

/* --- lpi.c: LPIs as list registers and redistributors see them ----------------------------------- */

/* g->lock held. Offer what is queued for v, after everything else; then take, in the same order. */
void zvm_lpi_offer(struct zvm_vcpu *v, struct zvm_vgic_picks *s, u32 vmcr);
u64 zvm_lpi_take(struct zvm_vcpu *v, unsigned int slot);
/* The one in list register `slot` is in memory again; `pending`: it had not been taken. */
void zvm_lpi_fold(struct zvm_vcpu *v, unsigned int slot, bool pending);
/* GICR_CTLR.EnableLPIs; GICR_INVLPIR and INVALLR. Preemptible. Nothing without an ITS. */
void zvm_lpi_enable(struct zvm_vcpu *v, bool enable);
void zvm_lpi_inv_redist(struct zvm_vcpu *v, bool all, u32 intid);
/* KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES: all vCPUs are stopped. */
int zvm_lpi_save_pending(struct zvm_vm *vm);

/* Most urgent priority of an LPI that waits for v, 0xff: none; g->lock held. */
static inline u8 zvm_lpi_best(const struct zvm_vcpu *v)
{
	return v->vgic.lpi_prios ? __ffs(v->vgic.lpi_prios) << 3 : 0xff;
}

#define ZVM_GICR_PENDBASER_PTZ BIT_ULL(62)

static inline bool zvm_vgic_has_its(const struct zvm_vgic *g)
{
	return READ_ONCE(g->nr_its);
}

/* --- its.c ---------------------------------------------------------------------------------------- */

/* The ITS whose frames hold `ipa`, or NULL. */
struct zvm_its *zvm_its_at(struct zvm_vm *vm, u64 ipa);
/* An access of v's to its frames; reserved ones read as zero. */
void zvm_its_mmio(struct zvm_vcpu *v, struct zvm_its *its, u64 ipa, unsigned int len, bool write,
		  u64 *val);
void zvm_its_destroy(struct zvm_vm *vm); /* all of them, no vCPU is left */

/* --- region.c: addresses; vm->lock held ------------------------------------------------------- */

/* A 64 KiB aligned range in the guest's address space: -EINVAL, -E2BIG. */
int zvm_vgic_check_range(struct zvm_vm *vm, u64 base, u64 size);
int zvm_vgic_set_dist_base(struct zvm_vm *vm, u64 base);
/* count 0: KVM_VGIC_V3_ADDR_TYPE_REDIST. */
int zvm_vgic_set_redist_base(struct zvm_vm *vm, u32 index, u64 base, u32 count);
/* Give v a frame if a region has room; -EINVAL: regions overlap or leave the IPA space. */
int zvm_vgic_place_redist(struct zvm_vcpu *v);
void zvm_vgic_unplace_redist(struct zvm_vcpu *v);
bool zvm_vgic_regions_valid(struct zvm_vm *vm);
bool zvm_vgic_redist_is_last(struct zvm_vcpu *v);

/* --- sysregs.c: the CPU interface for KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS -------------------------- */

/* `id`: op0..op2 as in KVM's attribute (KVM_REG_ARM_VGIC_SYSREG_*). v stopped. -ENXIO: no such. */
int zvm_vgic_sysreg_has(u32 id);
int zvm_vgic_sysreg_get(struct zvm_vcpu *v, u32 id, u64 *val);
int zvm_vgic_sysreg_set(struct zvm_vcpu *v, u32 id, u64 val);

/* --- mmio.c, regs.c, dist.c, redist.c: register tables ------------------------------------------ */

struct zvm_vgic_access {
	struct zvm_vm *vm;
	struct zvm_vcpu *v;	/* redistributor: whose it is; distributor: NULL */
	u32 off;		/* in the frame */
	u32 len;		/* 1, 4, 8; naturally aligned */
	u32 intid;		/* registers with bits per interrupt: first one accessed */
	bool user;		/* KVM_{GET,SET}_DEVICE_ATTR: all vCPUs are stopped and folded */
};

struct zvm_vgic_reg {
	u32 off, len;
	u8 bits;		/* per interrupt; 0: not such a register */
	u8 widths;		/* OR of access sizes in bytes */
	u16 arg;		/* for the handlers */
	u64 (*read)(const struct zvm_vgic_access *a, u32 arg);
	/* 0 or, for user space only, -EINVAL. NULL: ignored */
	int (*write)(const struct zvm_vgic_access *a, u32 arg, u64 val);
};

extern const struct zvm_vgic_reg zvm_vgic_dist_regs[], zvm_vgic_redist_regs[];
extern const unsigned int zvm_vgic_nr_dist_regs, zvm_vgic_nr_redist_regs;

/* The register that `a` (vm, v, off, len set) hits, a->intid filled; NULL: reserved, RAZ/WI. */
const struct zvm_vgic_reg *zvm_vgic_find_reg(struct zvm_vgic_access *a);
/* `reg` may be NULL. What is reserved reads as zero; writes to it are ignored. */
u64 zvm_vgic_reg_read(const struct zvm_vgic_access *a, const struct zvm_vgic_reg *reg);
int zvm_vgic_reg_write(const struct zvm_vgic_access *a, const struct zvm_vgic_reg *reg, u64 val);

/* The VM becomes ready, or got an ITS since: what ring 0 needs of the registers; vm->lock held. */
void zvm_vgic_mmio_ready(struct zvm_vm *vm);

/* Handlers common to both frames (regs.c). */
u64 zvm_vgic_read_group(const struct zvm_vgic_access *a, u32 arg);
int zvm_vgic_write_group(const struct zvm_vgic_access *a, u32 arg, u64 val);
u64 zvm_vgic_read_enable(const struct zvm_vgic_access *a, u32 arg);
int zvm_vgic_write_enable(const struct zvm_vgic_access *a, u32 arg, u64 val);
u64 zvm_vgic_read_state(const struct zvm_vgic_access *a, u32 arg);
int zvm_vgic_write_state(const struct zvm_vgic_access *a, u32 arg, u64 val);
u64 zvm_vgic_read_priority(const struct zvm_vgic_access *a, u32 arg);
int zvm_vgic_write_priority(const struct zvm_vgic_access *a, u32 arg, u64 val);
u64 zvm_vgic_read_config(const struct zvm_vgic_access *a, u32 arg);
int zvm_vgic_write_config(const struct zvm_vgic_access *a, u32 arg, u64 val);
u64 zvm_vgic_read_pidr(const struct zvm_vgic_access *a, u32 arg);
u32 zvm_vgic_get_lines(struct zvm_vm *vm, struct zvm_vcpu *v, u32 intid);
void zvm_vgic_set_lines(struct zvm_vm *vm, struct zvm_vcpu *v, u32 intid, u32 val);

/* `arg` of the enable and state registers. */
enum { ZVM_VGIC_SET, ZVM_VGIC_CLEAR };
enum { ZVM_VGIC_PEND_SET, ZVM_VGIC_PEND_CLEAR, ZVM_VGIC_ACTIVE_SET, ZVM_VGIC_ACTIVE_CLEAR };

/* The part of a 64-bit register that an access of 4 or 8 bytes at `off` sees or changes. */
static inline u64 zvm_vgic_get_part(u64 reg, u32 off, u32 len)
{
	reg >>= (off & 7) * 8;
	return len == 8 ? reg : (u32)reg;
}

static inline u64 zvm_vgic_set_part(u64 reg, u32 off, u32 len, u64 val)
{
	u64 mask = len == 8 ? ~0ULL : 0xffffffffULL << ((off & 7) * 8);

	return (reg & ~mask) | ((val << ((off & 7) * 8)) & mask);
}

/*
 * The attributes of a table that the guest programs: shareability (bits 11:10), inner and outer
 * cacheability. Outer shareable becomes inner shareable, inner non-cacheable becomes read-allocate
 * write-back, and outer is either non-cacheable or as inner.
 */
static inline u64 zvm_vgic_sanitise_base(u64 val, unsigned int inner_shift, unsigned int outer_shift)
{
	u64 sh = (val >> 10) & 3, inner = (val >> inner_shift) & 7, outer = (val >> outer_shift) & 7;

	if (sh == 2)
		sh = 1;
	if (inner <= 1)
		inner = 3;
	if (outer > 1)
		outer = 0;
	val &= ~(3ULL << 10 | 7ULL << inner_shift | 7ULL << outer_shift);
	return val | sh << 10 | inner << inner_shift | outer << outer_shift;
}

#endif
