// SPDX-License-Identifier: GPL-2.0
/*
 * Synchronous exits that ring 0 did not answer, by exception class. Ring 2, the vCPU's thread.
 * A class without a handler is an instruction of a feature that the guest was not shown: UNDEFINED.
 */
#include <linux/sched.h>

#include "../ring0/ring0.h"
#include "../switch/switch.h"
#include "trap.h"

static int zvm_trap_wfx(struct zvm_vcpu *v)
{
	if (v->ctx.esr & 1) { /* WFE, WFET */
		v->stats.wfe_exits++;
		yield();
	} else {
		v->stats.wfi_exits++;
		zvm_vcpu_block(v);
	}
	zvm_skip_instr(v);
	return ZVM_RESUME;
}

static int zvm_trap_hvc(struct zvm_vcpu *v)
{
	return zvm_hypercall(v);
}

/* SMC is not our conduit: as on a machine whose firmware knows no function at all. */
static int zvm_trap_smc(struct zvm_vcpu *v)
{
	v->stats.smc_exits++;
	v->ctx.x[0] = ZVM_SMCCC_NOT_SUPPORTED;
	zvm_skip_instr(v);
	return ZVM_RESUME;
}

/* A debug exception comes here only while the VMM debugs the guest (MDCR_EL2.TDE). */
static int zvm_trap_debug(struct zvm_vcpu *v)
{
	struct kvm_run *run = v->run;

	if (!v->udebug.control)
		return ZVM_RESUME;
	memset(&run->debug, 0, sizeof(run->debug));
	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch.hsr = v->ctx.esr;
	if (ZVM_ESR_EC(v->ctx.esr) == ZVM_EC_WATCH_LOW)
		run->debug.arch.far = v->ctx.far;
	if (ZVM_ESR_EC(v->ctx.esr) == ZVM_EC_STEP_LOW)
		v->ctx.pstate |= ZVM_PSR_SS; /* this step is told, the next is not made */
	return ZVM_USER;
}

/* Ring 0 found no room made for the guest's registers. */
static int zvm_trap_fp(struct zvm_vcpu *v)
{
	v->fp.wanted = true;
	return ZVM_RESUME;
}

void zvm_pauth_enable(struct zvm_vcpu *v)
{
	v->ctx.hcr |= ZVM_HCR_API | ZVM_HCR_APK;
	v->ctx.pauth = true;
}

/* The first instruction that needs a key: from here on they are swapped at each full switch. */
static int zvm_trap_pauth(struct zvm_vcpu *v)
{
	if (!(v->features & BIT(KVM_ARM_VCPU_PTRAUTH_ADDRESS)))
		zvm_inject_undef(v);
	else
		zvm_pauth_enable(v);
	return ZVM_RESUME;
}

static int zvm_trap_undef(struct zvm_vcpu *v)
{
	zvm_inject_undef(v);
	return ZVM_RESUME;
}

static int (*const zvm_trap_table[64])(struct zvm_vcpu *) = {
	[ZVM_EC_WFX] = zvm_trap_wfx,
	[ZVM_EC_CP15_32] = zvm_trap_cp_32,
	[ZVM_EC_CP15_64] = zvm_trap_cp_64,
	[ZVM_EC_CP14_MR] = zvm_trap_cp_32,
	[ZVM_EC_CP14_64] = zvm_trap_cp_64,
	[ZVM_EC_FP] = zvm_trap_fp,
	[ZVM_EC_PAC] = zvm_trap_pauth,
	[ZVM_EC_HVC64] = zvm_trap_hvc,
	[ZVM_EC_SMC64] = zvm_trap_smc,
	[ZVM_EC_SYS64] = zvm_trap_sysreg,
	[ZVM_EC_IABT_LOW] = zvm_trap_abort,
	[ZVM_EC_DABT_LOW] = zvm_trap_abort,
	[ZVM_EC_BREAK_LOW] = zvm_trap_debug,
	[ZVM_EC_STEP_LOW] = zvm_trap_debug,
	[ZVM_EC_WATCH_LOW] = zvm_trap_debug,
	[ZVM_EC_BKPT32] = zvm_trap_debug,
	[ZVM_EC_BRK64] = zvm_trap_debug,
};

bool zvm_trap_light(struct zvm_vcpu *v)
{
	u32 ec = ZVM_ESR_EC(v->ctx.esr);

	if (ec == ZVM_EC_WFX)
		return !(v->ctx.esr & ZVM_ISS_WFX_TI) &&
		       (!zvm_is_aarch32(v) || zvm_cond32_passes(v)) && zvm_vcpu_halt(v);
	return ec == ZVM_EC_DABT_LOW && zvm_mmio_light(v);
}

int zvm_trap_handle(struct zvm_vcpu *v)
{
	int (*fn)(struct zvm_vcpu *) = zvm_trap_table[ZVM_ESR_EC(v->ctx.esr)];

	if (zvm_is_aarch32(v) && !zvm_cond32_passes(v)) {
		zvm_skip_instr(v);
		return ZVM_RESUME;
	}
	return fn ? fn(v) : zvm_trap_undef(v);
}
