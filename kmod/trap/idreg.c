// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest sees of the CPU: ID registers by allow-list.
 *
 * A field that is not named here reads as zero: a feature nobody has thought about is hidden, and
 * its instructions or registers trap and are UNDEFINED. The values start from what the host kernel
 * found common to all CPUs. Constant after the VM ran once.
 *
 * A field that a guest cannot make use of (what EL2 can do) is passed on if in-tree KVM does: a
 * guest saved on the one is restored on the other only if both read the same.
 */
#include <asm/cpufeature.h>

#include "../pmu/pmu.h"
#include "trap.h"

#define F(shift) (0xfUL << (shift))

struct zvm_idreg {
	u32 enc;
	u64 allow; /* fields passed on from the host */
	u64 fixed; /* fields with a value of our own (not in allow) */
};

static const struct zvm_idreg zvm_idregs[] = {
	/* AArch32, for EL0: the host's, without RAS; the PMU by feature */
	{ SYS_ID_PFR0_EL1, GENMASK(15, 0) | F(16) | F(24) },
	{ SYS_ID_PFR1_EL1, GENMASK(31, 0) },
	{ SYS_ID_DFR0_EL1, GENMASK(23, 0) },
	{ SYS_ID_MMFR0_EL1, GENMASK(31, 0) },
	{ SYS_ID_MMFR1_EL1, GENMASK(31, 0) },
	{ SYS_ID_MMFR2_EL1, GENMASK(31, 0) },
	{ SYS_ID_MMFR3_EL1, GENMASK(31, 0) },
	{ SYS_ID_ISAR0_EL1, GENMASK(31, 0) },
	{ SYS_ID_ISAR1_EL1, GENMASK(31, 0) },
	{ SYS_ID_ISAR2_EL1, GENMASK(31, 0) },
	{ SYS_ID_ISAR3_EL1, GENMASK(31, 0) },
	{ SYS_ID_ISAR4_EL1, GENMASK(31, 0) },
	{ SYS_ID_ISAR5_EL1, GENMASK(31, 0) },
	{ SYS_ID_MMFR4_EL1, GENMASK(31, 0) },
	{ SYS_ID_ISAR6_EL1, GENMASK(31, 0) },
	{ SYS_MVFR0_EL1, GENMASK(31, 0) },
	{ SYS_MVFR1_EL1, GENMASK(31, 0) },
	{ SYS_MVFR2_EL1, GENMASK(31, 0) },
	{ SYS_ID_PFR2_EL1, F(0) | F(4) },
	{ SYS_ID_MMFR5_EL1, F(0) },

	/*
	 * EL0..EL3, FP, AdvSIMD, RAS, SEL2, DIT, CSV2, CSV3; GIC system registers. No guest gets to
	 * EL2, EL3 or AArch32 at EL1: these fields say the same as KVM's.
	 */
	{ SYS_ID_AA64PFR0_EL1, GENMASK(23, 0) | F(28) | F(36) | F(48) | F(56) | F(60), 1UL << 24 },
	{ SYS_ID_AA64PFR1_EL1, F(0) | F(4) | F(12) }, /* BT, SSBS, RAS_frac */
	/* Debug v8.0 with the host's breakpoints, DoubleLock; no trace or SPE, a PMU by feature */
	{ SYS_ID_AA64DFR0_EL1, F(12) | F(20) | F(28) | F(36), 6UL },
	/* all but TME (24) */
	{ SYS_ID_AA64ISAR0_EL1, ~(F(24) | F(0)) },
	/* DPB, JSCVT, FCMA, LRCPC, FRINTTS, SB, SPECRES, BF16, DGH, I8MM; no XS, LS64, PAuth by feature */
	{ SYS_ID_AA64ISAR1_EL1, F(0) | F(12) | F(16) | F(20) | F(32) | F(36) | F(40) | F(44) |
				F(48) | F(52) },
	{ SYS_ID_AA64ISAR2_EL1, F(4) | F(20) | F(28) }, /* RPRES, BC, CLRBHB */
	/* PARange, ASIDBits, BigEnd, SNSMem, BigEndEL0, TGran16, 64, 4, stage 2's, ExS */
	{ SYS_ID_AA64MMFR0_EL1, GENMASK(47, 0) },
	/* HAFDBS, VMIDBits, VH, HPDS, LO, PAN, SpecSEI, XNX, ETS, AFP, nTLBPA */
	{ SYS_ID_AA64MMFR1_EL1, GENMASK(31, 0) | F(36) | F(44) | F(48) },
	/* CnP, UAO, LSM, IESB, VARange, CCIDX, ST, AT, IDS, FWB, TTL, BBM, E0PD */
	{ SYS_ID_AA64MMFR2_EL1, GENMASK(23, 0) | F(28) | F(32) | F(36) | F(40) | F(48) | F(52) |
				F(60) },
};

