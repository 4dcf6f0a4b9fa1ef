// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_ONE_REG, KVM_SET_ONE_REG, KVM_GET_REG_LIST: the register file of an evicted vCPU by
 * KVM's ids (Documentation/virt/kvm/api.rst 4.68). System registers are in trap/sysreg.c.
 */
#include <linux/uaccess.h>

#include "run.h"
#include "trap/trap.h"
#include "zvm_smccc.h"

#define CORE(f) KVM_REG_ARM_CORE_REG(f)
#define ZVM_NR_CCSIDR 14 /* 7 levels, data and instruction */

/* Where a core register lives and how wide it is; NULL: no such register. */
static void *zvm_core_reg(struct zvm_vcpu *v, u64 id, u32 *size)
{
	u64 off = id & ~(KVM_REG_ARCH_MASK | KVM_REG_SIZE_MASK | KVM_REG_ARM_CORE);

	*size = sizeof(u64);
	if (off >= CORE(regs.regs[0]) && off <= CORE(regs.regs[30]))
		return (off - CORE(regs.regs[0])) % 2 ? NULL :
							&v->ctx.x[(off - CORE(regs.regs[0])) / 2];
	if (off >= CORE(fp_regs.vregs[0]) && off <= CORE(fp_regs.vregs[31])) {
		*size = sizeof(v->fp.v[0]);
		off -= CORE(fp_regs.vregs[0]);
		return off % 4 ? NULL : &v->fp.v[off / 4];
	}
	if (off >= CORE(spsr[1]) && off <= CORE(spsr[KVM_NR_SPSR - 1])) {
		off -= CORE(spsr[1]);
		return off % 2 ? NULL : &v->sys.spsr32[off / 2];
	}
	switch (off) {
	case CORE(regs.sp):
		return &v->ctx.sp_el0;
	case CORE(regs.pc):
		return &v->ctx.pc;
	case CORE(regs.pstate):
		return &v->ctx.pstate;
	case CORE(sp_el1):
		return &v->sys.el1[ZVM_EL1_SP];
	case CORE(elr_el1):
		return &v->sys.el1[ZVM_EL1_ELR];
	case CORE(spsr[KVM_SPSR_EL1]):
		return &v->sys.el1[ZVM_EL1_SPSR];
	case CORE(fp_regs.fpsr):
		*size = sizeof(u32);
		return &v->fp.fpsr;
	case CORE(fp_regs.fpcr):
		*size = sizeof(u32);
		return &v->fp.fpcr;
	}
	return NULL;
}

/* PSTATE comes back from an ERET to EL0 or EL1 in AArch64 only: never to EL2, never AArch32. */
static bool zvm_pstate_ok(u64 pstate)
{
	switch (pstate & (ZVM_PSR_MODE_MASK | ZVM_PSR_MODE32)) {
	case ZVM_PSR_MODE_EL0t:
	case ZVM_PSR_MODE_EL1t:
	case ZVM_PSR_MODE_EL1h:
		return true;
	}
	/* AArch32 user mode, where the CPU has it: EL0 of a restored guest */
	return (pstate & (ZVM_PSR_MODE_MASK | ZVM_PSR_MODE32)) == ZVM_PSR_MODE32 &&
	       zvm_host.has_el0_32;
}

static int zvm_core_get(struct zvm_vcpu *v, const struct kvm_one_reg *reg)
{
	u32 size;
	void *p = zvm_core_reg(v, reg->id, &size);

	if (!p || KVM_REG_SIZE(reg->id) != size)
		return p ? -EINVAL : -ENOENT;
	return copy_to_user((void __user *)(uintptr_t)reg->addr, p, size) ? -EFAULT : 0;
}

