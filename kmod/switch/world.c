// SPDX-License-Identifier: GPL-2.0
/*
 * Ring 1: what is swapped around one stay in the guest, and the reset state of a vCPU.
 *
 * Runs on the vCPU's thread with preemption off. The registers here are those the host's own
 * threads use too (thread pointers, PAR, CSSELR, debug and PMU controls, FP), so they must be the
 * host's again before the scheduler can run.
 */
#include <asm/daifflags.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>

#include "../compat/compat.h"
#include "../pmu/pmu.h"
#include "../ring0/ring0.h"
#include "switch.h"

DEFINE_PER_CPU(struct zvm_ctx *, zvm_running);

/* world.S addresses these by number. */
static_assert(offsetof(struct zvm_vcpu, ctx) == 0);
static_assert(offsetof(struct zvm_ctx, x[30]) == ZVM_CTX_X(30));
static_assert(offsetof(struct zvm_ctx, pc) == ZVM_CTX_PC);
static_assert(offsetof(struct zvm_ctx, pstate) == ZVM_CTX_PSTATE);
static_assert(offsetof(struct zvm_ctx, sp_el0) == ZVM_CTX_SP_EL0);
static_assert(offsetof(struct zvm_ctx, hcr) == ZVM_CTX_HCR);
static_assert(offsetof(struct zvm_ctx, cptr) == ZVM_CTX_CPTR);
static_assert(offsetof(struct zvm_ctx, host_x18) == ZVM_CTX_HOST_X18);
static_assert(offsetof(struct zvm_ctx, host_x[11]) == ZVM_CTX_HOST_X(30));
static_assert(offsetof(struct zvm_ctx, host_sp_el0) == ZVM_CTX_HOST_SP_EL0);
static_assert(offsetof(struct zvm_ctx, host_cptr) == ZVM_CTX_HOST_CPTR);
static_assert(offsetof(struct zvm_ctx, host_vbar) == ZVM_CTX_HOST_VBAR);
static_assert(offsetof(struct zvm_ctx, pauth) == ZVM_CTX_PAUTH);
static_assert(offsetof(struct zvm_ctx, keys) == ZVM_CTX_KEYS);
static_assert(offsetof(struct zvm_ctx, host_keys) == ZVM_CTX_HOST_KEYS);
static_assert(offsetof(struct zvm_fp, fpsr) == 512 && offsetof(struct zvm_fp, fpcr) == 516);

#define ZVM_HCR_GUEST                                                                            \
	(ZVM_HCR_RW | ZVM_HCR_E2H | ZVM_HCR_VM | ZVM_HCR_SWIO | ZVM_HCR_PTW | ZVM_HCR_FMO |      \
	 ZVM_HCR_IMO | ZVM_HCR_AMO | ZVM_HCR_FB | ZVM_HCR_BSU_IS | ZVM_HCR_TID3 | ZVM_HCR_TSC |  \
	 ZVM_HCR_TIDCP | ZVM_HCR_TACR | ZVM_HCR_TSW | ZVM_HCR_TLOR | ZVM_HCR_TERR | ZVM_HCR_TWI)

#define ZVM_MDCR_GUEST                                                                   \
	(ZVM_MDCR_TPM | ZVM_MDCR_TPMCR | ZVM_MDCR_TDA | ZVM_MDCR_TDOSA | ZVM_MDCR_TDRA | \
	 ZVM_MDCR_TPMS | ZVM_MDCR_TTRF)

#define NEVER ~0UL

static unsigned long task_switches(void)
{
	return current->nvcsw + current->nivcsw;
}

void zvm_fp_begin(struct zvm_vcpu *v)
{
	v->fp.wanted = v->fp.used; /* last time; else its first use asks for it */
	v->fp.used = false;
	v->fp.switches = NEVER; /* user space has had the registers since */
}

void zvm_fp_make_room(struct zvm_vcpu *v)
{
	unsigned long switches = task_switches();

	if (v->fp.switches == switches)
		return;
	zvm_compat_neon_flush();
	v->fp.switches = switches;
}

void zvm_fp_save(struct zvm_vcpu *v)
{
	u64 cptr;

	if (!v->ctx.fp_live)
		return;
	/* Host world: open FP for EL2, whatever the host task's own setting was. */
	cptr = read_sysreg(cpacr_el1);
	write_sysreg(cptr | ZVM_CPTR_FPEN, cpacr_el1);
	isb();
	zvm_fp_store(&v->fp);
	write_sysreg(cptr, cpacr_el1);
	isb();
	v->ctx.fp_live = false;
	v->ctx.cptr &= ~ZVM_CPTR_FPEN;
}