static u32 zvm_idreg_index(u32 enc)
{
	return (((enc >> CRm_shift) & 0xf) - 1) * 8 + ((enc >> Op2_shift) & 7);
}

void zvm_idreg_init(struct zvm_vm *vm)
{
	u64 *pfr0 = &vm->id_regs[zvm_idreg_index(SYS_ID_AA64PFR0_EL1)];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(zvm_idregs); i++) {
		const struct zvm_idreg *r = &zvm_idregs[i];

		vm->id_regs[zvm_idreg_index(r->enc)] =
			(read_sanitised_ftr_reg(r->enc) & r->allow) | r->fixed;
	}
	/* SCXTNUM_ELx, which more than 1 announces, is not virtualised */
	if (*pfr0 & F(56))
		*pfr0 = (*pfr0 & ~F(56)) | (1UL << 56);
}

u64 zvm_idreg_get(struct zvm_vm *vm, u32 enc)
{
	return vm->id_regs[zvm_idreg_index(enc)];
}

bool zvm_idreg_has_ras(struct zvm_vm *vm)
{
	return zvm_idreg_get(vm, SYS_ID_AA64PFR0_EL1) & F(28);
}

bool zvm_idreg_has_lor(struct zvm_vm *vm)
{
	return zvm_idreg_get(vm, SYS_ID_AA64MMFR1_EL1) & F(16);
}

#define ZVM_ISAR1_PAUTH (F(4) | F(8) | F(24) | F(28)) /* APA, API, GPA, GPI */
#define ZVM_ISAR2_PAUTH (F(8) | F(12) | F(24))	      /* GPA3, APA3, PAC_frac */

bool zvm_pauth_supported(void)
{
	u64 isar1 = read_sanitised_ftr_reg(SYS_ID_AA64ISAR1_EL1);
	u64 isar2 = read_sanitised_ftr_reg(SYS_ID_AA64ISAR2_EL1);

	return ((isar1 & (F(4) | F(8))) || (isar2 & F(12))) &&
	       ((isar1 & (F(24) | F(28))) || (isar2 & F(8)));
}

static void zvm_idreg_show(struct zvm_vm *vm, u32 enc, u64 fields)
{
	vm->id_regs[zvm_idreg_index(enc)] |= read_sanitised_ftr_reg(enc) & fields;
}

/* PMUVer, and PerfMon, which says the same to AArch32. */
static void zvm_idreg_show_pmu(struct zvm_vm *vm)
{
	u64 perfmon = (read_sanitised_ftr_reg(SYS_ID_DFR0_EL1) >> 24) & 0xf;

	vm->id_regs[zvm_idreg_index(SYS_ID_AA64DFR0_EL1)] |= (u64)zvm_pmu_version() << 8;
	if (perfmon != 0xf)
		vm->id_regs[zvm_idreg_index(SYS_ID_DFR0_EL1)] |=
			min_t(u64, perfmon, zvm_pmu_version()) << 24;
}

void zvm_idreg_features(struct zvm_vm *vm, u32 features)
{
	if (features & BIT(KVM_ARM_VCPU_PMU_V3))
		zvm_idreg_show_pmu(vm);
	if (features & BIT(KVM_ARM_VCPU_PTRAUTH_ADDRESS)) {
		zvm_idreg_show(vm, SYS_ID_AA64ISAR1_EL1, ZVM_ISAR1_PAUTH);
		zvm_idreg_show(vm, SYS_ID_AA64ISAR2_EL1, ZVM_ISAR2_PAUTH);
	}
}

/* A VMM that restores a guest may say that CSV2 or CSV3 is less than this host has. */
int zvm_idreg_set(struct zvm_vm *vm, u32 idx, u64 val)
{
	u64 cur = vm->id_regs[idx], low = F(56) | F(60);
	int shift;

	if (val == cur)
		return 0;
	if (idx != zvm_idreg_index(SYS_ID_AA64PFR0_EL1) || ((val ^ cur) & ~low))
		return -EINVAL;
	if (vm->ran_once)
		return -EBUSY;
	for (shift = 56; shift <= 60; shift += 4)
		if (((val >> shift) & 0xf) > ((cur >> shift) & 0xf))
			return -EINVAL;
	vm->id_regs[idx] = val;
	return 0;
}
