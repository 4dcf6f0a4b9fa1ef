// SPDX-License-Identifier: GPL-2.0
/*
 * A physical interrupt that brought the guest out, if it is one of the module's own PPIs: the
 * guest's timer goes into a list register as a hardware-linked interrupt, a doorbell is answered
 * with what was posted. All others, and these when anything is out of the ordinary, are left
 * pending for the host (ZVM_EXIT_IRQ). gic.c says why the acknowledgement can return nothing else.
 *
 * Linux has EOImode 1 (checked at load): the write to EOIR drops the priority, the timer's PPI
 * stays active until the guest deactivates its own. Locks: r0_vgic.c.
 */
#include "../gic.h"
#include "../vgic/pick.h"
#include "ring0.h"

#define ZVM_INTID(x)	   ((u32)((x) & 0xffffff))
#define ZVM_INTID_SPECIAL  1020 /* to 1023: nothing is pending, nothing was acknowledged */
#define ZVM_BELLS	   8
#define ZVM_CNT_CTL_FIRING (ZVM_CNT_CTL_ENABLE | ZVM_CNT_CTL_ISTATUS)
#define ZVM_CNT_CTL_ALL	   (ZVM_CNT_CTL_FIRING | ZVM_CNT_CTL_IMASK)

/* Acknowledge and drop the priority of one of our PPIs; which one, or a special INTID. */
static u32 zvm_ring0_ack(u8 pmr)
{
	u64 host_pmr = read_sysreg_s(SYS_ICC_PMR_EL1);
	u32 intid;

	write_sysreg_s(pmr, SYS_ICC_PMR_EL1);
	isb();
	intid = ZVM_INTID(read_sysreg_s(SYS_ICC_IAR1_EL1));
	write_sysreg_s(host_pmr, SYS_ICC_PMR_EL1);
	dsb(sy); /* the GIC has seen the acknowledgement */
	if (intid < ZVM_INTID_SPECIAL)
		write_sysreg_s(intid, SYS_ICC_EOIR1_EL1);
	return intid;
}

/*
 * Not the one that was expected: more of ours are pending, or the line fell. The lines are levels,
 * so one that is let go comes back; for the bell ring 1 looks at the requests.
 */
static u32 zvm_ring0_other(u32 intid)
{
	if (intid < ZVM_INTID_SPECIAL)
		write_sysreg_s(intid, SYS_ICC_DIR_EL1);
	return ZVM_EXIT_AGAIN;
}

static u32 zvm_ring0_timer(struct zvm_vcpu *v, int i, u32 ppi, u8 pmr)
{
	u64 ctl = i == ZVM_VTIMER ? read_sysreg_s(SYS_CNTV_CTL_EL02) :
				    read_sysreg_s(SYS_CNTP_CTL_EL02);
	u32 slot, got;

	if ((ctl & ZVM_CNT_CTL_ALL) != ZVM_CNT_CTL_FIRING || !zvm_ring0_timer_slot(v, i, &slot))
		return ZVM_EXIT_IRQ;
	got = zvm_ring0_ack(pmr);
	if (got == ppi)
		zvm_ring0_timer_place(v, i, slot);
	zvm_ring0_unlock(&v->vgic.lock);
	if (got != ppi)
		return zvm_ring0_other(got);
	if (i == ZVM_VTIMER)
		v->stats.vtimer_irqs++;
	else
		v->stats.ptimer_irqs++;
	return ZVM_RESUME;
}

/*
 * The bell comes before all interrupts of the host's, and guests decide how often it rings: after
 * some that had anything behind them it is the host's turn. Outside the guest nobody rings.
 */
static bool zvm_ring0_host_turn(struct zvm_vcpu *v)
{
	u32 waiting = ZVM_INTID(read_sysreg_s(SYS_ICC_HPPIR1_EL1)); /* LPIs, too: from 8192 */

	if (likely(waiting - ZVM_INTID_SPECIAL < 4) || ++v->bells < ZVM_BELLS)
		return false;
	v->bells = 0;
	return true;
}

static u32 zvm_ring0_bell(struct zvm_vcpu *v, u8 pmr)
{
	u32 got;

	if (read_sysreg_s(SYS_ICH_MISR_EL2))
		return ZVM_EXIT_IRQ; /* the list registers want something */
	got = zvm_ring0_ack(pmr);
	zvm_ring0_other(got);
	if (unlikely(zvm_ring0_host_turn(v)))
		return ZVM_EXIT_IRQ;
	if (got != zvm_host.ppi_maint || READ_ONCE(v->requests) != BIT(ZVM_REQ_POST))
		return ZVM_EXIT_AGAIN;
	return zvm_ring0_take_posted(v);
}

u32 zvm_ring0_irq(struct zvm_ctx *ctx)
{
	struct zvm_vcpu *v = container_of(ctx, struct zvm_vcpu, ctx);
	struct zvm_gic_cpu *g = &zvm_gic_cpus[v->resident_cpu];
	u32 intid, ret = ZVM_EXIT_IRQ;

	if (!g->sgi)
		return ZVM_EXIT_IRQ;
	intid = ZVM_INTID(read_sysreg_s(SYS_ICC_HPPIR1_EL1));
	if (intid == zvm_host.ppi_vtimer)
		ret = zvm_ring0_timer(v, ZVM_VTIMER, intid, g->pmr);
	else if (intid == zvm_host.ppi_maint)
		ret = zvm_ring0_bell(v, g->pmr);
	else if (intid == zvm_host.ppi_ptimer)
		ret = zvm_ring0_timer(v, ZVM_PTIMER, intid, g->pmr);
	if (ret != ZVM_EXIT_IRQ)
		v->stats.ring0_exits++;
	return ret;
}