static int zvm_core_set(struct zvm_vcpu *v, const struct kvm_one_reg *reg)
{
	__uint128_t val = 0;
	u32 size;
	void *p = zvm_core_reg(v, reg->id, &size);

	if (!p || KVM_REG_SIZE(reg->id) != size)
		return p ? -EINVAL : -ENOENT;
	if (copy_from_user(&val, (void __user *)(uintptr_t)reg->addr, size))
		return -EFAULT;
	if (p == &v->ctx.pstate && !zvm_pstate_ok(val))
		return -EINVAL;
	memcpy(p, &val, size);
	return 0;
}

/* Ids of the core registers, in KVM's order; returns how many. */
static u32 zvm_core_list(u64 __user *ids, bool *fault)
{
	u32 i, n = 0;

#define PUT(size, f)                                                                          \
	do {                                                                                  \
		if (ids && put_user(KVM_REG_ARM64 | (size) | KVM_REG_ARM_CORE | (f), ids + n)) \
			*fault = true;                                                        \
		n++;                                                                          \
	} while (0)

	for (i = 0; i < 31; i++)
		PUT(KVM_REG_SIZE_U64, CORE(regs.regs[0]) + i * 2);
	PUT(KVM_REG_SIZE_U64, CORE(regs.sp));
	PUT(KVM_REG_SIZE_U64, CORE(regs.pc));
	PUT(KVM_REG_SIZE_U64, CORE(regs.pstate));
	PUT(KVM_REG_SIZE_U64, CORE(sp_el1));
	PUT(KVM_REG_SIZE_U64, CORE(elr_el1));
	for (i = 0; i < KVM_NR_SPSR; i++)
		PUT(KVM_REG_SIZE_U64, CORE(spsr[0]) + i * 2);
	for (i = 0; i < 32; i++)
		PUT(KVM_REG_SIZE_U128, CORE(fp_regs.vregs[0]) + i * 4);
	PUT(KVM_REG_SIZE_U32, CORE(fp_regs.fpsr));
	PUT(KVM_REG_SIZE_U32, CORE(fp_regs.fpcr));
#undef PUT
	return n;
}

/* --- pseudo-registers of the firmware interface ------------------------------------------------ */

static const u64 zvm_fw_ids[] = {
	KVM_REG_ARM_PSCI_VERSION,
	KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1,
	KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2,
#ifdef KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3
	KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3,
#endif
};

/* Services that the VMM may take away: all of them, and where the VM keeps what is left. */
static u64 *zvm_bmap_reg(struct zvm_vcpu *v, u64 id, u64 *all)
{
#ifdef KVM_REG_ARM_FW_FEAT_BMAP
	switch (id) {
	case KVM_REG_ARM_STD_BMAP:
		*all = ZVM_STD_TRNG;
		return &v->vm->std_bmap;
	case KVM_REG_ARM_STD_HYP_BMAP:
		*all = ZVM_STD_HYP_PV_TIME;
		return &v->vm->std_hyp_bmap;
	case KVM_REG_ARM_VENDOR_HYP_BMAP:
		*all = zvm_vendor_services();
		return &v->vm->vendor_bmap;
	}
#endif
	return NULL;
}

static int zvm_bmap_set(struct zvm_vcpu *v, u64 id, u64 val)
{
	u64 all, *bmap = zvm_bmap_reg(v, id, &all);

	if (!bmap)
		return -ENOENT;
	if (val & ~all)
		return -EINVAL;
	if (val != *bmap && v->vm->ran_once)
		return -EBUSY;
	WRITE_ONCE(*bmap, val);
	return 0;
}

static const u64 zvm_bmap_ids[] = {
#ifdef KVM_REG_ARM_FW_FEAT_BMAP
	KVM_REG_ARM_STD_BMAP,
	KVM_REG_ARM_STD_HYP_BMAP,
	KVM_REG_ARM_VENDOR_HYP_BMAP,
#endif
};

