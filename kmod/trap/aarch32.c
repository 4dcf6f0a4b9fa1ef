// SPDX-License-Identifier: GPL-2.0
/*
 * AArch32 at EL0 of a guest: what its instructions that trap to EL2 have of their own. EL1 is
 * AArch64 for every guest, so exceptions of the program go to the guest's kernel without us; here
 * come conditions (Arm ARM G1.17: a trap may be taken although the condition fails), the IT state,
 * and the coprocessor encodings of registers that EL0 can name.
 *
 * Ring 2, the vCPU's thread; conditions and steps also in ring 1, for WFI.
 */
#include "../zvm.h"
#include "trap.h"

/* The IT state, which the SPSR keeps in two pieces: a condition and the rest of the block. */
static u32 zvm_psr32_it(u64 psr)
{
	return ((psr >> 10) & 0x3f) << 2 | ((psr >> 25) & 3);
}

/* An instruction was done without being executed: ITAdvance(), and a step is over. */
static u64 zvm_psr32_advance(u64 psr)
{
	u32 it = zvm_psr32_it(psr);

	it = (it & 7) ? (it & 0xe0) | ((it << 1) & 0x1f) : 0;
	psr &= ~(ZVM_PSR32_IT | ZVM_PSR_SS);
	return psr | (u64)(it >> 2) << 10 | (u64)(it & 3) << 25;
}

/* Its length: ESR.IL is 0 for the 16-bit instructions of T32. */
static u32 zvm_insn_len(u64 esr)
{
	return (esr & ZVM_ESR_IL) ? 4 : 2;
}

void zvm_skip_instr32(struct zvm_vcpu *v)
{
	v->ctx.pc += zvm_insn_len(v->ctx.esr);
	v->ctx.pstate = zvm_psr32_advance(v->ctx.pstate);
}

/* ConditionHolds() */
static bool zvm_cond_holds(u32 cond, u64 psr)
{
	bool n = psr & BIT(31), z = psr & BIT(30), c = psr & BIT(29), o = psr & BIT(28);
	bool holds;

	switch (cond >> 1) {
	case 0:
		holds = z;
		break;
	case 1:
		holds = c;
		break;
	case 2:
		holds = n;
		break;
	case 3:
		holds = o;
		break;
	case 4:
		holds = c && !z;
		break;
	case 5:
		holds = n == o;
		break;
	case 6:
		holds = n == o && !z;
		break;
	default:
		return true;
	}
	return holds != (cond & 1);
}

bool zvm_cond32_passes(struct zvm_vcpu *v)
{
	u64 esr = v->ctx.esr, psr = v->ctx.pstate;
	u32 it;

	if (ZVM_ESR_EC(esr) < ZVM_EC_WFX || ZVM_ESR_EC(esr) > ZVM_EC_CP14_64)
		return true; /* no condition in this class */
	if (esr & ZVM_ISS_CV)
		return zvm_cond_holds(ZVM_ISS_COND(esr), psr);
	it = zvm_psr32_it(psr);
	return !it || zvm_cond_holds(it >> 4, psr);
}

/* --- registers ---------------------------------------------------------------------------------- */

/* DBGDIDR as the host's CPU would have it for what ID_AA64DFR0_EL1 shows: v8 debug, no EL3. */
static u64 zvm_dbgdidr(struct zvm_vcpu *v)
{
	u64 dfr0 = zvm_idreg_get(v->vm, SYS_ID_AA64DFR0_EL1);

	return ((dfr0 >> 20) & 0xf) << 28 | ((dfr0 >> 12) & 0xf) << 24 | ((dfr0 >> 28) & 0xf) << 20 |
	       6UL << 16 | 1UL << 15;
}

/*
 * CP14, 32 bits: what EL0 may read of the debug registers. There is no external debugger behind the
 * communications channel and no ROM table.
 */
