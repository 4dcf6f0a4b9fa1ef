// SPDX-License-Identifier: GPL-2.0
/*
 * System registers: one table for the traps of a guest and for KVM_{GET,SET}_ONE_REG.
 *
 * A row says where a register lives and what a trapped access does. A trapped register without a
 * row, or without a handler for the direction, is UNDEFINED for the guest. Traps run in ring 2 on
 * the vCPU's thread; the ONE_REG side with the vCPU evicted and v->mutex held.
 */
#include <linux/bsearch.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include "../switch/switch.h"
#include "sysreg.h"
#include "trap.h"

#define ZVM_OSLSR_OSLM1	   (1UL << 3) /* OS lock implemented */
#define ZVM_OSLSR_OSLK	   (1UL << 1)

/* --- storage ---------------------------------------------------------------------------------- */

static int get_el1(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = v->sys.el1[r->arg];
	return 0;
}

static int set_el1(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	v->sys.el1[r->arg] = val;
	return 0;
}

/* A u64 anywhere in the vCPU; `arg` is its offset. */
static u64 *zvm_sysreg_field(struct zvm_vcpu *v, const struct zvm_sysreg *r)
{
	return (u64 *)((char *)v + r->arg);
}

static int get_field(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = *zvm_sysreg_field(v, r);
	return 0;
}

static int set_field(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	*zvm_sysreg_field(v, r) = val;
	return 0;
}

static int get_id(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = v->vm->id_regs[r->arg];
	return 0;
}

static int set_id(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	return zvm_idreg_set(v->vm, r->arg, val);
}

/* Registers the guest reads from the CPU itself. */
static int get_native(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	switch (r->enc) {
	case SYS_MIDR_EL1:
		*val = read_sysreg(midr_el1);
		return 0;
	case SYS_REVIDR_EL1:
		*val = read_sysreg(revidr_el1);
		return 0;
	case SYS_AIDR_EL1:
		*val = read_sysreg(aidr_el1);
		return 0;
	case SYS_CLIDR_EL1:
		*val = read_sysreg(clidr_el1);
		return 0;
	case SYS_CTR_EL0:
		*val = read_sanitised_ftr_reg(SYS_CTR_EL0); /* as KVM gives it */
		return 0;
	}
	return -ENOENT;
}

static int set_mpidr(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	v->sys.mpidr = val;
	return 0;
}

static int get_oslsr(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val)
{
	*val = ZVM_OSLSR_OSLM1 | (v->debug.os_lock ? ZVM_OSLSR_OSLK : 0);
	return 0;
}

static int set_oslsr(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val)
{
	if ((val ^ ZVM_OSLSR_OSLM1) & ~ZVM_OSLSR_OSLK)
		return -EINVAL;
	v->debug.os_lock = val & ZVM_OSLSR_OSLK;
	return 0;
}

/* --- traps ------------------------------------------------------------------------------------ */

static bool trap_raz_wi(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!write)
		*val = 0;
	return true;
}

/* Error records: there are none. */
static bool trap_ras(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	return zvm_idreg_has_ras(v->vm) && trap_raz_wi(v, r, write, val);
}

/* Limited ordering regions: there are none, LORID says so. */
static bool trap_lor(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	return zvm_idreg_has_lor(v->vm) && !(write && r->enc == SYS_LORID_EL1) &&
	       trap_raz_wi(v, r, write, val);
}

static bool trap_ro_zero(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	*val = 0;
	return !write;
}

/* Stays as reset: ACTLR_EL1 has no bits of a meaning that we virtualise. */
static bool trap_actlr(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!write)
		*val = v->sys.actlr;
	return true;
}

static bool trap_field(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (write)
		*zvm_sysreg_field(v, r) = *val;
	else
		*val = *zvm_sysreg_field(v, r);
	return true;
}

static bool trap_sgi(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!write || !zvm_vgic_exists(v->vm))
		return false;
	zvm_vgic_sgi(v, *val, r->enc == SYS_ICC_SGI1R_EL1);
	return true;
}