static int zvm_fw_get(struct zvm_vcpu *v, u64 id, u64 *val)
{
	switch (id) {
	case KVM_REG_ARM_PSCI_VERSION:
		*val = v->vm->psci_version;
		return 0;
	case KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1:
		*val = zvm_host.smccc_wa1 == SMCCC_ARCH_WORKAROUND_RET_UNAFFECTED ?
			       KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_NOT_REQUIRED :
			       KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_NOT_AVAIL;
		return 0;
	case KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2:
		*val = zvm_host.smccc_wa2 == ZVM_SMCCC_NOT_SUPPORTED ?
			       KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_AVAIL :
			       KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_REQUIRED;
		return 0;
#ifdef KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3
	case KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3:
		*val = KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3_NOT_AVAIL;
		return 0;
#endif
	}
	return -ENOENT;
}

static int zvm_fw_set(struct zvm_vcpu *v, u64 id, u64 val)
{
	u64 cur;
	int ret = zvm_fw_get(v, id, &cur);

	if (ret)
		return ret;
	if (id == KVM_REG_ARM_PSCI_VERSION) {
		if (val != PSCI_VERSION(0, 2) && val != PSCI_VERSION(1, 0) &&
		    val != PSCI_VERSION(1, 1))
			return -EINVAL;
		if (v->vm->ran_once && val != cur)
			return -EBUSY;
		v->vm->psci_version = val;
		return 0;
	}
	/* A guest that was told it needs less mitigation than this host gives is safe. */
	return val <= cur ? 0 : -EINVAL;
}

/* --- cache geometry (KVM_REG_ARM_DEMUX) -------------------------------------------------------- */

static int zvm_ccsidr_get(u64 id, u32 *val)
{
	u32 sel = id & KVM_REG_ARM_DEMUX_VAL_MASK, level = sel >> 1, type;
	u64 saved;

	if ((id & KVM_REG_ARM_DEMUX_ID_MASK) != KVM_REG_ARM_DEMUX_ID_CCSIDR ||
	    KVM_REG_SIZE(id) != sizeof(u32) || sel >= ZVM_NR_CCSIDR)
		return -ENOENT;
	type = (read_sysreg(clidr_el1) >> (level * 3)) & 7;
	if (type == 0 || ((sel & 1) && !(type & 1)) || (!(sel & 1) && type == 1))
		return -ENOENT;
	preempt_disable();
	saved = read_sysreg(csselr_el1);
	write_sysreg(sel, csselr_el1);
	isb(); /* the selector before the register it selects */
	*val = read_sysreg(ccsidr_el1);
	write_sysreg(saved, csselr_el1);
	preempt_enable();
	return 0;
}

static u32 zvm_ccsidr_list(u64 __user *ids, bool *fault)
{
	u64 base = KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_DEMUX |
		   KVM_REG_ARM_DEMUX_ID_CCSIDR;
	u32 sel, val, n = 0;

	for (sel = 0; sel < ZVM_NR_CCSIDR; sel++) {
		if (zvm_ccsidr_get(base | sel, &val))
			continue;
		if (ids && put_user(base | sel, ids + n))
			*fault = true;
		n++;
	}
	return n;
}

/* --- all together ------------------------------------------------------------------------------ */

static const u64 zvm_timer_ids[] = {
	KVM_REG_ARM_TIMER_CTL,
	KVM_REG_ARM_TIMER_CNT,
	KVM_REG_ARM_TIMER_CVAL,
};

static int zvm_u64_get(struct zvm_vcpu *v, u64 id, u64 *val)
{
	u64 *bmap, all;
	int ret;

	if (KVM_REG_SIZE(id) != sizeof(u64))
		return -ENOENT;
	if ((id & KVM_REG_ARM_COPROC_MASK) == KVM_REG_ARM_FW)
		return zvm_fw_get(v, id, val);
	bmap = zvm_bmap_reg(v, id, &all);
	if (bmap) {
		*val = *bmap;
		return 0;
	}
	ret = zvm_timer_get_reg(v, id, val);
	return ret == -ENOENT ? zvm_sysreg_get(v, id, val) : ret;
}

