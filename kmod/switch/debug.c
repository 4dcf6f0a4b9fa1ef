// SPDX-License-Identifier: GPL-2.0
/*
 * Debug state: the guest's own, and that of a VMM which debugs the guest (Arm ARM D2).
 *
 * The guest's breakpoints and watchpoints live in memory (every access is trapped, MDCR_EL2.TDA)
 * and go into the CPU only while its MDSCR_EL1 enables them. MDSCR_EL1 and the breakpoint registers
 * are shared with the host; its own are kept aside while the guest's are in. All of DAIF masked: no
 * breakpoint of the guest may hit the host.
 *
 * KVM_SET_GUEST_DEBUG sends every debug exception of the guest to EL2 (MDCR_EL2.TDE), where the
 * guest can mask none of them, and each ends KVM_RUN (trap/dispatch.c). The guest sees nothing of
 * it: its MDSCR_EL1 is read from memory, its PSTATE.SS is put back whenever KVM_RUN ends.
 *
 * A single step follows PSTATE.SS: 1, the next instruction is to be executed; 0, it has been and
 * the exception is due. An exit in between (an interrupt, a device that the VMM answers) must keep
 * that, or two instructions were executed for one step: step_pending remembers it over KVM_RUN.
 *
 * The values of breakpoint registers, the guest's and the VMM's, are not trusted: whatever they
 * match, EL2 runs with PSTATE.D set until they are out again.
 */
#include <asm/debug-monitors.h>

#include "switch.h"

#define ZVM_DBG_REGS(X)                                                                        \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

struct zvm_dbg_bank {
	u64 bvr[ZVM_MAX_BRPS], bcr[ZVM_MAX_BRPS];
	u64 wvr[ZVM_MAX_BRPS], wcr[ZVM_MAX_BRPS];
};

static DEFINE_PER_CPU(struct zvm_dbg_bank, zvm_host_dbg);

#define BVR(n) sys_reg(2, 0, 0, n, 4)
#define BCR(n) sys_reg(2, 0, 0, n, 5)
#define WVR(n) sys_reg(2, 0, 0, n, 6)
#define WCR(n) sys_reg(2, 0, 0, n, 7)

static void zvm_dbg_load(const u64 *bvr, const u64 *bcr, const u64 *wvr, const u64 *wcr)
{
#define X(n)                                         \
	if (n < zvm_host.nr_brps) {                  \
		write_sysreg_s(bvr[n], BVR(n));      \
		write_sysreg_s(bcr[n], BCR(n));      \
	}                                            \
	if (n < zvm_host.nr_wrps) {                  \
		write_sysreg_s(wvr[n], WVR(n));      \
		write_sysreg_s(wcr[n], WCR(n));      \
	}
	ZVM_DBG_REGS(X)
#undef X
}

static void zvm_dbg_save(struct zvm_dbg_bank *b)
{
#define X(n)                                         \
	if (n < zvm_host.nr_brps) {                  \
		b->bvr[n] = read_sysreg_s(BVR(n));   \
		b->bcr[n] = read_sysreg_s(BCR(n));   \
	}                                            \
	if (n < zvm_host.nr_wrps) {                  \
		b->wvr[n] = read_sysreg_s(WVR(n));   \
		b->wcr[n] = read_sysreg_s(WCR(n));   \
	}
	ZVM_DBG_REGS(X)
#undef X
}

/* What MDSCR_EL1 must be for the guest: the OS lock silences all debug exceptions but BRK. */
static u64 zvm_debug_mdscr(struct zvm_vcpu *v)
{
	u64 mdscr = v->debug.os_lock ? v->debug.mdscr & ~ZVM_MDSCR_LIVE : v->debug.mdscr;
	u32 control = v->udebug.control;

	if (likely(!control))
		return mdscr;
	mdscr &= ~ZVM_MDSCR_SS; /* one of the two can step; a debugger comes first */
	if (control & KVM_GUESTDBG_SINGLESTEP)
		mdscr |= ZVM_MDSCR_SS;
	if (control & KVM_GUESTDBG_USE_HW)
		mdscr |= ZVM_MDSCR_KDE | ZVM_MDSCR_MDE;
	return mdscr;
}