/* ICC_SRE_EL1: system registers are all there is. */
static bool trap_sre(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!zvm_vgic_exists(v->vm))
		return false;
	if (!write)
		*val = ZVM_ICC_SRE_VALUE;
	return true;
}

/* Traps only while the list registers cannot hold every active interrupt. */
static bool trap_dir(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!write || !zvm_vgic_exists(v->vm))
		return false;
	zvm_vgic_dir(v, *val);
	return true;
}

static bool trap_oslar(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!write)
		return false;
	v->debug.os_lock = *val & 1;
	return true;
}

static bool trap_oslsr(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (write)
		return false;
	get_oslsr(v, r, val);
	return true;
}

static bool trap_claim(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	bool set = r->enc == SYS_DBGCLAIMSET_EL1;

	if (write) {
		if (set)
			v->debug.dbgclaim |= *val & 0xff;
		else
			v->debug.dbgclaim &= ~(*val & 0xff);
	} else {
		*val = set ? 0xff : v->debug.dbgclaim;
	}
	return true;
}

/*
 * DC by set/way reaches only this CPU's caches and would miss lines elsewhere, so all RAM of the
 * VM is cleaned by address. Trapping the guest's cache controls from then on (TVM) makes the
 * thousands that follow free, and says when its caches come back on. With FWB it is a no-op: the
 * guest's accesses are cacheable whatever it asks for.
 */
static bool trap_setway(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	if (!write)
		return false;
	if (zvm_host.has_fwb || (v->ctx.hcr & ZVM_HCR_TVM))
		return true;
	zvm_mm_flush_dcache(v->vm);
	v->ctx.hcr |= ZVM_HCR_TVM;
	return true;
}

static bool zvm_caches_on(u64 sctlr)
{
	return (sctlr & (ZVM_SCTLR_M | ZVM_SCTLR_C)) == (ZVM_SCTLR_M | ZVM_SCTLR_C);
}

/* Stage-1 controls while TVM is set: store, and flush when the caches go on or off. */
static bool trap_vm_reg(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	bool was, is;

	if (!write)
		return false; /* TRVM is not used: reads do not trap */
	if (r->arg != ZVM_EL1_SCTLR) {
		zvm_el1_write(v, r->arg, *val);
		return true;
	}
	was = zvm_caches_on(zvm_el1_read(v, ZVM_EL1_SCTLR));
	is = zvm_caches_on(*val);
	zvm_el1_write(v, ZVM_EL1_SCTLR, *val);
	if (was != is)
		zvm_mm_flush_dcache(v->vm);
	if (is)
		v->ctx.hcr &= ~ZVM_HCR_TVM;
	return true;
}

/* A pointer authentication key: the first use of the feature; from the next entry on it is free. */
static bool trap_key(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val)
{
	zvm_pauth_enable(v);
	return trap_field(v, r, write, val);
}

/* --- the table -------------------------------------------------------------------------------- */

#define VREG(f) offsetof(struct zvm_vcpu, f)
#define EL1(name) { SYS_##name##_EL1, NULL, get_el1, set_el1, ZVM_EL1_##name }
#define EL1_VM(name) { SYS_##name##_EL1, trap_vm_reg, get_el1, set_el1, ZVM_EL1_##name }
#define FIELD(enc, f) { enc, NULL, get_field, set_field, VREG(f) }
#define TRAP_FIELD(enc, f) { enc, trap_field, get_field, set_field, VREG(f) }
#define IDREG(crm, op2) { sys_reg(3, 0, 0, crm, op2), NULL, get_id, set_id, ((crm) - 1) * 8 + (op2) }
#define IDROW(crm)                                                                        \
	IDREG(crm, 0), IDREG(crm, 1), IDREG(crm, 2), IDREG(crm, 3), IDREG(crm, 4),        \
		IDREG(crm, 5), IDREG(crm, 6), IDREG(crm, 7)
#define DBG(n)                                                \
	TRAP_FIELD(sys_reg(2, 0, 0, n, 4), debug.bvr[n]),     \
		TRAP_FIELD(sys_reg(2, 0, 0, n, 5), debug.bcr[n]), \
		TRAP_FIELD(sys_reg(2, 0, 0, n, 6), debug.wvr[n]), \
		TRAP_FIELD(sys_reg(2, 0, 0, n, 7), debug.wcr[n])

