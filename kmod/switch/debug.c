// SPDX-License-Identifier: GPL-2.0
/*
 * Self-hosted debug of the guest: its breakpoints and watchpoints live in memory (every access is
 * trapped, MDCR_EL2.TDA) and go into the CPU only while its MDSCR_EL1 enables them.
 *
 * MDSCR_EL1 and the breakpoint registers are shared with the host; its own are kept aside while the
 * guest's are in. All of DAIF masked: no breakpoint of the guest may hit the host.
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

#define ZVM_MDSCR_LIVE (ZVM_MDSCR_SS | ZVM_MDSCR_KDE | ZVM_MDSCR_MDE)

/* What MDSCR_EL1 must be for the guest: the OS lock silences all debug exceptions but BRK. */
static u64 zvm_debug_mdscr(struct zvm_vcpu *v)
{
	return v->debug.os_lock ? v->debug.mdscr & ~ZVM_MDSCR_LIVE : v->debug.mdscr;
}

void zvm_debug_enter(struct zvm_vcpu *v)
{
	struct zvm_debug *d = &v->debug;
	u64 want;

	d->host_mdscr = read_sysreg(mdscr_el1);
	if (likely(!((d->host_mdscr | d->mdscr) & ZVM_MDSCR_LIVE)))
		return; /* nobody debugs */
	want = zvm_debug_mdscr(v);
	if (want & ZVM_MDSCR_MDE) {
		zvm_dbg_save(this_cpu_ptr(&zvm_host_dbg));
		zvm_dbg_load(d->bvr, d->bcr, d->wvr, d->wcr);
		d->loaded = true;
	}
	write_sysreg(want, mdscr_el1);
}

void zvm_debug_leave(struct zvm_vcpu *v)
{
	struct zvm_debug *d = &v->debug;
	struct zvm_dbg_bank *b;

	if (likely(!((d->host_mdscr | d->mdscr) & ZVM_MDSCR_LIVE)))
		return;
	write_sysreg(d->host_mdscr, mdscr_el1);
	if (d->loaded) {
		b = this_cpu_ptr(&zvm_host_dbg);
		zvm_dbg_load(b->bvr, b->bcr, b->wvr, b->wcr);
		d->loaded = false;
	}
}