void zvm_switch_enter_ring1(struct zvm_vcpu *v)
{
	struct zvm_cpu *c = this_cpu_ptr(&zvm_cpus);

	v->ctx.fp_free = v->fp.wanted;
	v->ctx.host_tpidr_el0 = read_sysreg(tpidr_el0);
	v->ctx.host_tpidrro_el0 = read_sysreg(tpidrro_el0);
	write_sysreg(v->sys.tpidr_el0, tpidr_el0);
	write_sysreg(v->sys.tpidrro_el0, tpidrro_el0);
	write_sysreg(v->sys.par, par_el1);
	write_sysreg(v->sys.csselr, csselr_el1);
	c->host_mdcr = read_sysreg(mdcr_el2);
	write_sysreg((c->host_mdcr & ZVM_MDCR_HPMN) | ZVM_MDCR_GUEST |
			     (v->udebug.control ? ZVM_MDCR_TDE : 0),
		     mdcr_el2);
	if (zvm_pmu_live(v))
		zvm_pmu_load(v->pmu);
	/* WFE only spins somebody else's time away when somebody else wants to run. */
	if (single_task_running())
		v->ctx.hcr &= ~ZVM_HCR_TWE;
	else
		v->ctx.hcr |= ZVM_HCR_TWE;
	if (v->serror_pending) {
		v->ctx.hcr |= ZVM_HCR_VSE;
		v->serror_pending = false;
		if (zvm_host.has_ras)
			write_sysreg_s(v->vsesr, ZVM_SYS_VSESR_EL2);
	}
	__this_cpu_write(zvm_running, &v->ctx);
}

void zvm_switch_leave_ring1(struct zvm_vcpu *v)
{
	struct zvm_cpu *c = this_cpu_ptr(&zvm_cpus);

	zvm_fp_save(v);
	if (zvm_pmu_live(v))
		zvm_pmu_put(v->pmu);
	write_sysreg(c->host_mdcr, mdcr_el2);
	v->sys.csselr = read_sysreg(csselr_el1);
	v->sys.par = read_sysreg(par_el1);
	v->sys.tpidr_el0 = read_sysreg(tpidr_el0);
	v->sys.tpidrro_el0 = read_sysreg(tpidrro_el0);
	write_sysreg(v->ctx.host_tpidr_el0, tpidr_el0);
	write_sysreg(v->ctx.host_tpidrro_el0, tpidrro_el0);
}

void zvm_switch_irq_window(struct zvm_vcpu *v)
{
	bool pmu = zvm_pmu_live(v); /* its registers are the host's driver's in between */

	zvm_fp_save(v);
	if (pmu)
		zvm_pmu_put(v->pmu);
	local_irq_enable();
	isb(); /* what is pending is taken now */
	local_irq_disable();
	if (pmu)
		zvm_pmu_load(v->pmu);
}

u32 zvm_switch_run(struct zvm_vcpu *v)
{
	u32 exit;

	/*
	 * All of DAIF; with pseudo-NMI also the priority mask that lets physical interrupts
	 * bring the guest out.
	 */
	local_daif_mask();
	v->debug.host_mdscr = read_sysreg(mdscr_el1);
	if (unlikely(!zvm_debug_idle(v)))
		zvm_debug_enter(v);
	exit = likely(!v->ctx.pauth) ? zvm_enter(&v->ctx) : zvm_enter_pauth(&v->ctx);
	if (unlikely(!zvm_debug_idle(v)))
		zvm_debug_leave(v); /* before debug exceptions are unmasked for the host */
	local_daif_restore(DAIF_PROCCTX_NOIRQ);
	v->stats.exits++;
	return exit;
}

void zvm_switch_reset(struct zvm_vcpu *v)
{
	struct zvm_ctx *ctx = &v->ctx;
	u64 mpidr = v->sys.mpidr;

	memset(ctx->x, 0, sizeof(ctx->x));
	ctx->pc = 0;
	ctx->sp_el0 = 0;
	ctx->pstate = ZVM_PSR_MODE_EL1h | ZVM_PSR_A | ZVM_PSR_I | ZVM_PSR_F | ZVM_PSR_D;
	ctx->hcr = ZVM_HCR_GUEST | (zvm_host.has_fwb ? ZVM_HCR_FWB : 0);
	ctx->cptr = ZVM_CPTR_TTA | ZVM_CPTR_TAM;
	ctx->pauth = false; /* until the guest uses it: HCR_EL2.API and APK are clear */
	memset(ctx->keys, 0, sizeof(ctx->keys));
	memset(&v->sys, 0, sizeof(v->sys));
	v->sys.mpidr = mpidr;
	v->sys.el1[ZVM_EL1_SCTLR] = ZVM_SCTLR_RESET;
	memset(&v->fp, 0, sizeof(v->fp));
	v->fp.switches = NEVER;
	memset(&v->debug, 0, sizeof(v->debug));
	v->serror_pending = false;
}
