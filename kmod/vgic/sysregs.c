// SPDX-License-Identifier: GPL-2.0
/*
 * The CPU interface's registers as user space saves and restores them. The guest uses the hardware's
 * virtual CPU interface directly; here a stopped vCPU's copy is translated between the layouts of
 * ICC_* and ICH_VMCR_EL2. All vCPUs are stopped and evicted, their locks held by the caller.
 *
 * GIC IHI 0069, 12.2 (ICC_*), 12.4 (ICH_VMCR_EL2); arm-vgic-v3.rst, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS.
 */
#include "internal.h"

/* ICC_CTLR_EL1 */
#define CTLR_CBPR	 BIT(0)
#define CTLR_EOIMODE	 BIT(1)
#define CTLR_PRIBITS(v)	 (((v) >> 8) & 7)
#define CTLR_IDBITS(v)	 (((v) >> 11) & 7)
#define CTLR_SEIS	 BIT(14)
#define CTLR_A3V	 BIT(15)
#define VTR_SEIS	 BIT(22)
#define VTR_A3V		 BIT(21)

static u64 vmcr_get(const struct zvm_vcpu *v, unsigned int shift, unsigned int width)
{
	return (v->vgic.vmcr >> shift) & (BIT(width) - 1);
}

static void vmcr_set(struct zvm_vcpu *v, unsigned int shift, unsigned int width, u64 val)
{
	u32 mask = (u32)(BIT(width) - 1) << shift;

	v->vgic.vmcr = (v->vgic.vmcr & ~mask) | ((u32)(val << shift) & mask);
}

struct sysreg {
	u32 enc;
	u8 shift, width; /* the field of ICH_VMCR that is all of the register; width 0: see get, set */
	int (*get)(struct zvm_vcpu *v, u32 enc, u64 *val);
	int (*set)(struct zvm_vcpu *v, u32 enc, u64 val);
};

static int get_ctlr(struct zvm_vcpu *v, u32 enc, u64 *val)
{
	u32 vtr = v->vm->vgic.vtr;

	*val = (u64)(v->vgic.num_pri_bits - 1) << 8 | (u64)v->vgic.num_id_bits << 11 |
	       (vtr & VTR_SEIS ? CTLR_SEIS : 0) | (vtr & VTR_A3V ? CTLR_A3V : 0) |
	       (v->vgic.vmcr & ZVM_ICH_VMCR_VCBPR ? CTLR_CBPR : 0) |
	       (v->vgic.vmcr & ZVM_ICH_VMCR_VEOIM ? CTLR_EOIMODE : 0);
	return 0;
}

/* The read-only fields may ask for less than there is; then they are what the guest was told. */
static int set_ctlr(struct zvm_vcpu *v, u32 enc, u64 val)
{
	u32 vtr = v->vm->vgic.vtr;

	if (CTLR_PRIBITS(val) + 1 > v->vgic.num_pri_bits || CTLR_IDBITS(val) > v->vgic.num_id_bits ||
	    !(val & CTLR_SEIS) != !(vtr & VTR_SEIS) || !(val & CTLR_A3V) != !(vtr & VTR_A3V))
		return -EINVAL;
	v->vgic.num_pri_bits = CTLR_PRIBITS(val) + 1;
	v->vgic.num_id_bits = CTLR_IDBITS(val);
	vmcr_set(v, 4, 1, !!(val & CTLR_CBPR));
	vmcr_set(v, 9, 1, !!(val & CTLR_EOIMODE));
	return 0;
}

/* With CBPR, BPR1 reads as BPR0 + 1 and ignores writes. */
static int get_bpr1(struct zvm_vcpu *v, u32 enc, u64 *val)
{
	if (v->vgic.vmcr & ZVM_ICH_VMCR_VCBPR)
		*val = min_t(u64, vmcr_get(v, ZVM_ICH_VMCR_VBPR0_SHIFT, 3) + 1, 7);
	else
		*val = vmcr_get(v, ZVM_ICH_VMCR_VBPR1_SHIFT, 3);
	return 0;
}

static int set_bpr1(struct zvm_vcpu *v, u32 enc, u64 val)
{
	if (!(v->vgic.vmcr & ZVM_ICH_VMCR_VCBPR))
		vmcr_set(v, ZVM_ICH_VMCR_VBPR1_SHIFT, 3, val);
	return 0;
}

