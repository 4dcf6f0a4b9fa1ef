// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt status words in ring 0: see event/status.c. Nothing is locked: words are added before a
 * vCPU runs and stay. The address must be known to be no memory of the guest's, which only ring 2
 * can find out; until it has, and for all that is out of the ordinary, the access is left to it.
 */
#include "ring0.h"

u32 zvm_ring0_status(struct zvm_vcpu *v, u64 ipa)
{
	const struct zvm_status *s;
	u64 esr = v->ctx.esr, val;
	u32 rt = ZVM_ISS_SRT(esr);

	s = zvm_status_find(&v->vm->events, ipa & ~7ULL);
	if (!s || ZVM_ISS_SAS(esr) != 2 || (esr & ZVM_ISS_SSE) || !zvm_known_mmio(v, ipa) ||
	    (v->ctx.sctlr & (ZVM_SCTLR_EE | ZVM_SCTLR_E0E)) ||
	    (read_sysreg(spsr_el2) & ZVM_PSR_MODE32))
		return ZVM_EXIT_SYNC;
	val = rt == 31 ? 0 : v->ctx.x[rt];
	if (!zvm_status_access(s, ipa, esr & ZVM_ISS_WNR, &val))
		return ZVM_EXIT_SYNC;
	if (!(esr & ZVM_ISS_WNR) && rt != 31)
		v->ctx.x[rt] = val;
	v->stats.mmio_kernel_exits++;
	zvm_ring0_skip();
	return ZVM_RESUME;
}