#define SYS_DC_ISW_  sys_insn(1, 0, 7, 6, 2)
#define SYS_DC_CSW_  sys_insn(1, 0, 7, 10, 2)
#define SYS_DC_CISW_ sys_insn(1, 0, 7, 14, 2)

static struct zvm_sysreg zvm_sysregs[] = {
	{ SYS_DC_ISW_, trap_setway },
	{ SYS_DC_CSW_, trap_setway },
	{ SYS_DC_CISW_, trap_setway },

	/* debug (op0 = 2) */
	DBG(0), DBG(1), DBG(2), DBG(3), DBG(4), DBG(5), DBG(6), DBG(7),
	DBG(8), DBG(9), DBG(10), DBG(11), DBG(12), DBG(13), DBG(14), DBG(15),
	TRAP_FIELD(SYS_MDCCINT_EL1, debug.mdccint),
	TRAP_FIELD(SYS_MDSCR_EL1, debug.mdscr),
	{ SYS_OSDTRRX_EL1, trap_raz_wi },
	{ SYS_OSDTRTX_EL1, trap_raz_wi },
	{ SYS_OSECCR_EL1, trap_raz_wi },
	{ SYS_MDRAR_EL1, trap_ro_zero },
	{ SYS_OSLAR_EL1, trap_oslar },
	{ SYS_OSLSR_EL1, trap_oslsr, get_oslsr, set_oslsr },
	{ SYS_OSDLR_EL1, trap_raz_wi },
	{ SYS_DBGPRCR_EL1, trap_raz_wi },
	{ SYS_DBGCLAIMSET_EL1, trap_claim },
	{ SYS_DBGCLAIMCLR_EL1, trap_claim },
	{ SYS_DBGAUTHSTATUS_EL1, trap_ro_zero },
	{ sys_reg(2, 3, 0, 1, 0), trap_ro_zero }, /* MDCCSR_EL0 */
	{ sys_reg(2, 3, 0, 4, 0), trap_raz_wi },  /* DBGDTR_EL0 */
	{ sys_reg(2, 3, 0, 5, 0), trap_raz_wi },  /* DBGDTR[RT]X_EL0 */

	/* identification */
	{ SYS_MIDR_EL1, NULL, get_native },
	{ SYS_REVIDR_EL1, NULL, get_native },
	{ SYS_AIDR_EL1, NULL, get_native },
	{ SYS_CLIDR_EL1, NULL, get_native },
	{ SYS_CTR_EL0, NULL, get_native },
	{ SYS_MPIDR_EL1, NULL, get_field, set_mpidr, VREG(sys.mpidr) },
	IDROW(1), IDROW(2), IDROW(3), IDROW(4), IDROW(5), IDROW(6), IDROW(7),

	/* the EL1 context */
	EL1_VM(SCTLR), EL1_VM(TTBR0), EL1_VM(TTBR1), EL1_VM(TCR),
	EL1_VM(ESR), EL1_VM(AFSR0), EL1_VM(AFSR1), EL1_VM(FAR),
	EL1_VM(MAIR), EL1_VM(AMAIR), EL1_VM(CONTEXTIDR),
	EL1(CPACR), EL1(VBAR), EL1(CNTKCTL), EL1(TPIDR),
	{ SYS_ACTLR_EL1, trap_actlr, get_field, set_field, VREG(sys.actlr) },
	FIELD(SYS_DISR_EL1, sys.disr),
	FIELD(SYS_PAR_EL1, sys.par),
	FIELD(SYS_CSSELR_EL1, sys.csselr),
	FIELD(SYS_TPIDR_EL0, sys.tpidr_el0),
	FIELD(SYS_TPIDRRO_EL0, sys.tpidrro_el0),