static int get_sre(struct zvm_vcpu *v, u32 enc, u64 *val)
{
	*val = ZVM_ICC_SRE_VALUE;
	return 0;
}

static int set_sre(struct zvm_vcpu *v, u32 enc, u64 val)
{
	return val & 1 ? 0 : -EINVAL;
}

static u32 *apr_of(struct zvm_vcpu *v, u32 enc)
{
	u32 idx = sys_reg_Op2(enc) & 3;

	if (idx >= v->vm->vgic.nr_aprs)
		return NULL;
	/* CRm 8: AP0R<n> (op2 4..7); CRm 9: AP1R<n> (op2 0..3) */
	return sys_reg_CRm(enc) == 8 ? &v->vgic.ap0r[idx] : &v->vgic.ap1r[idx];
}

static int get_apr(struct zvm_vcpu *v, u32 enc, u64 *val)
{
	u32 *apr = apr_of(v, enc);

	if (!apr)
		return -EINVAL;
	*val = *apr;
	return 0;
}

static int set_apr(struct zvm_vcpu *v, u32 enc, u64 val)
{
	u32 *apr = apr_of(v, enc);

	if (!apr)
		return -EINVAL;
	*apr = val;
	return 0;
}

static const struct sysreg sysregs[] = {
	{ sys_reg(3, 0, 4, 6, 0), ZVM_ICH_VMCR_VPMR_SHIFT, 8 },		/* ICC_PMR_EL1 */
	{ sys_reg(3, 0, 12, 8, 3), ZVM_ICH_VMCR_VBPR0_SHIFT, 3 },	/* ICC_BPR0_EL1 */
	{ sys_reg(3, 0, 12, 8, 4), .get = get_apr, .set = set_apr },	/* ICC_AP0R0_EL1 */
	{ sys_reg(3, 0, 12, 8, 5), .get = get_apr, .set = set_apr },
	{ sys_reg(3, 0, 12, 8, 6), .get = get_apr, .set = set_apr },
	{ sys_reg(3, 0, 12, 8, 7), .get = get_apr, .set = set_apr },
	{ sys_reg(3, 0, 12, 9, 0), .get = get_apr, .set = set_apr },	/* ICC_AP1R0_EL1 */
	{ sys_reg(3, 0, 12, 9, 1), .get = get_apr, .set = set_apr },
	{ sys_reg(3, 0, 12, 9, 2), .get = get_apr, .set = set_apr },
	{ sys_reg(3, 0, 12, 9, 3), .get = get_apr, .set = set_apr },
	{ sys_reg(3, 0, 12, 12, 3), .get = get_bpr1, .set = set_bpr1 },	/* ICC_BPR1_EL1 */
	{ sys_reg(3, 0, 12, 12, 4), .get = get_ctlr, .set = set_ctlr },	/* ICC_CTLR_EL1 */
	{ sys_reg(3, 0, 12, 12, 5), .get = get_sre, .set = set_sre },	/* ICC_SRE_EL1 */
	{ sys_reg(3, 0, 12, 12, 6), 0, 1 },				/* ICC_IGRPEN0_EL1 */
	{ sys_reg(3, 0, 12, 12, 7), 1, 1 },				/* ICC_IGRPEN1_EL1 */
};

/* KVM packs op0..op2 without gaps, two, three, four, four and three bits; SYS_* is that << 5. */
static const struct sysreg *find(u32 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sysregs); i++)
		if (sysregs[i].enc == id << 5)
			return &sysregs[i];
	return NULL;
}

int zvm_vgic_sysreg_has(u32 id)
{
	return find(id) ? 0 : -ENXIO;
}

int zvm_vgic_sysreg_get(struct zvm_vcpu *v, u32 id, u64 *val)
{
	const struct sysreg *r = find(id);

	if (!r)
		return -ENOENT;
	if (r->get)
		return r->get(v, r->enc, val);
	*val = vmcr_get(v, r->shift, r->width);
	return 0;
}

int zvm_vgic_sysreg_set(struct zvm_vcpu *v, u32 id, u64 val)
{
	const struct sysreg *r = find(id);

	if (!r)
		return -ENOENT;
	if (r->set)
		return r->set(v, r->enc, val);
	vmcr_set(v, r->shift, r->width, val);
	return 0;
}