static bool zvm_cp14(struct zvm_vcpu *v, u64 esr, bool write, u64 *val)
{
	u32 op2 = (esr >> 17) & 7, op1 = (esr >> 14) & 7, crn = (esr >> 10) & 0xf,
	    crm = (esr >> 1) & 0xf;

	if (op1 || op2)
		return false;
	*val = 0;
	switch (crn << 4 | crm) {
	case 0x00: /* DBGDIDR */
		*val = zvm_dbgdidr(v);
		return !write;
	case 0x01: /* DBGDSCRint */
	case 0x10: /* DBGDRAR */
	case 0x20: /* DBGDSAR */
		return !write;
	case 0x05: /* DBGDTRRXint, DBGDTRTXint */
		return true;
	}
	return false;
}

/*
 * CP15, 32 bits: the PMU's registers have the numbers of their AArch64 forms at op1 = 3. All others
 * that EL0 may use do not trap.
 */
static bool zvm_cp15(struct zvm_vcpu *v, u64 esr, bool write, u64 *val)
{
	u32 op2 = (esr >> 17) & 7, op1 = (esr >> 14) & 7, crn = (esr >> 10) & 0xf,
	    crm = (esr >> 1) & 0xf;

	if (op1 || !((crn == 9 && crm >= 12 && crm <= 14) || (crn == 14 && crm >= 8)))
		return false;
	return zvm_sysreg_access(v, sys_reg(3, 3, crn, crm, op2), write, val);
}

int zvm_trap_cp_32(struct zvm_vcpu *v)
{
	u64 esr = v->ctx.esr, val = 0;
	bool write = !(esr & ZVM_ISS_SYS_READ), known;
	u32 rt = ZVM_ISS_SYS_RT(esr);

	v->stats.sysreg_exits++;
	if (write)
		val = (u32)zvm_reg_get(v, rt);
	if (ZVM_ESR_EC(esr) == ZVM_EC_CP15_32)
		known = zvm_cp15(v, esr, write, &val);
	else
		known = zvm_cp14(v, esr, write, &val);
	if (!known) {
		zvm_inject_undef(v);
		return ZVM_RESUME;
	}
	if (!write && rt == 31) /* APSR_nzcv */
		v->ctx.pstate = (v->ctx.pstate & ~ZVM_PSR_NZCV) | (val & ZVM_PSR_NZCV);
	else if (!write)
		zvm_reg_set(v, rt, (u32)val);
	zvm_skip_instr(v);
	return ZVM_RESUME;
}

/* MRRC, MCRR: PMCCNTR (p15, 0, c9), DBGDRAR and DBGDSAR (p14, 0, c1 and c2). */
int zvm_trap_cp_64(struct zvm_vcpu *v)
{
	u64 esr = v->ctx.esr, val = 0;
	bool write = !(esr & ZVM_ISS_SYS_READ), known = false;
	u32 rt = ZVM_ISS_SYS_RT(esr), rt2 = (esr >> 10) & 0x1f, op1 = (esr >> 16) & 0xf,
	    crm = (esr >> 1) & 0xf;

	v->stats.sysreg_exits++;
	if (write)
		val = (u32)zvm_reg_get(v, rt) | zvm_reg_get(v, rt2) << 32;
	if (ZVM_ESR_EC(esr) == ZVM_EC_CP15_64 && !op1 && crm == 9)
		known = zvm_sysreg_access(v, SYS_PMCCNTR_EL0, write, &val);
	else if (ZVM_ESR_EC(esr) == ZVM_EC_CP14_64 && !op1 && (crm == 1 || crm == 2))
		known = !write;
	if (!known) {
		zvm_inject_undef(v);
		return ZVM_RESUME;
	}
	if (!write) {
		zvm_reg_set(v, rt, (u32)val);
		zvm_reg_set(v, rt2, val >> 32);
	}
	zvm_skip_instr(v);
	return ZVM_RESUME;
}