static int zvm_u64_set(struct zvm_vcpu *v, u64 id, u64 val)
{
	int ret;

	if (KVM_REG_SIZE(id) != sizeof(u64))
		return -ENOENT;
	if ((id & KVM_REG_ARM_COPROC_MASK) == KVM_REG_ARM_FW)
		return zvm_fw_set(v, id, val);
	ret = zvm_bmap_set(v, id, val);
	if (ret != -ENOENT)
		return ret;
	ret = zvm_timer_set_reg(v, id, val);
	return ret == -ENOENT ? zvm_sysreg_set(v, id, val) : ret;
}

int zvm_onereg_get(struct zvm_vcpu *v, const struct kvm_one_reg *reg)
{
	void __user *addr = (void __user *)(uintptr_t)reg->addr;
	u64 val;
	u32 ccsidr;
	int ret;

	if ((reg->id & KVM_REG_ARCH_MASK) != KVM_REG_ARM64)
		return -EINVAL;
	switch (reg->id & KVM_REG_ARM_COPROC_MASK) {
	case KVM_REG_ARM_CORE:
		return zvm_core_get(v, reg);
	case KVM_REG_ARM_DEMUX:
		ret = zvm_ccsidr_get(reg->id, &ccsidr);
		return ret ? ret : put_user(ccsidr, (u32 __user *)addr);
	}
	ret = zvm_u64_get(v, reg->id, &val);
	if (ret)
		return ret;
	return copy_to_user(addr, &val, sizeof(val)) ? -EFAULT : 0;
}

int zvm_onereg_set(struct zvm_vcpu *v, const struct kvm_one_reg *reg)
{
	void __user *addr = (void __user *)(uintptr_t)reg->addr;
	u32 cur, want;
	u64 val;
	int ret;

	if ((reg->id & KVM_REG_ARCH_MASK) != KVM_REG_ARM64)
		return -EINVAL;
	switch (reg->id & KVM_REG_ARM_COPROC_MASK) {
	case KVM_REG_ARM_CORE:
		return zvm_core_set(v, reg);
	case KVM_REG_ARM_DEMUX:
		ret = zvm_ccsidr_get(reg->id, &cur);
		if (ret)
			return ret;
		if (get_user(want, (u32 __user *)addr))
			return -EFAULT;
		return want == cur ? 0 : -EINVAL; /* the geometry is the CPU's */
	}
	if (copy_from_user(&val, addr, sizeof(val)))
		return -EFAULT;
	return zvm_u64_set(v, reg->id, val);
}

int zvm_onereg_list(struct zvm_vcpu *v, struct kvm_reg_list __user *list)
{
	u64 __user *ids = list->reg;
	bool fault = false;
	u64 room, n;
	u32 i;

	if (get_user(room, &list->n))
		return -EFAULT;
	n = zvm_core_list(NULL, &fault) + zvm_ccsidr_list(NULL, &fault) +
	    ARRAY_SIZE(zvm_fw_ids) + ARRAY_SIZE(zvm_bmap_ids) + ARRAY_SIZE(zvm_timer_ids) +
	    zvm_sysreg_list(v, NULL);
	if (put_user(n, &list->n))
		return -EFAULT;
	if (room < n)
		return -E2BIG;

	ids += zvm_core_list(ids, &fault);
	for (i = 0; i < ARRAY_SIZE(zvm_fw_ids); i++)
		fault |= put_user(zvm_fw_ids[i], ids++) != 0;
	for (i = 0; i < ARRAY_SIZE(zvm_bmap_ids); i++)
		fault |= put_user(zvm_bmap_ids[i], ids++) != 0;
	for (i = 0; i < ARRAY_SIZE(zvm_timer_ids); i++)
		fault |= put_user(zvm_timer_ids[i], ids++) != 0;
	ids += zvm_ccsidr_list(ids, &fault);
	if (fault)
		return -EFAULT;
	return min(zvm_sysreg_list(v, ids), 0);
}
