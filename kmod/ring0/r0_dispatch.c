// SPDX-License-Identifier: GPL-2.0
/*
 * The first look at a synchronous exit, interrupts masked and the guest's world in the CPU.
 *
 * Answers what needs nothing but the vCPU's own memory: hypercalls that are queries, ID registers,
 * the first use of FP/SIMD. For aborts it collects the fault address while the guest's translation
 * regime is still live. Everything else leaves with ZVM_EXIT_SYNC. Trusts nothing in ctx->x.
 */
#include "ring0.h"

/* ID registers, op0 = 3, op1 = 0, CRn = 0, CRm = 1..7 (HCR_EL2.TID3), and the SGI generators. */
static u32 zvm_ring0_sysreg(struct zvm_vcpu *v, u64 esr)
{
	u32 enc = ZVM_ISS_SYS_ENC(esr);
	u32 crm = (enc >> CRm_shift) & 0xf;
	u32 op2 = (enc >> Op2_shift) & 0x7;
	u32 rt = ZVM_ISS_SYS_RT(esr);

	if (!(esr & ZVM_ISS_SYS_READ)) {
		if (enc != SYS_ICC_SGI1R_EL1 && enc != SYS_ICC_ASGI1R_EL1 && enc != SYS_ICC_SGI0R_EL1)
			return ZVM_EXIT_SYNC;
		/* ASGI1R addresses the other security state's group 1: our group 0, as SGI0R */
		return zvm_ring0_sgi(v, rt == 31 ? 0 : v->ctx.x[rt], enc == SYS_ICC_SGI1R_EL1);
	}
	if ((enc & ~sys_reg(0, 0, 0, 0xf, 7)) != sys_reg(3, 0, 0, 0, 0) || crm == 0 || crm > 7)
		return ZVM_EXIT_SYNC;
	if (rt != 31)
		v->ctx.x[rt] = v->vm->id_regs[(crm - 1) * 8 + op2];
	zvm_ring0_skip();
	return ZVM_RESUME;
}

/* The guest's FP registers go into the CPU; the trapped instruction is executed again. */
static u32 zvm_ring0_fp(struct zvm_vcpu *v)
{
	if (v->ctx.fp_live || !v->ctx.fp_free)
		return ZVM_EXIT_SYNC;
	v->ctx.cptr |= ZVM_CPTR_FPEN;
	write_sysreg(v->ctx.cptr, cpacr_el1);
	isb(); /* FPEN traps EL2 too */
	zvm_fp_load(&v->fp);
	v->ctx.fp_live = true;
	v->fp.used = true;
	v->stats.fp_traps++;
	return ZVM_RESUME;
}

/* Stage 1 of the guest for `va`: the IPA, or ~0. PAR_EL1 is the guest's, so it is put back. */
static u64 zvm_ring0_at(u64 va)
{
	u64 guest_par = read_sysreg(par_el1), par;

	asm volatile("at s1e1r, %0" : : "r"(va));
	isb();
	par = read_sysreg(par_el1);
	write_sysreg(guest_par, par_el1);
	return (par & ZVM_PAR_F) ? ~0UL : (par & ZVM_PAR_PA) | (va & 0xfff);
}

/*
 * An access whose syndrome does not describe it (ISV = 0) may turn out to be MMIO: where its
 * instruction is must be asked now too.
 *
 * HPFAR_EL2 holds the IPA except for permission faults that are not of a stage-1 walk (Arm ARM
 * D13.2.63): then the guest's own stage 1 is asked, in its own regime. If that fails the guest has
 * just changed its tables: execute the instruction again.
 */
static u32 zvm_ring0_abort(struct zvm_vcpu *v)
{
	struct zvm_ctx *ctx = &v->ctx;
	u64 ipa;
	u32 ret;

	ctx->far = read_sysreg(far_el2);
	ctx->sctlr = read_sysreg_s(SYS_SCTLR_EL12);
	ctx->insn_ipa = ~0UL;
	if (ZVM_ESR_EC(ctx->esr) == ZVM_EC_DABT_LOW && !(ctx->esr & ZVM_ISS_ISV))
		ctx->insn_ipa = zvm_ring0_at(read_sysreg(elr_el2));
	if (ZVM_ISS_FSC_TYPE(ctx->esr) != ZVM_FSC_PERM || (ctx->esr & ZVM_ISS_S1PTW)) {
		ctx->hpfar = read_sysreg(hpfar_el2);
		if ((ctx->esr & ZVM_ISS_ISV) && ZVM_ISS_FSC_TYPE(ctx->esr) == ZVM_FSC_TRANS &&
		    !(ctx->esr & (ZVM_ISS_S1PTW | ZVM_ISS_CM)) &&
		    ZVM_ESR_EC(ctx->esr) == ZVM_EC_DABT_LOW) {
			ipa = (ctx->hpfar & ZVM_HPFAR_FIPA) << 8 | (ctx->far & 0xfff);
			ret = zvm_ring0_mmio(v, ipa);
			if (ret == ZVM_EXIT_SYNC && READ_ONCE(v->vm->events.nr_status))
				ret = zvm_ring0_status(v, ipa);
			return ret;
		}
		return ZVM_EXIT_SYNC;
	}
	ipa = zvm_ring0_at(ctx->far);
	if (ipa == ~0UL)
		return ZVM_RESUME;
	ctx->hpfar = (ipa & ZVM_PAR_PA) >> 8;
	return ZVM_EXIT_SYNC;
}

u32 zvm_ring0_sync(struct zvm_ctx *ctx)
{
	struct zvm_vcpu *v = container_of(ctx, struct zvm_vcpu, ctx);
	u32 ret = ZVM_EXIT_SYNC;

	ctx->esr = read_sysreg(esr_el2);
	switch (ZVM_ESR_EC(ctx->esr)) {
	case ZVM_EC_HVC64:
		if (zvm_ring0_hypercall(v))
			ret = ZVM_RESUME;
		break;
	case ZVM_EC_SYS64:
		ret = zvm_ring0_sysreg(v, ctx->esr);
		break;
	case ZVM_EC_FP:
		ret = zvm_ring0_fp(v);
		break;
	case ZVM_EC_IABT_LOW:
	case ZVM_EC_DABT_LOW:
		ret = zvm_ring0_abort(v);
		break;
	case ZVM_EC_WATCH_LOW:
		ctx->far = read_sysreg(far_el2);
		break;
	}
	if (ret == ZVM_RESUME || ret == ZVM_EXIT_AGAIN)
		v->stats.ring0_exits++;
	return ret;
}