	/* RAS: error records (C5.3 to C5.5), none; limited ordering regions, none */
	{ SYS_ERRIDR_EL1, trap_ras },
	{ SYS_ERRSELR_EL1, trap_ras },
	{ SYS_ERXFR_EL1, trap_ras },
	{ SYS_ERXCTLR_EL1, trap_ras },
	{ SYS_ERXSTATUS_EL1, trap_ras },
	{ SYS_ERXADDR_EL1, trap_ras },
	{ SYS_ERXMISC0_EL1, trap_ras },
	{ SYS_ERXMISC1_EL1, trap_ras },
	{ SYS_LORSA_EL1, trap_lor },
	{ SYS_LOREA_EL1, trap_lor },
	{ SYS_LORN_EL1, trap_lor },
	{ SYS_LORC_EL1, trap_lor },
	{ SYS_LORID_EL1, trap_lor },

	/* AArch32 EL1 state that an AArch64-only EL1 has as storage */
	FIELD(SYS_DACR32_EL2, sys.dacr32),
	FIELD(SYS_IFSR32_EL2, sys.ifsr32),
	FIELD(SYS_FPEXC32_EL2, sys.fpexc32),
	FIELD(SYS_DBGVCR32_EL2, sys.dbgvcr32),

	/* GIC: the rest of the CPU interface is the hardware's */
	{ SYS_ICC_SGI1R_EL1, trap_sgi },
	{ SYS_ICC_ASGI1R_EL1, trap_sgi },
	{ SYS_ICC_SGI0R_EL1, trap_sgi },
	{ SYS_ICC_DIR_EL1, trap_dir },
	{ SYS_ICC_SRE_EL1, trap_sre },
};

/*
 * What only some guests have, searched when the table above has no such register: the more rows a
 * table has, the longer every trap takes. By the feature of KVM_ARM_VCPU_INIT that shows them.
 */