void zvm_debug_enter(struct zvm_vcpu *v)
{
	struct zvm_user_debug *u = &v->udebug;
	struct zvm_debug *d = &v->debug;
	u64 want;

	want = zvm_debug_mdscr(v);
	if (want & ZVM_MDSCR_MDE) {
		zvm_dbg_save(this_cpu_ptr(&zvm_host_dbg));
		if (u->control & KVM_GUESTDBG_USE_HW)
			zvm_dbg_load(u->bvr, u->bcr, u->wvr, u->wcr);
		else
			zvm_dbg_load(d->bvr, d->bcr, d->wvr, d->wcr);
		d->loaded = true;
	}
	write_sysreg(want, mdscr_el1);
}

void zvm_debug_leave(struct zvm_vcpu *v)
{
	struct zvm_debug *d = &v->debug;
	struct zvm_dbg_bank *b;

	write_sysreg(d->host_mdscr, mdscr_el1);
	if (d->loaded) {
		b = this_cpu_ptr(&zvm_host_dbg);
		zvm_dbg_load(b->bvr, b->bcr, b->wvr, b->wcr);
		d->loaded = false;
	}
	isb(); /* none of the guest's can match when PSTATE.D goes */
}

#define ZVM_GUESTDBG_VALID                                                               \
	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP | \
	 KVM_GUESTDBG_USE_HW)

int zvm_debug_set(struct zvm_vcpu *v, const struct kvm_guest_debug *dbg)
{
	struct zvm_user_debug *u = &v->udebug;

	if (dbg->control & ~ZVM_GUESTDBG_VALID)
		return -EINVAL;
	if (!(dbg->control & KVM_GUESTDBG_ENABLE)) {
		memset(u, 0, sizeof(*u));
		return 0;
	}
	u->control = dbg->control;
	if (!(dbg->control & KVM_GUESTDBG_SINGLESTEP))
		u->step_pending = false;
	if (dbg->control & KVM_GUESTDBG_USE_HW) {
		static_assert(sizeof(u->bvr) == sizeof(dbg->arch.dbg_bvr));
		memcpy(u->bvr, dbg->arch.dbg_bvr, sizeof(u->bvr));
		memcpy(u->bcr, dbg->arch.dbg_bcr, sizeof(u->bcr));
		memcpy(u->wvr, dbg->arch.dbg_wvr, sizeof(u->wvr));
		memcpy(u->wcr, dbg->arch.dbg_wcr, sizeof(u->wcr));
	}
	return 0;
}

void zvm_debug_step_begin(struct zvm_vcpu *v)
{
	struct zvm_user_debug *u = &v->udebug;

	if (likely(!(u->control & KVM_GUESTDBG_SINGLESTEP)))
		return;
	u->guest_ss = v->ctx.pstate & ZVM_PSR_SS;
	v->ctx.pstate &= ~ZVM_PSR_SS;
	if (!u->step_pending)
		v->ctx.pstate |= ZVM_PSR_SS;
}

void zvm_debug_step_end(struct zvm_vcpu *v)
{
	struct zvm_user_debug *u = &v->udebug;

	if (likely(!(u->control & KVM_GUESTDBG_SINGLESTEP)))
		return;
	u->step_pending = !(v->ctx.pstate & ZVM_PSR_SS);
	v->ctx.pstate = (v->ctx.pstate & ~ZVM_PSR_SS) | u->guest_ss;
}

/* The vCPU starts anew inside KVM_RUN (CPU_ON): step from its first instruction. */
void zvm_debug_step_reset(struct zvm_vcpu *v)
{
	v->udebug.guest_ss = 0;
	if (v->udebug.control & KVM_GUESTDBG_SINGLESTEP)
		v->ctx.pstate |= ZVM_PSR_SS;
}
