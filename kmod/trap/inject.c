// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions that the hypervisor gives to a guest: the state that the architecture's exception
 * entry to EL1 would have left (Arm ARM D1.3.1, AArch64.TakeException).
 */
#include "../switch/switch.h"
#include "trap.h"

#define ZVM_SCTLR_SPAN	(1UL << 23)
#define ZVM_SCTLR_DSSBS (1UL << 44)

static void zvm_exception_entry(struct zvm_vcpu *v, u64 esr)
{
	u64 old = v->ctx.pstate, new, sctlr = zvm_el1_read(v, ZVM_EL1_SCTLR);
	u64 offset;

	switch (old & (ZVM_PSR_MODE_MASK | ZVM_PSR_MODE32)) {
	case ZVM_PSR_MODE_EL1h:
		offset = 0x200;
		break;
	case ZVM_PSR_MODE_EL1t:
		offset = 0x000;
		break;
	default:
		offset = (old & ZVM_PSR_MODE32) ? 0x600 : 0x400;
		break;
	}

	new = ZVM_PSR_MODE_EL1h | ZVM_PSR_D | ZVM_PSR_A | ZVM_PSR_I | ZVM_PSR_F;
	new |= old & (ZVM_PSR_NZCV | ZVM_PSR_DIT | ZVM_PSR_PAN);
	if (!(sctlr & ZVM_SCTLR_SPAN))
		new |= ZVM_PSR_PAN;
	if (sctlr & ZVM_SCTLR_DSSBS)
		new |= ZVM_PSR_SSBS;

	zvm_el1_write(v, ZVM_EL1_SPSR, old);
	zvm_el1_write(v, ZVM_EL1_ELR, v->ctx.pc);
	zvm_el1_write(v, ZVM_EL1_ESR, esr);
	v->ctx.pc = zvm_el1_read(v, ZVM_EL1_VBAR) + offset;
	v->ctx.pstate = new;
}

static u64 zvm_inject_il(struct zvm_vcpu *v)
{
	/* IL says 32-bit instruction; the trap carried the guest's */
	return v->ctx.esr & ZVM_ESR_IL;
}

void zvm_inject_undef(struct zvm_vcpu *v)
{
	v->stats.undef_injected++;
	zvm_exception_entry(v, ((u64)ZVM_EC_UNKNOWN << ZVM_ESR_EC_SHIFT) | zvm_inject_il(v));
}

void zvm_inject_abort(struct zvm_vcpu *v, bool fetch, u64 far)
{
	bool el1 = (v->ctx.pstate & ZVM_PSR_MODE_MASK) != ZVM_PSR_MODE_EL0t;
	u64 ec;

	if (fetch)
		ec = el1 ? ZVM_EC_IABT_CUR : ZVM_EC_IABT_LOW;
	else
		ec = el1 ? ZVM_EC_DABT_CUR : ZVM_EC_DABT_LOW;
	v->stats.abort_injected++;
	zvm_el1_write(v, ZVM_EL1_FAR, far);
	zvm_exception_entry(v, (ec << ZVM_ESR_EC_SHIFT) | zvm_inject_il(v) | ZVM_FSC_SEA);
}

/* Without RAS the syndrome of a virtual SError is the CPU's. */
void zvm_inject_serror(struct zvm_vcpu *v, u64 iss)
{
	v->vsesr = iss & ZVM_ESR_ISS_MASK;
	v->serror_pending = true;
}

void zvm_skip_instr(struct zvm_vcpu *v)
{
	if (zvm_is_aarch32(v)) {
		zvm_skip_instr32(v);
		return;
	}
	v->ctx.pc += 4;
	v->ctx.pstate &= ~(ZVM_PSR_BTYPE | ZVM_PSR_SS);
}