#define KEY(name, n)                                                                       \
	{ SYS_##name##KEYLO_EL1, trap_key, get_field, set_field, VREG(ctx.keys[2 * (n)]) }, \
	{ SYS_##name##KEYHI_EL1, trap_key, get_field, set_field, VREG(ctx.keys[2 * (n) + 1]) }

static struct zvm_sysreg zvm_sysregs_pauth[] = {
	KEY(APIA, 0), KEY(APIB, 1), KEY(APDA, 2), KEY(APDB, 3), KEY(APGA, 4),
};

static const struct {
	struct zvm_sysreg *regs;
	u32 nr;
	u32 features; /* 0: every vCPU */
} zvm_sysreg_tables[] = {
	{ zvm_sysregs, ARRAY_SIZE(zvm_sysregs), 0 },
	{ zvm_sysregs_pauth, ARRAY_SIZE(zvm_sysregs_pauth), BIT(KVM_ARM_VCPU_PTRAUTH_ADDRESS) },
#ifdef CONFIG_HW_PERF_EVENTS
	{ zvm_sysregs_pmu, ZVM_NR_PMU_SYSREGS, BIT(KVM_ARM_VCPU_PMU_V3) },
#endif
};

static bool zvm_sysreg_table_shown(struct zvm_vcpu *v, u32 table)
{
	u32 need = zvm_sysreg_tables[table].features;

	return (v->features & need) == need;
}

static int zvm_sysreg_cmp(const void *a, const void *b)
{
	u32 x = ((const struct zvm_sysreg *)a)->enc, y = ((const struct zvm_sysreg *)b)->enc;

	return x < y ? -1 : x > y;
}

void __init zvm_sysreg_init(void)
{
	u32 t;

	for (t = 0; t < ARRAY_SIZE(zvm_sysreg_tables); t++)
		sort(zvm_sysreg_tables[t].regs, zvm_sysreg_tables[t].nr, sizeof(struct zvm_sysreg),
		     zvm_sysreg_cmp, NULL);
}

static const struct zvm_sysreg *zvm_sysreg_find(struct zvm_vcpu *v, u32 enc)
{
	struct zvm_sysreg key = { .enc = enc }, *r = NULL;
	u32 t;

	for (t = 0; !r && t < ARRAY_SIZE(zvm_sysreg_tables); t++)
		if (zvm_sysreg_table_shown(v, t))
			r = bsearch(&key, zvm_sysreg_tables[t].regs, zvm_sysreg_tables[t].nr,
				    sizeof(key), zvm_sysreg_cmp);
	return r;
}

bool zvm_sysreg_access(struct zvm_vcpu *v, u32 enc, bool write, u64 *val)
{
	const struct zvm_sysreg *r = zvm_sysreg_find(v, enc);

	return r && r->trap && r->trap(v, r, write, val);
}

int zvm_trap_sysreg(struct zvm_vcpu *v)
{
	u64 esr = v->ctx.esr, val;
	bool write = !(esr & ZVM_ISS_SYS_READ);
	u32 rt = ZVM_ISS_SYS_RT(esr);

	v->stats.sysreg_exits++;
	val = write ? zvm_reg_get(v, rt) : 0;
	if (!zvm_sysreg_access(v, ZVM_ISS_SYS_ENC(esr), write, &val)) {
		zvm_inject_undef(v);
		return ZVM_RESUME;
	}
	if (!write)
		zvm_reg_set(v, rt, val);
	zvm_skip_instr(v);
	return ZVM_RESUME;
}

/* --- KVM_{GET,SET}_ONE_REG, KVM_GET_REG_LIST --------------------------------------------------- */

static u64 zvm_sysreg_id(u32 enc)
{
	/* KVM's id packs op0..op2 as ARM64_SYS_REG() does */
	return ARM64_SYS_REG((enc >> Op0_shift) & 3, (enc >> Op1_shift) & 7, (enc >> CRn_shift) & 0xf,
			     (enc >> CRm_shift) & 0xf, (enc >> Op2_shift) & 7);
}

static u32 zvm_sysreg_enc(u64 id)
{
	return sys_reg((id & KVM_REG_ARM64_SYSREG_OP0_MASK) >> KVM_REG_ARM64_SYSREG_OP0_SHIFT,
		       (id & KVM_REG_ARM64_SYSREG_OP1_MASK) >> KVM_REG_ARM64_SYSREG_OP1_SHIFT,
		       (id & KVM_REG_ARM64_SYSREG_CRN_MASK) >> KVM_REG_ARM64_SYSREG_CRN_SHIFT,
		       (id & KVM_REG_ARM64_SYSREG_CRM_MASK) >> KVM_REG_ARM64_SYSREG_CRM_SHIFT,
		       (id & KVM_REG_ARM64_SYSREG_OP2_MASK) >> KVM_REG_ARM64_SYSREG_OP2_SHIFT);
}

int zvm_sysreg_list(struct zvm_vcpu *v, u64 __user *ids)
{
	const struct zvm_sysreg *r;
	u32 t, i;
	int n = 0;

	for (t = 0; t < ARRAY_SIZE(zvm_sysreg_tables); t++) {
		if (!zvm_sysreg_table_shown(v, t))
			continue;
		for (i = 0; i < zvm_sysreg_tables[t].nr; i++) {
			r = &zvm_sysreg_tables[t].regs[i];
			if (!r->get)
				continue;
			if (ids && put_user(zvm_sysreg_id(r->enc), ids + n))
				return -EFAULT;
			n++;
		}
	}
	return n;
}

int zvm_sysreg_get(struct zvm_vcpu *v, u64 id, u64 *val)
{
	const struct zvm_sysreg *r = zvm_sysreg_find(v, zvm_sysreg_enc(id));

	if (!r || !r->get || zvm_sysreg_id(r->enc) != id)
		return -ENOENT;
	return r->get(v, r, val);
}

int zvm_sysreg_set(struct zvm_vcpu *v, u64 id, u64 val)
{
	const struct zvm_sysreg *r = zvm_sysreg_find(v, zvm_sysreg_enc(id));
	u64 cur;
	int ret;

	if (!r || !r->get || zvm_sysreg_id(r->enc) != id)
		return -ENOENT;
	if (r->set)
		return r->set(v, r, val);
	ret = r->get(v, r, &cur);
	if (ret)
		return ret;
	return cur == val ? 0 : -EINVAL;
}
